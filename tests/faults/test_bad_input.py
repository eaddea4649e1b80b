"""What nobody should send: it is refused with a code that says what to mend, and harms nothing."""

from typing import Any, Final

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from tests.faults.lives import FRONT, Life
from tests.faults.place import Place, new_key, until

pytestmark = [pytest.mark.stack, pytest.mark.fault]

TEN_MEGABYTES: Final = 10 * 1024 * 1024

Body = dict[str, Any]

APPLICATION: Final[Body] = {
    "product": "cash",
    "customer_reference": "bad-input",
    "amount": 1_000_000,
    "instalments": 12,
}
REAL_NAME: Final[Body] = {
    "kind": "real_name",
    "name": "金丝雀",
    "identity_number": "11010519491231002X",
}


def elements(*bodies: Body) -> Body:
    return {"elements": list(bodies)}


BAD_APPLICATIONS: Final[dict[str, tuple[Body, str]]] = {
    "negative amount": ({"amount": -1}, "invalid_amount"),
    "zero amount": ({"amount": 0}, "invalid_amount"),
    "fraction of a fen": ({"amount": 1.5}, "invalid_amount"),
    "amount as text": ({"amount": "1000000"}, "invalid_amount"),
    "unknown field": ({"purpose": "travel"}, "unknown_field"),
    "unknown product": ({"product": "gold"}, "unknown_product"),
    "more than the product lends": ({"amount": 10**12}, "outside_product"),
    "name as reference": ({"customer_reference": "金丝雀"}, "invalid_value"),
}
BAD_ELEMENTS: Final[dict[str, tuple[Body, str]]] = {
    "unknown kind": ({"kind": "horoscope"}, "unknown_element_kind"),
    "no kind": ({"name": "金丝雀"}, "unknown_element_kind"),
    "wrong check digit": (
        {**REAL_NAME, "identity_number": "110105194912310021"},
        "invalid_identity_number",
    ),
    "birthday that never was": (
        {**REAL_NAME, "identity_number": "110105194902310020"},
        "invalid_identity_number",
    ),
    "bad mobile": ({"kind": "operator", "mobile": "12345"}, "invalid_mobile"),
    "unknown field": ({**REAL_NAME, "nickname": "x"}, "unknown_field"),
}


@pytest.mark.parametrize("what", BAD_APPLICATIONS)
async def test_a_bad_application_is_refused(what: str, place: Place) -> None:
    change, code = BAD_APPLICATIONS[what]
    before = await place.count("select count(*) from applications")

    reply = await place.send(FRONT, "/v1/applications", {**APPLICATION, **change})

    assert (reply.status, reply.code) == (422, code)
    assert reply.body["detail"]
    assert await place.count("select count(*) from applications") == before


@pytest.fixture(scope="module")
async def collecting(place: Place) -> Life:
    """An application that waits for its elements."""
    life = Life.of(place, "approved")
    await life.apply()
    return life


@pytest.mark.parametrize("what", BAD_ELEMENTS)
async def test_a_bad_element_is_refused(what: str, place: Place, collecting: Life) -> None:
    element, code = BAD_ELEMENTS[what]
    path = f"/v1/applications/{collecting.application_id}/elements"

    reply = await place.send(FRONT, path, elements(element))

    assert (reply.status, reply.code) == (422, code)
    assert "金丝雀" not in reply.body["detail"]
    assert (await collecting.application())["elements"] == []
    await no_task_failed(place.client, collecting.workflow_id)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        pytest.param(b'{"amount": 1,', 400, "invalid_json", id="half an object"),
        pytest.param(b'{"amount": NaN}', 400, "invalid_json", id="not a number"),
        pytest.param(b"[" * 200 + b"]" * 200, 400, "invalid_json", id="deep"),
        pytest.param(b'"\xff"', 400, "invalid_json", id="not text"),
        pytest.param(b'"\\u0000"', 400, "invalid_json", id="NUL"),
        pytest.param(b" " * TEN_MEGABYTES, 413, "body_too_large", id="10 MB"),
        pytest.param(b"[]", 422, "invalid_value", id="a list"),
    ],
)
async def test_a_bad_body_is_refused(content: bytes, status: int, code: str, place: Place) -> None:
    headers = {"Content-Type": "application/json"}
    reply = await place.send(FRONT, "/v1/applications", content=content, headers=headers)

    assert (reply.status, reply.code) == (status, code)


