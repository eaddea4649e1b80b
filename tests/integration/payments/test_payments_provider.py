"""Money through the payments client and its simulator: once per order number, come what may."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from pydantic import SecretStr

from providers import OutcomeUnknown, ProviderRejected, Providers, ProviderUnavailable
from providers.http.signature import verify_signature
from providers.payments import (
    DebitRequest,
    DisburseRequest,
    Initiator,
    Order,
    OrderKind,
    OrderQuery,
    OrderStatus,
    SettlementNotice,
)
from runtime.clock import utc_now
from sandbox.personas import Person, person, stranger
from tests.simulators import (
    READ_SECONDS,
    Callbacks,
    Simulators,
    connected,
    receiving,
    sandbox_config,
)

AMOUNT = 1_000_000

Send = Callable[[Providers, Person, str], Awaitable[Order]]

_numbers = itertools.count()


@pytest.fixture(scope="module")
async def callbacks() -> AsyncIterator[Callbacks]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory, callbacks: Callbacks
) -> AsyncIterator[Simulators]:
    folder = tmp_path_factory.mktemp("sandbox")
    async with connected(sandbox_config(folder, callbacks.url)) as running:
        yield running


@pytest.fixture
async def simulators(served: Simulators, callbacks: Callbacks) -> Simulators:
    """The module's simulators without faults, and nothing waiting in `callbacks`."""
    await served.console.delete("/sandbox/faults")
    assert callbacks.received.empty(), "an earlier test left a callback"
    return served


def fresh_order() -> str:
    return f"drawdown:{next(_numbers)}:disbursement"


def fresh(key: str) -> Person:
    """A member of the family that no test has used."""
    return person(key, 1 + next(_numbers))


async def disburse(providers: Providers, who: Person, order_no: str, amount: int = AMOUNT) -> Order:
    return await providers.call(
        DisburseRequest(
            order_no=order_no,
            amount=amount,
            currency="CNY",
            card_number=who.card_number,
            name=who.name,
        ),
        request_id=order_no,
    )


async def debit(
    providers: Providers, who: Person, order_no: str, initiator: Initiator = "merchant"
) -> Order:
    return await providers.call(
        DebitRequest(
            order_no=order_no,
            amount=94_560,
            currency="CNY",
            card_number=who.card_number,
            name=who.name,
            initiator=initiator,
        ),
        request_id=order_no,
    )


async def test_a_disbursement_moves_money_once(simulators: Simulators) -> None:
    order_no = fresh_order()
    order = await disburse(simulators.providers, stranger(1), order_no)
    assert order == Order(order_no=order_no, status=OrderStatus.SUCCEEDED)
    assert await disburse(simulators.providers, stranger(1), order_no) == order
    book = await simulators.book(order_no=order_no)
    (movement,) = book["movements"]
    assert (movement["amount"], movement["kind"]) == (AMOUNT, "disbursement")
    assert book["orders"][0]["attempts"] == 2


@pytest.mark.parametrize("send", [disburse, debit])
async def test_twenty_at_once_are_one_order(
    simulators: Simulators,
    send: Send,
) -> None:
    order_no = fresh_order()
    orders = await asyncio.gather(
        *(send(simulators.providers, stranger(2), order_no) for _ in range(20))
    )
    assert {order.status for order in orders} == {OrderStatus.SUCCEEDED}
    book = await simulators.book(order_no=order_no)
    assert [order["attempts"] for order in book["orders"]] == [20]
    assert len(book["movements"]) == 1


async def test_an_order_number_is_not_reused_for_another_content(simulators: Simulators) -> None:
    order_no = fresh_order()
    results = await asyncio.gather(
        *(
            disburse(simulators.providers, stranger(3), order_no, AMOUNT + extra)
            for extra in range(10)
        ),
        return_exceptions=True,
    )
    refusals = [result for result in results if isinstance(result, ProviderRejected)]
    assert len(refusals) == 9
    assert {refusal.code for refusal in refusals} == {"order_conflict"}
    with pytest.raises(ProviderRejected):
        await debit(simulators.providers, stranger(3), order_no)
    assert len((await simulators.book(order_no=order_no))["movements"]) == 1


@pytest.mark.parametrize(
    ("who", "amount", "reason"),
    [
        (person("disbursement_fails"), AMOUNT, "card_closed"),
        (replace(person("approved"), name="晴方坏"), AMOUNT, "name_mismatch"),
        (stranger(4), 50_000_001, "limit_exceeded"),
    ],
)
async def test_a_failed_disbursement_moves_nothing_and_stays_failed(
    simulators: Simulators, who: Person, amount: int, reason: str
) -> None:
    order_no = fresh_order()
    order = await disburse(simulators.providers, who, order_no, amount)
    assert (order.status, order.reason) == (OrderStatus.FAILED, reason)
    assert await disburse(simulators.providers, who, order_no, amount) == order
    assert (await simulators.book(order_no=order_no))["movements"] == []


