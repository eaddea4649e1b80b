"""Repaying: debits that fall due or that the borrower asks for, their booking and receipts."""

from contextlib import suppress
from datetime import date

from temporalio import workflow
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from domain.common.money import format_amount
    from domain.loans.payoff import payoff_quote
    from domain.loans.position import position
    from domain.loans.repayment import amount_to_pay
    from domain.loans.servicing import NextStep
    from messages import calls, ids
    from messages.loans import (
        ApplyRepayment,
        CollectInstalment,
        RepayCommand,
        RepaymentEnded,
        RepaymentSource,
        RepayReceipt,
        RequestRepayment,
        StartRepayment,
    )
    from messages.payments import TransferStatus
    from workflows.common.calling import run, run_patiently
    from workflows.loans.arrears import Arrears
    from workflows.loans.process import AtBank, LoanProcess
    from workflows.loans.repayment import Repayment


class Repaying:
    """The repayments of one loan: one at a time, each booked once."""

    def __init__(self, loan: LoanProcess, arrears: Arrears) -> None:
        self._loan = loan
        self._arrears = arrears
        self._amounts: dict[str, int] = {}

    def check_may_repay(self, command: RepayCommand) -> None:
        """Raise unless the command can be carried out today; a repeat can."""
        loan = self._loan
        if command.repayment_id in loan.receipts or command.repayment_id == loan.in_flight:
            return
        loan.refuse_while_busy()
        self._amount_of(command)

    async def repay(self, command: RepayCommand) -> RepayReceipt:
        """Debit the borrower's card now; return what came of it."""
        receipts, repayment_id = self._loan.receipts, command.repayment_id
        if repayment_id not in self._amounts and repayment_id not in receipts:
            await self._request(command)
        await workflow.wait_condition(lambda: repayment_id in receipts)
        return receipts[repayment_id]

    async def collect(self, step: NextStep) -> None:
        """Bill and debit what is due today. One activity on the usual path: a month costs a dozen
        events; a debit in doubt gets a process of its own."""
        loan, today = self._loan, self._loan.current_date()
        repayment_id = ids.derived_id(
            "rep", loan.id, "instalment", str(step.number), today.isoformat()
        )
        loan.in_flight = repayment_id
        outcome = await run_patiently(
            calls.COLLECT_INSTALMENT,
            CollectInstalment(
                loan_id=loan.id,
                repayment_id=repayment_id,
                order_no=ids.debit_order(repayment_id),
                number=step.number,
                business_date=today,
                workflow_id=ids.repayment_workflow(repayment_id),
                state_seq=loan.next_seq(),
            ),
            f"debit instalment {step.number}",
        )
        loan.collected_to = step.number
        if outcome.status is TransferStatus.IN_DOUBT:
            # As it was ordered: meanwhile a day may have passed, and have added to it.
            amount = position(loan.terms, loan.events, today).total_due
            self._amounts[repayment_id] = amount
            await self._start_repayment(repayment_id, amount, today, sent=True)
            return
        loan.in_flight = None
        if outcome.event is not None:
            loan.events.append(outcome.event)
            await self._arrears.after_change()

    async def book_ended(self) -> None:
        """Book the repayments that came to their end; a repeated outcome is booked once."""
        loan = self._loan
        while loan.ended:
            ended = loan.ended.pop(0)
            if ended.repayment_id in loan.receipts:
                continue
            if ended.status is TransferStatus.SUCCEEDED:
                # What is recorded meanwhile is booked first: each write sees all before it.
                await workflow.wait_condition(lambda: loan.booking is None)
                await self._apply(ended)
            loan.receipts[ended.repayment_id] = RepayReceipt(
                repayment_id=ended.repayment_id,
                loan_id=loan.id,
                amount=self._amounts.pop(ended.repayment_id, 0),
                status=ended.status,
                reason=ended.reason,
            )
            loan.in_flight = loan.at_bank = None

    def _amount_of(self, command: RepayCommand) -> int:
        """Return what a command pays today or raise why it cannot."""
        loan = self._loan
        return amount_to_pay(
            loan.terms,
            loan.events,
            loan.current_date(),
            amount=command.amount,
            payoff_total=command.payoff_total,
        )

    async def _request(self, command: RepayCommand) -> None:
        loan, today = self._loan, self._loan.current_date()
        amount = self._amount_of(command)
        settles = command.payoff_total is not None
        loan.in_flight = command.repayment_id
        self._amounts[command.repayment_id] = amount
        try:
            await run(
                calls.REQUEST_REPAYMENT,
                RequestRepayment(
                    loan_id=loan.id,
                    repayment_id=command.repayment_id,
                    order_no=ids.debit_order(command.repayment_id),
                    source=RepaymentSource.PAYOFF if settles else RepaymentSource.BORROWER,
                    amount=amount,
                    business_date=today,
                    workflow_id=ids.repayment_workflow(command.repayment_id),
                    payoff=payoff_quote(loan.terms, loan.events, today) if settles else None,
                ),
                f"record the repayment of {format_amount(amount, loan.terms.currency)}",
            )
        except ApplicationError:
            # The booking was refused: nothing was sent and nothing will be.
            loan.in_flight = None
            loan.wake_requested = True
            del self._amounts[command.repayment_id]
            raise
        await self._start_repayment(command.repayment_id, amount, today, sent=False)

    async def _start_repayment(
        self, repayment_id: str, amount: int, today: date, *, sent: bool
    ) -> None:
        with suppress(WorkflowAlreadyStartedError):  # by maintenance, which found it missing
            _child = await workflow.start_child_workflow(
                Repayment.run,
                StartRepayment(
                    repayment_id=repayment_id,
                    loan_id=self._loan.id,
                    order_no=ids.debit_order(repayment_id),
                    amount=amount,
                    business_date=today,
                    sent=sent,
                ),
                id=ids.repayment_workflow(repayment_id),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"repayment of {format_amount(amount, self._loan.terms.currency)}",
            )
        # Whoever started it, that process carries the debit now, unless it ended meanwhile.
        if self._loan.in_flight == repayment_id:
            self._loan.at_bank = AtBank(repayment_id, amount, workflow.now())
        # Operators are to see at once what the loan waits for.
        self._loan.wake_requested = True

    async def _apply(self, ended: RepaymentEnded) -> None:
        loan = self._loan
        loan.booking = ended.repayment_id
        try:
            applied = await run(
                calls.APPLY_REPAYMENT,
                ApplyRepayment(
                    loan_id=loan.id,
                    repayment_id=ended.repayment_id,
                    business_date=ended.business_date,
                    state_seq=loan.next_seq(),
                ),
                "book the repayment",
            )
        finally:
            loan.booking = None
        loan.events.append(applied.event)
        await self._arrears.after_change()
