"""The review: an analyst decides what the policy does not, within the policy's days."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.credit_analysis.decision import AnalysisStatus
    from domain.credit_analysis.errors import ReviewClosed
    from messages import calls
    from messages.credit_analysis import (
        AnalysisReviewCommand,
        AnalysisView,
        AnalystDecision,
        RecordAnalysisReview,
    )
    from workflows.common.calling import run_recording
    from workflows.common.waiting import holds_within
    from workflows.credit_analysis.state import AnalysisState

ENDS_AS = {
    AnalystDecision.APPROVE: AnalysisStatus.MANUALLY_APPROVED,
    AnalystDecision.REPROVE: AnalysisStatus.MANUALLY_REPROVED,
    AnalystDecision.CHALLENGE: AnalysisStatus.MANUALLY_CHALLENGED,
}


class Review:
    """The manual analysis of one proposal."""

    def __init__(self, state: AnalysisState) -> None:
        self._state = state

    async def open(self, reason: str) -> None:
        """Call an analyst."""
        within = timedelta(days=self._state.policy.waiting.review_days)
        self._state.review_due_at = workflow.now() + within
        await self._state.enter(AnalysisStatus.IN_MANUAL_ANALYSIS, reason)

    async def await_decision(self) -> None:
        """Return when an analyst has decided, at once where none is needed; reprove in the end."""
        due_at = self._state.review_due_at
        if due_at is None or self._state.status.is_final:
            return
        if not await holds_within(
            lambda: self._state.status.is_final, due_at - workflow.now(), "the review expires"
        ):
            await self._state.enter(AnalysisStatus.AUTOMATICALLY_REPROVED, "review_expired")

    async def decide(
        self, decision: AnalystDecision, command: AnalysisReviewCommand
    ) -> AnalysisView:
        """Take a decision; raises `ReviewClosed`, on record too, if none is waited for."""
        state = self._state
        async with state.recording:
            accepted = state.status is AnalysisStatus.IN_MANUAL_ANALYSIS
            if accepted:
                state.change(ENDS_AS[decision], ENDS_AS[decision].value)
            await run_recording(
                calls.RECORD_ANALYSIS_REVIEW,
                RecordAnalysisReview(
                    analysis_id=state.start.analysis_id,
                    policy=state.start.policy.ref,
                    decision=decision,
                    accepted=accepted,
                    command=command,
                    status=state.status,
                    state_seq=state.state_seq,
                    at=workflow.now(),
                ),
                f"record: {decision} by an analyst",
            )
            if accepted:
                state.is_recorded()
        if not accepted:
            raise ReviewClosed(f"the analysis is {state.status}, not in manual analysis")
        return state.view()

    async def decide_by_signal(
        self, decision: AnalystDecision, command: AnalysisReviewCommand | None
    ) -> None:
        """Take an analyst's decision that nobody waits for; a closed review stays as it is."""
        try:
            await self.decide(decision, command or AnalysisReviewCommand())
        except ReviewClosed as error:
            # A signal has no caller to answer: the audit row says that it did not count.
            workflow.logger.warning("review signal refused: %s", error.code)
