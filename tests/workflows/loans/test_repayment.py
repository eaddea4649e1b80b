"""A repayment: one debit however often it is asked for, and a certain end."""

import asyncio
from datetime import date, time, timedelta

from domain.loans.repayment import RepaymentInFlight
from domain.loans.state import LoanState
from messages import ids
from messages import search_attributes as attributes
from messages.ids import new_id
from messages.loans import RepayCommand, RepaymentEnded, RepaymentSource
from messages.payments import TransferStatus
from storage.loans.loans import LoanRepository
from storage.loans.repayments import RepaymentRow, RepaymentState
from tests.workflows.borrowing import DISBURSED_ON, Loan, lend, outcome
from tests.workflows.lender import Lender, also_uncached, eventually, person, refused
from workflows.payments import PERSON_AFTER

DUE_AT = time(8, 30)
FIRST_DUE = date(2031, 2, 15)
INSTALMENT = 94_560
QUERY = "query_transfer"
HALF_HOURS = 6
"""Within so many the bank is asked more often than it takes to call a person."""


async def hold(lender: Lender) -> None:
    """Have debits taken on and left undecided."""
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="processing", hold=True
    )


def pay(amount: int = 50_000) -> RepayCommand:
    return RepayCommand(repayment_id=new_id("rep"), amount=amount)


async def due_and_in_doubt(lender: Lender) -> tuple[Loan, RepaymentRow, str]:
    """Return a loan whose first debit is with the bank, its repayment and that one's process."""
    loan = await lend(lender, person())
    await hold(lender)
    await loan.reach(FIRST_DUE, DUE_AT)
    (repayment,) = await eventually(loan.repayments)
    workflow_id = ids.repayment_workflow(repayment.id)
    await eventually(lambda: loan.holds(repayment.id))
    return loan, repayment, workflow_id


async def test_a_command_sent_five_times_debits_once(lender: Lender) -> None:
    loan = await lend(lender, person())
    command = pay()

    receipts = await asyncio.gather(*(loan.repay(command) for _ in range(5)))
    again = await loan.repay(command)

    assert {receipt.status for receipt in [*receipts, again]} == {TransferStatus.SUCCEEDED}
    assert len(await loan.repayments()) == 1
    assert await loan.debited() == [50_000]


async def test_only_one_repayment_is_with_the_bank_at_a_time(lender: Lender) -> None:
    loan = await lend(lender, person())
    await hold(lender)
    command = pay()
    update = await loan.begin_repaying(command)

    with refused(RepaymentInFlight):
        await loan.repay(pay())
    repeated = await loan.begin_repaying(command)
    await eventually(lambda: loan.holds(command.repayment_id))
    await lender.settle(
        ids.debit_order(command.repayment_id), ids.repayment_workflow(command.repayment_id)
    )

    assert (await update.result()).status is TransferStatus.SUCCEEDED
    assert await repeated.result() == await update.result()
    await lender.simulators.repair()
    assert (await loan.repay(pay())).status is TransferStatus.SUCCEEDED
    assert await loan.debited() == [50_000, 50_000]


async def test_a_declined_debit_is_the_answer_and_another_one_may_follow(lender: Lender) -> None:
    loan = await lend(lender, person())
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="insufficient_funds", times=1
    )
    command = pay()

    declined = await loan.repay(command)

    assert (declined.status, declined.reason) == (TransferStatus.FAILED, "insufficient_funds")
    assert await loan.repay(command) == declined
    assert (await loan.repay(pay())).status is TransferStatus.SUCCEEDED
    states = [row.state for row in await loan.repayments()]
    assert states == [RepaymentState.FAILED, RepaymentState.SETTLED]
    assert await loan.debited() == [50_000]


@also_uncached
async def test_an_auto_debit_in_doubt_is_booked_on_its_due_date_when_the_bank_knows(
    lender: Lender,
) -> None:
    loan, repayment, workflow_id = await due_and_in_doubt(lender)
    assert (repayment.source, repayment.amount) == (RepaymentSource.AUTO_DEBIT, INSTALMENT)
    with refused(RepaymentInFlight):
        await loan.repay(pay())

    await lender.settle(repayment.order_no, workflow_id)

    ended = await outcome(lender, workflow_id, RepaymentEnded)
    assert (ended.status, ended.business_date) == (TransferStatus.SUCCEEDED, FIRST_DUE)
    (settled,) = await eventually(
        loan.repayments, lambda rows: rows[0].state is RepaymentState.SETTLED
    )
    assert settled.settled_on == FIRST_DUE
    assert await loan.debited() == [INSTALMENT]
    await lender.simulators.repair()
    await loan.live_until(date(2031, 3, 15))
    assert await loan.debited() == [INSTALMENT, INSTALMENT]
    assert set(await loan.entry_sums()) == {0}


