"""Loan: years of servicing with one timer at a time.

What the loan is worth on a day is `position(terms, events, as_of)`; the process only decides what
happens next: a debit on a due date, the next bucket of a loan in arrears, the booking of a
repayment. Interest needs no timer.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.common.errors import DomainError
    from domain.loans.servicing import Step
    from messages.loans import (
        AdoptCalendar,
        AdoptedCalendar,
        LoanView,
        RecordTransaction,
        RepayCommand,
        RepaymentEnded,
        RepayReceipt,
        StartLoan,
    )
    from workflows.common.calling import intervention_on_refusal
    from workflows.loans.arrears import Arrears
    from workflows.loans.process import LoanProcess
    from workflows.loans.recording import Recording
    from workflows.loans.repaying import Repaying
    from workflows.loans.waiting import Waiting


@workflow.defn(failure_exception_types=[DomainError])
class Loan:
    """One loan."""

    @workflow.init
    def __init__(self, start: StartLoan) -> None:
        self._loan = LoanProcess(start)
        self._waiting = Waiting(self._loan)
        self._arrears = Arrears(self._loan)
        self._repaying = Repaying(self._loan, self._arrears)
        self._recording = Recording(self._loan, self._arrears)

    @workflow.run
    async def run(self, start: StartLoan) -> LoanView:
        """Service the loan until it is settled, and nothing recorded meanwhile undid that."""
        with intervention_on_refusal():
            await self._service()
            while not workflow.all_handlers_finished():
                await workflow.wait_condition(workflow.all_handlers_finished)
                await self._service()
        self._loan.publish(self._loan.position(), None)
        return self._loan.view()

    async def _service(self) -> None:
        loan = self._loan
        while True:
            loan.wake_requested = False
            await self._repaying.book_ended()
            current = loan.position()
            step = loan.next_step(current)
            if current.settled and step is None and not loan.is_busy:
                break
            if self._waiting.should_continue_as_new:
                await self._waiting.continue_as_new()
                continue
            loan.publish(current, step)
            if step is None or loan.is_busy or workflow.now() < step.at:
                await self._waiting.wait_for(step)
            elif step.step is Step.COLLECT:
                await self._repaying.collect(step)
            else:
                await self._arrears.record_delinquency(step)

    @workflow.update(description="Pay by debit of the bound card")
    async def repay(self, command: RepayCommand) -> RepayReceipt:
        """Debit the borrower's card now and answer with what came of it.

        Without an amount everything due is paid; with `payoff_total` the loan is settled.
        """
        return await self._repaying.repay(command)

    @repay.validator
    def _may_repay(self, command: RepayCommand) -> None:
        self._repaying.check_may_repay(command)

    @workflow.update(description="Record a charge, waiver, reversal, new plan, write-off, ...")
    async def record(self, command: RecordTransaction) -> LoanView:
        """Book what happened to the loan, backdated or today; a repeat changes nothing."""
        await self._recording.record(command)
        return self._loan.view()

    @record.validator
    def _may_record(self, command: RecordTransaction) -> None:
        self._recording.check_may_record(command)

    @workflow.update(description="Follow the published years of a holiday calendar")
    async def adopt_calendar(self, command: AdoptCalendar) -> AdoptedCalendar:
        """Move the due dates that rested on a guess; a repeat changes nothing."""
        return AdoptedCalendar(moved=await self._recording.adopt_calendar(command))

    @adopt_calendar.validator
    def _may_adopt(self, command: AdoptCalendar) -> None:
        self._loan.refuse_while_booking()

    @workflow.signal(description="A repayment came to its end")
    def repayment_ended(self, ended: RepaymentEnded) -> None:
        """Queue the outcome for booking; a repeat is booked once."""
        self._loan.ended.append(ended)

    @workflow.signal(description="Look again: a new build may be there")
    def nudge(self) -> None:
        """Wake up, so that a sleeping loan moves to the build that was made current."""

    @workflow.query(description="The loan as its process knows it")
    def snapshot(self) -> LoanView:
        """Return the live state, for debugging."""
        return self._loan.view()
