"""What the payment channel, the signing service and the message gateway may say in new words.

For money the table has one more outcome than for data: `IN_DOUBT`, which is asked about and never
sent again. A failure is one whatever its reason; a status that we do not know is not the end.
"""

import itertools
from typing import Any, Final

import pytest

from providers import OutcomeUnknown, ProviderUnavailable
from providers.http.wire import UNREADABLE, UNSPECIFIED
from providers.messaging import MessageRequest
from providers.payments import DebitRequest, DisburseRequest, Order, OrderQuery, OrderStatus
from providers.signing import SignRequest
from sandbox.personas import person
from tests.simulators import Simulators

DIGEST: Final = "ab" * 32
IN_DOUBT: Final = "in doubt"
ASKED_AGAIN: Final = "asked again"
_numbers = itertools.count()


@pytest.fixture
async def simulators(served: Simulators) -> Simulators:
    await served.repair()
    return served


_ENDS: Final[list[tuple[dict[str, Any], object]]] = [
    # a field more
    ({"change": {"fee": 3, "channel_fields": {"a": 1}}}, (OrderStatus.SUCCEEDED, None)),
    # success with the word that a bank gives every answer, such as ISO 8583's 00
    ({"change": {"reason": "00"}}, (OrderStatus.SUCCEEDED, None)),
    # a failure with a reason that we do not know, with none, and with what is no code
    (
        {"change": {"status": "failed", "reason": "transaction_not_permitted"}},
        (OrderStatus.FAILED, "transaction_not_permitted"),
    ),
    ({"change": {"status": "failed", "reason": 51}}, (OrderStatus.FAILED, "51")),
    ({"change": {"status": "failed"}}, (OrderStatus.FAILED, UNSPECIFIED)),
    ({"change": {"status": "failed", "reason": ""}}, (OrderStatus.FAILED, UNSPECIFIED)),
    ({"change": {"status": "failed", "reason": "  "}}, (OrderStatus.FAILED, UNSPECIFIED)),
    ({"change": {"reason": ""}}, (OrderStatus.SUCCEEDED, None)),
    ({"change": {"status": "failed", "reason": "余额不足"}}, (OrderStatus.FAILED, UNREADABLE)),
    ({"change": {"status": "failed", "reason": {"code": 1}}}, (OrderStatus.FAILED, UNREADABLE)),
    ({"change": {"status": "failed"}, "omit": ["reason"]}, (OrderStatus.FAILED, UNSPECIFIED)),
    # a status that we do not know is not final, nor is another spelling taken for an end
    ({"change": {"status": "settling"}}, (OrderStatus.PROCESSING, None)),
    ({"change": {"status": "FAILED"}}, (OrderStatus.PROCESSING, None)),
    ({"change": {"status": None}}, (OrderStatus.PROCESSING, None)),
    ({"change": {"status": 2}}, (OrderStatus.PROCESSING, None)),
    ({"change": {"status": "reversed", "reason": "x"}}, (OrderStatus.PROCESSING, None)),
    # what is no answer about this order
    ({"omit": ["status"]}, IN_DOUBT),
    ({"omit": ["order_no"]}, IN_DOUBT),
    ({"change": {"order_no": "another"}}, IN_DOUBT),
    ({"garbage": "empty"}, IN_DOUBT),
    ({"garbage": "not_json"}, IN_DOUBT),
    ({"garbage": "huge"}, IN_DOUBT),
]


@pytest.mark.parametrize("request_type", [DebitRequest, DisburseRequest])
@pytest.mark.parametrize(("fault", "outcome"), _ENDS, ids=str)
async def test_what_an_order_s_answer_comes_to(
    simulators: Simulators,
    request_type: type[DebitRequest | DisburseRequest],
    fault: dict[str, Any],
    outcome: object,
) -> None:
    who, order_no = person("approved"), f"order:{next(_numbers)}"
    await simulators.fault("payments", operation=request_type.operation, times=1, **fault)
    request = request_type(
        order_no=order_no,
        amount=94_560,
        currency="CNY",
        card_number=who.card_number,
        name=who.name,
    )
    found: object
    try:
        order: Order = await simulators.providers.call(request, request_id=order_no)
        found = (order.status, order.reason)
    except OutcomeUnknown:
        found = IN_DOUBT
    assert found == outcome


