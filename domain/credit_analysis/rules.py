"""The decision on a credit proposal: facts in, a status and every rule's hit out.

A missing fact never approves: it refers the case to an analyst.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

from domain.common.ages import age_on
from domain.credit_analysis.decision import (
    AnalysisDecision,
    AnalysisHit,
    AnalysisStatus,
    PartyFacts,
    Wish,
)
from domain.credit_analysis.parties import NaturalPerson
from domain.credit_analysis.policy import HIGHEST_SCORE, LOWEST_SCORE, AnalysisPolicy
from domain.credit_analysis.proposal import (
    SUBJECT,
    AnyProposal,
    Currency,
    Financial,
    InterestType,
    LegalPersonProposal,
    Proposal,
    missing_terms,
    parties_of,
)

APPROVED: Final = "policy_passed"
"""The reason of an approval."""

_STATUS_OF: Final[Mapping[Wish, AnalysisStatus]] = {
    Wish.REPROVE: AnalysisStatus.AUTOMATICALLY_REPROVED,
    Wish.CHALLENGE: AnalysisStatus.AUTOMATICALLY_CHALLENGED,
    Wish.REFER: AnalysisStatus.IN_MANUAL_ANALYSIS,
}
# What the client can mend by a new request. Any other mismatch, known or not, reproves.
_CORRECTABLE: Final = frozenset(
    {
        "birth_date_mismatch",
        "constitution_date_mismatch",
        "legal_name_mismatch",
        "name_mismatch",
        "not_registered",
    }
)
_CENT: Final = Decimal("0.01")


def decide(
    policy: AnalysisPolicy,
    proposal: AnyProposal,
    parties: tuple[PartyFacts, ...],
    assessment: AnalysisStatus | None,
    on: date,
) -> AnalysisDecision:
    """Apply every rule on a business date; the strongest wish wins, the first of it is the reason.

    `assessment` is the external analyst's final status, or None where none was asked or came.
    """
    score = score_of(policy, proposal, parties, on)
    hits = (
        *(hit for party in parties for hit in _party(policy, party)),
        *_unchecked(proposal, parties),
        *_owners(proposal),
        *_age(policy, proposal, on),
        *_ages_of_others(policy, proposal, on),
        *_means(policy, proposal),
        *_score(policy, score),
        *_assessment(policy, assessment),
    )
    status, reason = AnalysisStatus.AUTOMATICALLY_APPROVED, APPROVED
    leading = next((hit for wish in Wish for hit in hits if hit.wish is wish), None)
    if leading is not None:
        status, reason = _STATUS_OF[leading.wish], leading.rule
    return AnalysisDecision(
        status=status,
        reason=reason,
        coverage=coverage_of(proposal),
        score=score,
        hits=hits,
    )


def coverage_of(proposal: AnyProposal) -> Decimal | None:
    """Return collateral and guarantors' assets over the amount, None in another currency.

    Warrants and declared assets are in centavos whatever the amount is in.
    """
    if proposal.financial.currency is not Currency.BRL:
        return None
    covered = collateral_value(proposal) + guaranteed_assets(proposal)
    return (Decimal(covered) / proposal.financial.amount).quantize(_CENT)


def collateral_value(proposal: Proposal) -> int:
    """Return what a forced sale of all collateral brings, in centavos."""
    return sum(warrant.forced_selling_value for warrant in proposal.warrants)


def guaranteed_assets(proposal: Proposal) -> int:
    """Return what guarantors declared to own, in centavos; companies declare nothing here."""
    return sum(
        guarantor.declared_assets or 0
        for guarantor in proposal.guarantors
        if isinstance(guarantor, NaturalPerson)
    )


def yearly_rate(financial: Financial, cdi: Decimal) -> Decimal:
    """Return the whole rate in percent a year, for a CDI of `cdi` percent a year.

    It is too low where `missing_terms` names the rate.
    """
    fixed = financial.annual_interest_rate or Decimal(0)
    if financial.interest_type is InterestType.CDI_PLUS:
        return fixed + cdi
    if financial.interest_type is InterestType.CDI_PERCENTAGE:
        share = financial.cdi_percentage
        return (Decimal(100) if share is None else share) * cdi / 100
    return fixed


def instalment_of(proposal: AnyProposal, cdi: Decimal) -> Fraction:
    """Return the level monthly instalment, in minor units, by which means are measured.

    Monthly interest is a twelfth of the yearly rate; what has no number of instalments, such as a
    card's limit, is measured as if due at once, which asks for the most.
    """
    financial = proposal.financial
    count = financial.number_of_installments or 1
    monthly = Fraction(yearly_rate(financial, cdi)) / 1200
    if monthly == 0:
        return Fraction(financial.amount, count)
    growth = (1 + monthly) ** count
    return financial.amount * monthly * growth / (growth - 1)


def income_ratio(proposal: AnyProposal, cdi: Decimal) -> Fraction:
    """Return monthly revenue or income over the instalment."""
    income = (
        proposal.monthly_revenue
        if isinstance(proposal, LegalPersonProposal)
        else proposal.monthly_income
    )
    return Fraction(income) / instalment_of(proposal, cdi)


def months_between(start: date, end: date) -> int:
    """Return the whole months from `start` to `end`."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months - (end.day < start.day)