async def test_the_third_due_debit_of_the_story_declines(simulators: Simulators) -> None:
    who, neighbour = fresh("story"), fresh("story")
    await debit(simulators.providers, neighbour, fresh_order())
    orders: list[Order] = []
    for initiator in ("merchant", "cardholder", "merchant"):
        orders.append(await debit(simulators.providers, who, fresh_order(), initiator))
    third = fresh_order()
    orders.append(await debit(simulators.providers, who, third))
    orders.append(await debit(simulators.providers, who, third))
    orders.append(await debit(simulators.providers, who, fresh_order(), "cardholder"))
    orders.append(await debit(simulators.providers, who, fresh_order()))
    assert [order.reason for order in orders] == [
        *(None, None, None),
        *("insufficient_funds", "insufficient_funds"),
        *(None, None),
    ]


async def test_a_lost_response_is_unknown_and_resolved_by_asking(simulators: Simulators) -> None:
    who, order_no = fresh("disbursement_response_lost"), fresh_order()
    with pytest.raises(OutcomeUnknown) as caught:
        await disburse(simulators.providers, who, order_no)
    assert (caught.value.order_no, caught.value.code) == (order_no, "connection_lost")
    asked = await simulators.providers.call(
        OrderQuery(kind="disbursement", order_no=order_no), request_id=order_no
    )
    assert asked.status is OrderStatus.SUCCEEDED
    assert await disburse(simulators.providers, who, order_no) == asked
    assert len((await simulators.book(order_no=order_no))["movements"]) == 1


@pytest.mark.parametrize("operation", ["disburse", "debit"])
@pytest.mark.parametrize(
    ("fault", "booked"),
    [
        ({"status": 500}, False),
        ({"status": 503}, False),
        ({"reset": True}, False),
        ({"lose_response": True}, True),
        ({"lose_response": True, "status": 502}, True),
        ({"garbage": "not_json"}, True),
        ({"garbage": "wrong_shape"}, True),
    ],
)
async def test_whether_money_moved_is_never_guessed(
    simulators: Simulators, operation: str, fault: dict[str, object], booked: bool
) -> None:
    send: Send = disburse if operation == "disburse" else debit
    kind: OrderKind = "disbursement" if operation == "disburse" else "debit"
    order_no = fresh_order()
    await simulators.fault("payments", operation=operation, times=1, **fault)
    with pytest.raises(OutcomeUnknown):
        await send(simulators.providers, stranger(5), order_no)
    asked = await simulators.providers.call(
        OrderQuery(kind=kind, order_no=order_no), request_id=order_no
    )
    assert asked.status is (OrderStatus.SUCCEEDED if booked else OrderStatus.NOT_FOUND)
    assert (await send(simulators.providers, stranger(5), order_no)).status is OrderStatus.SUCCEEDED
    assert len((await simulators.book(order_no=order_no))["movements"]) == 1


async def test_a_request_that_arrives_after_its_sender_gave_up_is_the_same_order(
    simulators: Simulators,
) -> None:
    order_no = fresh_order()
    await simulators.fault(
        "payments", operation="disburse", times=1, latency_seconds=READ_SECONDS + 0.3
    )
    with pytest.raises(OutcomeUnknown) as caught:
        await disburse(simulators.providers, stranger(6), order_no)
    assert caught.value.code == "timeout"
    asked = await simulators.providers.call(
        OrderQuery(kind="disbursement", order_no=order_no), request_id=order_no
    )
    assert asked.status is OrderStatus.NOT_FOUND
    again = await disburse(simulators.providers, stranger(6), order_no)
    assert again.status is OrderStatus.SUCCEEDED
    async with asyncio.timeout(5):
        while (await simulators.book(order_no=order_no))["orders"][0]["attempts"] < 2:  # noqa: ASYNC110 -- another process's state
            await asyncio.sleep(0.02)
    assert len((await simulators.book(order_no=order_no))["movements"]) == 1


async def test_what_surely_was_not_processed_is_not_unknown(simulators: Simulators) -> None:
    await simulators.fault("payments", operation="disburse", times=1, status=429, retry_after=2)
    with pytest.raises(ProviderUnavailable):
        await disburse(simulators.providers, stranger(7), fresh_order())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    key = SecretStr("key")
    async with Providers.connect(lambda _: url, key, key, READ_SECONDS) as providers:
        with pytest.raises(ProviderUnavailable):
            await disburse(providers, stranger(7), fresh_order())


