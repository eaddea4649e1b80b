"""Collections: one overdue episode climbs the ladder until the loan is cured.

Steps are taken at absolute instants that follow from the oldest unpaid due date, so that a late
start neither shifts nor bunches what was not yet due.
"""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.collections import LadderStep, step_instant
    from domain.common.calendar import business_date
    from domain.common.zones import zone_of
    from messages import calls, ids
    from messages.collections import (
        CloseEpisode,
        CollectionsResult,
        StartCollections,
        TakeStep,
    )
    from workflows.common.calling import intervention_on_refusal, run, run_patiently
    from workflows.common.details import details_table
    from workflows.common.waiting import holds_within


@workflow.defn
class Collections:
    """One overdue episode of a loan."""

    @workflow.init
    def __init__(self, start: StartCollections) -> None:
        self._start = start
        self._zone = zone_of(start.zone)
        self._cured = False
        self._taken = 0
        self._show("beginning")

    @workflow.run
    async def run(self, start: StartCollections) -> CollectionsResult:
        """Take each step of the ladder at its instant; stop as soon as the loan is cured."""
        with intervention_on_refusal():
            await self._climb()
        return CollectionsResult(
            loan_id=start.loan_id, episode=start.episode, cured=True, steps=self._taken
        )

    async def _climb(self) -> None:
        for step in self._start.ladder.content.steps:
            await self._wait_for(step)
            if self._cured:
                break
            await self._take(step)
        self._show("the ladder is climbed: waiting for the borrower")
        await workflow.wait_condition(lambda: self._cured)
        await run(
            calls.CLOSE_EPISODE,
            CloseEpisode(loan_id=self._start.loan_id, episode=self._start.episode),
            "cancel open tasks",
        )
        self._show("cured")

    @workflow.signal(description="The loan is no longer overdue")
    def cured(self) -> None:
        """Stop climbing."""
        self._cured = True

    async def _wait_for(self, step: LadderStep) -> None:
        at = step_instant(step, self._start.oldest_due_on, self._zone)
        self._show(f"next: {step.name} at {at:%Y-%m-%d %H:%M} UTC")
        await self._sleep_until(at, f"{step.name}, {step.days_past_due} days past due")

    async def _sleep_until(self, at: datetime, what_for: str) -> None:
        """Wait for an instant or the cure, whichever comes first."""
        await holds_within(lambda: self._cured, at - workflow.now(), what_for)

    async def _take(self, step: LadderStep) -> None:
        while True:
            now = workflow.now()
            taken = await run_patiently(
                calls.TAKE_STEP,
                TakeStep(
                    loan_id=self._start.loan_id,
                    episode=self._start.episode,
                    action_id=ids.derived_id(
                        "act", self._start.loan_id, str(self._start.episode), step.name
                    ),
                    step=step.name,
                    business_date=business_date(now, self._zone),
                    at=now,
                    zone=self._zone.key,
                    channel=step.channel,
                    template=step.template,
                    ladder=self._start.ladder.ref,
                ),
                f"{step.channel}: {step.name}",
            )
            if taken.not_before is None:
                break
            await self._sleep_until(taken.not_before, f"{step.name}: after the quiet hours")
            if self._cured:
                return
        self._taken += taken.taken

    def _show(self, stage: str) -> None:
        workflow.set_current_details(
            details_table(
                [
                    ("stage", stage),
                    ("loan", ids.loan_workflow(self._start.loan_id)),
                    ("overdue since", self._start.oldest_due_on.isoformat()),
                    ("steps taken", str(self._taken)),
                ]
            )
        )
