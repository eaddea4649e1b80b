"""The policy of a credit analysis: a definition, agreed when a proposal comes in.

Its thresholds are proposals to start from, not rules of law; `domain.credit_analysis.rules` applies
them. An analysis keeps the version that it began with to its end.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Final

from domain.common.definitions import Content, Finding, InForce, Kind
from domain.common.zones import UnknownZone, zone_of

LOWEST_SCORE: Final = 300
HIGHEST_SCORE: Final = 1000
"""Between these every score is held, whatever the card adds up to."""

FULL_AGE: Final = 18
"""Years, by Brazil's civil code: nobody younger can sign a contract alone."""

_MAX_MONTHS: Final = 1200
_MAX_DAYS: Final = 365
_MAX_PAUSES: Final = 20


class ScoreCard(Content):
    """Points of the internal score, which runs from 300 to 1000.

    `comfortable_income` is means over the instalment. Years count up to `most_years`: of a
    company's life, or of a person as a client.
    """

    base: int
    for_each_year: int
    most_years: int
    comfortable_income: Decimal
    for_comfortable_income: int
    for_sufficient_income: int
    for_full_coverage: int
    for_each_adverse_fact: int


class Waiting(Content):
    """How long an analysis waits for others, and how often it asks them again.

    Pauses are in minutes; the last one of a list repeats. Who lacks data, such as signatures, is
    waited for through `data_days`, a party's register and the other analyst alike; an opinion that
    merely takes its time through `opinion_hours`, and then an analyst of ours decides without.
    """

    data_days: int
    review_days: int
    register_pauses: tuple[int, ...]
    opinion_hours: int
    opinion_pauses: tuple[int, ...]
    opinion_rare_pause: int


class AnalysisPolicy(Content):
    """Thresholds. Ages in whole months or years, amounts in centavos, ratios of means to need.

    `external_opinion` asks another analyst as well. `assumed_cdi` is in percent a year. Coverage is
    asked for from `coverage_needed_from` on. A guarantor or shareholder younger than
    `reprove_person_younger_than_years` is referred. A company may claim to be older than its
    register says by `constitution_date_tolerance_days`. Ages are counted to the date in `zone`.
    """

    zone: str
    external_opinion: bool
    reprove_company_younger_than_months: int
    refer_company_younger_than_months: int
    constitution_date_tolerance_days: int
    reprove_person_younger_than_years: int
    reprove_income_below: Decimal
    refer_income_below: Decimal
    refer_coverage_below: Decimal
    coverage_needed_from: int
    reprove_adverse_facts_from: int
    refer_adverse_facts_from: int
    reprove_score_below: int
    refer_score_below: int
    refer_amount_above: int
    assumed_cdi: Decimal
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
    yield from _outside(policy)
    yield from _pairs(policy)
    yield from _card(policy)
    yield from _waiting(policy.waiting)


CREDIT_ANALYSIS_POLICY: Final = Kind("credit_analysis_policy", AnalysisPolicy, check_policy)


def _outside(policy: AnalysisPolicy) -> Iterator[Finding]:
    """Single figures outside of what they can be."""
    yield from _within(
        (
            ("reprove_company_younger_than_months", 0, _MAX_MONTHS, 6),
            ("refer_company_younger_than_months", 0, _MAX_MONTHS, 12),
            ("constitution_date_tolerance_days", 0, _MAX_DAYS, 31),
            ("reprove_person_younger_than_years", FULL_AGE, 120, FULL_AGE),
            ("reprove_income_below", 0, 1000, "1.2"),
            ("refer_income_below", 0, 1000, 3),
            ("refer_coverage_below", 0, 1000, 1),
            ("coverage_needed_from", 0, 10**15, 50_000_000),
            ("reprove_adverse_facts_from", 1, 1000, 3),
            ("refer_adverse_facts_from", 1, 1000, 1),
            ("reprove_score_below", LOWEST_SCORE, HIGHEST_SCORE, 450),
            ("refer_score_below", LOWEST_SCORE, HIGHEST_SCORE, 600),
            ("refer_amount_above", 1, 10**15, 500_000_000),
            ("assumed_cdi", 0, 100, "13.65"),
        ),
        policy,
    )


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
    yield from _within(
        (
            ("base", LOWEST_SCORE, HIGHEST_SCORE, 500),
            ("for_each_year", 0, HIGHEST_SCORE, 15),
            ("most_years", 0, 100, 10),
            ("comfortable_income", 0, 1000, 10),
            ("for_comfortable_income", 0, HIGHEST_SCORE, 150),
            ("for_sufficient_income", 0, HIGHEST_SCORE, 80),
            ("for_full_coverage", 0, HIGHEST_SCORE, 100),
            ("for_each_adverse_fact", -HIGHEST_SCORE, 0, -120),
        ),
        card,
        "score_card.",
    )
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
    yield from _within(
        (
            ("data_days", 1, _MAX_DAYS, 30),
            ("review_days", 1, _MAX_DAYS, 5),
            ("opinion_hours", 1, _MAX_DAYS * 24, 72),
            ("opinion_rare_pause", 1, _MAX_DAYS * 24 * 60, 360),
        ),
        waiting,
        "waiting.",
    )
    if waiting.opinion_hours > waiting.data_days * 24:
        yield Finding(
            "waiting.opinion_hours",
            f"is {waiting.opinion_hours}, more than data_days {waiting.data_days} have:"
            " everything is over by then",
            f"{waiting.data_days * 24} or less",
        )
    for field, example in (("register_pauses", "[1, 5, 15]"), ("opinion_pauses", "[1, 5, 15]")):
        pauses = getattr(waiting, field)
        if not 1 <= len(pauses) <= _MAX_PAUSES:
            message = f"has {len(pauses)} pauses; it takes 1 to {_MAX_PAUSES}"
        elif min(pauses) < 1 or max(pauses) > _MAX_DAYS * 24 * 60:
            message = f"has a pause outside of 1 to {_MAX_DAYS * 24 * 60} minutes"
        elif list(pauses) != sorted(pauses):
            message = "gets shorter: a source that lacks data is not to be asked ever more often"
        else:
            continue
        yield Finding(f"waiting.{field}", message, example)


def _within(
    ranges: Iterable[tuple[str, int, int, object]], content: Content, place: str = ""
) -> Iterator[Finding]:
    """Find the fields of `content` outside of their ranges; each has an example."""
    for field, least, most, example in ranges:
        given = getattr(content, field)
        if not least <= given <= most:
            yield Finding(
                f"{place}{field}", f"is {given}; it goes from {least} to {most}", str(example)
            )
