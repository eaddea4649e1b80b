"""A loan from its first due date to its last fen."""

from datetime import date, time, timedelta

from temporalio.api.enums.v1 import EventType

from domain.common.calendar import instant_at
from domain.loans.ledger import Account
from domain.loans.repayment import NothingDue, PayoffChanged, RepaymentTooLarge
from domain.loans.state import LoanState
from messages import search_attributes as attributes
from messages.ids import new_id
from messages.loans import RepayCommand
from messages.payments import TransferStatus
from storage.loans.repayments import RepaymentState
from tests.integration import story
from tests.products import CASH
from tests.workflows.borrowing import DISBURSED_ON, Loan, lend
from tests.workflows.lender import (
    Lender,
    also_uncached,
    ended,
    eventually,
    of_type,
    person,
    refused,
)

DUE_AT = time(8, 30)
FIRST_DUE = date(2031, 2, 15)
INSTALMENT = 94_560
SKIPPING = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
)
"""What moving the clock adds to a history; on the wall clock there is none of it."""


async def no_money(lender: Lender, *, times: int | None = None) -> None:
    """Have debits declined."""
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="insufficient_funds", times=times
    )


def pay(amount: int | None = None, *, payoff: int | None = None) -> RepayCommand:
    return RepayCommand(repayment_id=new_id("rep"), amount=amount, payoff_total=payoff)


async def delinquency_of(loan: Loan) -> tuple[LoanState, str, int]:
    row = await loan.row()
    return row.state, row.bucket, row.days_past_due


async def test_a_loan_that_is_paid_on_every_due_date_settles_by_itself(lender: Lender) -> None:
    loan = await lend(lender, person())

    await loan.live_until(date(2032, 1, 15))

    view = await loan.result()
    assert (view.state, view.principal_outstanding) == ("settled", 0)
    assert await loan.debited() == [INSTALMENT] * 11 + [94_555]
    row = await loan.row()
    assert (row.state, row.settled_on) == (LoanState.SETTLED, date(2032, 1, 15))
    assert set(await loan.entry_sums()) == {0}
    interest = 11 * INSTALMENT + 94_555 - story.AMOUNT
    assert await loan.balances() == {Account.CASH: interest, Account.INTEREST_INCOME: -interest}
    assert await lender.search_attribute(loan.workflow_id, attributes.LOAN_STATE) == "settled"


async def test_a_month_costs_at_most_14_events_and_is_debited_at_half_past_eight(
    lender: Lender,
) -> None:
    loan = await lend(lender, person())
    await loan.live_until(FIRST_DUE)
    after_one = await lender.history(loan.workflow_id)

    await loan.live_until(date(2031, 5, 15))

    events = await lender.history(loan.workflow_id)
    lived = [event for event in events[len(after_one) :] if event.event_type not in SKIPPING]
    assert len(lived) / 3 <= 14
    debits = await lender.scheduled(loan.workflow_id, "collect_instalment")
    due = [instant_at(date(2031, month, 15), DUE_AT, CASH.zone) for month in (2, 3, 4, 5)]
    assert [debit.replace(microsecond=0) for debit in debits] == due


async def test_due_dates_keep_the_last_day_of_the_month(lender: Lender) -> None:
    loan = await lend(lender, person(), date(2031, 1, 31))

    await loan.live_until(date(2031, 4, 30))

    paid = [row.requested_on for row in await loan.repayments()]
    assert paid == [date(2031, 2, 28), date(2031, 3, 31), date(2031, 4, 30)]
    assert await loan.debited() == [INSTALMENT] * 3


async def test_due_dates_know_leap_years(lender: Lender) -> None:
    loan = await lend(lender, person(), date(2032, 1, 31))

    await loan.live_until(date(2032, 3, 1))

    assert [row.requested_on for row in await loan.repayments()] == [date(2032, 2, 29)]


