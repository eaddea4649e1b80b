"""A loan in arrears is on record as such, and followed up once a step."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from domain.collections import COLLECTIONS_LADDER
from domain.common.calendar import instant_at
from domain.common.zones import zone_of
from domain.loans.events import Charged
from domain.messaging.contact_limits import CONTACT_LIMITS, HOME_LIMITS
from domain.messaging.templates import MESSAGE_TEMPLATE
from messages import calls, ids
from messages.collections import CloseEpisode, TakeStep
from messages.loans import PostTransaction, RecordDelinquency, RecordTransaction
from sandbox.personas import person
from storage.collections import ActionState, CollectionActionRepository
from storage.common.outbox import OutboxRepository
from storage.loans.loans import LoanRepository
from storage.loans.reconciliation import ReconciliationRepository
from tests.definitions import agreed, forget, ref, release, shipped
from tests.integration.conftest import Arm
from tests.integration.loans.test_repayments import (
    FIRST_DUE,
    INSTALMENT,
    STATE_SEQ,
    Repaying,
    collection,
    lent,
)
from tests.integration.story import Bench, borrower

LATE = date(2026, 2, 16)
STANDARD = agreed(COLLECTIONS_LADDER, "standard")
STEPS = {step.name: step for step in STANDARD.content.steps}


def step(loan_id: str, name: str, on: date = LATE) -> TakeStep:
    return TakeStep(
        loan_id=loan_id,
        episode=1,
        action_id=ids.derived_id("act", loan_id, "1", name),
        step=name,
        channel=STEPS[name].channel,
        template=STEPS[name].template,
        ladder=STANDARD.ref,
        business_date=on,
        at=instant_at(on, time(10), zone_of("Asia/Shanghai")),
        zone="Asia/Shanghai",
    )


async def overdue(bench: Bench, index: int) -> str:
    loan_id = await lent(bench, "approved", index)
    await bench.simulators.fault(
        "payments", operation="debit", times=1, order_outcome="card_closed"
    )
    await bench.perform(calls.COLLECT_INSTALMENT, collection(loan_id))
    return loan_id


def late(loan_id: str, on: date, *, open_collections: bool) -> RecordDelinquency:
    return RecordDelinquency(
        loan_id=loan_id,
        applicant_id=ids.new_id("per"),
        product="cash",
        zone="Asia/Shanghai",
        ladder=STANDARD,
        business_date=on,
        oldest_due_on=FIRST_DUE,
        state_seq=next(STATE_SEQ),
        episode=1,
        open_collections=open_collections,
    )


async def sent(bench: Bench, request: TakeStep) -> int:
    response = await bench.simulators.console.get(
        "/sandbox/messages", params={"message_id": request.action_id}
    )
    return len(response.json())


async def test_the_first_mark_starts_one_episode(bench: Bench) -> None:
    loan_id = await overdue(bench, 701)
    request = late(loan_id, LATE, open_collections=True)
    for _ in range(2):
        await bench.perform(calls.RECORD_DELINQUENCY, request)
    first, second = bench.starts.collections
    assert first == second
    assert (first.loan_id, first.episode, first.oldest_due_on) == (loan_id, 1, FIRST_DUE)
    assert (first.ladder, first.zone) == (STANDARD, "Asia/Shanghai")
    async with bench.database.read() as tx:
        row = await LoanRepository(tx).get(loan_id)
        facts = await OutboxRepository(tx).since(ids.loan_workflow(loan_id), 0)
    assert row is not None
    assert (row.state, row.days_past_due) == ("overdue", 1)
    assert [fact.kind for fact in facts].count("aged") == 1


async def test_a_reminder_is_sent_once_however_often_it_is_tried(bench: Bench, arm: Arm) -> None:
    loan_id = await overdue(bench, 702)
    request = step(loan_id, "reminder")
    arm("take_step.after_send=raise")
    with pytest.raises(ApplicationError):
        await bench.perform(calls.TAKE_STEP, request)
    taken = await asyncio.gather(*(bench.perform(calls.TAKE_STEP, request) for _ in range(3)))
    assert {step.taken for step in taken} == {True}
    assert await sent(bench, request) == 1
    async with bench.database.read() as tx:
        (action,) = await CollectionActionRepository(tx).of_loan(loan_id)
    assert (action.state, action.days_past_due) == (ActionState.SENT, 1)
    assert action.ladder == str(STANDARD.ref)
    assert action.template == str(ref(MESSAGE_TEMPLATE, "collections-reminder"))
    assert action.contact_limits == str(ref(CONTACT_LIMITS, HOME_LIMITS))


async def test_nobody_is_messaged_in_quiet_hours_and_a_collector_may_be_told(bench: Bench) -> None:
    loan_id = await overdue(bench, 706)
    night = {"at": datetime(2026, 2, 16, 15, tzinfo=UTC)}
    message = step(loan_id, "reminder").model_copy(update=night)
    taken = await bench.perform(calls.TAKE_STEP, message)
    assert (taken.taken, taken.not_before) == (False, datetime(2026, 2, 17, tzinfo=UTC))
    assert await sent(bench, message) == 0
    call = step(loan_id, "first_call").model_copy(update=night)
    assert (await bench.perform(calls.TAKE_STEP, call)).taken
    morning = message.model_copy(update={"at": taken.not_before})
    assert (await bench.perform(calls.TAKE_STEP, morning)).taken
    assert await sent(bench, message) == 1


async def test_a_repeat_is_the_same_message_also_after_a_release(bench: Bench, arm: Arm) -> None:
    """The provider refuses another content under the id of a message that it took already."""
    loan_id = await overdue(bench, 707)
    request = step(loan_id, "reminder")
    arm("take_step.after_send=raise")
    with pytest.raises(ApplicationError):
        await bench.perform(calls.TAKE_STEP, request)
    before = shipped(MESSAGE_TEMPLATE, "collections-reminder")
    other = before.model_copy(
        update={
            "sms": before.by_sms.model_copy(update={"provider_template": "collections.reminder.v2"})
        }
    )
    await release(bench.database, MESSAGE_TEMPLATE, "collections-reminder", other)
    forget(bench.database)
    assert (await bench.perform(calls.TAKE_STEP, request)).taken
    assert await sent(bench, request) == 1

    later = await overdue(bench, 708)
    assert (await bench.perform(calls.TAKE_STEP, step(later, "reminder"))).taken
    response = await bench.simulators.console.get(
        "/sandbox/messages", params={"message_id": step(later, "reminder").action_id}
    )
    assert [one["template"] for one in response.json()] == ["collections.reminder.v2"]
    await release(bench.database, MESSAGE_TEMPLATE, "collections-reminder", before)
    forget(bench.database)


async def test_a_call_waits_for_a_collector(bench: Bench) -> None:
    loan_id = await overdue(bench, 703)
    request = step(loan_id, "first_call", date(2026, 2, 19))
    for _ in range(2):
        assert (await bench.perform(calls.TAKE_STEP, request)).taken
    async with bench.database.transaction() as tx:
        queue = [
            task
            for task in await CollectionActionRepository(tx).queue(None, 100)
            if task.loan_id == loan_id
        ]
        done = await CollectionActionRepository(tx).finish(
            queue[0].id, ActionState.DONE, result="promised", by="collector-1"
        )
        twice = await CollectionActionRepository(tx).finish(
            queue[0].id, ActionState.DONE, result="other", by="collector-2"
        )
    assert [task.days_past_due for task in queue] == [4]
    assert (done, twice) == (True, False)
    assert (await bench.perform(calls.TAKE_STEP, request)).taken


async def test_nobody_is_bothered_about_a_loan_that_is_not_overdue(bench: Bench, arm: Arm) -> None:
    loan_id = await overdue(bench, 704)
    prepared = step(loan_id, "reminder")
    await bench.simulators.fault("messaging", times=1, status=503)
    with pytest.raises(ApplicationError):
        await bench.perform(calls.TAKE_STEP, prepared)
    await Repaying(bench, loan_id, INSTALMENT + 49, LATE).pay()
    assert not (await bench.perform(calls.TAKE_STEP, prepared)).taken
    assert not (await bench.perform(calls.TAKE_STEP, step(loan_id, "first_call"))).taken
    assert await sent(bench, prepared) == 0
    async with bench.database.read() as tx:
        actions = await CollectionActionRepository(tx).of_loan(loan_id)
    assert [action.state for action in actions] == [ActionState.CANCELLED]


async def test_an_episode_that_ends_cancels_open_calls(bench: Bench) -> None:
    loan_id = await overdue(bench, 705)
    await bench.perform(calls.TAKE_STEP, step(loan_id, "reminder"))
    await bench.perform(calls.TAKE_STEP, step(loan_id, "first_call"))
    for _ in range(2):
        await bench.perform(calls.CLOSE_EPISODE, CloseEpisode(loan_id=loan_id, episode=1))
    async with bench.database.read() as tx:
        actions = await CollectionActionRepository(tx).of_loan(loan_id)
    assert sorted(action.state for action in actions) == [ActionState.CANCELLED, ActionState.SENT]


async def test_every_step_of_the_ladder_can_be_taken(bench: Bench) -> None:
    loan_id = await overdue(bench, 706)
    for name in STEPS:
        taken = await bench.perform(calls.TAKE_STEP, step(loan_id, name, date(2026, 4, 17)))
        assert taken.taken


async def test_an_overdue_borrower_draws_no_more(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 707), mode="revolving")
    loan_id = await someone.borrow(amount=500_000)
    await bench.simulators.fault(
        "payments", operation="debit", times=1, order_outcome="card_closed"
    )
    await bench.perform(calls.COLLECT_INSTALMENT, collection(loan_id))
    await bench.perform(
        calls.RECORD_DELINQUENCY,
        RecordDelinquency(
            loan_id=loan_id,
            applicant_id=someone.applicant_id,
            product="revolving",
            zone="Asia/Shanghai",
            ladder=STANDARD,
            business_date=LATE,
            oldest_due_on=FIRST_DUE,
            state_seq=next(STATE_SEQ),
            episode=1,
            open_collections=True,
        ),
    )
    with pytest.raises(ApplicationError) as refused:
        await someone.reserve(amount=100_000)
    assert refused.value.type == "LineBlocked"


async def test_the_books_of_a_loan_in_arrears_agree_on_every_day(bench: Bench) -> None:
    """Penalty runs each day and is booked with the next entry: until then nothing is amiss."""
    loan_id = await overdue(bench, 707)
    for day in range(1, 100):
        on = FIRST_DUE + timedelta(days=day)
        await bench.perform(calls.RECORD_DELINQUENCY, late(loan_id, on, open_collections=False))
        if day == 40:
            charged = Charged(key=f"loan:{loan_id}:charged", on=on, amount=50)
            record = RecordTransaction(event=charged, actor="otto", role="ops")
            posting = PostTransaction(
                loan_id=loan_id,
                transaction=record,
                business_date=on,
                state_seq=next(STATE_SEQ),
            )
            await bench.perform(calls.POST_TRANSACTION, posting)
        async with bench.database.snapshot() as tx:
            page = await ReconciliationRepository(tx).page(None, 500)
        (one,) = [one for one in page if one.id == loan_id]
        assert not one.differs, (on, one)
        assert one.as_of == (FIRST_DUE if day < 40 else FIRST_DUE + timedelta(days=40))
