"""What a lender may charge: caps on the annual rate as dated data, and the check against them.

The table is a definition in force (`catalogue/rate_caps`): a change of law or of the loan prime
rate is a new row in a new version, never a change of code.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Final

from pydantic import Field

from domain.common.data import Data
from domain.common.definitions import Content, Finding, InForce, Kind
from domain.common.errors import DomainError
from domain.pricing.rates import Rate, RateConvention

TOLERANCE = Decimal("0.01")
"""Percentage points: rounding to whole fen makes a plan at 24 % cost 24.00006 %."""


class LenderKind(StrEnum):
    """The licence a lender works under."""

    BANK = "BANK"
    TRUST = "TRUST"
    CONSUMER_FINANCE = "CONSUMER_FINANCE"
    MICROLOAN = "MICROLOAN"
    UNLICENSED = "UNLICENSED"


class Enforcement(StrEnum):
    """What a rate above a cap leads to: refusal (`hard`), or a warning to whoever decides."""

    HARD = "hard"
    WARN = "warn"


class LoanPrimeRate(Content):
    """The one-year loan prime rate in percent a year, as announced, from its day on."""

    since: date
    percent: Decimal = Field(gt=0, le=100)


class CapRule(Content):
    """One cap: `value` percent a year, or `value` times the one-year loan prime rate.

    It holds from `since` until the day before `until`, if it has one. Rates are tested under
    `metric`; only what exceeds the cap by more than `tolerance` percentage points is above it.
    `source` is the instrument that says so.
    """

    lender_kind: LenderKind
    enforcement: Enforcement
    since: date
    until: date | None = None
    value: Decimal = Field(gt=0, le=1000)
    times_lpr: bool = False
    metric: RateConvention = RateConvention.NOMINAL_SIMPLE
    tolerance: Decimal = Field(default=TOLERANCE, ge=0, le=1)
    source: str = Field(min_length=1)

    @property
    def ends(self) -> date:
        """Return the first day on which it no longer holds."""
        return self.until or date.max

    def holds(self, on: date) -> bool:
        """Say whether it holds on a day."""
        return self.since <= on < self.ends


class RateCaps(Content):
    """The caps by kind of lender, and the announcements of the loan prime rate by their days."""

    rules: tuple[CapRule, ...] = Field(min_length=1)
    loan_prime_rates: tuple[LoanPrimeRate, ...]

    def loan_prime_rate(self, on: date) -> Decimal:
        """Return the one-year loan prime rate in force on `on`, percent a year.

        Raises `CapUnknown` before the first announcement.
        """
        known = [rate for rate in self.loan_prime_rates if rate.since <= on]
        if not known:
            raise CapUnknown(f"no loan prime rate is known for {on}")
        return max(known, key=lambda rate: rate.since).percent


@dataclass(frozen=True, slots=True)
class CappedLender:
    """A kind of lender and the table of caps that it is held to."""

    kind: LenderKind
    caps: RateCaps


class CapUnknown(DomainError):
    """The cap of a lender cannot be tested: no row for the day, or the tested rate is missing."""


class CapFinding(Data):
    """A plan's `rate` is above the `limit` of a cap on that day, both in percent a year.

    Above a hard cap the product or the contract must not go out. `source` is the rule that sets
    the cap, `detail` says the same for people.
    """

    enforcement: Enforcement
    rate: Decimal
    limit: Decimal
    source: str
    detail: str


class RateCapExceeded(DomainError):
    """A rate is above what the lender may charge; `breaches` say by which rule.

    `field` is what to change, where one thing is.
    """

    def __init__(self, breaches: tuple[CapFinding, ...], *, field: str | None = None) -> None:
        super().__init__("; ".join(breach.detail for breach in breaches))
        self.breaches = breaches
        self.field = field


def lowest_hard_limit(caps: RateCaps, kind: LenderKind, on: date) -> Decimal | None:
    """Return the lowest rate, percent a year, that a hard cap sets a kind of lender on a day.

    None without one. Caps differ in what they measure: a quote is tested against each of them.
    """
    limits = [
        rule.value * (caps.loan_prime_rate(on) if rule.times_lpr else 1)
        for rule in caps.rules
        if rule.lender_kind == kind and rule.enforcement is Enforcement.HARD and rule.holds(on)
    ]
    return min(limits, default=None)


def check_rate_caps(caps: RateCaps, _: InForce) -> Iterator[Finding]:
    """Say what is wrong with a table of caps."""
    yield from _announcements(caps)
    for index, rule in enumerate(caps.rules):
        where = f"rules.{index}"
        if rule.until is not None and rule.until <= rule.since:
            yield Finding(f"{where}.until", "a rule ends after it begins", f"after {rule.since}")
        if rule.times_lpr and not any(rate.since <= rule.since for rate in caps.loan_prime_rates):
            yield Finding(
                f"{where}.times_lpr",
                f"no loan prime rate is known for {rule.since}, from which the rule holds",
                '{ since = 2019-08-20, percent = "4.25" } in loan_prime_rates',
            )
    for lender_kind in LenderKind:
        yield from _unruled_days(caps, lender_kind)


def _announcements(caps: RateCaps) -> Iterator[Finding]:
    """Announcements come in the order of their days, each day once."""
    for index, (earlier, later) in enumerate(pairwise(caps.loan_prime_rates), start=1):
        if later.since <= earlier.since:
            yield Finding(
                f"loan_prime_rates.{index}.since",
                "announcements come in the order of their days, each day once",
                f"after {earlier.since}",
            )


def _unruled_days(caps: RateCaps, lender_kind: LenderKind) -> Iterator[Finding]:
    """Days without a cap between two rules: nothing could be lent on them."""
    rules = sorted(
        ((index, rule) for index, rule in enumerate(caps.rules) if rule.lender_kind is lender_kind),
        key=lambda one: one[1].since,
    )
    ruled_until: date | None = None
    for place, (index, rule) in enumerate(rules):
        if place and ruled_until is not None and rule.since > ruled_until:
            yield Finding(
                f"rules.{index}.since",
                f"no rule of {lender_kind} holds from {ruled_until} until {rule.since}",
                str(ruled_until),
            )
        if place == 0 or (ruled_until is not None and rule.ends > ruled_until):
            ruled_until = rule.ends


RATE_CAPS: Final = Kind("rate_caps", RateCaps, check_rate_caps)

HOME_CAPS: Final = "cn"
"""The caps that the products' lenders are held to, by code."""


