"""What is recorded of a running loan, and how its process goes on from there."""

from datetime import date

from domain.common.errors import ConflictingEvent, InvalidEvent
from domain.loans.allocation import Component
from domain.loans.events import (
    AnyEvent,
    Charged,
    Paid,
    PaidOff,
    Refunded,
    Rescheduled,
    Reversed,
    Waived,
    WrittenOff,
)
from domain.loans.repayment import NothingDue, RepaymentTooLarge
from domain.loans.state import LoanState
from messages.ids import new_id
from messages.loans import LoanView, RecordTransaction, RepayCommand, StartLoan
from messages.payments import TransferStatus
from services.loans.agreed import agreements_of
from storage.loans.loans import LoanRepository
from tests.workflows.borrowing import DISBURSED_ON, Loan, lend
from tests.workflows.lender import Lender, eventually, person, refused

FIRST_DUE = date(2031, 2, 15)
INSTALMENT = 94_560


def key(loan: Loan) -> str:
    return f"{loan.workflow_id}:{new_id('evt')}"


def transaction(event: AnyEvent) -> RecordTransaction:
    return RecordTransaction(event=event, actor="otto", role="ops")


async def record(loan: Loan, event: AnyEvent) -> LoanView:
    view: LoanView = await loan.handle.execute_update(
        "record", transaction(event), result_type=LoanView
    )
    return view


async def declined(lender: Lender, *, times: int | None = None) -> None:
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="insufficient_funds", times=times
    )


async def test_a_charge_is_collected_with_the_next_instalment_less_what_is_waived(
    lender: Lender,
) -> None:
    loan = await lend(lender, person())
    on = date(2031, 2, 1)
    await loan.live_until(on)

    charged = Charged(key=key(loan), on=on, amount=50, name="letter")
    view = await record(loan, charged)
    assert view.events == 2
    # A repeat of the command answers the same and books nothing.
    assert (await record(loan, charged)).events == 2
    waived = Waived(key=key(loan), on=on, component=Component.FEE, amount=20)
    assert (await record(loan, waived)).next_due_amount == INSTALMENT + 30

    await loan.live_until(FIRST_DUE)
    assert await loan.debited() == [INSTALMENT + 30]
    assert set(await loan.entry_sums()) == {0}


async def test_what_contradicts_the_loan_is_refused_at_once(lender: Lender) -> None:
    loan = await lend(lender, person())
    on = date(2031, 2, 1)
    await loan.live_until(on)
    tomorrow = Charged(key=key(loan), on=date(2031, 2, 2), amount=1)
    with refused(InvalidEvent):
        await record(loan, tomorrow)
    known = Charged(key=key(loan), on=on, amount=1)
    await record(loan, known)
    with refused(ConflictingEvent):
        await record(loan, known.model_copy(update={"amount": 2}))


async def test_a_loan_put_off_is_debited_on_its_new_dates(lender: Lender) -> None:
    loan = await lend(lender, person())
    await declined(lender, times=1)
    await loan.live_until(date(2031, 2, 18))
    assert (await loan.row()).state is LoanState.OVERDUE

    on = date(2031, 2, 18)
    put_off = Rescheduled(key=key(loan), on=on, instalments=12, first_due_on=date(2031, 4, 1))
    view = await record(loan, put_off)

    assert (view.state, view.days_past_due, view.next_due_on) == ("current", 0, date(2031, 4, 1))
    assert (await loan.cured()).cured
    await loan.live_until(date(2031, 4, 2))
    (moved,) = await loan.debited()
    assert moved == view.next_due_amount > INSTALMENT
    assert (await loan.row()).state is LoanState.CURRENT