@pytest.mark.parametrize(("fault", "outcome"), _ENDS, ids=str)
async def test_what_the_answer_to_a_question_about_an_order_comes_to(
    simulators: Simulators, fault: dict[str, Any], outcome: object
) -> None:
    """A question moves nothing: what is no answer is asked again."""
    who, order_no = person("approved"), f"order:{next(_numbers)}"
    order = {
        "order_no": order_no,
        "amount": 94_560,
        "currency": "CNY",
        "card_number": who.card_number,
        "name": who.name,
    }
    await simulators.providers.call(DebitRequest.model_validate(order), request_id=order_no)
    await simulators.fault("payments", operation="query", times=1, **fault)
    found: object
    try:
        asked = await simulators.providers.call(
            OrderQuery(kind="debit", order_no=order_no), request_id=order_no
        )
        found = (asked.status, asked.reason)
    except ProviderUnavailable:
        found = IN_DOUBT
    assert found == outcome
    assert len((await simulators.book(order_no=order_no))["movements"]) == 1


@pytest.mark.parametrize(
    ("fault", "evidence"),
    [
        ({"change": {"page_count": 4, "seal": {"x": 1}}}, "as given"),
        ({"change": {"evidence_id": 4711}}, "4711"),
        ({"change": {"evidence_id": "CA/2026/03-01.4711"}}, "CA/2026/03-01.4711"),
        ({"change": {"document_sha256": DIGEST.upper()}}, "as given"),
        # without evidence, of another document or at no instant it is no signature
        ({"omit": ["evidence_id"]}, ASKED_AGAIN),
        ({"change": {"evidence_id": None}}, ASKED_AGAIN),
        ({"change": {"document_sha256": "cd" * 32}}, ASKED_AGAIN),
        ({"change": {"contract_no": "another"}}, ASKED_AGAIN),
        ({"change": {"signed_at": "yesterday"}}, ASKED_AGAIN),
        ({"change": {"signed_at": "2026-03-01 12:00:00"}}, ASKED_AGAIN),
        ({"garbage": "empty"}, ASKED_AGAIN),
        ({"garbage": "not_json"}, ASKED_AGAIN),
        ({"garbage": "wrong_shape"}, ASKED_AGAIN),
        ({"garbage": "huge"}, ASKED_AGAIN),
    ],
    ids=str,
)
async def test_what_a_signature_comes_to(
    simulators: Simulators, fault: dict[str, Any], evidence: str
) -> None:
    who, contract_no = person("approved"), f"contract:{next(_numbers)}"
    request = SignRequest(
        contract_no=contract_no,
        document_sha256=DIGEST,
        name=who.name,
        identity_number=who.identity_number,
        mobile=who.mobile,
    )
    await simulators.fault("signing", times=1, **fault)
    try:
        first = (await simulators.providers.call(request, request_id=contract_no)).evidence_id
    except ProviderUnavailable:
        first = ASKED_AGAIN
    again = await simulators.providers.call(request, request_id=contract_no)
    assert first == (again.evidence_id if evidence == "as given" else evidence)


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        ({"change": {"parts": 2}}, True),
        ({"change": {"message_id": 88}}, True),
        ({"omit": ["message_id"]}, True),
        ({"omit": ["status"]}, True),
        ({"change": {"status": None}}, True),
        # whether it was taken is not said: the same id is sent again, which sends nothing twice
        ({"change": {"status": "queued"}}, False),
        ({"change": {"status": "rejected"}}, False),
        ({"garbage": "empty"}, False),
        ({"garbage": "not_json"}, False),
        ({"garbage": "wrong_shape"}, False),
        ({"garbage": "huge"}, False),
    ],
    ids=str,
)
async def test_what_the_answer_to_a_message_comes_to(
    simulators: Simulators, fault: dict[str, Any], taken: bool
) -> None:
    message_id = f"message:{next(_numbers)}"
    request = MessageRequest(
        message_id=message_id,
        mobile=person("approved").mobile,
        template="reminder",
        variables={"amount": "945.60"},
    )
    await simulators.fault("messaging", times=1, **fault)
    if taken:
        await simulators.providers.call(request, request_id=message_id)
    else:
        with pytest.raises(ProviderUnavailable):
            await simulators.providers.call(request, request_id=message_id)
    await simulators.providers.call(request, request_id=message_id)
