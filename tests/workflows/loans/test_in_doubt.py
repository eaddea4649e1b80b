"""A loan with one order in doubt goes on taking what is recorded by hand."""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Literal

import pytest
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateHandle

from domain.loans.events import Paid, PaidOff
from domain.loans.position import position
from messages import calls, ids
from messages.ids import new_id
from messages.loans import (
    RepayCommand,
    RepaymentSource,
    RepayReceipt,
    RequestRepayment,
    StartRepayment,
)
from messages.payments import TransferStatus
from services.processes import start_of_process
from storage.loans.loans import LoanRepository
from tests.workflows.borrowing import Loan, lend
from tests.workflows.lender import Lender, eventually, person
from tests.workflows.loans.test_loan_records import FIRST_DUE, INSTALMENT, key, record
from tests.workflows.loans.test_repayment import due_and_in_doubt, hold


@dataclass(frozen=True)
class InDoubt:
    """A loan whose debit the bank took on and has not decided."""

    lender: Lender
    loan: Loan
    command: RepayCommand
    begun: WorkflowUpdateHandle[RepayReceipt]

    async def decide(self, outcome: Literal["succeeded", "failed"]) -> RepayReceipt:
        """Have the bank decide, and return what the borrower is told."""
        order_no = ids.debit_order(self.command.repayment_id)
        workflow_id = ids.repayment_workflow(self.command.repayment_id)
        reason = None if outcome == "succeeded" else "insufficient_funds"
        await self.lender.settle(order_no, workflow_id, reason)
        return await self.begun.result()


async def in_doubt(lender: Lender, on: date, **command: int) -> InDoubt:
    loan = await lend(lender, person())
    await loan.live_until(on)
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="processing", hold=True
    )
    asked = RepayCommand(repayment_id=new_id("rep"), **command)
    begun = await loan.begin_repaying(asked)
    await eventually(lambda: loan.holds(asked.repayment_id))
    return InDoubt(lender, loan, asked, begun)


async def test_cash_is_recorded_while_the_bank_is_silent_and_what_is_too_much_is_credit(
    lender: Lender,
) -> None:
    """The borrower paid at the counter what the bank may yet turn out to have debited."""
    on = date(2031, 2, 1)
    doubt = await in_doubt(lender, on, amount=50_000)
    loan = doubt.loan
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await loan.repay(RepayCommand(repayment_id=new_id("rep"), amount=1))
    # It says what it waits for, and since when.
    assert "500.00" in str(refusal.value.cause)
    assert "2031-02-01" in str(refusal.value.cause)

    view = await record(loan, Paid(key=key(loan), on=on, amount=INSTALMENT))
    assert view.events == 2
    receipt = await doubt.decide("succeeded")

    assert receipt.status is TransferStatus.SUCCEEDED
    balances = await loan.balances()
    assert balances["customer_credit"] == -(INSTALMENT + 50_000)
    assert balances["cash"] == -1_000_000 + INSTALMENT + 50_000
    assert set(await loan.entry_sums()) == {0}
    await lender.simulators.repair()
    await loan.live_until(FIRST_DUE)
    # The credit pays the instalment: nothing more is debited.
    assert await loan.debited() == [50_000]
    assert (await loan.row()).principal_outstanding == 1_000_000 - 74_560