def score_of(
    policy: AnalysisPolicy,
    proposal: AnyProposal,
    parties: tuple[PartyFacts, ...],
    on: date,
) -> int:
    """Return the internal score by the policy's card."""
    card = policy.score_card
    since = (
        proposal.constitution_date
        if isinstance(proposal, LegalPersonProposal)
        else proposal.client_since or on
    )
    years = min(max(months_between(since, on) // 12, 0), card.max_years)
    points = card.base + years * card.for_each_year
    if proposal.financial.currency is Currency.BRL:
        ratio = income_ratio(proposal, policy.assumed_cdi)
        if ratio >= Fraction(card.comfortable_income):
            points += card.for_comfortable_income
        elif ratio >= Fraction(policy.refer_income_below):
            points += card.for_sufficient_income
    coverage = coverage_of(proposal)
    if coverage is not None and coverage >= 1:
        points += card.for_full_coverage
    points += card.for_each_adverse_fact * sum(party.adverse_facts or 0 for party in parties)
    return min(max(points, LOWEST_SCORE), HIGHEST_SCORE)


def _party(policy: AnalysisPolicy, facts: PartyFacts) -> list[AnalysisHit]:
    if facts.mismatch is not None:
        wish = Wish.CHALLENGE if facts.mismatch in _CORRECTABLE else Wish.REPROVE
        return [AnalysisHit(rule=facts.mismatch, wish=wish, read=facts.party)]
    adverse = facts.adverse_facts
    if adverse is not None and adverse < policy.refer_adverse_facts_from:
        return []
    reproves = adverse is not None and adverse >= policy.reprove_adverse_facts_from
    wish = Wish.REPROVE if reproves else Wish.REFER
    known = "unknown" if adverse is None else str(adverse)
    return [AnalysisHit(rule="adverse_facts", wish=wish, read=f"{facts.party}: {known}")]


def _unchecked(proposal: AnyProposal, parties: tuple[PartyFacts, ...]) -> list[AnalysisHit]:
    """Refer for everybody of whom nothing is on record."""
    checked = {facts.party for facts in parties}
    return [
        AnalysisHit(rule="unchecked", wish=Wish.REFER, read=party)
        for party in parties_of(proposal)
        if party not in checked
    ]


def _owners(proposal: AnyProposal) -> list[AnalysisHit]:
    """Refer a company of which nobody says who owns it, such as one that companies own."""
    if not isinstance(proposal, LegalPersonProposal) or proposal.shareholders:
        return []
    return [AnalysisHit(rule="owners", wish=Wish.REFER, read="no shareholder listed")]


def _age(policy: AnalysisPolicy, proposal: AnyProposal, on: date) -> list[AnalysisHit]:
    if isinstance(proposal, LegalPersonProposal):
        months = months_between(proposal.constitution_date, on)
        if months >= policy.refer_company_younger_than_months:
            return []
        young = months < policy.reprove_company_younger_than_months
        wish = Wish.REPROVE if young else Wish.REFER
        return [AnalysisHit(rule="constitution_age", wish=wish, read=f"{months} months")]
    if _is_of_age(policy, proposal, on):
        return []
    return [AnalysisHit(rule="under_age", wish=Wish.REPROVE, read="under age")]


def _ages_of_others(policy: AnalysisPolicy, proposal: AnyProposal, on: date) -> list[AnalysisHit]:
    """Refer for guarantors and shareholders under age: they may be represented or emancipated."""
    return [
        AnalysisHit(rule="under_age", wish=Wish.REFER, read=f"{party}: under age")
        for party, person in parties_of(proposal).items()
        if party != SUBJECT
        and isinstance(person, NaturalPerson)
        and not _is_of_age(policy, person, on)
    ]


def _is_of_age(policy: AnalysisPolicy, person: NaturalPerson, on: date) -> bool:
    years = age_on(person.birthdate, on, policy.age_turns)
    return years >= policy.reprove_person_younger_than_years


def _means(policy: AnalysisPolicy, proposal: AnyProposal) -> list[AnalysisHit]:
    financial = proposal.financial
    coverage = coverage_of(proposal)
    if coverage is None:
        read = f"amount in {financial.currency}"
        return [AnalysisHit(rule="currency", wish=Wish.REFER, read=read)]
    hits = [
        AnalysisHit(rule="terms", wish=Wish.REFER, read=f"{field} unknown")
        for field in missing_terms(proposal)
    ]
    ratio = income_ratio(proposal, policy.assumed_cdi)
    if ratio < Fraction(policy.refer_income_below):
        short = ratio < Fraction(policy.reprove_income_below)
        wish = Wish.REPROVE if short else Wish.REFER
        read = str((Decimal(ratio.numerator) / ratio.denominator).quantize(_CENT))
        hits.append(AnalysisHit(rule="income_to_instalment", wish=wish, read=read))
    if financial.amount >= policy.coverage_needed_from and coverage < policy.refer_coverage_below:
        hits.append(AnalysisHit(rule="coverage", wish=Wish.REFER, read=str(coverage)))
    if financial.amount > policy.refer_amount_above:
        hits.append(AnalysisHit(rule="amount", wish=Wish.REFER, read="above the automatic limit"))
    return hits


def _score(policy: AnalysisPolicy, score: int) -> list[AnalysisHit]:
    if score >= policy.refer_score_below:
        return []
    wish = Wish.REPROVE if score < policy.reprove_score_below else Wish.REFER
    return [AnalysisHit(rule="score", wish=wish, read=str(score))]


def _assessment(policy: AnalysisPolicy, assessment: AnalysisStatus | None) -> list[AnalysisHit]:
    if not policy.external_assessment:
        return []
    match assessment:
        case AnalysisStatus.AUTOMATICALLY_APPROVED | AnalysisStatus.MANUALLY_APPROVED:
            return []
        case AnalysisStatus.AUTOMATICALLY_REPROVED | AnalysisStatus.MANUALLY_REPROVED:
            wish = Wish.REPROVE
        case AnalysisStatus.AUTOMATICALLY_CHALLENGED | AnalysisStatus.MANUALLY_CHALLENGED:
            wish = Wish.CHALLENGE
        case _:
            wish = Wish.REFER
    return [AnalysisHit(rule="external_assessment", wish=wish, read=assessment or "none")]
