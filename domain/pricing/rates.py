"""The rates people are shown: one set of dated flows under several legal conventions.

Money the borrower receives is positive, money they pay negative, in minor units. Flows of one day
are netted, so a fee deducted from the proceeds is a payment on the day of the drawdown. A rate is
in percent a year, exact to ten decimal places. Every function raises `NoRate` when no rate balances
the flows, or when more than one could.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from domain.common.calendar import months_after
from domain.common.errors import FieldError
from domain.pricing.rate_solver import EXACT, Time, period_rate, require_loan
from domain.pricing.rate_solver import NoRate as NoRate  # part of the interface of this module
from domain.pricing.unit_periods import UnitPeriod, month_counter, time_in_units, unit_period_of
from domain.pricing.year_intervals import IntervalUnit, eu_year_parts, natural_unit, uk_year_parts

_PLACES = Decimal("1e-10")
_MAX_PERCENT = Decimal("1e15")
_YEAR_DAYS = 365
_YEAR_MONTHS = 12
_SEMIMONTHS = 24
_WEEKLY_YEAR_DAYS = 364
_WEEKLY = frozenset({52, 26, 13})

PeriodNumbers = Mapping[date, int | Fraction]
"""Which period of the plan each date ends: 0 for the drawdown, 1 for the first due date, ..."""

PeriodsPerYear = int | Fraction
"""12 for monthly instalments; `Fraction(365, 7)` for a single term of seven days."""


class InvalidFlows(FieldError):
    """Flows that do not fit the periods given with them; `field` names the wrong argument."""


class RateConvention(StrEnum):
    """A way to express the cost of credit as a rate."""

    NOMINAL_SIMPLE = "nominal_simple"
    EFFECTIVE = "effective"
    XIRR_365 = "xirr_365"
    US_APPENDIX_J = "us_appendix_j"
    EU_2008_48 = "eu_2008_48"
    UK_CONC_1_2 = "uk_conc_1_2"
    BRAZIL_CET = "brazil_cet"


RATE_NAMES: Mapping[RateConvention, str] = {
    RateConvention.NOMINAL_SIMPLE: "Annual rate, simple",
    RateConvention.EFFECTIVE: "Annual rate, compound",
    RateConvention.XIRR_365: "XIRR",
    RateConvention.US_APPENDIX_J: "Annual percentage rate (US)",
    RateConvention.EU_2008_48: "APRC (EU)",
    RateConvention.UK_CONC_1_2: "APR (UK)",
    RateConvention.BRAZIL_CET: "Custo Efetivo Total (CET)",
}
"""What a rate is called where it is shown."""


class Flow(NamedTuple):
    """Money that changes hands: minor units, positive to the borrower, negative from them."""

    on: date
    amount: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate as shown: its name, `value` in percent a year and the basis it was computed on."""

    name: str
    convention: RateConvention
    value: Decimal
    basis: str


def nominal_simple(
    flows: Iterable[tuple[date, int]],
    periods_per_year: PeriodsPerYear = _YEAR_MONTHS,
    periods: PeriodNumbers | None = None,
) -> Rate:
    """Return the simple annual rate: the rate of one period times the periods a year.

    `periods` numbers the dates of a plan, which keeps a rate from changing with the length of its
    months and with due dates moved off holidays; without it dates are measured in whole months (or
    weeks, or days) from the first flow, and the odd days of a month by its own length. Raises
    `InvalidFlows` when a date has no number or the periods a year are not positive.
    """
    per_period = _rate_of_period(flows, periods_per_year, periods)
    with localcontext(EXACT):
        value = per_period * periods_per_year.numerator / periods_per_year.denominator
    basis = f"rate of one period times {periods_per_year} periods a year"
    return _rate(RateConvention.NOMINAL_SIMPLE, value, basis)


def effective(
    flows: Iterable[tuple[date, int]],
    periods_per_year: PeriodsPerYear = _YEAR_MONTHS,
    periods: PeriodNumbers | None = None,
) -> Rate:
    """Return the compound annual rate: the rate of one period compounded over a year.

    Arguments and errors as for `nominal_simple`.
    """
    per_period = _rate_of_period(flows, periods_per_year, periods)
    with localcontext(EXACT):
        exponent = Decimal(periods_per_year.numerator) / periods_per_year.denominator
        value = (1 + per_period) ** exponent - 1
    basis = f"rate of one period compounded over {periods_per_year} periods a year"
    return _rate(RateConvention.EFFECTIVE, value, basis)


