"""CompanyCreditAnalysis: from a recorded proposal to a status that the client has been told."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.common.calendar import business_date
    from domain.common.errors import DomainError
    from domain.common.zones import zone_of
    from domain.credit_analysis.decision import AnalysisStatus
    from messages import calls
    from messages.credit_analysis import (
        AnalysisReviewCommand,
        AnalysisView,
        AnalystDecision,
        AssessAnalysis,
        AssessmentUpdated,
        ConsentGiven,
        StartCreditAnalysis,
    )
    from workflows.common.calling import intervention_on_refusal, run
    from workflows.common.waiting import holds_within
    from workflows.credit_analysis.external_assessment import ExternalAssessment
    from workflows.credit_analysis.review import Review
    from workflows.credit_analysis.scr_consents import Signatures
    from workflows.credit_analysis.sources import PartyChecks, Sources
    from workflows.credit_analysis.state import AnalysisState

ANSWER_WITHIN = timedelta(seconds=8)
"""How long a request waits for its status before it is answered with the one so far.

Technical: it has to be shorter than the patience of HTTP clients and of the API's own call."""


@workflow.defn(failure_exception_types=[DomainError])
class CompanyCreditAnalysis:
    """One credit analysis, of a company or of a person."""

    @workflow.init
    def __init__(self, start: StartCreditAnalysis) -> None:
        self._start = start
        self._policy = start.policy.content
        self._state = AnalysisState(start)
        sources = Sources(self._state)
        self._checks = PartyChecks(self._state, sources)
        self._signatures = Signatures(self._state, sources)
        self._assessment = ExternalAssessment(self._state, sources)
        self._review = Review(self._state)

    @workflow.run
    async def run(self, start: StartCreditAnalysis) -> AnalysisView:
        """Check, decide, wait for an analyst where one is needed, and tell the client."""
        telling = asyncio.create_task(self._state.notices.deliver(self._state.is_over))
        with intervention_on_refusal():
            if await self._facts_in_time():
                await self._decide()
            else:
                await self._review.open("data_missing")
            await self._review.await_decision()
            await telling
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._state.view()

    # Commands

    @workflow.update(description="Wait a little for the status, as the client's request does")
    async def answer(self) -> AnalysisView:
        """Return the first status as soon as it is on record, `pending` after a while."""
        if not self._state.recorded:
            await holds_within(
                lambda: self._state.recorded > 0,
                ANSWER_WITHIN,
                "answer the request without a decision",
            )
        return self._state.view()

    @workflow.update(name="review_approve", description="An analyst approves")
    async def review_approve(self, command: AnalysisReviewCommand) -> AnalysisView:
        """Approve a proposal that is in manual analysis."""
        return await self._review.decide(AnalystDecision.APPROVE, command)

    @workflow.update(name="review_reprove", description="An analyst reproves")
    async def review_reprove(self, command: AnalysisReviewCommand) -> AnalysisView:
        """Reprove a proposal that is in manual analysis."""
        return await self._review.decide(AnalystDecision.REPROVE, command)

    @workflow.update(name="review_challenge", description="An analyst asks for a new request")
    async def review_challenge(self, command: AnalysisReviewCommand) -> AnalysisView:
        """Challenge: the client may send a new request under the same registration."""
        return await self._review.decide(AnalystDecision.CHALLENGE, command)

    @workflow.signal(description="An analyst approves; the input may be left out")
    async def approve(self, command: AnalysisReviewCommand | None = None) -> None:
        """Approve from the Temporal UI or command line; a closed review stays as it is."""
        await self._review.decide_by_signal(AnalystDecision.APPROVE, command)

    @workflow.signal(description="An analyst reproves; the input may be left out")
    async def reprove(self, command: AnalysisReviewCommand | None = None) -> None:
        """Reprove from the Temporal UI or command line; a closed review stays as it is."""
        await self._review.decide_by_signal(AnalystDecision.REPROVE, command)

    @workflow.signal(description="An analyst challenges; the input may be left out")
    async def challenge(self, command: AnalysisReviewCommand | None = None) -> None:
        """Challenge from the Temporal UI or command line; a closed review stays as it is."""
        await self._review.decide_by_signal(AnalystDecision.CHALLENGE, command)

    @workflow.signal(description="The external analyst called back: ask for the assessment")
    def assessment_updated(self, update: AssessmentUpdated) -> None:
        """Ask at once; a callback that comes twice counts once."""
        self._assessment.update_received(update.event_key)

    @workflow.signal(description="A signer has consented: ask the database")
    def consent_given(self, given: ConsentGiven) -> None:
        """Ask at once; a signature that is told twice counts once."""
        self._signatures.given_by(given.signer)

    @workflow.query(description="Where the analysis stands")
    def snapshot(self) -> AnalysisView:
        """Return the live state, for debugging."""
        return self._state.view()

    # Facts and the decision

    async def _facts_in_time(self) -> bool:
        """Gather facts; False when a source still owes some at the end of the policy's days."""
        within = timedelta(days=self._policy.waiting.data_days)
        gathering = asyncio.create_task(self._gather_facts(workflow.now() + within))
        if not await holds_within(gathering.done, within, "go on without the missing data"):
            gathering.cancel()
            await asyncio.gather(gathering, return_exceptions=True)
            return False
        await gathering
        return True

    async def _gather_facts(self, until: datetime) -> None:
        clear = await self._checks.are_clear()
        if self._policy.external_assessment and clear and await self._signatures.obtain(until):
            await self._assessment.obtain()

    async def _decide(self) -> None:
        now = workflow.now()
        decision = await run(
            calls.ASSESS_ANALYSIS,
            AssessAnalysis(
                analysis_id=self._start.analysis_id,
                policy=self._start.policy.ref,
                business_date=business_date(now, zone_of(self._policy.zone)),
                decided_at=now,
                assessment=self._state.assessment,
            ),
            "decide by the policy",
        )
        if decision.status is AnalysisStatus.IN_MANUAL_ANALYSIS:
            await self._review.open(decision.reason)
        else:
            await self._state.enter(decision.status, decision.reason)
