"""The record of an application's states and of its automatic decision."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from activities.common.performing import performs
from activities.common.refusals import found
from domain.applications.application import ApplicationState, Rejection, Waiting
from domain.cases.cases import CaseKind
from domain.common import reject_codes
from messages import calls, ids
from messages.applications import RecordDecision, RecordedState, RecordState
from runtime import metrics
from services.applications.notices import offer_notices, rejection_notice
from services.applications.reviews import open_review_of
from services.decisioning.rules import reject_codes_in_force
from services.messaging.outbox import tell
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.applications.offers import OfferRepository, OfferState
from storage.cases import CaseRepository
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.database import Database
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
                rejection = await rejection_of(tx, request.reject_code, request.business_date)
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
                await open_review_of(tx, request.application_id, request.at, request.review_due_at)
            if request.offer is not None:
                await OfferRepository(tx).make(request.offer, request.application_id, request.at)
                if entered:
                    await tell(tx, *offer_notices(entered, request.offer))
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
    await CaseRepository(tx).abandon(CaseKind.REVIEW, application_id)
    offer = await OfferRepository(tx).of_application(application_id)
    if offer is not None:
        await OfferRepository(tx).set_state(offer.id, OfferState.LAPSED)


async def rejection_of(tx: Transaction, code: str, on: date) -> Rejection:
    """Return a rejection of the business date `on` by the table of codes in force."""
    codes = await reject_codes_in_force(tx)
    return Rejection(code=code, reapply_on=codes.reapply_on(code, on))


async def _recorded(tx: Transaction, application_id: str) -> RecordedState:
    """Return what is on record: at a repeat what was written first."""
    row = await ApplicationRepository(tx).get(application_id)
    return RecordedState(rejection=row.rejection if row else None)
