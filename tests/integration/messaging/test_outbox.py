"""Customers are told once of what happened to them, whatever dies or refuses on the way."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.messaging.events import MessagePurpose
from domain.messaging.templates import MESSAGE_TEMPLATE
from messages import calls, ids
from runtime.clock import utc_now
from runtime.failpoints import FailpointError
from sandbox.personas import person
from services.messaging.outbox import Notice, amount, tell
from services.messaging.sending import MessageSender
from storage.messaging.contact_addresses import ContactAddresses, ContactAddressRepository
from storage.messaging.outbox import CustomerMessageRepository, CustomerMessageRow, MessageState
from tests.definitions import ref
from tests.integration.conftest import Arm
from tests.integration.loans.test_repayments import collection, lent
from tests.integration.story import Applicant, Bench, applicant

PAID = MessagePurpose.PAYMENT_RECEIVED


def sender(bench: Bench) -> MessageSender:
    return MessageSender(bench.database, bench.simulators.providers)


async def reachable(bench: Bench, index: int, **addresses: str | None) -> Applicant:
    """A person whose mobile is verified, and who gave the addresses."""
    known = await applicant(bench, person("approved", index))
    await known.verify_identity()
    async with bench.database.transaction() as tx:
        await ContactAddressRepository(tx).set(
            known.start.applicant_id, ContactAddresses(**addresses)
        )
    return known


def paid(applicant_id: str, key: str | None = None, **changes: Any) -> Notice:
    said = {"contract": "ABC123", "amount": amount(94_560, "CNY")}
    about = f"applicant:{applicant_id}"
    return Notice(PAID, key or f"{about}:paid", about, said, **changes)


async def told(bench: Bench, *notices: Notice) -> int:
    async with bench.database.transaction() as tx:
        return await tell(tx, *notices)


async def messages_of(bench: Bench, applicant_id: str) -> list[CustomerMessageRow]:
    async with bench.database.read() as tx:
        return await CustomerMessageRepository(tx).page(None, 50, applicant_id=applicant_id)


async def due_now(bench: Bench, message_id: str) -> None:
    """Let the time pass after which a message is tried again."""
    async with bench.database.transaction() as tx:
        await tx.connection.execute(
            "update customer_messages set next_attempt_at = now() where id = $1 and state = 'open'",
            message_id,
        )


async def sent_through(bench: Bench, message_id: str) -> list[str]:
    """The channels whose gateway took the message."""
    taken = await bench.simulators.console.get("/sandbox/messages")
    return [one["channel"] for one in taken.json() if one["message_id"].startswith(message_id)]


async def drain(bench: Bench) -> None:
    while await sender(bench).send_due():
        pass


async def test_a_key_is_told_once_and_kept_with_template_and_digest(bench: Bench) -> None:
    known = await reachable(bench, 1401)
    notice = paid(known.start.applicant_id)
    assert [await told(bench, notice), await told(bench, notice)] == [1, 0]
    await drain(bench)
    (row,) = await messages_of(bench, known.start.applicant_id)
    assert (row.state, row.via, row.language) == (MessageState.SENT, "sms", "zh")
    assert row.template == str(ref(MESSAGE_TEMPLATE, PAID))
    # The words of the shipped template with the amount as Chinese is written.
    text = "\n已收到您的还款945.60元（借款尾号ABC123），谢谢。"
    assert row.text_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert await sent_through(bench, row.id) == ["sms"]
    async with bench.database.read() as tx:
        stored = await tx.connection.fetchval(
            "select message::text from customer_messages as message where id = $1", row.id
        )
        address = await CustomerMessageRepository(tx).addresses_of([row.id])
    assert "谢谢" not in stored
    assert person("approved", 1401).mobile not in stored
    assert address == {row.id: person("approved", 1401).mobile}


@pytest.mark.parametrize("point", ["send_messages.before_send", "send_messages.after_send"])
async def test_a_sender_that_dies_anywhere_sends_once(bench: Bench, arm: Arm, point: str) -> None:
    await drain(bench)
    known = await reachable(bench, 1402 + len(point))
    await told(bench, paid(known.start.applicant_id))
    arm(f"{point}=raise")
    with pytest.raises(FailpointError):
        await sender(bench).send_due()
    (row,) = await messages_of(bench, known.start.applicant_id)
    assert row.state is MessageState.OPEN
    # The claim of a living sender holds; that of a dead one ends.
    assert await sender(bench).send_due() == 0
    await due_now(bench, row.id)
    await asyncio.gather(*(sender(bench).send_due() for _ in range(5)))
    (row,) = await messages_of(bench, known.start.applicant_id)
    assert row.state is MessageState.SENT
    assert await sent_through(bench, row.id) == ["sms"]


async def test_an_answer_that_was_lost_is_asked_for_and_nothing_is_sent_again(
    bench: Bench,
) -> None:
    known = await reachable(bench, 1404)
    await told(bench, paid(known.start.applicant_id))
    await bench.simulators.fault("messaging", operation="send", times=1, lose_response=True)
    await drain(bench)
    (row,) = await messages_of(bench, known.start.applicant_id)
    assert row.state is MessageState.OPEN
    assert row.failure == "connection_lost"
    await due_now(bench, row.id)
    await drain(bench)
    (row,) = await messages_of(bench, known.start.applicant_id)
    assert row.state is MessageState.SENT
    calls_made = await bench.simulators.calls(provider="messaging", request_id=f"{row.id}-sms")
    assert [one["operation"] for one in calls_made] == ["send", "query"]


@pytest.mark.parametrize(
    ("push_token", "email", "channels"),
    [
        ("tok-1", "a@example.com", ["push"]),
        ("gone-1", "a@example.com", ["sms"]),
        (None, "a@example.com", ["sms"]),
    ],
)
async def test_the_first_channel_that_reaches_a_customer_is_the_only_one(
    bench: Bench, push_token: str | None, email: str, channels: list[str]
) -> None:
    """Shipped: a payment is told by push, else SMS, else e-mail."""
    known = await reachable(bench, 1405, push_token=push_token, email=email, language="en")
    await told(bench, paid(known.start.applicant_id))
    await drain(bench)
    (row,) = await messages_of(bench, known.start.applicant_id)
    assert (row.state, row.language) == (MessageState.SENT, "en")
    assert await sent_through(bench, row.id) == channels


async def test_who_can_be_reached_by_nothing_is_listed_and_sent_to_once_they_can(
    bench: Bench,
) -> None:
    known = await applicant(bench, person("approved", 1406))
    await told(bench, paid(known.start.applicant_id))
    await drain(bench)
    async with bench.database.read() as tx:
        unsent = await CustomerMessageRepository(tx).page(
            None, 50, unsent=True, applicant_id=known.start.applicant_id
        )
    assert [one.failure for one in unsent] == ["no_address"]
    async with bench.database.transaction() as tx:
        await ContactAddressRepository(tx).set(
            known.start.applicant_id, ContactAddresses(email="a@example.com")
        )
    await due_now(bench, unsent[0].id)
    await drain(bench)
    assert await sent_through(bench, unsent[0].id) == ["email"]


async def test_what_nobody_could_deliver_in_time_is_given_up_and_stays_listed(
    bench: Bench,
) -> None:
    known = await applicant(bench, person("approved", 1407))
    over = datetime(2026, 1, 1, tzinfo=UTC)
    await told(bench, paid(known.start.applicant_id, ends_at=over))
    await drain(bench)
    (row,) = await messages_of(bench, known.start.applicant_id)
    assert (row.state, row.failure) == (MessageState.UNDELIVERABLE, "too_late")


async def test_nothing_is_told_before_its_time(bench: Bench) -> None:
    known = await reachable(bench, 1408)
    later = utc_now() + timedelta(hours=1)
    await told(bench, paid(known.start.applicant_id, not_before=later))
    await drain(bench)
    (row,) = await messages_of(bench, known.start.applicant_id)
    assert (row.state, row.attempts) == (MessageState.OPEN, 0)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"contract": "ABC123"},
        {"contract": "ABC123", "amount": "945.60"},
        {"contract": "ABC123", "amount": amount(1, "CNY"), "name": "x"},
    ],
)
async def test_a_notice_without_its_values_is_refused_where_it_is_written(
    bench: Bench, said: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="payment_received"):
        await told(bench, Notice(PAID, "k", "applicant:per_x", said))


async def test_a_debit_that_fails_and_one_that_succeeds_are_told_of(bench: Bench) -> None:
    loan_id = await lent(bench, "approved", 1409)
    await bench.simulators.fault(
        "payments", operation="debit", times=1, order_outcome="card_closed"
    )
    failed = collection(loan_id)
    for _ in range(2):
        await bench.perform(calls.COLLECT_INSTALMENT, failed)
    await bench.perform(calls.COLLECT_INSTALMENT, collection(loan_id, number=2))
    async with bench.database.read() as tx:
        rows = await CustomerMessageRepository(tx).page(
            None, 50, subject=ids.loan_workflow(loan_id)
        )
    assert sorted(row.purpose for row in rows) == [
        "debit_failed",
        "money_sent",
        "payment_received",
    ]
    assert {row.said["contract"] for row in rows} == {loan_id[-6:].upper()}


async def test_a_message_that_cannot_be_read_holds_up_no_other(bench: Bench) -> None:
    """A row that is damaged waits by itself, and the customer beside it is told."""
    damaged, sound = await reachable(bench, 1470), await reachable(bench, 1471)
    await drain(bench)
    await told(bench, paid(damaged.start.applicant_id), paid(sound.start.applicant_id))
    async with bench.database.transaction() as tx:
        await tx.connection.execute(
            "update applicants set mobile_enc = set_byte(mobile_enc, length(mobile_enc) - 1,"
            " get_byte(mobile_enc, length(mobile_enc) - 1) # 1) where id = $1",
            damaged.start.applicant_id,
        )
    await drain(bench)
    (waits,) = await messages_of(bench, damaged.start.applicant_id)
    (sent,) = await messages_of(bench, sound.start.applicant_id)
    assert (waits.state, waits.failure) == (MessageState.OPEN, "unreadable")
    assert sent.state is MessageState.SENT


async def test_a_sender_goes_on_after_what_nobody_expected(bench: Bench, arm: Arm) -> None:
    """One failure must not end what tells every customer."""
    known = await reachable(bench, 1472)
    await drain(bench)
    await told(bench, paid(known.start.applicant_id))
    (row,) = await messages_of(bench, known.start.applicant_id)
    arm("send_messages.before_send=raise")
    at_work = asyncio.create_task(sender(bench).keep_sending(pause_seconds=0.05))
    try:
        async with asyncio.timeout(20):
            while row.state is not MessageState.SENT:
                assert not at_work.done()
                await due_now(bench, row.id)
                await asyncio.sleep(0.05)
                (row,) = await messages_of(bench, known.start.applicant_id)
    finally:
        at_work.cancel()
