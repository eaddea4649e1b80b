"""Judging a reviewer's word: the one place, wherever the word came from.

The API, the command line and signals from the Temporal UI all end here: the process of an
application hands every word to the activity that calls these functions. Each locks the case, so
that of two words at once the second finds what the first led to.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from domain.applications.application import InvalidReview, ReviewClosed
from domain.cases.cases import (
    CaseKind,
    CaseOutcome,
    CaseState,
    LogEntry,
    SecondReviewerNeeded,
    Stage,
    check_free,
)
from domain.cases.strategy import SecondPersonReason
from domain.common.reject_codes import REVIEWED
from domain.common.typed_text import holds_number_of_person
from domain.people.authority import Action, Authority, NotAuthorised
from domain.products.products import OutsideProduct
from messages.applications import Offer, RecordReview
from services.cases.claims import check_second_person
from services.cases.finding import strategy_in_force
from services.cases.stages import pass_on
from services.decisioning.rules import reject_codes_in_force
from services.people.authority import authority_of
from services.people.reviewers import Reviewer, reviewer_of
from services.products.agreed import product_of_application
from storage.applications.offers import OfferRepository
from storage.cases import CaseLogRepository, CaseRepository, CaseRow, LogRow
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction

MAX_REASON: Final = 200
_OTHER_PERSON: Final = "this application takes two people of the staff directory: say who you are"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a word that counted led to: an offer, a reject code, or a second person until then."""

    reviewer: str
    offer: Offer | None = None
    reject_code: str | None = None
    due_at: datetime | None = None


def check_reason(reason: str) -> None:
    """Raise `InvalidReview` for a reason that cannot go to the audit trail."""
    if len(reason) > MAX_REASON:
        raise InvalidReview(f"the reason has {MAX_REASON} characters at most", field="reason")
    if holds_number_of_person(reason):
        raise InvalidReview(
            "leave identity, card and mobile numbers out of the reason", field="reason"
        )


async def reviewer_who_decides(
    tx: Transaction, case: CaseRow | None, said_by: str, *, at: datetime, today: date
) -> tuple[CaseRow, Reviewer]:
    """Return an open case that was locked, and who decides it now.

    Raises `ReviewClosed`, `CaseClaimed`, `SecondReviewerNeeded` and `NotAuthorised`.
    """
    if case is None or case.state is CaseState.CLOSED:
        raise ReviewClosed("the review was decided already")
    reviewer = await reviewer_of(tx, said_by, today)
    check_free(case.claim, reviewer.actor, at)
    if case.stage is Stage.FINAL:
        if reviewer.person_id is None:
            raise SecondReviewerNeeded(_OTHER_PERSON)
        check_second_person(case, reviewer.actor)
    return case, reviewer


async def judge_review(tx: Transaction, request: RecordReview, key: str) -> Ruling:
    """Judge a word and write what follows from it, but for the state of the application.

    A repeat under the same `key` returns what it led to. Raises `InvalidReview` and what
    `reviewer_who_decides` raises; nothing is written then.
    """
    locked = await CaseRepository(tx).lock_of_subject(CaseKind.REVIEW, request.application_id)
    entry = await CaseLogRepository(tx).find(key)
    if entry is not None:
        return await _repeated(tx, request, entry)
    if not request.in_review:
        raise ReviewClosed("the application is not in review")
    command = request.command
    check_reason(command.reason)
    case, reviewer = await reviewer_who_decides(
        tx, locked, command.reviewer, at=request.at, today=request.business_date
    )
    if request.approve:
        return await _approve(tx, request, case, reviewer, key)
    return await _reject(tx, request, case, reviewer, key)


async def authorise_supplement(tx: Transaction, case: CaseRow, reviewer: Reviewer) -> None:
    """Raise `NotAuthorised` unless a reviewer may ask for elements again."""
    authority = await _authority(tx, case, reviewer, Action.REQUEST_SUPPLEMENT, case.amount)
    if not authority.allowed or authority.second_person_needed:
        raise NotAuthorised(authority.why)


async def _authority(
    tx: Transaction, case: CaseRow, reviewer: Reviewer, action: Action, amount: int
) -> Authority:
    return await authority_of(
        tx,
        reviewer.principal,
        action,
        amount,
        case.currency,
        product=case.product,
        skills=reviewer.skills,
    )


