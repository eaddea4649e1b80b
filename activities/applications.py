"""The record of an application's states, its automatic decision and its review."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from activities.common.performing import performs
from activities.common.refusals import found
from domain.applications.application import ApplicationState, Rejection, Waiting
from domain.common import reject_codes
from domain.common.definitions import DefinitionRef
from domain.decisioning.decision import Decision, Outcome
from messages import calls, ids
from messages.applications import RecordDecision, RecordedState, RecordReview, RecordState
from messages.verification import RecordSupplement, ResumeReview
from runtime import metrics
from services.applications.notices import offer_notices, rejection_notice, supplement_notice
from services.decisioning.rules import reject_codes_in_force, rules_in_force
from services.messaging.outbox import tell
from services.products.agreed import product_of_application
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.applications.offers import OfferRepository, OfferState
from storage.applications.reviews import ReviewRepository
from storage.applications.supplements import SupplementRepository
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.decisioning.decisions import DecisionRepository
from storage.verification.elements import ElementRepository


@dataclass(frozen=True)
class Applications:
    """Writes applications' states."""

    database: Database

    @performs(calls.RECORD_STATE)
    async def record_state(self, request: RecordState) -> RecordedState:
        """Write a state; an older one than is written already changes nothing."""
        async with self.database.transaction() as tx:
            rejection = None
            if request.reject_code is not None:
                rejection = await _rejected(tx, request.reject_code, request.business_date)
            entered = await enter_state(
                tx,
                request.application_id,
                request.state,
                request.waiting,
                request.state_seq,
                request.at,
                rejection=rejection,
            )
            if request.state.is_final:
                await _close_what_is_open(tx, request.application_id)
            recorded = await _recorded(tx, request.application_id)
        if entered:
            metrics.application_entered(request.state, entered.channel)
        return recorded

    @performs(calls.RECORD_DECISION)
    async def record_decision(self, request: RecordDecision) -> None:
        """Write the decided state with its review task or its offer."""
        decision = request.decision
        rejection = (
            Rejection(code=decision.reject_code, reapply_on=decision.reapply_on)
            if decision.reject_code is not None
            else None
        )
        async with self.database.transaction() as tx:
            entered = await enter_state(
                tx,
                request.application_id,
                request.state,
                request.waiting,
                request.state_seq,
                request.at,
                rejection=rejection,
                is_locked=any(hit.rule == reject_codes.REAPPLY_LOCK for hit in decision.hits),
            )
            if request.review_due_at is not None:
                await ReviewRepository(tx).open(
                    request.application_id, request.at, request.review_due_at
                )
            if request.offer is not None:
                await OfferRepository(tx).make(request.offer, request.application_id, request.at)
                if entered:
                    await tell(tx, *offer_notices(entered, request.offer))
        if entered:
            metrics.application_entered(request.state, entered.channel)

    @performs(calls.RECORD_REVIEW)
    async def record_review(self, request: RecordReview) -> RecordedState:
        """Write what a reviewer decided: to the audit always, and its effect if it counted."""
        aggregate = ids.application_workflow(request.application_id)
        entered = None
        async with self.database.transaction() as tx:
            if request.accepted:
                entered = await _review_takes_effect(tx, request)
            await AuditRepository(tx).add(
                actor=request.command.reviewer,
                role="reviewer",
                action="approve" if request.approve else "reject",
                subject=aggregate,
                outcome="accepted" if request.accepted else "refused",
                detail={"reason": request.command.reason, "at": request.at.isoformat()},
                key=f"{aggregate}:review:{_fingerprint(request)}",
            )
            recorded = await _recorded(tx, request.application_id)
        if entered:
            state = ApplicationState.OFFERED if request.approve else ApplicationState.REJECTED
            metrics.application_entered(state, entered.channel)
        return recorded

    @performs(calls.RECORD_SUPPLEMENT)
    async def record_supplement(self, request: RecordSupplement) -> None:
        """Write what a reviewer asks to be provided again; the review task waits for it."""
        asked = request.supplement
        aggregate = ids.application_workflow(request.application_id)
        async with self.database.transaction() as tx:
            entered = await enter_state(
                tx,
                request.application_id,
                request.state,
                request.waiting,
                request.state_seq,
                request.at,
            )
            await SupplementRepository(tx).open(request.application_id, asked, request.at)
            await AuditRepository(tx).add(
                actor=asked.requested_by,
                role="reviewer",
                action="request_supplement",
                subject=aggregate,
                outcome="accepted",
                detail={
                    "round": asked.round,
                    "kinds": list(asked.kinds),
                    "reason": asked.reason,
                    "at": request.at.isoformat(),
                },
                key=f"{aggregate}:supplement:{asked.round}",
            )
            await OutboxRepository(tx).add(
                aggregate,
                "supplement_requested",
                f"{aggregate}:supplement_requested:{asked.round}",
                {
                    "round": asked.round,
                    "kinds": list(asked.kinds),
                    "due_at": asked.due_at.isoformat(),
                },
            )
            await tell(tx, supplement_notice(request.application_id, asked))
        if entered:
            metrics.application_entered(request.state, entered.channel)

    @performs(calls.RESUME_REVIEW)
    async def resume_review(self, request: ResumeReview) -> None:
        """Write that everything was provided; the task is back with who asked for it."""
        async with self.database.transaction() as tx:
            entered = await enter_state(
                tx,
                request.application_id,
                request.state,
                request.waiting,
                request.state_seq,
                request.at,
            )
            await SupplementRepository(tx).complete(
                request.application_id, request.round, request.at
            )
        if entered:
            metrics.application_entered(request.state, entered.channel)