async def test_a_payment_that_the_bank_takes_back_is_owed_again(lender: Lender) -> None:
    loan = await lend(lender, person())
    await loan.live_until(date(2031, 2, 16))
    async with lender.database.read() as tx:
        paid = next(
            event for event in await LoanRepository(tx).events(loan.id) if isinstance(event, Paid)
        )

    on = date(2031, 2, 16)
    await record(loan, Reversed(key=key(loan), on=on, reverses=paid.key, reason="returned"))

    async def overdue() -> LoanState:
        return (await loan.row()).state

    await eventually(overdue, lambda state: state is LoanState.OVERDUE)
    assert (await loan.row()).days_past_due == 1
    balances = await loan.balances()
    assert balances["cash"] == -1_000_000
    receipt = await loan.repay(RepayCommand(repayment_id=new_id("rep")))
    # One day of penalty on 745.60 at 24 %: 0.49.
    assert (receipt.status, receipt.amount) == (TransferStatus.SUCCEEDED, INSTALMENT + 49)
    assert (await loan.cured()).cured


async def test_a_loan_that_is_written_off_takes_recoveries_only(lender: Lender) -> None:
    loan = await lend(lender, person())
    await declined(lender, times=1)
    on = date(2031, 2, 18)
    await loan.live_until(on)

    view = await record(loan, WrittenOff(key=key(loan), on=on))

    assert (view.state, view.days_past_due) == ("written_off", 0)
    assert (await loan.row()).state is LoanState.WRITTEN_OFF
    with refused(NothingDue):
        await loan.repay(RepayCommand(repayment_id=new_id("rep")))
    with refused(RepaymentTooLarge):
        await loan.repay(RepayCommand(repayment_id=new_id("rep"), amount=2_000_000))
    receipt = await loan.repay(RepayCommand(repayment_id=new_id("rep"), amount=50_000))
    assert receipt.status is TransferStatus.SUCCEEDED
    assert (await loan.balances())["recovery"] == -50_000
    await loan.live_until(date(2031, 6, 1))
    assert await loan.debited() == [50_000]


async def reopened(lender: Lender, loan: Loan, event: AnyEvent) -> LoanView:
    """Record an event of a settled loan as the API does."""
    row = await loan.row()
    async with lender.database.read() as tx:
        events = await LoanRepository(tx).events(loan.id)
        agreed = await agreements_of(tx, row)
    start = StartLoan(
        loan_id=loan.id,
        line_id=row.line_id,
        applicant_id=row.applicant_id,
        product="cash",
        terms=row.terms,
        agreed=agreed,
        events=events,
        collected_to=12,
        episode=row.episode,
        state_seq=row.state_seq,
    )
    operation = lender.siblings.reopening_loan(start)
    view: LoanView = await lender.client.execute_update_with_start_workflow(
        "record", transaction(event), start_workflow_operation=operation, result_type=LoanView
    )
    return view


async def test_a_settled_loan_is_opened_again_by_what_undoes_its_settlement(
    lender: Lender,
) -> None:
    loan = await lend(lender, person())
    total = (await loan.quote()).total
    await loan.repay(RepayCommand(repayment_id=new_id("rep"), payoff_total=total))
    assert (await loan.result()).state == "settled"
    async with lender.database.read() as tx:
        events = await LoanRepository(tx).events(loan.id)
    paid = next(event for event in events if isinstance(event, PaidOff))

    # A transaction that leaves the loan settled is booked and closes it again.
    too_much = Paid(key=key(loan), on=DISBURSED_ON, amount=50)
    given_back = Refunded(key=key(loan), on=DISBURSED_ON, amount=50)
    for event in (too_much, given_back):
        assert (await reopened(lender, loan, event)).state == "settled"
        assert (await loan.result()).state == "settled"

    chargeback = Reversed(key=key(loan), on=DISBURSED_ON, reverses=paid.key, reason="chargeback")
    view = await reopened(lender, loan, chargeback)
    assert (view.state, view.principal_outstanding) == ("current", 1_000_000)
    row = await loan.row()
    assert (row.state, row.settled_on) == (LoanState.CURRENT, None)
    again = RepayCommand(repayment_id=new_id("rep"), payoff_total=(await loan.quote()).total)
    assert (await loan.repay(again)).status is TransferStatus.SUCCEEDED
    assert (await loan.result()).state == "settled"
    assert set(await loan.entry_sums()) == {0}
