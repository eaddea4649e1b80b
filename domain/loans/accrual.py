"""How interest is earned: a balance, a rate and a part of a year, kept as exact fractions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from math import gcd

from domain.common.day_count import FIXED_YEARS, DayCount, part_of_period
from domain.loans.due_dates import Period

Ratio = tuple[int, int]
"""A fraction as numerator and positive denominator, not necessarily reduced."""


@dataclass(slots=True)
class Accrual:
    """How a part of an instalment's interest came about.

    `balance` x `annual_rate` / 100 x `years` is exactly `exact` minor units, earned from `start` to
    `end`; `years` and `exact` are fractions. `since` is the beginning of the period, which the
    parts of it are measured from; without it the accrual is a whole period.
    """

    # Never changed once made, and not frozen: a plan has hundreds, and frozen ones take four times
    # as long to make.

    start: date
    end: date
    balance: int
    annual_rate: Decimal
    years: Ratio
    exact: Ratio
    since: date | None = None


def years_between(convention: DayCount, period: Period, start: date, end: date) -> Ratio:
    """Return the part of a year from `start` to `end`, both within `period`.

    Under the day count `period` a part of a period counts by its calendar days.
    """
    if convention is DayCount.PERIOD:
        if start == period.start and end == period.end:
            return period.years
        whole, per = period.years
        return whole * (end - start).days, per * max((period.end - period.start).days, 1)
    fixed = FIXED_YEARS.get(convention)
    if fixed is not None:
        return (end - start).days, fixed
    return _fraction(convention, period.start, start, end)


@lru_cache(maxsize=8192)
def _fraction(convention: DayCount, since: date, start: date, end: date) -> Ratio:
    """Return a part of a year; a plan that is cut asks for those of its periods again and again."""
    return part_of_period(convention, since, start, end).as_integer_ratio()


def factor_of(rate: Decimal, years: Ratio) -> Ratio:
    """Return the interest on a balance of 1, in lowest terms."""
    numerator, denominator = rate.as_integer_ratio()
    numerator *= years[0]
    denominator *= 100 * years[1]
    common = gcd(numerator, denominator)
    return numerator // common, denominator // common


def until(convention: DayCount, accrual: Accrual, on: date) -> Accrual | None:
    """Return what of an accrual was earned by `on`; None if nothing was."""
    if accrual.end <= on:
        return accrual
    if accrual.start >= on:
        return None
    since = accrual.start if accrual.since is None else accrual.since
    if convention is DayCount.PERIOD:
        days, whole = (on - accrual.start).days, (accrual.end - accrual.start).days
        years = accrual.years[0] * days, accrual.years[1] * whole
    else:
        years = _fraction(convention, since, accrual.start, on)
    numerator, denominator = factor_of(accrual.annual_rate, years)
    exact = accrual.balance * numerator, denominator
    return Accrual(accrual.start, on, accrual.balance, accrual.annual_rate, years, exact, since)


def total(accruals: Iterable[Accrual]) -> Ratio:
    """Return the exact sum of what was earned."""
    numerator, denominator = 0, 1
    for accrual in accruals:
        if not numerator:
            numerator, denominator = accrual.exact
            continue
        more, per = accrual.exact
        if per == denominator:
            numerator += more
        else:
            numerator, denominator = numerator * per + more * denominator, denominator * per
    return numerator, denominator
