"""AnalysisFeedback: a client's reports on an analysis, passed on to the analyst who was asked."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from domain.common.errors import DomainError
    from messages import calls
    from messages.credit_analysis import (
        AboutAnalysis,
        FeedbackRelayed,
        RelayReport,
        StartAnalysisFeedback,
    )
    from workflows.common.calling import (
        SOON,
        SOON_WITHIN,
        intervention_on_refusal,
        run,
        show_waiting,
    )
    from workflows.common.details import details_table
    from workflows.common.waiting import holds_within

UNTIL_IT_ANSWERS = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2,
    maximum_interval=timedelta(hours=3),
)
"""For an analyst who is down: nobody waits on the line. An attempt that fails costs nothing."""

GIVEN_UP_AFTER = timedelta(days=30)
"""So long one report is attempted; then it is given up, on record.

Technical: reports are passed on as a courtesy to the analyst, no analysis waits for one."""

REPORT_AGAIN = tuple(timedelta(minutes=minutes) for minutes in (5, 60, 360, 1440))
"""The pauses before it is looked again whether the analyst was asked; the last one repeats.

Technical: it is our own database that is asked."""


@workflow.defn(failure_exception_types=[DomainError])
class AnalysisFeedback:
    """The reports on one analysis, in the order of their events. Reports that come when all were
    passed on begin another run."""

    @workflow.init
    def __init__(self, start: StartAnalysisFeedback) -> None:
        self._start = start
        self._reported = False
        self._ended = {"sent": 0, "refused": 0, "dead": 0}
        self._show("looking for reports")

    @workflow.run
    async def run(self, start: StartAnalysisFeedback) -> FeedbackRelayed:
        """Pass on report by report until none is left."""
        with intervention_on_refusal():
            looked = 0
            while True:
                self._reported = False
                picked = await run(
                    calls.PICK_REPORT,
                    AboutAnalysis(analysis_id=start.analysis_id),
                    "which report is next",
                )
                if picked.sequence is not None:
                    await self._relay(picked.sequence)
                elif picked.wait:
                    self._show("waiting until the analyst is asked")
                    await holds_within(
                        lambda: self._reported,
                        REPORT_AGAIN[min(looked, len(REPORT_AGAIN) - 1)],
                        "look again whether the analyst was asked",
                    )
                    looked += 1
                elif not self._reported:
                    self._show("all reports are passed on")
                    return FeedbackRelayed(**self._ended)

    @workflow.signal(description="The client has reported something: look what is on record")
    def reported(self) -> None:
        """Look again before ending."""
        self._reported = True

    async def _relay(self, sequence: int) -> None:
        """Pass one report on; after a month without an answer it is given up."""
        request = RelayReport(analysis_id=self._start.analysis_id, sequence=sequence)
        self._show(f"passing report {sequence} on")
        summary = f"report {sequence}"
        try:
            relayed = await run(
                calls.RELAY_REPORT, request, summary, retry_policy=SOON, within=SOON_WITHIN
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            await show_waiting(True)
            outcome = await self._relay_patiently(request, summary)
            await show_waiting(False)
        else:
            outcome = relayed.outcome
        if outcome in self._ended:
            self._ended[outcome] += 1

    async def _relay_patiently(self, request: RelayReport, summary: str) -> str:
        try:
            relayed = await run(
                calls.RELAY_REPORT,
                request,
                f"{summary}: until it answers",
                retry_policy=UNTIL_IT_ANSWERS,
                within=GIVEN_UP_AFTER,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
        else:
            return relayed.outcome
        await run(calls.GIVE_UP_REPORT, request, f"{summary}: given up")
        return "dead"

    def _show(self, stage: str) -> None:
        ended = [(outcome, str(count)) for outcome, count in self._ended.items() if count]
        workflow.set_current_details(details_table([("stage", stage), *ended]))
