"""Deadlines: an application that nobody goes on with is reminded of, and expires in the end."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from domain.applications.application import ApplicationState, next_reminder
    from messages import calls, ids
    from messages.verification import RemindApplicant
    from workflows.applications.case import ApplicationCase
    from workflows.common.calling import run

REMIND_WITHIN = timedelta(hours=1)
"""A reminder that cannot be sent for so long is left out."""


class Deadlines:
    """The instants at which an application moves by itself."""

    def __init__(self, case: ApplicationCase) -> None:
        self._case = case
        self._reminded_since: datetime | None = None
        self._reminded = 0
        self._sent = 0
        self._reminding: asyncio.Task[None] | None = None

    async def watch(self) -> None:
        """Remind and expire; one timer at a time, re-armed when it fires.

        An instant that was moved or lifted is noticed when the timer of the old one fires, which
        costs less history than cancelling it.
        """
        case = self._case
        while not case.is_over:
            await workflow.wait_condition(lambda: case.deadline is not None or case.is_over)
            deadline = case.deadline
            if deadline is None:
                continue
            now = workflow.now()
            remind_at = self._remind_at()
            if now >= deadline:
                await case.close(ApplicationState.EXPIRED)
            elif remind_at is not None and now >= remind_at:
                self._remind(now)
            else:
                next_at = min(deadline, remind_at or deadline)
                word = "expires" if next_at == deadline else "remind the applicant"
                await workflow.sleep(next_at - now, summary=f"{case.state}: {word}")

    def stop(self) -> None:
        """Stop reminding: the application is over."""
        if self._reminding is not None:
            self._reminding.cancel()

    def _remind_at(self) -> datetime | None:
        """Return when the applicant is reminded next, None while nothing waits for them."""
        case = self._case
        if not case.is_collecting:
            return None
        if self._reminded_since != case.last_step_at:
            self._reminded_since, self._reminded = case.last_step_at, 0
        return next_reminder(case.product, case.last_step_at, self._reminded)

    def _remind(self, now: datetime) -> None:
        case = self._case
        self._reminded += 1
        missing = case.providable()
        if not missing:
            return
        self._sent += 1
        request = RemindApplicant(
            application_id=case.id,
            message_id=ids.derived_id("act", case.id, "reminder", str(self._sent)),
            number=self._sent,
            missing=missing,
            at=now,
            zone=case.zone.key,
        )
        self._reminding = asyncio.create_task(self._send(request))

    async def _send(self, request: RemindApplicant) -> None:
        """Send a reminder, after the quiet hours if they are; not to whom has moved meanwhile."""
        summary, since = f"reminder {request.number}", self._reminded_since
        try:
            told = await run(calls.REMIND_APPLICANT, request, summary, within=REMIND_WITHIN)
            while told.not_before is not None:
                pause = max(told.not_before - workflow.now(), timedelta())
                await workflow.sleep(pause, summary=f"{summary}: after the quiet hours")
                if not self._case.is_collecting or self._case.last_step_at != since:
                    return
                later = request.model_copy(update={"at": workflow.now()})
                told = await run(calls.REMIND_APPLICANT, later, summary, within=REMIND_WITHIN)
        except ActivityError:
            workflow.logger.warning("a reminder could not be sent in its time")
