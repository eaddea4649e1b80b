"""The policy of a credit analysis: a definition, agreed when a proposal comes in.

Its thresholds are proposals to start from, not rules of law; `domain.credit_analysis.rules` applies
them. An analysis keeps the version that it began with to its end.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field

from domain.common.ages import AgeTurn
from domain.common.definitions import Content, Finding, InForce, Kind
from domain.common.zones import UnknownZone, zone_of

LOWEST_SCORE: Final = 300
HIGHEST_SCORE: Final = 1000
"""Between these every score is held, whatever the card adds up to."""

FULL_AGE: Final = 18
"""Years, by Brazil's civil code: nobody younger can sign a contract alone."""

_MAX_DAYS: Final = 365
_MAX_MINUTES: Final = _MAX_DAYS * 24 * 60

_Days = Annotated[int, Field(ge=1, le=_MAX_DAYS)]
_Months = Annotated[int, Field(ge=0, le=1200)]
_Minutes = Annotated[int, Field(ge=1, le=_MAX_MINUTES)]
_Pauses = Annotated[tuple[_Minutes, ...], Field(min_length=1, max_length=20)]
_Ratio = Annotated[Decimal, Field(ge=0, le=1000)]
_Entries = Annotated[int, Field(ge=1, le=1000)]
_Score = Annotated[int, Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)]
_Points = Annotated[int, Field(ge=0, le=HIGHEST_SCORE)]


class ScoreCard(Content):
    """Points of the internal score, which runs from 300 to 1000.

    `comfortable_income` is means over the instalment. Years count up to `max_years`: of a
    company's life, or of a person as a client.
    """

    base: _Score
    for_each_year: _Points
    max_years: int = Field(ge=0, le=100)
    comfortable_income: _Ratio
    for_comfortable_income: _Points
    for_sufficient_income: _Points
    for_full_coverage: _Points
    for_each_adverse_fact: int = Field(ge=-HIGHEST_SCORE, le=0)


class Waiting(Content):
    """How long an analysis waits for others, and how often it asks them again.

    Pauses are in minutes; the last one of a list repeats. Who lacks data, such as signatures, is
    waited for through `data_days`, a party's register and the external analyst alike; an
    assessment that merely takes its time through `assessment_hours`, and then an analyst of ours
    decides without.
    """

    data_days: _Days
    review_days: _Days
    register_pauses: _Pauses
    assessment_hours: int = Field(ge=1, le=_MAX_DAYS * 24)
    assessment_pauses: _Pauses
    assessment_rare_pause: _Minutes


class AnalysisPolicy(Content):
    """Thresholds. Ages in whole months or years, amounts in centavos, ratios of means to need.

    `external_assessment` asks an external analyst as well. `assumed_cdi` is in percent a year.
    Coverage is asked for from `coverage_needed_from` on. A guarantor or shareholder younger than
    `reprove_person_younger_than_years` is referred. A company may claim to be older than its
    register says by `constitution_date_tolerance_days`. Ages are counted to the date in `zone`.
    """

    zone: str
    external_assessment: bool
    reprove_company_younger_than_months: _Months
    refer_company_younger_than_months: _Months
    constitution_date_tolerance_days: int = Field(ge=0, le=_MAX_DAYS)
    reprove_person_younger_than_years: int = Field(ge=FULL_AGE, le=120)
    age_turns: AgeTurn = AgeTurn.BIRTHDAY
    reprove_income_below: _Ratio
    refer_income_below: _Ratio
    refer_coverage_below: _Ratio
    coverage_needed_from: int = Field(ge=0, le=10**15)
    reprove_adverse_facts_from: _Entries
    refer_adverse_facts_from: _Entries
    reprove_score_below: _Score
    refer_score_below: _Score
    refer_amount_above: int = Field(ge=1, le=10**15)
    assumed_cdi: Decimal = Field(ge=0, le=100)
    score_card: ScoreCard
    waiting: Waiting


def pause_after(pauses: tuple[int, ...], queries: int) -> timedelta:
    """Return how long to wait after so many queries; the last pause repeats."""
    return timedelta(minutes=pauses[min(queries, len(pauses) - 1)])


def check_policy(policy: AnalysisPolicy, _: InForce) -> Iterator[Finding]:
    """Find what contradicts itself, and what no analysis can be held to."""
    try:
        zone_of(policy.zone)
    except UnknownZone:
        yield Finding("zone", "is not the name of a time zone", "America/Sao_Paulo")
    yield from _pairs(policy)
    yield from _card(policy)
    yield from _waiting(policy.waiting)


CREDIT_ANALYSIS_POLICY: Final = Kind("credit_analysis_policy", AnalysisPolicy, check_policy)


def _pairs(policy: AnalysisPolicy) -> Iterator[Finding]:
    """Pairs of thresholds of which one makes the other say nothing."""
    for what in ("company_younger_than_months", "income_below", "score_below"):
        reprove, refer = getattr(policy, f"reprove_{what}"), getattr(policy, f"refer_{what}")
        if refer < reprove:
            yield Finding(
                f"refer_{what}",
                f"is {refer}, below reprove_{what} {reprove}: nobody would be referred,"
                " whoever is below is reproved",
                f"{reprove} or more",
            )
    reprove, refer = policy.reprove_adverse_facts_from, policy.refer_adverse_facts_from
    if refer > reprove:
        yield Finding(
            "refer_adverse_facts_from",
            f"is {refer}, above reprove_adverse_facts_from {reprove}: nobody would be referred,"
            " whoever has as many is reproved",
            f"{reprove} or less",
        )


def _card(policy: AnalysisPolicy) -> Iterator[Finding]:
    card = policy.score_card
    if card.comfortable_income < policy.refer_income_below:
        yield Finding(
            "score_card.comfortable_income",
            f"is {card.comfortable_income}, below refer_income_below {policy.refer_income_below}:"
            " an income that is referred cannot be comfortable",
            f"{policy.refer_income_below} or more",
        )
    if card.for_comfortable_income < card.for_sufficient_income:
        yield Finding(
            "score_card.for_comfortable_income",
            f"is {card.for_comfortable_income}, below for_sufficient_income"
            f" {card.for_sufficient_income}: more means would give fewer points",
            f"{card.for_sufficient_income} or more",
        )


def _waiting(waiting: Waiting) -> Iterator[Finding]:
    if waiting.assessment_hours > waiting.data_days * 24:
        yield Finding(
            "waiting.assessment_hours",
            f"is {waiting.assessment_hours}, more than data_days {waiting.data_days} have:"
            " everything is over by then",
            f"{waiting.data_days * 24} or less",
        )
    for field in ("register_pauses", "assessment_pauses"):
        pauses = getattr(waiting, field)
        if list(pauses) != sorted(pauses):
            message = "gets shorter: a source that lacks data is not to be asked ever more often"
            yield Finding(f"waiting.{field}", message, "[1, 5, 15]")
