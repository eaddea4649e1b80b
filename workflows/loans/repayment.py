"""Repayment: one debit of the borrower's card, carried to a certain outcome."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.common.errors import DomainError
    from messages import calls, ids
    from messages.loans import DebitRepayment, FailRepayment, RepaymentEnded, StartRepayment
    from messages.payments import TransferOutcome, TransferStatus
    from workflows.common.calling import intervention_on_refusal, run, run_patiently
    from workflows.common.details import details_table
    from workflows.payments import AwaitsTransfer


@workflow.defn(failure_exception_types=[DomainError])
class Repayment(AwaitsTransfer):
    """One repayment."""

    @workflow.init
    def __init__(self, start: StartRepayment) -> None:
        super().__init__()
        self._start = start
        self._show("debiting")

    @workflow.run
    async def run(self, start: StartRepayment) -> RepaymentEnded:
        """Debit unless that was done, wait until the outcome is certain, and tell the loan."""
        with intervention_on_refusal():
            ended = await self._carry_out()
            await self._tell_loan(ended)
        return ended

    async def _carry_out(self) -> RepaymentEnded:
        start = self._start
        outcome = TransferOutcome(order_no=start.order_no, status=TransferStatus.IN_DOUBT)
        if not start.sent:
            outcome = await run_patiently(
                calls.DEBIT_REPAYMENT,
                DebitRepayment(
                    repayment_id=start.repayment_id,
                    order_no=start.order_no,
                    workflow_id=ids.repayment_workflow(start.repayment_id),
                ),
                "debit the card",
            )
        if outcome.status is TransferStatus.IN_DOUBT:
            since = workflow.now()
            self._show(f"debited or not: waits for the bank since {since:%Y-%m-%d %H:%M} UTC")
        outcome = await self._outcome_of(outcome)
        self._show(outcome.status)
        if outcome.status is TransferStatus.FAILED:
            await run(
                calls.FAIL_REPAYMENT,
                FailRepayment(repayment_id=start.repayment_id, reason=outcome.reason or "unknown"),
                "record: failed",
            )
        return RepaymentEnded(
            repayment_id=start.repayment_id,
            status=outcome.status,
            business_date=start.business_date,
            reason=outcome.reason,
        )

    async def _tell_loan(self, ended: RepaymentEnded) -> None:
        loan = workflow.get_external_workflow_handle(ids.loan_workflow(self._start.loan_id))
        await loan.signal("repayment_ended", ended)

    def _show(self, stage: str) -> None:
        workflow.set_current_details(
            details_table(
                [
                    ("stage", stage),
                    ("loan", ids.loan_workflow(self._start.loan_id)),
                    ("value date", self._start.business_date.isoformat()),
                ]
            )
        )