def check_caps(lender: CappedLender, on: date, rates: Iterable[Rate]) -> tuple[CapFinding, ...]:
    """Return every cap on `on`, the contract date, that one of `rates` is above.

    Raises `CapUnknown` when there is no cap for the lender on that day or the rate a cap tests is
    not among `rates`: what cannot be tested must not be released.
    """
    rules = [
        rule for rule in lender.caps.rules if rule.lender_kind is lender.kind and rule.holds(on)
    ]
    if not rules:
        raise CapUnknown(f"no rate cap is known for {lender.kind} on {on}")
    by_convention = {rate.convention: rate for rate in rates}
    findings = (_finding(lender.caps, rule, on, by_convention.get(rule.metric)) for rule in rules)
    return tuple(finding for finding in findings if finding is not None)


def enforce_caps(lender: CappedLender, on: date, rates: Iterable[Rate]) -> tuple[CapFinding, ...]:
    """Return the warnings; raise `RateCapExceeded` on any breach, `CapUnknown` as `check_caps`."""
    findings = check_caps(lender, on, rates)
    breaches = tuple(one for one in findings if one.enforcement is Enforcement.HARD)
    if breaches:
        raise RateCapExceeded(breaches)
    return findings


def cap_limit(caps: RateCaps, rule: CapRule, on: date) -> Decimal:
    """Return the cap of `rule` on `on` in percent a year; raises `CapUnknown` without an LPR."""
    return rule.value * caps.loan_prime_rate(on) if rule.times_lpr else rule.value


def _finding(caps: RateCaps, rule: CapRule, on: date, rate: Rate | None) -> CapFinding | None:
    if rate is None:
        raise CapUnknown(
            f"the rate cap of {rule.lender_kind} tests {rule.metric}, which is missing"
        )
    limit = cap_limit(caps, rule, on)
    if rate.value <= limit + rule.tolerance:
        return None
    return CapFinding(
        enforcement=rule.enforcement,
        rate=rate.value,
        limit=limit,
        source=rule.source,
        detail=(
            f"{rate.name} {rate.value:f} % is above the {limit:f} % that {rule.lender_kind} may"
            f" charge ({rule.source})"
        ),
    )
