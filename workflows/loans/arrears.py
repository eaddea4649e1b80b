"""Arrears: how late a loan is, on record, and the beginning and end of its overdue episodes."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.loans.servicing import NextStep, oldest_unpaid
    from messages import calls, ids
    from messages.loans import MarkLoan
    from workflows.common.calling import run
    from workflows.loans.process import LoanProcess


class Arrears:
    """The delinquency of one loan."""

    def __init__(self, loan: LoanProcess) -> None:
        self._loan = loan

    async def record_delinquency(self, step: NextStep) -> None:
        """Record that the loan enters the next bucket; the first time starts an episode."""
        loan = self._loan
        begins = loan.marked == 0
        loan.marked = step.days_past_due
        loan.episode += begins
        oldest = oldest_unpaid(loan.position())
        assert oldest is not None  # noqa: S101 -- a loan that is marked has an unpaid instalment
        await run(
            calls.MARK_LOAN,
            MarkLoan(
                loan_id=loan.id,
                applicant_id=loan.applicant_id,
                product=loan.product,
                zone=loan.agreed.zone,
                ladder=loan.agreed.ladder,
                business_date=loan.current_date(),
                oldest_due_on=oldest.due_on,
                state_seq=loan.next_seq(),
                episode=loan.episode,
                open_collections=begins,
            ),
            f"record: {loan.marked} days past due",
        )

    async def after_change(self) -> None:
        """Follow a change of what is owed: a loan that is no longer late leaves collections."""
        loan = self._loan
        was_marked = loan.marked > 0
        days_past_due = loan.position().days_past_due
        # A loan that grew younger in arrears is marked again when it grows older once more.
        loan.marked = min(loan.marked, loan.servicing.reached(days_past_due))
        if was_marked and not loan.marked:
            await self._leave_collections()

    async def _leave_collections(self) -> None:
        loan = self._loan
        case = workflow.get_external_workflow_handle(
            ids.collections_workflow(loan.id, loan.episode)
        )
        try:
            await case.signal("cured")
        except ApplicationError as error:
            # The episode ended before the news came: nothing is left to stop.
            workflow.logger.info("no open episode: %s", error.type)
