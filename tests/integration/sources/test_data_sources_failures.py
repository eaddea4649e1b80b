"""Data sources that fail, lie or send garbage: the class of error, and never a pass."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from providers import ProviderRejected, ProviderUnavailable
from providers.http.client import ProviderClient
from providers.verification.data_import import ReportNotice
from sandbox.answering import GARBAGE
from tests.integration.source_answers import (
    NO,
    OPERATIONS,
    PHOTO,
    REQUESTS,
    RIGHT,
    answered,
    bears_out,
)
from tests.integration.source_clients import signed_client
from tests.simulators import Simulators

every_operation = pytest.mark.parametrize(
    "operation", OPERATIONS, ids=lambda operation: "-".join(operation)
)


@pytest.fixture(scope="module")
async def client(served: Simulators) -> AsyncIterator[ProviderClient]:
    async with signed_client(served) as opened:
        yield opened


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"status": 500}, "server_error"),
        ({"status": 429}, "rate_limited"),
        ({"reset": True}, "connection_lost"),
    ],
)
@every_operation
async def test_a_failing_source_is_unavailable(
    served: Simulators,
    client: ProviderClient,
    operation: tuple[str, str],
    fault: dict[str, object],
    code: str,
) -> None:
    await served.repair()
    await served.fault(operation[0], operation=operation[1], times=1, **fault)
    with pytest.raises(ProviderUnavailable) as caught:
        await client.call(REQUESTS[operation], request_id="r")
    assert (caught.value.provider, caught.value.code) == (operation[0], code)
    assert caught.value.__context__ is None, "a chained error could quote what was sent"


@pytest.mark.parametrize("garbage", ["not_json", "wrong_shape", "empty", "huge"])
@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if operation[1] not in ("confirm", "report")],
    ids=lambda operation: "-".join(operation),
)
async def test_a_source_that_sends_garbage_is_unavailable(
    served: Simulators, client: ProviderClient, operation: tuple[str, str], garbage: str
) -> None:
    await served.repair()
    await served.fault(operation[0], operation=operation[1], times=1, garbage=garbage)
    with pytest.raises(ProviderUnavailable) as caught:
        await client.call(REQUESTS[operation], request_id="r")
    assert caught.value.code == "invalid_response"


@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if operation[1] in ("confirm", "report")],
    ids=lambda operation: "-".join(operation),
)
async def test_a_number_that_nobody_began_is_refused(
    served: Simulators, client: ProviderClient, operation: tuple[str, str]
) -> None:
    await served.repair()
    with pytest.raises(ProviderRejected) as caught:
        await client.call(REQUESTS[operation], request_id="r")
    assert caught.value.code in ("capture_not_found", "binding_not_found")
    for content in GARBAGE.values():
        assert await answered(operation, content) is None


@pytest.mark.parametrize(
    "operation", [("operator_report", "begin"), ("company", "check"), ("card_binding", "banks")]
)
async def test_a_source_that_takes_too_long_is_unavailable(
    served: Simulators, client: ProviderClient, operation: tuple[str, str]
) -> None:
    await served.repair()
    await served.fault(operation[0], operation=operation[1], times=1, latency_seconds=30)
    with pytest.raises(ProviderUnavailable) as caught:
        await client.call(REQUESTS[operation], request_id="r")
    assert caught.value.code == "timeout"


@every_operation
async def test_a_refusal_is_not_for_repeating(
    served: Simulators, client: ProviderClient, operation: tuple[str, str]
) -> None:
    await served.repair()
    await served.fault(operation[0], operation=operation[1], times=1, status=403)
    with pytest.raises(ProviderRejected) as caught:
        await client.call(REQUESTS[operation], request_id="r")
    assert caught.value.code == "http_403"


@every_operation
async def test_the_right_answer_is_taken(operation: tuple[str, str]) -> None:
    answer = await answered(operation, json.dumps(RIGHT[operation]).encode())
    assert answer is not None
    assert bears_out(answer, RIGHT[operation])


@every_operation
async def test_a_field_of_another_kind_is_refused_or_means_what_it_says(
    operation: tuple[str, str],
) -> None:
    right = RIGHT[operation]
    wrongs: list[object] = [1.5, "x" * 100_000, [[[]]], {"a": 1}, -(10**30), True]
    for field in right:
        for wrong in wrongs:
            content = right | {field: wrong}
            answer = await answered(operation, json.dumps(content).encode())
            assert answer is None or bears_out(answer, content), (field, type(wrong))


@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if {"capture_no", "binding_no"} & set(RIGHT[operation])],
    ids=lambda operation: "-".join(operation),
)
async def test_an_answer_about_another_number_is_refused(operation: tuple[str, str]) -> None:
    field = "binding_no" if operation[0] == "card_binding" else "capture_no"
    content = json.dumps(RIGHT[operation] | {field: "cap_2"}).encode()
    assert await answered(operation, content) is None


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        (("multi_lender", "query"), {"lenders_queried_30d": 9}),
        (("multi_lender", "query"), {"unsettled_loans": None}),
        (("blacklist", "check"), {"listed": False}),
        (("company", "check"), {"status": None}),
        (("company", "check"), {"adverse": [{"kind": "protest", "count": 1}] * 2}),
        (("company", "check"), {"adverse": [{"kind": "protest", "count": 0}]}),
        (("card_binding", "confirm"), {"agreement_no": None}),
        (("operator_report", "report"), {"document": None}),
        (("ecommerce", "begin"), {"authorise_url": "http://plain.invalid/"}),
        (("ecommerce", "begin"), {"authorise_url": "javascript:alert(1)"}),
        (("online_banking", "begin"), {"reference": None}),
        (("contacts", "verify"), {"address_book": None}),
        (("registered_photo", "fetch"), {"photo": None}),
        (("registered_photo", "fetch"), {"photo": ""}),
        (("registered_photo", "fetch"), {"photo": PHOTO[:-1] + "%"}),
        (("registered_photo", "fetch"), {"photo": "kein Bild" * 20}),
        (("registered_photo", "fetch"), {"photo": "PGh0bWw+" * 20}),
        (("registered_photo", "fetch"), {"photo": "/9j/" + "A" * 935_996}),
    ],
)
async def test_an_answer_that_contradicts_itself_is_refused(
    operation: tuple[str, str], changes: dict[str, object]
) -> None:
    assert await answered(operation, json.dumps(RIGHT[operation] | changes).encode()) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"captured_at": "2026-01-01T00:00:00+08:00"},
        {"captured_at": "2026-09-01T12:00:00"},
        {"currency": "cny"},
        {"bills": [{"month": "2026-08", "amount": 5_900, "paid": True}] * 2},
        {"bills": [{"month": "2026-13", "amount": 5_900, "paid": True}]},
        {"top_ups": [{"at": "2026-09-02T00:00:00Z", "amount": 1}]},
    ],
)
async def test_a_document_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    operation = ("operator_report", "report")
    right = RIGHT[operation]
    content = right | {"document": right["document"] | changes}
    assert await answered(operation, json.dumps(content).encode()) is None


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["match", "mismatch", "unavailable", "done", "accepted", "debit", NO])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@st.composite
def garbled(draw: st.DrawFn, right: dict[str, Any]) -> Any:
    """A right answer with some fields replaced, dropped or added, or anything at all."""
    if draw(st.booleans()) and draw(st.booleans()):
        return draw(anything)
    changed = dict(right)
    for field in draw(st.sets(st.sampled_from(sorted(right)), max_size=3)):
        if draw(st.booleans()):
            del changed[field]
        else:
            changed[field] = draw(anything)
    return changed | draw(st.dictionaries(st.text(max_size=9), scalars, max_size=1))


@every_operation
@given(data=st.data())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_garbled_answers_are_refused_or_mean_what_they_say(
    operation: tuple[str, str], data: st.DataObject
) -> None:
    content = data.draw(garbled(RIGHT[operation]))
    answer = await answered(operation, json.dumps(content).encode())
    if answer is not None:
        assert bears_out(answer, content)


@every_operation
@given(content=st.binary(max_size=200))
async def test_bytes_are_no_answer(operation: tuple[str, str], content: bytes) -> None:
    assert await answered(operation, content) is None


@pytest.mark.parametrize(
    "changes", [{"capture_no": "林小雨"}, {"capture_no": None}, {"capture_no": ""}]
)
def test_a_notice_names_the_import(changes: dict[str, object]) -> None:
    right: dict[str, object] = {"event_id": "evt_1", "source": "ecommerce", "capture_no": NO}
    assert ReportNotice.model_validate_json(json.dumps(right)).capture_no == NO
    with pytest.raises(ValidationError):
        ReportNotice.model_validate_json(json.dumps(right | changes))
