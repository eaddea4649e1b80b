"""Granting limits by campaigns, page by page, and showing them to who has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from domain.common.ages import age_on
from domain.common.calendar import business_date, instant_at
from domain.common.definitions import Agreed
from domain.common.suspensions import Suspendable
from domain.common.zones import zone_of
from domain.decisioning.compiled import CompiledPolicy
from domain.decisioning.customer_levels import History
from domain.decisioning.evaluating import evaluate
from domain.decisioning.facts import FactValue
from domain.decisioning.lists import PersonKeys
from domain.messaging.events import HOME_ZONE, MessagePurpose
from domain.people.identity_documents import birth_date_in
from domain.people.principals import Principal
from domain.precredit import CAMPAIGN, Campaign
from domain.products.checks import PRODUCT
from domain.products.products import Product
from messages.ids import derived_id
from services.decisioning.lists import standing_of
from services.decisioning.policies import policy_in_force
from services.messaging.outbox import Notice, amount, tell
from services.people.ownership import find_applicant
from storage.common.repository import Transaction
from storage.common.rows import Cursor
from storage.decisioning.levels import LevelRepository
from storage.definitions import DefinitionRepository
from storage.people.applicants import ApplicantRepository, Personal
from storage.precredit import (
    CandidateRow,
    PreapprovalCreate,
    PreapprovalRepository,
    PreapprovalRow,
)
from storage.suspensions import SuspensionRepository


@dataclass(frozen=True)
class Part:
    """What one page came to; `is_last` when nobody is left today, or there is no campaign."""

    looked_at: int
    granted: int
    is_last: bool


async def grant_page(tx: Transaction, campaign: Agreed[Campaign], at: datetime) -> Part:
    """Look at the next customers of a campaign's day, and grant those whom its policy approves.

    Limits, messages and how far the campaign came are one transaction: dead at any point, the next
    run goes on where this one began, and nobody is granted twice.
    """
    content = campaign.content
    definitions = DefinitionRepository(tx)
    product = (await definitions.in_force(PRODUCT, content.product)).content
    today = business_date(at, product.zone)
    if not content.runs_on(today):
        return Part(0, 0, is_last=True)
    preapprovals = PreapprovalRepository(tx)
    code = campaign.ref.code
    day = await preapprovals.day(code, today)
    if day.is_done:
        return Part(0, 0, is_last=True)
    suspensions = SuspensionRepository(tx)
    if await suspensions.is_suspended(Suspendable.PRODUCT, content.product):
        return Part(0, 0, is_last=True)
    policy = await policy_in_force(tx, content.policy)
    rows = await preapprovals.candidates(
        code,
        day.after_id,
        content.settled_loans_at_least,
        content.page,
        suspended_channels=await suspensions.codes(Suspendable.CHANNEL),
    )
    histories = await LevelRepository(tx).histories([row.id for row in rows], at) if rows else {}
    granted = 0
    for row in rows:
        case = _Case(row, histories[row.id], await _facts(tx, row.id, today))
        new = _granted(case, campaign, str(policy.ref), policy.compiled, product, today)
        if new is not None and await preapprovals.grant(new):
            granted += 1
            await tell(tx, _notice(new))
    is_last = len(rows) < content.page
    after = rows[-1].id if rows else day.after_id
    await preapprovals.came_to(day, after, len(rows), granted, is_done=is_last)
    return Part(len(rows), granted, is_last=is_last)


async def campaigns_in_force(tx: Transaction) -> Sequence[Agreed[Campaign]]:
    """Return the campaigns in force, by code."""
    return await DefinitionRepository(tx).all_in_force(CAMPAIGN)


async def preapprovals_of(
    tx: Transaction, caller: Principal, applicant_id: str, after: Cursor | None, limit: int
) -> list[PreapprovalRow]:
    """Return a page of a customer's limits, the newest first; raises `NotFound`."""
    applicant = await find_applicant(tx, caller, applicant_id)
    return await PreapprovalRepository(tx).page(after, limit, applicant_id=applicant.id)


@dataclass(frozen=True, repr=False)
class _Case:
    row: CandidateRow
    history: History
    known: dict[str, FactValue]


async def _facts(tx: Transaction, applicant_id: str, on: date) -> dict[str, FactValue]:
    """Return what is known of a person apart from the history; what is not known is missing."""
    personal = await ApplicantRepository(tx).personal(applicant_id)
    lists, _ = await standing_of(tx, applicant_id, _keys(personal), on)
    facts: dict[str, FactValue] = dict(lists)
    number = personal.identity_number
    birth_date = None if number is None else birth_date_in(number, on)
    if birth_date is not None:
        facts["age"] = age_on(birth_date, on)
    return facts


def _keys(personal: Personal) -> PersonKeys:
    def some(value: str | None) -> frozenset[str]:
        return frozenset() if value is None else frozenset({value})

    return PersonKeys(
        identity_numbers=some(personal.identity_number),
        mobiles=some(personal.mobile),
        bank_cards=some(personal.bank_card),
    )


def _granted(
    case: _Case,
    campaign: Agreed[Campaign],
    policy: str,
    compiled: CompiledPolicy,
    product: Product,
    today: date,
) -> PreapprovalCreate | None:
    """Return the limit that the policy grants a person, within campaign and product, if any."""
    content, history = campaign.content, case.history
    most = min(content.amount_most, product.amount_max)
    facts: dict[str, FactValue] = {
        **case.known,
        "business_date": today,
        "own_loans": history.loans,
        "own_settled_loans": history.settled_loans,
        "own_open_loans": history.open_loans,
        "own_days_past_due_now": history.days_late,
        "own_days_past_due_max": history.worst_days_late,
        "own_rejections_90d": case.row.rejections_90d,
        "own_limit": case.row.best_limit,
        "amount_asked": most,
        "amount_min": product.amount_min,
        "amount_step": product.amount_step,
        "amount_cap": most,
        "amount_authority": most,
        "term_asked": content.instalments,
        "terms_allowed": frozenset({str(content.instalments)}),
        "annual_rate_asked": product.terms.annual_rate,
        "annual_rate_cap": product.terms.annual_rate,
    }
    came = evaluate(compiled, facts)
    offer = came.offer
    if offer is None or offer.amount > most:
        return None
    return PreapprovalCreate(
        id=derived_id("pre", campaign.ref.code, case.row.person),
        campaign=campaign.ref.code,
        definition=str(campaign.ref),
        applicant_id=case.row.id,
        person=case.row.person,
        product=content.product,
        currency=product.currency,
        amount=offer.amount,
        instalments=offer.term,
        annual_rate=offer.annual_rate,
        policy=policy,
        granted_on=today,
        valid_until=today + timedelta(days=content.valid_days - 1),
        evaluation=came.model_dump_json(),
    )


def _notice(granted: PreapprovalCreate) -> Notice:
    about = f"applicant:{granted.applicant_id}"
    ends = instant_at(granted.valid_until, time.max, zone_of(HOME_ZONE))
    return Notice(
        MessagePurpose.PREAPPROVAL_GRANTED,
        f"{about}:preapproval:{granted.id}",
        about,
        {
            "amount": amount(granted.amount, granted.currency),
            "until": granted.valid_until.isoformat(),
        },
        ends_at=ends,
    )