async def test_an_auto_debit_in_doubt_that_fails_leaves_the_loan_overdue(lender: Lender) -> None:
    loan, repayment, workflow_id = await due_and_in_doubt(lender)

    await lender.settle(repayment.order_no, workflow_id, reason="insufficient_funds")

    assert (await outcome(lender, workflow_id, RepaymentEnded)).reason == "insufficient_funds"
    await eventually(loan.repayments, lambda rows: rows[0].state is RepaymentState.FAILED)
    await loan.live_until(FIRST_DUE + timedelta(days=1))
    assert (await loan.row()).state is LoanState.OVERDUE
    assert await loan.debited() == []


async def test_the_bank_is_asked_until_it_knows_and_the_debit_is_never_sent_again(
    lender: Lender,
) -> None:
    loan, repayment, workflow_id = await due_and_in_doubt(lender)

    for _ in range(HALF_HOURS):
        await lender.pass_time(workflow_id, timedelta(minutes=30))
        if len(await lender.scheduled(workflow_id, QUERY)) >= PERSON_AFTER:
            break
    await eventually(
        lambda: lender.scheduled(workflow_id, QUERY), lambda it: len(it) >= PERSON_AFTER
    )
    assert await lender.search_attribute(workflow_id, attributes.NEEDS_HUMAN) is True
    await lender.simulators.settle(repayment.order_no)
    await lender.pass_time(workflow_id, timedelta(hours=1))

    ended = await outcome(lender, workflow_id, RepaymentEnded)
    assert ended.status is TransferStatus.SUCCEEDED
    assert await loan.debited() == [INSTALMENT]
    order = await lender.bench.book.order(repayment.order_no)
    assert order is not None
    assert order["attempts"] == 1


async def test_a_debit_whose_answer_was_lost_is_booked_once(lender: Lender) -> None:
    loan = await lend(lender, person())
    await lender.simulators.fault("payments", operation="debit", lose_response=True, times=1)
    command = pay()
    update = await loan.begin_repaying(command)
    workflow_id = ids.repayment_workflow(command.repayment_id)
    await eventually(loan.debited)

    await lender.pass_time(workflow_id, timedelta(seconds=10))

    assert (await update.result()).status is TransferStatus.SUCCEEDED
    assert await loan.debited() == [50_000]
    assert set(await loan.entry_sums()) == {0}


async def test_news_of_a_repayment_that_comes_twice_is_booked_once(lender: Lender) -> None:
    loan = await lend(lender, person())
    command = pay()
    receipt = await loan.repay(command)
    ended = RepaymentEnded(
        repayment_id=command.repayment_id, status=receipt.status, business_date=DISBURSED_ON
    )

    await loan.handle.signal("repayment_ended", ended)
    await loan.repay(pay())

    async with lender.database.read() as tx:
        events = await LoanRepository(tx).events(loan.id)
    assert [event.kind for event in events] == ["disbursed", "paid", "paid"]


async def test_a_debit_that_fails_for_a_reason_we_do_not_know_has_failed(lender: Lender) -> None:
    """Nothing was taken, so the loan is free for the next attempt at once."""
    loan = await lend(lender, person())
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="transaction_not_permitted", times=1
    )

    receipt = await loan.repay(pay())

    assert (receipt.status, receipt.reason) == (TransferStatus.FAILED, "transaction_not_permitted")
    (failed,) = await loan.repayments()
    assert (failed.state, failed.reason) == (RepaymentState.FAILED, "transaction_not_permitted")
    assert (await loan.repay(pay())).status is TransferStatus.SUCCEEDED
    assert await loan.debited() == [50_000]


async def test_a_success_with_a_field_more_is_one(lender: Lender) -> None:
    loan = await lend(lender, person())
    await lender.simulators.fault(
        "payments", operation="debit", change={"fee": 12, "reason": "00"}, times=1
    )
    assert (await loan.repay(pay())).status is TransferStatus.SUCCEEDED
    assert set(await loan.entry_sums()) == {0}


async def test_a_channel_that_speaks_another_language_calls_a_person_within_the_hour(
    lender: Lender,
) -> None:
    """Answers that nobody understands are as good as none: asked again, and a person is called."""
    _, repayment, workflow_id = await due_and_in_doubt(lender)
    await lender.simulators.fault("payments", operation="query", garbage="not_json")

    for _ in range(HALF_HOURS):
        await lender.pass_time(workflow_id, timedelta(minutes=30))
        if await lender.search_attribute(workflow_id, attributes.NEEDS_HUMAN):
            break
    assert await lender.search_attribute(workflow_id, attributes.NEEDS_HUMAN) is True

    await lender.simulators.repair()
    await lender.settle(repayment.order_no, workflow_id)
    ended = await outcome(lender, workflow_id, RepaymentEnded)
    assert ended.status is TransferStatus.SUCCEEDED
    assert not await lender.search_attribute(workflow_id, attributes.NEEDS_HUMAN)