async def enter_state(
    tx: Transaction,
    application_id: str,
    state: ApplicationState,
    waiting: Waiting,
    state_seq: int,
    at: datetime,
    *,
    rejection: Rejection | None = None,
    is_locked: bool = False,
    line_id: str | None = None,
) -> ApplicationRow | None:
    """Write a state and tell of it; return the application as it was if the state is a new one.

    A rejected applicant is sent the rejection; `is_locked` if an earlier one still holds.
    """
    before = found(
        await ApplicationRepository(tx).for_update(application_id), f"application {application_id}"
    )
    written = await ApplicationRepository(tx).set_state(
        application_id,
        state,
        waiting,
        state_seq,
        at,
        reject_code=rejection.code if rejection else None,
        reapply_on=rejection.reapply_on if rejection else None,
    )
    if not written:
        # A repeat was told with its first write; an older state told now would seem the newest.
        return None
    if state.is_final:
        await ElementRepository(tx).forget_address_books(before.applicant_id, application_id)
    aggregate = ids.application_workflow(application_id)
    payload: dict[str, Any] = {
        "application_id": application_id,
        "state": state,
        "waiting": waiting,
        "state_seq": state_seq,
        "at": at.isoformat(),
        "rejection": rejection.model_dump(mode="json") if rejection else None,
        "line_id": line_id,
    }
    await OutboxRepository(tx).add(
        aggregate, "state_changed", f"{aggregate}:state_changed:{state_seq}", payload
    )
    if rejection is not None:
        codes = await reject_codes_in_force(tx)
        await tell(
            tx, rejection_notice(application_id, rejection, codes, state_seq, is_locked=is_locked)
        )
    return before if before.state is not state else None


async def _close_what_is_open(tx: Transaction, application_id: str) -> None:
    await ReviewRepository(tx).close(application_id)
    offer = await OfferRepository(tx).of_application(application_id)
    if offer is not None:
        await OfferRepository(tx).set_state(offer.id, OfferState.LAPSED)


async def _rejected(tx: Transaction, code: str, on: date) -> Rejection:
    """Return a rejection of the business date `on` by the table of codes in force."""
    codes = await reject_codes_in_force(tx)
    return Rejection(code=code, reapply_on=codes.reapply_on(code, on))


async def _recorded(tx: Transaction, application_id: str) -> RecordedState:
    """Return what is on record: at a repeat what was written first."""
    row = await ApplicationRepository(tx).get(application_id)
    return RecordedState(rejection=row.rejection if row else None)


async def _policy_reviewed(tx: Transaction, application_id: str) -> DefinitionRef:
    """Return the policy of the decision that a review is of, or else the one in force."""
    decided = await DecisionRepository(tx).decision(application_id, "automatic", 1)
    if decided is not None:
        return decided.policy
    rules = await rules_in_force(tx, await product_of_application(tx, application_id))
    return rules.decision.ref


async def _review_takes_effect(tx: Transaction, request: RecordReview) -> ApplicationRow | None:
    rejection = None
    if not request.approve:
        rejection = await _rejected(tx, reject_codes.REVIEWED, request.business_date)
    entered = await enter_state(
        tx,
        request.application_id,
        ApplicationState.OFFERED if request.approve else ApplicationState.REJECTED,
        Waiting.APPLICANT if request.approve else Waiting.NOTHING,
        request.state_seq,
        request.at,
        rejection=rejection,
    )
    await ReviewRepository(tx).decide(
        request.application_id,
        approve=request.approve,
        by=request.command.reviewer,
        reason=request.command.reason,
        at=request.at,
    )
    await DecisionRepository(tx).record(
        decision_id=ids.derived_id("dec", request.application_id, "review", "1"),
        application_id=request.application_id,
        stage="review",
        attempt=1,
        decision=Decision(
            outcome=Outcome.APPROVE if request.approve else Outcome.REJECT,
            policy=await _policy_reviewed(tx, request.application_id),
            score=None,
            reject_code=rejection.code if rejection else None,
            reapply_on=rejection.reapply_on if rejection else None,
            hits=(),
        ),
        facts={},
        decided_by=request.command.reviewer,
        decided_at=request.at,
    )
    if request.offer is not None:
        await OfferRepository(tx).make(request.offer, request.application_id, request.at)
        if entered:
            await tell(tx, *offer_notices(entered, request.offer))
    return entered


def _fingerprint(request: RecordReview) -> str:
    """Name one word of a reviewer: the same at every repeat, another for every other word."""
    return ids.derived_id(
        "rev",
        str(request.approve),
        request.command.reviewer,
        request.command.reason,
        request.at.isoformat(),
    )
