"""CreditLine: a limit that can be drawn on until it is used up or expires.

The limit itself is guarded by one row in Postgres, so that a hot line is not bound by how many
updates a workflow takes; the process owns the line's life.
"""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.common.errors import DomainError
    from domain.common.money import format_amount
    from domain.lines import LineClosed, LineState
    from messages import calls, ids
    from messages.lines import (
        CloseLine,
        DrawCommand,
        DrawdownEnded,
        DrawReceipt,
        LineElementOutcomes,
        LineView,
        ProvideLineElements,
        ReserveDrawdown,
        StartLine,
    )
    from messages.verification import ConfirmElement, ElementSettled
    from workflows.common.calling import continue_on_newest_build, intervention_on_refusal, run
    from workflows.common.details import details_table, element_rows
    from workflows.lines.elements import LineElements

ENDED = ("disbursed", "failed")
"""The final states of a drawdown."""


@workflow.defn(failure_exception_types=[DomainError])
class CreditLine:
    """One credit line."""

    @workflow.init
    def __init__(self, start: StartLine) -> None:
        self._start = start
        self._state = LineState.ACTIVE
        self._open = set(start.open_drawdowns)
        self._drawn = start.drawn
        self._expiry: asyncio.Task[None] | None = None
        self._elements = LineElements(
            start.application_id,
            start.product,
            start.elements,
            is_over=self._is_over,
            show=self._show,
        )
        self._show()

    @workflow.run
    async def run(self, start: StartLine) -> LineView:
        """Take drawdowns until the line is used or expires, then close it."""
        self._expiry = asyncio.create_task(
            workflow.sleep(start.expires_at - workflow.now(), summary="the line expires")
        )
        self._elements.resume()
        await workflow.wait_condition(lambda: self._is_over() or self._should_continue_as_new())
        self._elements.stop()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self._is_over():
            continue_on_newest_build(
                start.model_copy(
                    update={
                        "open_drawdowns": tuple(sorted(self._open)),
                        "drawn": self._drawn,
                        "elements": self._elements.records,
                    }
                )
            )
        self._state = LineState.USED if self._is_used() else LineState.EXPIRED
        await workflow.wait_condition(lambda: not self._open)
        with intervention_on_refusal():
            await run(
                calls.CLOSE_LINE,
                CloseLine(line_id=start.line_id, state=self._state, at=workflow.now()),
                f"record: {self._state}",
            )
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._show()
        return self._view()

    @workflow.update(description="Draw against a quote that the borrower saw")
    async def draw(self, command: DrawCommand) -> DrawReceipt:
        """Reserve the quoted amount and start its drawdown."""
        is_new = command.drawdown_id not in self._open
        self._open.add(command.drawdown_id)
        try:
            receipt = await run(
                calls.RESERVE_DRAWDOWN,
                ReserveDrawdown(
                    line_id=self._start.line_id,
                    applicant_id=self._start.applicant_id,
                    command=command,
                    at=workflow.now(),
                ),
                f"reserve {format_amount(command.amount, self._start.currency)}",
            )
        except ApplicationError:
            if is_new:
                self._open.discard(command.drawdown_id)
            raise
        if is_new and receipt.state in ENDED:
            # A repeat of a command whose drawdown came to its end: no update on it will follow.
            self._open.discard(command.drawdown_id)
        self._show()
        return receipt

    @draw.validator
    def _may_draw(self, command: DrawCommand) -> None:
        self._require_active()

    @workflow.update(description="Verify what is asked for before money is drawn")
    async def provide_elements(self, command: ProvideLineElements) -> LineElementOutcomes:
        """Verify elements that were stored, side by side."""
        return LineElementOutcomes(outcomes=await self._elements.provide(command.elements))

    @provide_elements.validator
    def _may_provide(self, command: ProvideLineElements) -> None:
        self._require_active()
        self._elements.check_may_provide(command.elements)

    @workflow.update(description="Pass on the code that a source sent to the borrower")
    async def confirm_element(self, command: ConfirmElement) -> LineElementOutcomes:
        """Pass a code on and return what its source says of the element."""
        return LineElementOutcomes(outcomes=(await self._elements.confirm(command),))

    @confirm_element.validator
    def _may_confirm(self, command: ConfirmElement) -> None:
        self._require_active()
        self._elements.check_may_confirm(command)

    @workflow.signal(description="A source has an update on an element: it is asked now")
    def element_settled(self, update: ElementSettled) -> None:
        """Ask the source now; a repeat, or an update on what is settled, changes nothing."""
        self._elements.settled(update)

    @workflow.signal(description="A drawdown was disbursed or failed")
    def drawdown_ended(self, ended: DrawdownEnded) -> None:
        """Learn what became of a drawdown; a repeat changes nothing."""
        if ended.drawdown_id in self._open:
            self._open.discard(ended.drawdown_id)
            self._drawn += ended.amount if ended.disbursed else 0
            self._show()

    @workflow.signal(description="Look again: a new build may be there")
    def nudge(self) -> None:
        """Wake up, so that a sleeping line moves to the build that was made current."""

    @workflow.query(description="The line as its process knows it")
    def snapshot(self) -> LineView:
        """Return the live state, for debugging."""
        return self._view()

    def _require_active(self) -> None:
        if self._state is not LineState.ACTIVE or workflow.now() >= self._start.expires_at:
            raise LineClosed(f"the line is {self._state}")

    def _is_used(self) -> bool:
        return self._start.mode == "single_batch" and self._drawn > 0

    def _is_over(self) -> bool:
        expired = self._expiry is not None and self._expiry.done()
        return self._is_used() or expired

    def _should_continue_as_new(self) -> bool:
        info = workflow.info()
        return (
            info.is_continue_as_new_suggested()
            or info.is_target_worker_deployment_version_changed()
        )

    def _view(self) -> LineView:
        return LineView(
            line_id=self._start.line_id,
            state=self._state,
            credit_limit=self._start.credit_limit,
            drawn=self._drawn,
            open_drawdowns=len(self._open),
        )

    def _show(self) -> None:
        start = self._start
        workflow.set_current_details(
            details_table(
                [
                    ("state", self._state),
                    ("limit", f"{format_amount(start.credit_limit, start.currency)}"),
                    ("drawn", f"{format_amount(self._drawn, start.currency)}"),
                    ("mode", start.mode),
                    ("expires", f"{start.expires_at:%Y-%m-%d %H:%M} UTC"),
                    ("came from", ids.application_workflow(start.application_id)),
                    *element_rows(self._elements.records),
                    *(("drawdown", ids.drawdown_workflow(item)) for item in sorted(self._open)),
                ]
            )
        )
