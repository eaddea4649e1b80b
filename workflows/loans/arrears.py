"""Arrears: how late a loan is, on record, and the beginning and end of its overdue episodes."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.loans.servicing import NextStep
    from domain.loans.state import oldest_due
    from messages import calls, ids
    from messages.loans import RecordDelinquency
    from workflows.common.calling import run
    from workflows.loans.process import LoanProcess


class Arrears:
    """The delinquency of one loan."""

    def __init__(self, loan: LoanProcess) -> None:
        self._loan = loan

    async def record_delinquency(self, step: NextStep) -> None:
        """Record that the loan enters the next bucket; the first time starts an episode."""
        loan = self._loan
        begins = loan.bucket_start == 0
        loan.bucket_start = step.days_past_due
        loan.episode += begins
        oldest = oldest_due(loan.position())
        assert oldest is not None  # noqa: S101 -- a loan in arrears owes something
        await run(
            calls.RECORD_DELINQUENCY,
            RecordDelinquency(
                loan_id=loan.id,
                applicant_id=loan.applicant_id,
                product=loan.product,
                zone=loan.agreed.zone,
                ladder=loan.agreed.ladder,
                business_date=loan.current_date(),
                oldest_due_on=oldest,
                state_seq=loan.next_seq(),
                episode=loan.episode,
                open_collections=begins,
            ),
            f"record: {loan.bucket_start} days past due",
        )

    async def after_change(self) -> None:
        """Follow a change of what is owed: a loan that is no longer late leaves collections."""
        loan = self._loan
        was_overdue = loan.bucket_start > 0
        days_past_due = loan.position().days_past_due
        # A loan that went back to an earlier bucket enters the next ones once more.
        loan.bucket_start = min(loan.bucket_start, loan.servicing.reached(days_past_due))
        if was_overdue and not loan.bucket_start:
            await self._leave_collections()

    async def _leave_collections(self) -> None:
        loan = self._loan
        case = workflow.get_external_workflow_handle(
            ids.collections_workflow(loan.id, loan.episode)
        )
        try:
            await case.signal("cured")
        except ApplicationError as error:
            # The episode ended before the signal came: nothing is left to stop.
            workflow.logger.info("no open episode: %s", error.type)