async def test_ten_megabytes_of_unknown_length_are_refused(place: Place) -> None:
    async def trickle() -> Any:
        for _ in range(TEN_MEGABYTES // 65_536):
            yield b" " * 65_536

    headers = {"Content-Type": "application/json"}
    reply = await place.send(FRONT, "/v1/applications", content=trickle(), headers=headers)

    assert (reply.status, reply.code) == (413, "body_too_large")


async def test_who_may_not_is_refused(place: Place, collecting: Life) -> None:
    path = f"/v1/reviews/{collecting.application_id}/approve"
    nobody = await place.send("", path, {"reason": "x"})
    applicant = await place.send(FRONT, path, {"reason": "x"})
    reviewer = await place.send("reviewer", path, {"reason": "x"})

    assert (nobody.status, nobody.code) == (401, "unauthenticated")
    assert (applicant.status, applicant.code) == (403, "forbidden")
    assert (reviewer.status, reviewer.code) == (409, "review_closed")


async def test_another_body_under_the_same_key_is_refused(place: Place) -> None:
    life, key = Life.of(place, "approved"), new_key()
    first = await place.send(FRONT, "/v1/applications", life.to_apply(), key=key)
    other = {**life.to_apply(), "amount": 500_000}
    second = await place.send(FRONT, "/v1/applications", other, key=key)

    assert first.status == 201
    assert (second.status, second.code) == (422, "idempotency_key_reused")


UNDECODABLE: Final = (
    ("--input", '"approve please"'),
    ("--input", "[1, 2]"),
    ("--input", '{"reviewer": 7}'),
    ("--input", "garbage", "--input-meta", "encoding=binary/plain"),
    ("--input", "garbage", "--input-meta", "encoding=no/such"),
)


async def test_an_undecodable_signal_is_dropped(place: Place) -> None:
    """Nothing happens, and the review goes on."""
    life = Life.of(place, "story")
    assert (await life.decided())["state"] == "in_review"
    for name in ("approve", "reject"):
        for signal in UNDECODABLE:
            await place.signal_by_hand(life.workflow_id, name, *signal)
    await place.signal_by_hand(life.workflow_id, "no_such_signal", "--input", "1")

    await no_task_failed(place.client, life.workflow_id)
    assert (await life.application())["state"] == "in_review"
    assert await place.count("select count(*) from audit where subject = $1", life.workflow_id) == 0
    reply = await place.settled(
        "reviewer", f"/v1/reviews/{life.application_id}/approve", {"reason": "ok"}, new_key()
    )
    assert (reply.status, reply.body["state"]) == (200, "offered")


async def test_an_undecodable_callback_signal_is_dropped(place: Place) -> None:
    """The order stays in doubt until the bank says how it ended."""
    life = Life.of(place, "approved")
    await place.fault(
        "payments", operation="disburse", times=1, order_outcome="processing", hold=True
    )
    await life.drawing()
    workflow_id = f"drawdown:{life.drawdown_id}"
    await until(life.drawdown, lambda one: one["state"] == "disbursing", "the order")
    for signal in UNDECODABLE:
        await place.signal_by_hand(workflow_id, "transfer_updated", *signal)

    await no_task_failed(place.client, workflow_id)
    assert (await life.drawdown())["state"] == "disbursing"
    await place.settle(f"D-{life.drawdown_id}")
    await life.disbursed()


async def no_task_failed(client: Client, workflow_id: str) -> None:
    """Wait until a process has dealt with everything that came; none of its tasks failed on it."""

    async def kinds() -> list[Any]:
        handle = client.get_workflow_handle(workflow_id)
        return [event.event_type async for event in handle.fetch_history_events()]

    def is_idle(found: list[Any]) -> bool:
        done = _last(found, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
        return done > _last(found, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)

    found = await until(kinds, is_idle, "the end of the last task", 20)
    assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in found


def _last(kinds: list[Any], kind: Any) -> int:
    return max((index for index, found in enumerate(kinds) if found == kind), default=-1)