def xirr_365(flows: Iterable[tuple[date, int]]) -> Rate:
    """Return the compound annual rate over actual days of a 365-day year."""
    value = _yearly(_net(flows), _actual_365)
    basis = "actual days over 365, compounded"
    return _rate(RateConvention.XIRR_365, value, basis)


def brazil_cet(flows: Iterable[tuple[date, int]]) -> Rate:
    """Return the Custo Efetivo Total of Resolução CMN 4.881/2020, article 4.

    The compound annual rate over actual days of a 365-day year; all costs, taxes and insurance
    belong in the flows. The law has it shown with two decimal places, rounded by ABNT NBR 5891.
    """
    value = _yearly(_net(flows), _actual_365)
    basis = "Resolução CMN 4.881/2020: actual days over 365, compounded"
    return _rate(RateConvention.BRAZIL_CET, value, basis)


def us_appendix_j(flows: Iterable[tuple[date, int]], unit_period: UnitPeriod | None = None) -> Rate:
    """Return the annual percentage rate of Regulation Z, 12 CFR 1026 Appendix J, actuarial method.

    Give scheduled due dates rather than those moved off holidays, which the regulation lets a
    lender disregard (1026.17(c)(3)). The unit period follows from the flows unless it is given.
    """
    net = _net(flows)
    require_loan(list(net.values()))
    advances = [on for on, amount in net.items() if amount > 0]
    payments = [on for on, amount in net.items() if amount < 0]
    unit = unit_period or unit_period_of(advances, payments)
    months = month_counter(payments)
    times: dict[Time, int] = {}
    for on, amount in net.items():
        time = time_in_units(advances[0], on, unit, months)
        times[time] = times.get(time, 0) + amount
    per_year = unit.per_year
    with localcontext(EXACT):
        value = period_rate(times, odd_parts=unit.odd_parts) * per_year.numerator
        value /= per_year.denominator
    basis = f"unit period {unit}, {per_year} a year"
    return _rate(RateConvention.US_APPENDIX_J, value, basis)


def eu_2008_48(flows: Iterable[tuple[date, int]], unit: IntervalUnit | None = None) -> Rate:
    """Return the annual percentage rate of charge of Directive 2008/48/EC, Annex I.

    Intervals are measured in `unit`; without it in months, or in weeks when all are whole weeks.
    """
    net = _net(flows)
    interval = unit or _natural_unit(net)
    value = _yearly(net, lambda start, on: eu_year_parts(start, on, interval))
    basis = f"Directive 2008/48/EC: {interval}s, then days counted back, compounded"
    return _rate(RateConvention.EU_2008_48, value, basis)


def uk_conc_1_2(flows: Iterable[tuple[date, int]], unit: IntervalUnit | None = None) -> Rate:
    """Return the APR of the United Kingdom's CONC App 1.2, for credit not secured on land.

    Intervals are measured in `unit`; without it in months, or in weeks when all are whole weeks.
    """
    net = _net(flows)
    interval = unit or _natural_unit(net)
    value = _yearly(net, lambda start, on: uk_year_parts(start, on, interval))
    basis = f"CONC App 1.2: {interval}s from the first drawdown, then days, compounded"
    return _rate(RateConvention.UK_CONC_1_2, value, basis)


_BY_PERIODS: Mapping[RateConvention, Callable[..., Rate]] = {
    RateConvention.NOMINAL_SIMPLE: nominal_simple,
    RateConvention.EFFECTIVE: effective,
}
_BY_DATES: Mapping[RateConvention, Callable[[Iterable[tuple[date, int]]], Rate]] = {
    RateConvention.XIRR_365: xirr_365,
    RateConvention.US_APPENDIX_J: us_appendix_j,
    RateConvention.EU_2008_48: eu_2008_48,
    RateConvention.UK_CONC_1_2: uk_conc_1_2,
    RateConvention.BRAZIL_CET: brazil_cet,
}


def rate_of(
    convention: RateConvention,
    flows: Iterable[tuple[date, int]],
    periods_per_year: PeriodsPerYear = _YEAR_MONTHS,
    periods: PeriodNumbers | None = None,
) -> Rate:
    """Return the rate under a convention, by its periods where it has any; errors as its own."""
    if convention in _BY_PERIODS:
        return _BY_PERIODS[convention](flows, periods_per_year, periods)
    return _BY_DATES[convention](flows)


