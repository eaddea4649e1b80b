"""Waiting: the one timer of a loan, and the moment at which a run may hand over to the next."""

import asyncio
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.loans.servicing import NextStep
    from workflows.common.calling import continue_on_newest_build
    from workflows.loans.process import LoanProcess


class Waiting:
    """Sleeps for one loan, one step at a time."""

    def __init__(self, loan: LoanProcess) -> None:
        self._loan = loan
        self._timer: asyncio.Task[None] | None = None
        self._until: datetime | None = None

    async def wait_for(self, step: NextStep | None) -> None:
        """Sleep until the next step or until there is an update; the timer outlives other updates."""
        loan = self._loan
        if step is not None and not loan.is_busy:
            self._arm(step)
        await workflow.wait_condition(
            lambda: (
                bool(loan.ended)
                or loan.wake_requested
                or (step is not None and not loan.is_busy and self._is_over)
                or self.should_continue_as_new
            )
        )

    @property
    def should_continue_as_new(self) -> bool:
        """Say whether the loan had better go on in a new run, and has nothing in hand."""
        info = workflow.info()
        return not self._loan.is_busy and (
            info.is_continue_as_new_suggested()
            or info.is_target_worker_deployment_version_changed()
        )

    async def continue_as_new(self) -> None:
        """Go on in a new run once no handler runs; return if something to be done came up."""
        loan = self._loan
        await workflow.wait_condition(lambda: workflow.all_handlers_finished() or loan.is_busy)
        if not loan.is_busy and not loan.ended and workflow.all_handlers_finished():
            continue_on_newest_build(loan.carried())

    @property
    def _is_over(self) -> bool:
        """Say whether the timer ran and the step that it ran for is due."""
        return self._timer is not None and self._timer.done()

    def _arm(self, step: NextStep) -> None:
        """Run the timer until `step` is due, and for no other step any more."""
        if self._timer is not None and not self._timer.done():
            if self._until == step.at:
                return
            self._timer.cancel()
        self._until = step.at
        self._timer = asyncio.create_task(
            workflow.sleep(
                step.at - workflow.now(), summary=f"{step.step} instalment {step.number}"
            )
        )
