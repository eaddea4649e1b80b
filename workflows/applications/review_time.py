"""The time that a review may take: senior people are called to one that is late."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.applications.application import ApplicationState
    from messages import calls
    from messages.applications import EscalateReview
    from workflows.applications.case import ApplicationCase
    from workflows.common.calling import run_recording
    from workflows.common.waiting import holds_within


class ReviewTime:
    """The time of the review of one application; while a supplement is waited for it stands still.

    An application that nobody has to review has no timer here.
    """

    def __init__(self, case: ApplicationCase) -> None:
        self._case = case

    async def watch(self) -> None:
        """Call senior people once a review is late: once a stage."""
        case = self._case
        while not case.is_over:
            await workflow.wait_condition(lambda: self._due_at() is not None or case.is_over)
            due_at = self._due_at()
            if due_at is not None:
                await self._wait_until(due_at)

    async def _wait_until(self, due_at: datetime) -> None:
        """Wait until a review is late, is over, or is due at another instant."""
        left = due_at - workflow.now()
        if not await holds_within(lambda: self._due_at() != due_at, left, "the review is late"):
            await self._escalate(due_at)

    def _due_at(self) -> datetime | None:
        """Return when the review is late that the application is in, None while it is in none."""
        case = self._case
        return case.review_due_at if case.state is ApplicationState.IN_REVIEW else None

    async def _escalate(self, due_at: datetime) -> None:
        """Call senior people, unless the database knows of a later instant.

        A case that a reviewer passed on has more time.
        """
        case = self._case
        due = await run_recording(
            calls.ESCALATE_REVIEW,
            EscalateReview(application_id=case.id, due_at=due_at, at=workflow.now()),
            "the review is late: call senior people",
        )
        if case.review_due_at == due_at:
            case.review_due_at = due.due_at
