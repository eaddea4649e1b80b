"""Deciding: the policy's answer, a reviewer's word, and the offer or the rejection that follows."""

import asyncio
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.applications.actions import POSSIBLE_IN, ApplicationAction
    from domain.applications.application import (
        ApplicationState,
        ElementRecord,
        ElementsMissing,
        Rejection,
        ReviewClosed,
        Supplement,
        Waiting,
        check_may_supplement,
        referred_elements,
    )
    from domain.decisioning.decision import Decision, Outcome, Terms
    from messages import calls, ids
    from messages.applications import (
        AssessApplication,
        Offer,
        OpenLine,
        RecordDecision,
        RecordReview,
        ReviewCommand,
    )
    from messages.verification import RecordSupplement, ResumeReview, SupplementRequest
    from workflows.applications.case import ApplicationCase
    from workflows.applications.collecting import Collecting
    from workflows.common.calling import intervention_on_refusal, run, run_patiently, run_recording


class Deciding:
    """The decision on one application.

    Who holds `reviewing` is the only one whose word is judged; whatever else would end a review
    waits for it.
    """

    def __init__(self, case: ApplicationCase, collecting: Collecting) -> None:
        self._case = case
        self._collecting = collecting
        self._lock = asyncio.Lock()
        self.reviewing = asyncio.Lock()
        self._words = 0
        self._assessing: asyncio.Task[Decision] | None = None

    async def decide(self) -> None:
        """Decide what was submitted, or give it back to the reviewer who asked for more."""
        case = self._case
        async with self._lock:
            if not case.is_collecting:
                return
            case.submitted, case.deadline = False, None
            if case.supplement is not None:
                await self._resume_review(case.supplement)
                return
            case.state, case.waiting = ApplicationState.DECIDING, Waiting.DECISION
            assessing = self._assessing = asyncio.create_task(self._assess())
            await workflow.wait_condition(lambda: assessing.done() or case.is_over)
            if case.state is ApplicationState.DECIDING:
                with intervention_on_refusal():
                    await self._follow(await assessing)

    async def reject(self, record: ElementRecord) -> None:
        """Reject because of an element whose mismatch does so."""
        code = self._case.product.policy_of(record.kind).reject_code
        self._case.change(ApplicationState.REJECTED, Waiting.NOTHING)
        await self._case.record(code)

    async def review(self, command: ReviewCommand, *, approve: bool) -> None:
        """Have a reviewer's word judged, one at a time, and follow it if it counts.

        Raises `ElementsMissing` where an appealed application lacks what credit rests on or a
        condition is not fulfilled, and the refusal of a word that does not count, which is on
        record then.
        """
        case = self._case
        async with self.reviewing:
            in_review = case.state is ApplicationState.IN_REVIEW
            if in_review and approve and case.start.appeal is not None and case.missing():
                # An appeal may be against an element that did not hold: what rests on it cannot
                # follow.
                raise ElementsMissing(f"ask for these again first: {', '.join(case.missing())}")
            if in_review and approve and case.unfulfilled():
                raise ElementsMissing(f"conditions not fulfilled: {', '.join(case.unfulfilled())}")
            self._words += 1
            now = workflow.now()
            recorded = await run(
                calls.RECORD_REVIEW,
                RecordReview(
                    application_id=case.id,
                    approve=approve,
                    in_review=in_review,
                    number=self._words,
                    command=command,
                    at=now,
                    business_date=case.today,
                    offer=self._offer(now) if in_review and approve else None,
                    state_seq=case.state_seq + 1,
                ),
                f"judge: {'approve' if approve else 'reject'} by a reviewer",
            )
            if recorded.due_at is not None:
                case.review_due_at = recorded.due_at
            elif recorded.offer is not None:
                self._make(recorded.offer)
            else:
                case.rejection = recorded.rejection
                case.change(ApplicationState.REJECTED, Waiting.NOTHING)

    def check_may_supplement(self, request: SupplementRequest) -> None:
        """Raise unless a reviewer may ask for elements now."""
        case = self._case
        if case.state not in POSSIBLE_IN[ApplicationAction.REQUEST_SUPPLEMENT]:
            raise ReviewClosed(f"the application is {case.state}, not in review")
        check_may_supplement(case.product, case.supplement_rounds, request.kinds)

    async def supplement(self, request: SupplementRequest) -> None:
        """Ask the applicant for elements; the review waits, and its time stands still.

        Raises the refusal of what may not be asked for, or not by this reviewer.
        """
        case = self._case
        async with self.reviewing:
            self.check_may_supplement(request)
            now = workflow.now()
            asked = Supplement(
                round=case.supplement_rounds + 1,
                kinds=tuple(dict.fromkeys(request.kinds)),
                requested_by=request.reviewer,
                reason=request.reason,
                due_at=now + case.product.content.supplement_within,
            )
            await run(
                calls.RECORD_SUPPLEMENT,
                RecordSupplement(
                    application_id=case.id,
                    supplement=asked,
                    state=ApplicationState.COLLECTING,
                    waiting=Waiting.APPLICANT,
                    state_seq=case.state_seq + 1,
                    at=now,
                    business_date=case.today,
                ),
                f"record: asked again for {', '.join(asked.kinds)}",
            )
            self._collecting.reopen(asked.kinds)
            case.supplement, case.supplement_rounds = asked, asked.round
            case.deadline, case.last_step_at, case.paused_at = asked.due_at, now, now
            case.change(ApplicationState.COLLECTING, Waiting.APPLICANT)

    async def accept(self, offer: Offer) -> None:
        """Take the offer: record it and open the line that follows from it."""
        case = self._case
        line_id = ids.derived_id("lin", case.id)
        now = workflow.now()
        case.line_id = line_id
        case.change(ApplicationState.ACCEPTED, Waiting.NOTHING)
        await run_recording(
            calls.OPEN_LINE,
            OpenLine(
                application_id=case.id,
                applicant_id=case.start.applicant_id,
                offer=offer,
                line_id=line_id,
                opened_at=now,
                expires_at=now + case.product.content.line_valid_for,
                state_seq=case.state_seq,
            ),
            "open the credit line",
        )

    def stop(self) -> None:
        """Stop asking for scores: the application is over."""
        if self._assessing is not None:
            self._assessing.cancel()

    async def _assess(self) -> Decision:
        case = self._case
        return await run_patiently(
            calls.ASSESS_APPLICATION,
            AssessApplication(
                application_id=case.id,
                decided_at=workflow.now(),
                business_date=case.today,
            ),
            "score and decide",
            while_waiting=self._wait_for_score,
            on_silence=case.call_person,
        )

    async def _wait_for_score(self, waiting: bool) -> None:
        case = self._case
        if case.state is not ApplicationState.DECIDING:
            return
        case.change(case.state, Waiting.PROVIDER if waiting else Waiting.DECISION)
        if waiting:
            await case.record()

    async def _follow(self, decision: Decision) -> None:
        case = self._case
        now = workflow.now()
        review_due_at = None
        case.terms, case.conditions = decision.terms, decision.conditions
        if decision.outcome is Outcome.REJECT:
            assert decision.reject_code is not None  # noqa: S101 -- the policy's own invariant
            case.rejection = Rejection(code=decision.reject_code, reapply_on=decision.reapply_on)
            case.change(ApplicationState.REJECTED, Waiting.NOTHING)
        elif decision.outcome is not Outcome.APPROVE or referred_elements(
            case.product, case.elements
        ):
            review_due_at = case.review_due_at = now + case.product.content.review_within
            case.change(ApplicationState.IN_REVIEW, Waiting.REVIEWER)
        else:
            self._make(self._offer(now))
        await run(
            calls.RECORD_DECISION,
            RecordDecision(
                application_id=case.id,
                decision=decision,
                state=case.state,
                waiting=case.waiting,
                state_seq=case.state_seq,
                at=now,
                review_due_at=review_due_at,
                offer=case.offer,
            ),
            f"record: {decision.outcome}",
        )

    async def _resume_review(self, asked: Supplement) -> None:
        case = self._case
        case.supplement = None
        now = workflow.now()
        if case.review_due_at is not None and case.paused_at is not None:
            case.review_due_at += now - case.paused_at
        case.change(ApplicationState.IN_REVIEW, Waiting.REVIEWER)
        await run_recording(
            calls.RESUME_REVIEW,
            ResumeReview(
                application_id=case.id,
                round=asked.round,
                state=case.state,
                waiting=case.waiting,
                state_seq=case.state_seq,
                at=now,
            ),
            f"record: supplemented, back to {asked.requested_by}",
        )

    def _offer(self, now: datetime) -> Offer:
        """Return what the policy lets be lent, without one that says so what was asked for."""
        case, product = self._case, self._case.product.content
        terms = case.terms or Terms(
            amount=case.start.amount,
            instalments=case.start.instalments,
            annual_rate=product.terms.annual_rate,
        )
        lowered = [one.amount for one in case.conditions if one.kind == "lower_amount"]
        return Offer(
            offer_id=ids.derived_id("off", case.id),
            currency=case.start.currency,
            amount=product.lendable(
                min([terms.amount, *(one for one in lowered if one is not None)])
            ),
            instalments=terms.instalments,
            annual_rate=terms.annual_rate,
            penalty_annual_rate=product.terms.penalty_annual_rate,
            mode=product.mode,
            expires_at=now + product.offer_valid_for,
        )

    def _make(self, offer: Offer) -> None:
        case = self._case
        case.offer, case.deadline = offer, offer.expires_at
        case.change(ApplicationState.OFFERED, Waiting.APPLICANT)