async def _approve(
    tx: Transaction, request: RecordReview, case: CaseRow, reviewer: Reviewer, key: str
) -> Ruling:
    offer = await _approved_offer(tx, request, case)
    authority = await _authority(tx, case, reviewer, Action.APPROVE_APPLICATION, offer.amount)
    if case.stage is Stage.FINAL and case.approved_amount is not None:
        if not authority.allowed:
            raise NotAuthorised(authority.why)
    else:
        # At a final stage that nobody approved before, this approval is the first of two.
        why = await _second_person_reason(tx, case, offer, authority)
        if why is not None:
            if reviewer.person_id is None:
                raise SecondReviewerNeeded(_OTHER_PERSON)
            due_at = await pass_on(
                tx,
                case,
                by=reviewer.actor,
                why=why,
                at=request.at,
                key=key,
                amount=offer.amount,
                instalments=offer.instalments,
            )
            return Ruling(reviewer.actor, due_at=due_at)
    await _close(tx, request, case, reviewer, CaseOutcome.APPROVED, key)
    await OfferRepository(tx).make(offer, request.application_id, request.at)
    return Ruling(reviewer.actor, offer=offer)


async def _second_person_reason(
    tx: Transaction, case: CaseRow, offer: Offer, authority: Authority
) -> SecondPersonReason | None:
    if not authority.allowed and not authority.colleagues_may:
        raise NotAuthorised(authority.why)
    if not authority.allowed or authority.second_person_needed:
        return SecondPersonReason.AUTHORITY
    if case.overridden_by:
        return SecondPersonReason.RULE
    strategy = (await strategy_in_force(tx)).content
    return strategy.second_person_reason(
        case_id=case.id,
        amount=offer.amount,
        currency=case.currency,
        score=case.score,
        rules=case.rules,
    )


async def _reject(
    tx: Transaction, request: RecordReview, case: CaseRow, reviewer: Reviewer, key: str
) -> Ruling:
    authority = await _authority(tx, case, reviewer, Action.REJECT_APPLICATION, case.amount)
    if not authority.allowed or authority.second_person_needed:
        raise NotAuthorised(authority.why)
    code = request.command.code or REVIEWED
    codes = await reject_codes_in_force(tx)
    if codes.find(code) is None:
        known = ", ".join(one.code for one in codes.codes)
        raise InvalidReview(f"the code must be one of {known}", field="code")
    await _close(tx, request, case, reviewer, CaseOutcome.REJECTED, key, code)
    return Ruling(reviewer.actor, reject_code=code)


async def _approved_offer(tx: Transaction, request: RecordReview, case: CaseRow) -> Offer:
    """Return the offer of what is approved, within the product.

    Never more than was asked for, than the policy's terms allow, or than the first person approved.
    """
    made, command = request.offer, request.command
    if made is None:
        raise RecordMissing(f"no offer to make on {request.application_id}")
    most = _least(made.amount, case.amount, case.approved_amount)
    longest = _least(made.instalments, case.instalments, case.approved_instalments)
    amount = most if command.amount is None else command.amount
    instalments = longest if command.instalments is None else command.instalments
    if amount > most:
        raise InvalidReview("the amount may be lowered, not raised", field="amount")
    if instalments > longest:
        raise InvalidReview("the term may be shortened, not extended", field="instalments")
    if (amount, instalments) != (case.amount, case.instalments):
        product = (await product_of_application(tx, request.application_id)).content
        checks = (
            ("amount", amount, product.instalments[0]),
            ("instalments", product.amount_min, instalments),
        )
        for field, lent, term in checks:
            try:
                product.check_request(lent, term)
            except OutsideProduct as error:
                raise InvalidReview(error.message, field=field) from error
    return made.model_copy(update={"amount": amount, "instalments": instalments})


def _least(offered: int, asked: int, approved: int | None) -> int:
    return min(offered, asked) if approved is None else min(offered, asked, approved)


async def _close(
    tx: Transaction,
    request: RecordReview,
    case: CaseRow,
    reviewer: Reviewer,
    outcome: CaseOutcome,
    key: str,
    code: str | None = None,
) -> None:
    reason = request.command.reason
    await CaseRepository(tx).close(
        case.id, outcome, by=reviewer.actor, reason=reason, at=request.at
    )
    await CaseLogRepository(tx).add(
        case.id,
        LogEntry.CLOSED,
        actor=reviewer.actor,
        at=request.at,
        key=key,
        detail={"outcome": outcome, "reason": reason, "code": code},
    )


async def _repeated(tx: Transaction, request: RecordReview, entry: LogRow) -> Ruling:
    """Return what a word led to that was judged before: its process did not hear the answer."""
    if entry.entry is not LogEntry.CLOSED:
        return Ruling(entry.actor, due_at=datetime.fromisoformat(entry.detail["due_at"]))
    if not request.approve:
        return Ruling(entry.actor, reject_code=entry.detail["code"])
    row = await OfferRepository(tx).of_application(request.application_id)
    if row is None or request.offer is None:
        raise RecordMissing(f"no offer of {request.application_id}")
    lent = {"amount": row.amount, "instalments": row.instalments}
    return Ruling(entry.actor, offer=request.offer.model_copy(update=lent))
