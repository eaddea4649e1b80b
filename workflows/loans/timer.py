"""The one timer of a loan: it runs until the loan's next step is due."""

import asyncio
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.loans.servicing import NextStep


class StepTimer:
    """Runs for one step at a time; to ask for the step it runs for changes nothing."""

    def __init__(self) -> None:
        self._running: asyncio.Task[None] | None = None
        self._until: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Say whether it ran and the step that it ran for is due."""
        return self._running is not None and self._running.done()

    def arm(self, step: NextStep) -> None:
        """Run until `step` is due, and for no other step any more."""
        if self._running is not None and not self._running.done():
            if self._until == step.at:
                return
            self._running.cancel()
        self._until = step.at
        self._running = asyncio.create_task(
            workflow.sleep(
                step.at - workflow.now(), summary=f"{step.step} instalment {step.number}"
            )
        )