@also_uncached
async def test_a_missed_instalment_is_overdue_the_next_day_and_cured_by_the_next_debit(
    lender: Lender,
) -> None:
    loan = await lend(lender, person())
    await no_money(lender, times=1)

    await loan.live_until(FIRST_DUE)
    assert await delinquency_of(loan) == (LoanState.CURRENT, "M0", 0)
    await loan.live_until(FIRST_DUE + timedelta(days=1), time(1))
    assert await delinquency_of(loan) == (LoanState.OVERDUE, "M1", 1)
    assert await lender.search_attribute(loan.workflow_id, attributes.LOAN_STATE) == "overdue"
    assert await lender.search_attribute(loan.workflow_id, attributes.DAYS_PAST_DUE) == 1
    await loan.live_until(date(2031, 3, 15))

    assert await delinquency_of(loan) == (LoanState.CURRENT, "M0", 0)
    # 745.60 of principal, 28 days late at 24 % a year over 365 days: 13.73.
    assert await loan.debited() == [2 * INSTALMENT + 1_373]
    assert (await loan.cured()).cured
    assert await lender.search_attribute(loan.workflow_id, attributes.LOAN_STATE) == "current"
    assert await lender.search_attribute(loan.workflow_id, attributes.DAYS_PAST_DUE) == 0
    marks = of_type(await lender.history(loan.workflow_id), EventType.EVENT_TYPE_MARKER_RECORDED)
    assert len(marks) == 1


async def test_an_overdue_loan_is_cured_by_its_borrower(lender: Lender) -> None:
    loan = await lend(lender, person())
    await no_money(lender, times=1)
    await loan.live_until(FIRST_DUE + timedelta(days=5))

    receipt = await loan.repay(pay())

    # Five days of penalty: 2.45.
    assert (receipt.amount, receipt.status) == (INSTALMENT + 245, TransferStatus.SUCCEEDED)
    assert await delinquency_of(loan) == (LoanState.CURRENT, "M0", 0)
    assert (await loan.cured()).steps == 2
    assert set(await loan.entry_sums()) == {0}
    await loan.live_until(date(2031, 3, 15))
    assert await loan.debited() == [INSTALMENT + 245, INSTALMENT]


async def test_arrears_of_60_days_are_in_bucket_m2(lender: Lender) -> None:
    loan = await lend(lender, person())
    await no_money(lender)

    await loan.live_until(FIRST_DUE + timedelta(days=31))
    assert await delinquency_of(loan) == (LoanState.OVERDUE, "M2", 31)
    await loan.live_until(FIRST_DUE + timedelta(days=60))

    bucket = await lender.search_attribute(loan.workflow_id, attributes.DELINQUENCY_BUCKET)
    assert bucket == "M2"
    assert await lender.search_attribute(loan.workflow_id, attributes.DAYS_PAST_DUE) == 31
    await loan.live_until(FIRST_DUE + timedelta(days=61))
    assert await delinquency_of(loan) == (LoanState.OVERDUE, "M3", 61)
    assert await loan.debited() == []


async def test_a_loan_back_in_an_earlier_bucket_enters_the_next_again(
    lender: Lender,
) -> None:
    loan = await lend(lender, person())
    await no_money(lender)
    await loan.live_until(FIRST_DUE + timedelta(days=32))
    assert await delinquency_of(loan) == (LoanState.OVERDUE, "M2", 31)
    await lender.simulators.repair()
    # The first instalment with 32 days of penalty: 15.69. The second one is still unpaid.
    await loan.repay(pay(INSTALMENT + 1_569))
    assert await delinquency_of(loan) == (LoanState.OVERDUE, "M1", 4)
    await no_money(lender)

    await loan.live_until(date(2031, 3, 15) + timedelta(days=31))

    assert await delinquency_of(loan) == (LoanState.OVERDUE, "M2", 31)
    await eventually(loan.actions, lambda rows: len(rows) == 5)


