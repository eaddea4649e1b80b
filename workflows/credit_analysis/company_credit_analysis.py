"""CompanyCreditAnalysis: from a recorded proposal to a status that the client has been told."""

import asyncio
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from domain.applications.application import ReviewClosed
    from domain.common.calendar import business_date
    from domain.common.errors import DomainError
    from domain.credit_analysis.policy import ZONE, AnalysisStatus, policy_of
    from messages import calls, ids
    from messages import search_attributes as attributes
    from messages.calls import Call
    from messages.credit_analysis import (
        AnalysisReviewCommand,
        AnalysisView,
        AnalysisWord,
        AskOpinion,
        AssessAnalysis,
        CheckedParty,
        CheckParty,
        InviteSigner,
        OpinionStatus,
        OpinionUpdated,
        PartyVerdict,
        RecordAnalysis,
        RecordAnalysisReview,
        StartCreditAnalysis,
    )
    from workflows.common.calling import SOON, SOON_WITHIN, parked, run, run_parked
    from workflows.common.details import details_table
    from workflows.credit_analysis.notices import Notices
    from workflows.credit_analysis.signatures import AwaitsSignatures

Input = TypeVar("Input", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel | None)

AT_ONCE = 10
"""So many checks of one proposal run side by side."""

ANSWER_WITHIN = timedelta(seconds=8)
"""How long a request waits for its status before it is answered with the one so far."""

REGISTER_AGAIN = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360, 1440))
"""The pauses before a register that lacks data is asked again; the last one repeats."""

OPINION_AGAIN = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
"""Likewise before the other analyst is asked again, unless he calls back."""

UNTIL_IT_ANSWERS = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2,
    maximum_interval=timedelta(minutes=5),
)
"""For a source that is down: the client has been answered, so nobody waits on the line."""

OPINION_WITHIN = timedelta(hours=72)
"""So long an opinion may take, and an analyst who lacks data for it is asked often; he is waited
for as long as other data is."""

OPINION_RARELY = timedelta(hours=6)

WAITS_FOR = {
    AnalysisStatus.PENDING: "provider",
    AnalysisStatus.WAITING_FOR_DATA: "client",
    AnalysisStatus.IN_MANUAL_ANALYSIS: "reviewer",
}
SAYS = {
    AnalysisWord.APPROVE: AnalysisStatus.MANUALLY_APPROVED,
    AnalysisWord.REPROVE: AnalysisStatus.MANUALLY_REPROVED,
    AnalysisWord.CHALLENGE: AnalysisStatus.MANUALLY_CHALLENGED,
}