async def test_cash_is_taken_all_the_same_when_somebody_else_started_the_repayment(
    lender: Lender,
) -> None:
    """Maintenance found the recorded repayment without its process, and was first to start it."""
    on = date(2031, 2, 1)
    loan = await lend(lender, person())
    await loan.live_until(on)
    await hold(lender)
    command = RepayCommand(repayment_id=new_id("rep"), amount=50_000)
    order_no = ids.debit_order(command.repayment_id)
    workflow_id = ids.repayment_workflow(command.repayment_id)
    recorded = RequestRepayment(
        loan_id=loan.id,
        repayment_id=command.repayment_id,
        order_no=order_no,
        source=RepaymentSource.BORROWER,
        amount=50_000,
        business_date=on,
        workflow_id=workflow_id,
    )
    await lender.bench.perform(calls.REQUEST_REPAYMENT, recorded)
    async with lender.database.transaction() as tx:
        start = await start_of_process(tx, workflow_id)
    assert isinstance(start, StartRepayment)
    await lender.siblings.start(start)
    await eventually(lambda: loan.holds(command.repayment_id))
    doubt = InDoubt(lender, loan, command, await loan.begin_repaying(command))

    paid = Paid(key=key(loan), on=on, amount=INSTALMENT)

    async def taken() -> bool:
        try:
            await record(loan, paid)
        except WorkflowUpdateFailedError as error:
            if getattr(error.cause, "type", "") != "RepaymentInFlight":
                raise
            return False
        return True

    await eventually(taken)
    assert (await doubt.decide("succeeded")).status is TransferStatus.SUCCEEDED
    assert (await loan.balances())["customer_credit"] == -(INSTALMENT + 50_000)
    # Nothing is held up by what is over.
    await lender.simulators.repair()
    again = await loan.repay(RepayCommand(repayment_id=new_id("rep"), amount=1_000))
    assert again.status is TransferStatus.SUCCEEDED
    assert await loan.debited() == [50_000, 1_000]


async def test_a_loan_settled_in_cash_books_the_debit_that_succeeded_after_all(
    lender: Lender,
) -> None:
    on = date(2031, 2, 1)
    doubt = await in_doubt(lender, on, amount=50_000)
    loan = doubt.loan
    total = (await loan.quote()).total
    view = await record(loan, PaidOff(key=key(loan), on=on, amount=total))
    assert view.state == "settled"

    receipt = await doubt.decide("succeeded")

    assert receipt.status is TransferStatus.SUCCEEDED
    assert (await loan.result()).state == "settled"
    balances = await loan.balances()
    assert balances["customer_credit"] == -50_000
    assert set(await loan.entry_sums()) == {0}


async def test_a_loan_settled_in_cash_ends_when_the_debit_turns_out_to_have_failed(
    lender: Lender,
) -> None:
    on = date(2031, 2, 1)
    doubt = await in_doubt(lender, on, amount=50_000)
    total = (await doubt.loan.quote()).total
    await record(doubt.loan, PaidOff(key=key(doubt.loan), on=on, amount=total))
    assert (await doubt.decide("failed")).status is TransferStatus.FAILED
    assert (await doubt.loan.result()).state == "settled"
    assert (await doubt.loan.balances()).get("customer_credit", 0) == 0


async def test_records_and_the_outcome_of_a_debit_at_once_are_all_booked(lender: Lender) -> None:
    on = date(2031, 2, 1)
    doubt = await in_doubt(lender, on, amount=50_000)
    loan = doubt.loan

    async def by_hand() -> None:
        while True:
            try:
                await record(loan, Paid(key=paid, on=on, amount=10_000))
            except WorkflowUpdateFailedError as error:
                if getattr(error.cause, "type", "") != "RepaymentInFlight":
                    raise
            else:
                return

    paid = key(loan)
    await asyncio.gather(by_hand(), doubt.decide("succeeded"))
    row = await loan.row()
    async with lender.database.read() as tx:
        events = await LoanRepository(tx).events(loan.id)
        projected = await LoanRepository(tx).instalments(loan.id)
    assert sorted(event.kind for event in events) == ["disbursed", "paid", "paid"]
    # The projection holds both, whichever came last.
    stands = position(row.terms, events, row.business_date)
    assert [item.principal for item in projected] == [item.principal for item in stands.instalments]
    assert (await loan.balances())["customer_credit"] == -stands.credit == -60_000


async def test_an_instalment_paid_in_cash_and_by_its_debit_in_doubt_is_credit(
    lender: Lender,
) -> None:
    """Nobody waits for a debit of a due date: the process itself has to stay for its outcome."""
    loan, repayment, workflow_id = await due_and_in_doubt(lender)
    total = (await loan.quote()).total
    off = PaidOff(key=key(loan), on=FIRST_DUE, amount=total)
    assert (await record(loan, off)).state == "settled"

    await lender.settle(repayment.order_no, workflow_id)

    assert (await loan.result()).state == "settled"
    assert (await loan.balances())["customer_credit"] == -INSTALMENT
    assert set(await loan.entry_sums()) == {0}
