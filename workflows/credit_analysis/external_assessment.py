"""The external assessment: another analyst is asked, and waited for within limits."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.credit_analysis.decision import AnalysisStatus
    from domain.credit_analysis.policy import pause_after
    from messages import calls, ids
    from messages.credit_analysis import AssessmentStatus, RequestAssessment
    from workflows.common.waiting import Updates
    from workflows.credit_analysis.sources import Sources
    from workflows.credit_analysis.state import AnalysisState


class ExternalAssessment:
    """The assessment of one proposal. Callbacks are hints to ask; the answer counts."""

    def __init__(self, state: AnalysisState, sources: Sources) -> None:
        self._state = state
        self._sources = sources
        self._updates = Updates()

    def update_received(self, event_key: str) -> None:
        """Ask at once; a callback that comes twice counts once."""
        self._updates.receive(event_key)

    async def obtain(self) -> None:
        """Ask, and wait for a final assessment; without one in time the state has none."""
        request = RequestAssessment(
            analysis_id=self._state.start.analysis_id,
            assessment_id=ids.derived_id("opi", self._state.start.analysis_id),
        )
        waiting = self._state.policy.waiting
        until = workflow.now() + timedelta(hours=waiting.assessment_hours)
        given = await self._sources.query(
            calls.REQUEST_ASSESSMENT, request, "ask the external analyst"
        )
        asked = 0
        while _is_open(given) and (_lacks_data(given) or workflow.now() < until):
            await self._state.enter(AnalysisStatus.PENDING, "external_assessment")
            often = workflow.now() < until
            await self._updates.next_or_timer(
                pause_after(waiting.assessment_pauses, asked)
                if often
                else timedelta(minutes=waiting.assessment_rare_pause),
                "ask the external analyst again",
            )
            asked += 1
            given = await self._sources.query(
                calls.QUERY_ASSESSMENT, request, "ask what became of the assessment"
            )
        self._state.assessment = None if _is_open(given) else given.status
        self._state.show()


def _is_open(given: AssessmentStatus) -> bool:
    return given.status is not None and not given.status.is_final


def _lacks_data(given: AssessmentStatus) -> bool:
    """Say whether the external analyst waits for data, such as for signatures that it asked for."""
    return given.status is AnalysisStatus.WAITING_FOR_DATA
