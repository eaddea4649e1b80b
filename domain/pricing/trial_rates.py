"""The rates of a plan: what the borrower receives and pays, numbered by the plan's own periods."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from domain.common.day_count import DayCount
from domain.loans.due_dates import periods_to_first_due
from domain.loans.plan_terms import Method
from domain.loans.terms import LoanTerms
from domain.pricing.rates import (
    RATE_NAMES,
    Flow,
    InvalidFlows,
    NoRate,
    Rate,
    RateConvention,
    rate_of,
)

_YEAR_DAYS = 365
_CONVENTIONS = tuple(RateConvention)


@dataclass(frozen=True, slots=True)
class ShownRate:
    """A rate by its name: `value` in percent a year and its `basis`, or the `reason` for none."""

    name: str
    convention: RateConvention
    value: Decimal | None
    basis: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RatePeriods:
    """How time is counted for the rates of periods: how many a year has, which each date ends.

    Without `numbers` dates are measured from the first flow.
    """

    per_year: Fraction
    numbers: Mapping[date, Fraction | int] | None


def proceeds(terms: LoanTerms, deducted: int) -> tuple[Flow, ...]:
    """Return what the borrower receives: each disbursement, the first less deducted fees."""
    first = Flow(terms.disbursed_on, terms.first_disbursement - deducted)
    return (first, *(Flow(tranche.on, tranche.amount) for tranche in terms.tranches))


class DatedRow(Protocol):
    """An instalment as far as its place in time goes."""

    @property
    def number(self) -> int:
        """Return its number within the loan, 0 for a down payment."""

    @property
    def due_on(self) -> date:
        """Return the day on which it falls due."""


def rate_periods(terms: LoanTerms, rows: Iterable[DatedRow]) -> RatePeriods:
    """Return the periods that rates of a plan are counted in.

    Regular due dates are numbered, so that neither the length of a month nor a holiday changes the
    rate. A single payment is one period of its own length. Listed instalments have no pattern:
    their dates are measured.
    """
    instalments = [row for row in rows if row.number > 0]
    frequency = terms.frequency
    per_year = Fraction(frequency.units_per_year, frequency.every)
    if len(instalments) == 1 and instalments[0].due_on > terms.disbursed_on:
        return _single(terms, instalments[0], per_year)
    if terms.method is Method.EXPLICIT:
        return RatePeriods(per_year, None)
    first: Fraction | int = periods_to_first_due(terms)
    if first.denominator == 1:
        first = first.numerator
    numbers: dict[date, Fraction | int] = {terms.disbursed_on: 0}
    for row in instalments:
        if row.due_on != terms.disbursed_on:
            numbers[row.due_on] = first + row.number - 1
    if terms.residual:
        numbers[instalments[-1].due_on] += terms.advance_rentals - 1
    for tranche in terms.tranches:
        numbers.setdefault(tranche.on, _between(numbers, tranche.on))
    return RatePeriods(per_year, numbers)


def shown_rates(flows: Iterable[tuple[date, int]], periods: RatePeriods) -> tuple[ShownRate, ...]:
    """Return every rate, in `RateConvention`'s order; one that does not exist says why."""
    held = tuple(flows)
    return tuple(_shown(convention, held, periods) for convention in _CONVENTIONS)


def existing(rates: Iterable[ShownRate]) -> tuple[Rate, ...]:
    """Return the rates that exist, as the rate caps take them."""
    return tuple(
        Rate(rate.name, rate.convention, rate.value, rate.basis or "")
        for rate in rates
        if rate.value is not None
    )


def _single(terms: LoanTerms, row: DatedRow, per_year: Fraction) -> RatePeriods:
    if terms.day_count is DayCount.PERIOD and terms.method is not Method.EXPLICIT:
        per_year /= periods_to_first_due(terms)
    else:
        per_year = Fraction(_YEAR_DAYS, (row.due_on - terms.disbursed_on).days)
    numbers: dict[date, Fraction | int] = {terms.disbursed_on: 0, row.due_on: 1}
    for tranche in terms.tranches:
        numbers.setdefault(tranche.on, _between(numbers, tranche.on))
    return RatePeriods(per_year, numbers)


def _between(numbers: Mapping[date, Fraction | int], on: date) -> Fraction | int:
    """Return the number of a day between two numbered ones, by its calendar days."""
    before = max(day for day in numbers if day < on)
    after = min((day for day in numbers if day > on), default=None)
    if after is None:
        return numbers[before]
    part = Fraction((on - before).days, (after - before).days)
    return numbers[before] + part * (numbers[after] - numbers[before])


def _shown(
    convention: RateConvention, flows: tuple[tuple[date, int], ...], periods: RatePeriods
) -> ShownRate:
    try:
        rate = rate_of(convention, flows, periods.per_year, periods.numbers)
    except (NoRate, InvalidFlows) as error:
        return ShownRate(RATE_NAMES[convention], convention, None, reason=error.message)
    return ShownRate(rate.name, convention, rate.value, basis=rate.basis)