@workflow.defn(failure_exception_types=[DomainError])
class CompanyCreditAnalysis(AwaitsSignatures):
    """One credit analysis, of a company or of a person."""

    @workflow.init
    def __init__(self, start: StartCreditAnalysis) -> None:
        super().__init__()
        self._start = start
        self._policy = policy_of(start.policy)
        self._status = AnalysisStatus.PENDING
        self._reason = "received"
        self._state_seq = 0
        self._recorded = 0
        self._notices = Notices(start.analysis_id)
        self._recording = asyncio.Lock()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._checked: dict[str, CheckedParty] = {}
        self._opinion: AnalysisStatus | None = None
        self._opinion_news: set[str] = set()
        self._opinion_asked_for = 0
        self._review_due_at: datetime | None = None
        self._show()

    @workflow.run
    async def run(self, start: StartCreditAnalysis) -> AnalysisView:
        """Check, decide, wait for an analyst where one is needed, and tell the client."""
        telling = asyncio.create_task(self._notices.deliver(self._is_over))
        with parked():
            if await self._facts_in_time():
                await self._decide()
            else:
                await self._refer("data_missing")
            await self._await_analyst()
            await telling
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._view()

    # Commands

    @workflow.update(description="Wait a little for the status, as the client's request does")
    async def answer(self) -> AnalysisView:
        """Return the first status as soon as it is on record, `pending` after a while."""
        if not self._recorded:
            try:
                await workflow.wait_condition(
                    lambda: self._recorded > 0,
                    timeout=ANSWER_WITHIN,
                    timeout_summary="answer the request without a decision",
                )
            except TimeoutError:
                workflow.logger.info("the request is answered before a decision")
        return self._view()

    @workflow.update(name="review_approve", description="An analyst approves")
    async def review_approve(self, command: AnalysisReviewCommand) -> AnalysisView:
        """Approve a proposal that is in manual analysis."""
        return await self._review(AnalysisWord.APPROVE, command)

    @workflow.update(name="review_reprove", description="An analyst reproves")
    async def review_reprove(self, command: AnalysisReviewCommand) -> AnalysisView:
        """Reprove a proposal that is in manual analysis."""
        return await self._review(AnalysisWord.REPROVE, command)

    @workflow.update(name="review_challenge", description="An analyst asks for a new request")
    async def review_challenge(self, command: AnalysisReviewCommand) -> AnalysisView:
        """Challenge: the client may send a new request under the same registration."""
        return await self._review(AnalysisWord.CHALLENGE, command)

    @workflow.signal(description="An analyst approves; the input may be left out")
    async def approve(self, command: AnalysisReviewCommand | None = None) -> None:
        """Approve from the Temporal UI or command line; a closed review stays as it is."""
        await self._review_by_signal(AnalysisWord.APPROVE, command)

    @workflow.signal(description="An analyst reproves; the input may be left out")
    async def reprove(self, command: AnalysisReviewCommand | None = None) -> None:
        """Reprove from the Temporal UI or command line; a closed review stays as it is."""
        await self._review_by_signal(AnalysisWord.REPROVE, command)

    @workflow.signal(description="An analyst challenges; the input may be left out")
    async def challenge(self, command: AnalysisReviewCommand | None = None) -> None:
        """Challenge from the Temporal UI or command line; a closed review stays as it is."""
        await self._review_by_signal(AnalysisWord.CHALLENGE, command)

    @workflow.signal(description="The other analyst called back: ask it what became of the opinion")
    def opinion_updated(self, update: OpinionUpdated) -> None:
        """Ask at once; a callback that comes twice counts once."""
        self._opinion_news.add(update.event_key)

    @workflow.query(description="Where the analysis stands")
    def snapshot(self) -> AnalysisView:
        """Return the live state, for debugging."""
        return self._view()

    # Facts

    async def _facts_in_time(self) -> bool:
        """Gather facts; False when a source still owes some at the end of the policy's days."""
        within = timedelta(days=self._policy.data_days)
        gathering = asyncio.create_task(self._gather_facts(workflow.now() + within))
        try:
            await workflow.wait_condition(
                gathering.done,
                timeout=within,
                timeout_summary="go on without the missing data",
            )
        except TimeoutError:
            gathering.cancel()
            await asyncio.gather(gathering, return_exceptions=True)
            return False
        await gathering
        return True

    async def _gather_facts(self, until: datetime) -> None:
        await asyncio.gather(*(self._check(party) for party in self._start.parties))
        clear = all(item.verdict is PartyVerdict.MATCH for item in self._checked.values())
        if self._policy.external_opinion and clear and await self._consented(until):
            await self._ask_opinion()

    async def _check(self, party: str) -> None:
        request = CheckParty(analysis_id=self._start.analysis_id, party=party)
        asked = 0
        while True:
            async with self._slots:
                checked = await self._patiently(calls.CHECK_PARTY, request, f"check {party}")
            self._checked[party] = checked
            if checked.verdict is not PartyVerdict.WAITING:
                self._show()
                return
            await self._enter(AnalysisStatus.WAITING_FOR_DATA, checked.reason or "data_missing")
            await workflow.sleep(_pause(REGISTER_AGAIN, asked), summary=f"ask about {party} again")
            asked += 1

    async def _consented(self, until: datetime) -> bool:
        """Wait until every signer has consented; False when one of them cannot be asked."""
        if not self._start.signers:
            return True
        asked = await asyncio.gather(
            *(self._invite(signer, until) for signer in range(self._start.signers))
        )
        if not all(asked):
            return False
        await self._all_signed(
            self._start.analysis_id,
            self._start.signers,
            lambda: self._enter(AnalysisStatus.WAITING_FOR_DATA, "scr_signatures_missing"),
        )
        self._show()
        return True

    async def _invite(self, signer: int, until: datetime) -> bool:
        request = InviteSigner(analysis_id=self._start.analysis_id, signer=signer, expires_at=until)
        async with self._slots:
            invited = await self._patiently(
                calls.INVITE_SIGNER, request, f"ask signer {signer} to consent"
            )
        return invited.reached

    async def _ask_opinion(self) -> None:
        request = AskOpinion(
            analysis_id=self._start.analysis_id,
            opinion_id=ids.derived_id("opi", self._start.analysis_id),
        )
        until = workflow.now() + OPINION_WITHIN
        given = await self._patiently(calls.ASK_OPINION, request, "ask the other analyst")
        asked = 0
        while _is_open(given) and (_lacks_data(given) or workflow.now() < until):
            await self._enter(AnalysisStatus.PENDING, "external_opinion")
            often = workflow.now() < until
            await self._news_or_timer(_pause(OPINION_AGAIN, asked) if often else OPINION_RARELY)
            asked += 1
            given = await self._opinion_of(request)
        self._opinion = None if _is_open(given) else given.status
        self._show()

    async def _opinion_of(self, request: AskOpinion) -> OpinionStatus:
        return await self._patiently(calls.QUERY_OPINION, request, "ask what became of the opinion")

    async def _news_or_timer(self, wait: timedelta) -> None:
        try:
            await workflow.wait_condition(
                lambda: len(self._opinion_news) > self._opinion_asked_for,
                timeout=wait,
                timeout_summary="ask the other analyst again",
            )
        except TimeoutError:
            return
        finally:
            self._opinion_asked_for = len(self._opinion_news)

    async def _patiently(self, call: Call[Input, Result], request: Input, summary: str) -> Result:
        """Run an activity on a provider; while it does not answer the analysis is `pending`."""
        try:
            return await run(call, request, summary, retry_policy=SOON, within=SOON_WITHIN)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
        await self._enter(AnalysisStatus.PENDING, "source_unavailable")
        return await run(
            call, request, f"{summary}: until it answers", retry_policy=UNTIL_IT_ANSWERS
        )

    # Decision

    async def _decide(self) -> None:
        now = workflow.now()
        decision = await run(
            calls.ASSESS_ANALYSIS,
            AssessAnalysis(
                analysis_id=self._start.analysis_id,
                policy=self._start.policy,
                business_date=business_date(now, ZONE),
                decided_at=now,
                opinion=self._opinion,
            ),
            "decide by the policy",
        )
        if decision.status is AnalysisStatus.IN_MANUAL_ANALYSIS:
            await self._refer(decision.reason)
        else:
            await self._enter(decision.status, decision.reason)

    async def _refer(self, reason: str) -> None:
        self._review_due_at = workflow.now() + timedelta(days=self._policy.review_days)
        await self._enter(AnalysisStatus.IN_MANUAL_ANALYSIS, reason)

    async def _await_analyst(self) -> None:
        due_at = self._review_due_at
        if due_at is None or self._status.is_final:
            return
        try:
            await workflow.wait_condition(
                lambda: self._status.is_final,
                timeout=max(due_at - workflow.now(), timedelta(0)),
                timeout_summary="the review expires",
            )
        except TimeoutError:
            await self._enter(AnalysisStatus.AUTOMATICALLY_REPROVED, "review_expired")

    # Review

    async def _review(self, word: AnalysisWord, command: AnalysisReviewCommand) -> AnalysisView:
        async with self._recording:
            accepted = self._status is AnalysisStatus.IN_MANUAL_ANALYSIS
            if accepted:
                self._change(SAYS[word], SAYS[word].value)
            await run_parked(
                calls.RECORD_ANALYSIS_REVIEW,
                RecordAnalysisReview(
                    analysis_id=self._start.analysis_id,
                    word=word,
                    accepted=accepted,
                    command=command,
                    status=self._status,
                    state_seq=self._state_seq,
                    at=workflow.now(),
                ),
                f"record: {word} by an analyst",
            )
            if accepted:
                self._is_recorded()
        if not accepted:
            raise ReviewClosed(f"the analysis is {self._status}, not in manual analysis")
        return self._view()

    async def _review_by_signal(
        self, word: AnalysisWord, command: AnalysisReviewCommand | None
    ) -> None:
        try:
            await self._review(word, command or AnalysisReviewCommand())
        except ReviewClosed as error:
            # A signal has no caller to answer: the audit row says that it did not count.
            workflow.logger.warning("review signal refused: %s", error.code)

    # State

    async def _enter(self, status: AnalysisStatus, reason: str) -> None:
        """Record a status, unless it stands already or an analyst's word came first."""
        async with self._recording:
            if self._status.is_final or (self._state_seq > 0 and self._status is status):
                return
            self._change(status, reason)
            await run_parked(
                calls.RECORD_ANALYSIS,
                RecordAnalysis(
                    analysis_id=self._start.analysis_id,
                    status=status,
                    reason=reason,
                    state_seq=self._state_seq,
                    at=workflow.now(),
                    review_due_at=(
                        self._review_due_at if status is AnalysisStatus.IN_MANUAL_ANALYSIS else None
                    ),
                ),
                f"record: {status}",
            )
            self._is_recorded()

    def _is_recorded(self) -> None:
        self._recorded = self._state_seq
        self._notices.owe(self._state_seq)

    def _is_over(self) -> bool:
        return self._status.is_final and self._recorded == self._state_seq

    def _change(self, status: AnalysisStatus, reason: str) -> None:
        """Set the status: the only place that writes it and the search attributes."""
        self._state_seq += 1
        self._status, self._reason = status, reason
        workflow.upsert_search_attributes(
            [
                attributes.ANALYSIS_STATUS.value_set(status.value),
                attributes.WAITING.value_set(WAITS_FOR.get(status, "nothing")),
                attributes.NEEDS_HUMAN.value_set(status is AnalysisStatus.IN_MANUAL_ANALYSIS),
            ]
        )
        self._show()

    def _view(self) -> AnalysisView:
        return AnalysisView(
            analysis_id=self._start.analysis_id,
            status=self._status,
            reason=self._reason,
            state_seq=self._state_seq,
        )

    def _show(self) -> None:
        rows = [
            ("analysis of a", self._start.kind.value),
            ("status", self._status.value),
            ("reason", self._reason),
            ("policy", self._policy.version),
        ]
        rows += [
            (item.party, item.verdict + (f" ({item.reason})" if item.reason else ""))
            for item in self._checked.values()
        ]
        if self._signatures_missing is not None:
            rows.append(("signatures missing", str(self._signatures_missing)))
        if self._opinion is not None:
            rows.append(("other analyst", self._opinion.value))
        if self._review_due_at is not None:
            rows.append(("review until", f"{self._review_due_at:%Y-%m-%d %H:%M} UTC"))
        workflow.set_current_details(details_table(rows))


def _is_open(given: OpinionStatus) -> bool:
    return given.status is not None and not given.status.is_final


def _lacks_data(given: OpinionStatus) -> bool:
    """Say whether the other analyst waits for data, such as for signatures that it asked for."""
    return given.status is AnalysisStatus.WAITING_FOR_DATA


def _pause(ladder: tuple[timedelta, ...], asked: int) -> timedelta:
    return ladder[min(asked, len(ladder) - 1)]