async def test_a_loan_whose_last_instalment_is_missed_stays_open_until_it_is_paid(
    lender: Lender,
) -> None:
    loan = await lend(lender, person())
    await loan.live_until(date(2031, 12, 15))
    await no_money(lender)
    await loan.live_until(date(2032, 1, 20))
    assert (await delinquency_of(loan))[0] is LoanState.OVERDUE
    await lender.simulators.repair()

    await loan.repay(pay())

    assert (await loan.result()).state == "settled"
    assert (await loan.cured()).cured
    with ended():
        await loan.repay(pay())


async def test_what_cannot_be_paid_is_refused(lender: Lender) -> None:
    loan = await lend(lender, person())
    await loan.live_until(FIRST_DUE + timedelta(days=5))
    total = (await loan.quote()).total

    with refused(NothingDue):
        await loan.repay(pay())
    with refused(NothingDue):
        await loan.repay(pay(0))
    with refused(RepaymentTooLarge):
        await loan.repay(pay(total + 1))
    with refused(PayoffChanged):
        await loan.repay(pay(payoff=total - 1))

    assert len(await loan.repayments()) == 1


async def test_a_payoff_is_quoted_for_a_day_and_settles_the_loan(lender: Lender) -> None:
    loan = await lend(lender, person())
    await loan.live_until(FIRST_DUE + timedelta(days=5))
    old = await loan.quote()
    # 9,254.40 outstanding and 5 of 28 days of 185.09 interest: 33.05.
    assert (old.principal, old.accrued_interest, old.total) == (925_440, 3_305, 928_745)

    await loan.live_until(FIRST_DUE + timedelta(days=6))
    with refused(PayoffChanged):
        await loan.repay(pay(payoff=old.total))
    new = await loan.quote()
    assert new.total == 925_440 + 3_966
    receipt = await loan.repay(pay(payoff=new.total))

    assert receipt.status is TransferStatus.SUCCEEDED
    assert (await loan.result()).state == "settled"
    assert await loan.debited() == [INSTALMENT, new.total]
    assert set(await loan.entry_sums()) == {0}
    assert (await loan.row()).state is LoanState.SETTLED


async def test_a_payoff_on_a_due_date_comes_before_its_debit(lender: Lender) -> None:
    loan = await lend(lender, person())
    await loan.live_until(FIRST_DUE, time(1))
    total = (await loan.quote()).total
    assert total == story.AMOUNT + 20_000

    await loan.repay(pay(payoff=total))
    await loan.live_until(FIRST_DUE)

    assert (await loan.result()).state == "settled"
    assert await loan.debited() == [total]
    assert set(await loan.entry_sums()) == {0}


async def test_money_paid_ahead_is_used_on_the_due_date(lender: Lender) -> None:
    loan = await lend(lender, person())
    await loan.live_until(DISBURSED_ON + timedelta(days=10))
    await loan.repay(pay(INSTALMENT))

    await loan.live_until(FIRST_DUE)

    assert await loan.debited() == [INSTALMENT]
    assert (await loan.row()).next_due_on == date(2031, 3, 15)
    await loan.live_until(date(2031, 3, 15))
    assert await loan.debited() == [INSTALMENT, INSTALMENT]


async def test_a_payment_channel_that_is_down_on_a_due_date_debits_once_when_it_is_back(
    lender: Lender,
) -> None:
    loan = await lend(lender, person())
    await lender.simulators.fault("payments", status=429)
    await loan.reach(FIRST_DUE, DUE_AT)
    await eventually(
        lambda: lender.search_attribute(loan.workflow_id, attributes.WAITING),
        lambda waiting: waiting == "provider",
    )

    await lender.simulators.repair()

    await eventually(loan.debited)
    assert await loan.debited() == [INSTALMENT]
    rows = await eventually(loan.repayments, lambda rows: rows[0].state is RepaymentState.SETTLED)
    assert [row.settled_on for row in rows] == [FIRST_DUE]
