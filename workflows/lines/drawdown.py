"""Drawdown: a reserved amount is signed for, disbursed once, and becomes a loan."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.common.calendar import business_date
    from domain.common.errors import DomainError
    from domain.common.money import format_amount
    from domain.common.zones import zone_of
    from messages import calls, ids
    from messages.lines import (
        BookLoan,
        Disburse,
        DrawdownResult,
        FailDrawdown,
        SignContract,
        StartDrawdown,
    )
    from messages.payments import TransferOutcome, TransferStatus
    from workflows.common.calling import intervention_on_refusal, run, run_patiently
    from workflows.common.details import details_table
    from workflows.payments import AwaitsTransfer


@workflow.defn(failure_exception_types=[DomainError])
class Drawdown(AwaitsTransfer):
    """One drawdown."""

    @workflow.init
    def __init__(self, start: StartDrawdown) -> None:
        super().__init__()
        self._start = start
        self._zone = zone_of(start.product.zone)
        self._show("signing the contract")

    @workflow.run
    async def run(self, start: StartDrawdown) -> DrawdownResult:
        """Sign, disburse, book; or give the amount back to the line."""
        with intervention_on_refusal():
            outcome = await self._carry_out()
        return DrawdownResult(
            drawdown_id=start.drawdown_id,
            loan_id=start.loan_id,
            disbursed=outcome.status is TransferStatus.SUCCEEDED,
            reason=outcome.reason,
        )

    async def _carry_out(self) -> TransferOutcome:
        await run_patiently(
            calls.SIGN_CONTRACT,
            SignContract(drawdown_id=self._start.drawdown_id),
            "sign the contract",
        )
        self._show("disbursing")
        outcome = await self._disburse()
        if outcome.status is TransferStatus.SUCCEEDED:
            await self._book()
        else:
            await self._fail(outcome)
        return outcome

    async def _disburse(self) -> TransferOutcome:
        workflow_id = ids.drawdown_workflow(self._start.drawdown_id)
        outcome = await run_patiently(
            calls.DISBURSE,
            Disburse(
                drawdown_id=self._start.drawdown_id,
                order_no=ids.disbursement_order(self._start.drawdown_id),
                workflow_id=workflow_id,
            ),
            f"disburse {format_amount(self._start.amount, self._start.currency)}",
        )
        if outcome.status is TransferStatus.IN_DOUBT:
            self._show("disbursed or not: waiting for the bank's word")
        return await self._outcome_of(outcome)

    async def _book(self) -> None:
        await run(
            calls.BOOK_LOAN,
            BookLoan(
                drawdown_id=self._start.drawdown_id,
                loan_id=self._start.loan_id,
                line_id=self._start.line_id,
                applicant_id=self._start.applicant_id,
                product=self._start.product.code,
                amount=self._start.amount,
                disbursed_on=business_date(workflow.now(), self._zone),
            ),
            "book the loan and start its servicing",
        )
        self._show("disbursed")

    async def _fail(self, outcome: TransferOutcome) -> None:
        await run(
            calls.FAIL_DRAWDOWN,
            FailDrawdown(
                drawdown_id=self._start.drawdown_id,
                reason=outcome.reason or "unknown",
                at=workflow.now(),
            ),
            "give the amount back to the line",
        )
        self._show(f"failed: {outcome.reason}")

    def _show(self, stage: str) -> None:
        start = self._start
        workflow.set_current_details(
            details_table(
                [
                    ("stage", stage),
                    ("amount", f"{format_amount(start.amount, start.currency)}"),
                    ("line", ids.line_workflow(start.line_id)),
                    ("goes on as", ids.loan_workflow(start.loan_id)),
                ]
            )
        )
