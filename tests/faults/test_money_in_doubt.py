"""Money that may have moved: asked about, never sent again; and callbacks of every kind."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from providers.http.signature import HEADER, TOLERANCE, sign
from runtime.clock import utc_now
from tests.faults.endings import ending
from tests.faults.lives import AMOUNT, LEVEL, OWED_AFTER, Life, early_settlement
from tests.faults.place import Place, Reply, until

pytestmark = [pytest.mark.stack, pytest.mark.fault]

CALLBACKS: Final = "/v1/callbacks/payments"
ONCE_EACH: Final = [("disbursement", AMOUNT), ("debit", LEVEL), ("debit", OWED_AFTER[1])]
COPIES: Final = 5


async def attempts(place: Place, life: Life) -> dict[str, int]:
    """Return how often the bank got each order of a loan, by what it moves."""
    rows = await place.rows("select order_no from transfers where loan_id = $1", life.loan_id)
    ours = {row["order_no"] for row in rows}
    orders = (await place.book())["orders"]
    return {
        f"{one['kind']} {one['amount']}": one["attempts"]
        for one in orders
        if one["order_no"] in ours
    }


@pytest.mark.parametrize(
    ("persona", "fault"),
    [
        pytest.param("disbursement_response_lost", None, id="the answer to a disbursement is lost"),
        pytest.param("disbursement_processing", None, id="a disbursement takes its time"),
        pytest.param("debit_processing", None, id="debits take their time", marks=pytest.mark.slow),
        pytest.param(
            "approved",
            {"provider": "payments", "operation": "debit", "lose_response": True, "times": 1},
            id="the answer to a debit is lost",
        ),
        pytest.param(
            "approved",
            {"provider": "payments", "operation": "debit", "garbage": "not_json", "times": 1},
            id="the answer to a debit is nonsense",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "approved",
            {"provider": "payments", "operation": "disburse", "reset": True, "times": 1},
            id="a disbursement never arrived",
            marks=pytest.mark.slow,
        ),
    ],
)
async def test_money_moves_once(persona: str, fault: dict[str, Any] | None, place: Place) -> None:
    await place.fault("callbacks", duplicates=COPIES)
    if fault is not None:
        await place.fault(**fault)
    life = Life.of(place, persona)

    await early_settlement(life)

    assert (await ending(life)).moved == ONCE_EACH
    assert set((await attempts(place, life)).values()) == {1}


async def test_a_failed_disbursement_gives_the_limit_back(place: Place) -> None:
    life = Life.of(place, "disbursement_fails")
    await life.drawing()

    found = await until(life.drawdown, lambda one: one["state"] == "failed", "the failure")

    assert found["failure"] == "card_closed"
    line = await place.read(f"/v1/lines/{life.line_id}")
    assert (line["available"], line["reserved"], line["drawn"]) == (AMOUNT, 0, 0)
    assert (await place.look("ops", f"/v1/loans/{life.loan_id}")).status == 404


# Callbacks


def notice(order_no: str, event_id: str, **change: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "kind": "disbursement",
        "order_no": order_no,
        "status": "succeeded",
        "reason": None,
        "occurred_at": utc_now().isoformat(),
        **change,
    }


async def call_back(
    place: Place, body: Mapping[str, Any], *, secret: str = "", age: timedelta = timedelta()
) -> Reply:
    """Send a callback, signed with the callback secret unless another one is given."""
    secret = secret or place.stack.environment["LOANFLOW_PROVIDERS__CALLBACK_SECRET"]
    content = json.dumps(body).encode()
    headers = {
        HEADER: sign(secret, content, utc_now() - age),
        "Content-Type": "application/json",
    }
    response = await place.http.post(CALLBACKS, content=content, headers=headers)
    return Reply(response.status_code, response.json(), response.headers)


async def in_doubt(place: Place) -> Life:
    """Return a drawdown whose order the bank holds back."""
    await place.fault(
        "payments", operation="disburse", times=1, order_outcome="processing", hold=True
    )
    life = Life.of(place, "approved")
    await life.drawing()
    await until(
        lambda: place.rows(
            "select state from transfers where order_no = $1", f"D-{life.drawdown_id}"
        ),
        lambda rows: rows == [{"state": "processing"}],
        "the order's answer",
    )
    return life


async def asked(place: Place, order_no: str) -> int:
    """Return how often the bank was asked about an order."""
    calls = await place.sandbox.get(
        "/sandbox/calls", params={"operation": "query", "request_id": order_no}
    )
    return len(calls.json())


async def test_what_is_not_from_the_bank_is_refused(place: Place) -> None:
    life = await in_doubt(place)
    order_no = f"D-{life.drawdown_id}"
    forged = await call_back(place, notice(order_no, "evt_forged"), secret="guessed")
    stale = await call_back(
        place, notice(order_no, "evt_stale"), age=TOLERANCE + timedelta(seconds=5)
    )
    unsigned = await place.http.post(CALLBACKS, json=notice(order_no, "evt_unsigned"))
    unknown = await call_back(place, notice("D-nobody", "evt_unknown"))
    other = await call_back(place, notice(order_no, "evt_other", kind="debit"))
    mad = await call_back(place, notice(order_no, "evt_mad", status="maybe"))
    more = await call_back(place, notice(order_no, "evt_more", amount=1))

    assert [(one.status, one.code) for one in (forged, stale)] == [(401, "signature_invalid")] * 2
    assert (unsigned.status_code, unsigned.json()["code"]) == (401, "signature_invalid")
    assert [(one.status, one.code) for one in (unknown, other)] == [(404, "unknown_order")] * 2
    # Signed by the bank and about one of our orders: a word that we do not know is not its end.
    assert (mad.status, more.status) == (200, 200)
    assert (await life.drawdown())["state"] == "disbursing"
    await place.settle(order_no)
    await life.disbursed()


async def test_a_callback_is_believed_in_nothing(place: Place) -> None:
    """Before the end it changes nothing, after the end nothing more; it only makes us ask."""
    life = await in_doubt(place)
    order_no, workflow_id = f"D-{life.drawdown_id}", f"drawdown:{life.drawdown_id}"
    before = await asked(place, order_no)

    early = await asyncio.gather(
        *(call_back(place, notice(order_no, "evt_early")) for _ in range(COPIES))
    )
    assert {reply.status for reply in early} == {200}
    assert sorted(reply.body["duplicate"] for reply in early) == [False] + [True] * (COPIES - 1)
    await until(lambda: asked(place, order_no), lambda times: times > before, "the question")
    assert (await life.drawdown())["state"] == "disbursing"

    await place.settle(order_no)
    await life.disbursed()
    ended = (await place.described(workflow_id)).history_length
    denied = await call_back(
        place, notice(order_no, "evt_denied", status="failed", reason="card_closed")
    )
    again = await call_back(place, notice(order_no, "evt_early"))

    assert (denied.status, again.status, again.body["duplicate"]) == (200, 200, True)
    assert (await place.described(workflow_id)).history_length == ended
    assert (await life.drawdown())["state"] == "disbursed"
    assert (await ending(life)).moved == [("disbursement", AMOUNT)]
    assert (await life.loan())["state"] == "current"


@pytest.mark.slow
async def test_a_bank_that_cannot_reach_us_is_asked(place: Place) -> None:
    """Callbacks that never arrive only cost time: the order is asked about by the clock."""
    await place.fault("callbacks", latency_seconds=60)
    life = Life.of(place, "disbursement_processing")

    await life.borrowed()

    assert (await ending(life)).moved == [("disbursement", AMOUNT)]
    with pytest.raises(httpx.HTTPStatusError):
        await place.settle("D-nobody")