def _rate(convention: RateConvention, value: Decimal, basis: str) -> Rate:
    with localcontext(EXACT):
        percent = 100 * value
        if percent > _MAX_PERCENT:
            raise NoRate(f"the rate is above {_MAX_PERCENT:.0E} % a year")
        shown = percent.quantize(_PLACES, ROUND_HALF_EVEN)
    return Rate(RATE_NAMES[convention], convention, shown if shown else abs(shown), basis)


def _net(flows: Iterable[tuple[date, int]]) -> dict[date, int]:
    """Sum the flows of each day, in order of days; days that come to nothing drop out."""
    net: dict[date, int] = {}
    for on, amount in flows:
        net[on] = net.get(on, 0) + amount
    return {on: net[on] for on in sorted(net) if net[on]}


def _natural_unit(net: Mapping[date, int]) -> IntervalUnit:
    require_loan(list(net.values()))
    return natural_unit(next(iter(net)), net)


def _actual_365(start: date, on: date) -> tuple[tuple[int, int], ...]:
    return (((on - start).days, _YEAR_DAYS),)


def _yearly(
    net: Mapping[date, int], measure: Callable[[date, date], Iterable[tuple[int, int]]]
) -> Decimal:
    """Solve for the compound rate of a year, each flow placed by `measure(first date, date)`.

    A measure returns the parts of the interval in years, as numerators and denominators.
    """
    start = next(iter(net), date.min)
    flows, steps = _on_grid({on: measure(start, on) for on in net}, net)
    return period_rate(flows, steps=steps)


def _rate_of_period(
    flows: Iterable[tuple[date, int]],
    periods_per_year: PeriodsPerYear,
    periods: PeriodNumbers | None,
) -> Decimal:
    if periods_per_year <= 0:
        raise InvalidFlows("the periods a year must be positive", field="periods_per_year")
    net = _net(flows)
    if periods is None:
        start = next(iter(net), date.min)
        periods = {on: _periods_between(start, on, periods_per_year) for on in net}
    numbers = _numbers_of(net, periods)
    placed, steps = _on_grid(
        {on: ((number.numerator, number.denominator),) for on, number in numbers.items()}, net
    )
    return period_rate(placed, steps=steps)


def _numbers_of(net: Mapping[date, int], periods: PeriodNumbers) -> dict[date, int | Fraction]:
    unnumbered = [on for on in net if on not in periods]
    if unnumbered:
        raise InvalidFlows(f"the flow of {unnumbered[0]} has no period number", field="periods")
    first = min((periods[on] for on in net), default=0)
    return {on: periods[on] - first for on in net} if first else {on: periods[on] for on in net}


def _periods_between(start: date, on: date, periods_per_year: PeriodsPerYear) -> Fraction:
    """Measure from `start` in periods: by months when a year holds whole ones, else by days."""
    if periods_per_year == _SEMIMONTHS or _YEAR_MONTHS % periods_per_year == 0:
        return _months_between(start, on) * Fraction(periods_per_year) / _YEAR_MONTHS
    year_days = _WEEKLY_YEAR_DAYS if periods_per_year in _WEEKLY else _YEAR_DAYS
    return (on - start).days * Fraction(periods_per_year) / year_days


def _months_between(start: date, on: date) -> Fraction:
    months = (on.year - start.year) * _YEAR_MONTHS + on.month - start.month
    whole = months_after(start, months, start.day)
    if whole > on:
        months -= 1
        whole = months_after(start, months, start.day)
    if whole == on:
        return Fraction(months)
    month_days = (months_after(start, months + 1, start.day) - whole).days
    return months + Fraction((on - whole).days, month_days)


def _on_grid(
    parts: Mapping[date, Iterable[tuple[int, int]]], net: Mapping[date, int]
) -> tuple[dict[Time, int], int]:
    """Place flows on the coarsest grid that holds all their times; return it with its steps."""
    held = {on: tuple(pieces) for on, pieces in parts.items()}
    steps = lcm(*{denominator for pieces in held.values() for _, denominator in pieces})
    flows: dict[Time, int] = {}
    for on, pieces in held.items():
        time = Time(sum([numerator * (steps // denominator) for numerator, denominator in pieces]))
        flows[time] = flows.get(time, 0) + net[on]
    return flows, steps