async def test_a_question_is_about_one_kind_of_order(simulators: Simulators) -> None:
    order_no = fresh_order()
    await debit(simulators.providers, stranger(8), order_no)
    asked = await simulators.providers.call(
        OrderQuery(kind="debit", order_no=order_no), request_id=order_no
    )
    assert asked.status is OrderStatus.SUCCEEDED
    asked = await simulators.providers.call(
        OrderQuery(kind="disbursement", order_no=order_no), request_id=order_no
    )
    assert asked.status is OrderStatus.NOT_FOUND


@pytest.mark.parametrize("amount", [0, -1])
async def test_no_order_without_a_positive_amount(simulators: Simulators, amount: int) -> None:
    with pytest.raises(ValueError, match="amount"):
        await disburse(simulators.providers, stranger(9), fresh_order(), amount)


def _notice(simulators: Simulators, callback: tuple[object, bytes]) -> SettlementNotice:
    """Read a callback as the API does: signature first."""
    headers, body = callback
    assert isinstance(headers, dict)
    secret = simulators.config.callback_secret
    verify_signature(secret, headers["x-signature"], body, utc_now())
    return SettlementNotice.model_validate_json(body)


@pytest.mark.parametrize(
    ("key", "send", "kind"),
    [
        ("disbursement_processing", disburse, "disbursement"),
        ("debit_processing", debit, "debit"),
    ],
)
async def test_a_processing_order_settles_by_callback(
    simulators: Simulators,
    callbacks: Callbacks,
    key: str,
    send: Send,
    kind: str,
) -> None:
    order_no = fresh_order()
    order = await send(simulators.providers, fresh(key), order_no)
    assert order.status is OrderStatus.PROCESSING
    notice = _notice(simulators, await callbacks.next())
    assert (notice.kind, notice.order_no, notice.status) == (kind, order_no, "succeeded")
    book = await simulators.book(order_no=order_no)
    assert book["orders"][0]["status"] == "succeeded"
    assert len(book["movements"]) == 1


async def test_a_held_order_waits_until_it_is_settled(
    simulators: Simulators, callbacks: Callbacks
) -> None:
    order_no, who = fresh_order(), stranger(10)
    await simulators.fault("payments", times=1, order_outcome="processing", hold=True)
    assert (await disburse(simulators.providers, who, order_no)).status is OrderStatus.PROCESSING
    assert (await simulators.book(order_no=order_no))["movements"] == []
    event_id = await simulators.settle(order_no, reason="card_closed")
    notice = _notice(simulators, await callbacks.next())
    assert (notice.event_id, notice.status, notice.reason) == (event_id, "failed", "card_closed")
    assert await simulators.settle(order_no) == event_id, "an end does not change"
    assert _notice(simulators, await callbacks.next()) == notice
    assert (await simulators.book(order_no=order_no))["movements"] == []


async def test_only_processing_orders_can_be_settled(simulators: Simulators) -> None:
    order_no = fresh_order()
    await disburse(simulators.providers, stranger(11), order_no)
    settled = await simulators.console.post(f"/sandbox/settle/{order_no}")
    unknown = await simulators.console.post("/sandbox/settle/nothing")
    assert (settled.status_code, unknown.status_code) == (409, 404)


async def test_a_forced_outcome_is_kept(simulators: Simulators) -> None:
    order_no = fresh_order()
    await simulators.fault("payments", operation="debit", times=1, order_outcome="limit_exceeded")
    first = await debit(simulators.providers, stranger(12), order_no)
    assert first.reason == "limit_exceeded"
    assert await debit(simulators.providers, stranger(12), order_no) == first


async def test_callbacks_come_twice_when_programmed(
    simulators: Simulators, callbacks: Callbacks
) -> None:
    await simulators.fault("callbacks", duplicates=2)
    await disburse(simulators.providers, fresh("disbursement_processing"), fresh_order())
    events = {_notice(simulators, await callbacks.next()).event_id for _ in range(3)}
    assert len(events) == 1


async def test_a_callback_is_repeated_until_taken(
    simulators: Simulators, callbacks: Callbacks
) -> None:
    callbacks.statuses += [500, 503]
    order_no = fresh_order()
    await disburse(simulators.providers, fresh("disbursement_processing"), order_no)
    bodies = {(await callbacks.next())[1] for _ in range(3)}
    assert len(bodies) == 1
    async with asyncio.timeout(5):
        while not (await simulators.book(order_no=order_no))["callbacks"][0]["delivered_at"]:  # noqa: ASYNC110 -- another process's state
            await asyncio.sleep(0.02)
