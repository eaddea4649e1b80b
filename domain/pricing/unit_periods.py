"""Unit periods: how Regulation Z (12 CFR 1026, Appendix J) measures the time between two flows.

The paragraphs named below are those of Appendix J.
"""

from calendar import monthrange
from collections import Counter
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from domain.common.calendar import months_after
from domain.pricing.rate_solver import Time

_MONTH_DAYS = 30
_SEMIMONTH_DAYS = 15
_WEEK_DAYS = 7
_YEAR_DAYS = 365
_YEAR_MONTHS = 12
_YEAR_WEEKS = 52


class Unit(StrEnum):
    """What a unit period is a multiple of."""

    DAY = "day"
    WEEK = "week"
    SEMIMONTH = "semimonth"
    MONTH = "month"
    YEAR = "year"


_UNITS = {
    Unit.DAY: (1, _YEAR_DAYS),
    Unit.WEEK: (_WEEK_DAYS, _YEAR_WEEKS),
    Unit.SEMIMONTH: (_SEMIMONTH_DAYS, 2 * _YEAR_MONTHS),
    Unit.MONTH: (_MONTH_DAYS, _YEAR_MONTHS),
    Unit.YEAR: (_YEAR_DAYS, 1),
}
"""Days of a unit, and how many of it are in a year."""


class UnitPeriod(NamedTuple):
    """A unit period of several units: `UnitPeriod(Unit.MONTH, 3)` is a quarter."""

    unit: Unit
    multiple: int = 1

    @property
    def nominal_days(self) -> int:
        """Its length in days, with months of 30 and a year of 365."""
        return self.multiple * _UNITS[self.unit][0]

    @property
    def per_year(self) -> Fraction:
        """How many there are in a year, (b)(5)(ii) to (v): 12 months, 52 weeks, 365 days."""
        return Fraction(_UNITS[self.unit][1], self.multiple)

    @property
    def odd_parts(self) -> int:
        """Into how many parts the odd rest of a unit period is counted."""
        return _YEAR_DAYS * _YEAR_MONTHS if self.unit is Unit.YEAR else self.nominal_days

    def __str__(self) -> str:
        return self.unit.value if self.multiple == 1 else f"{self.multiple} {self.unit.value}s"


class MonthCounter(NamedTuple):
    """Counts months back from a date; `anchor` is the day of the month a series falls due on.

    On the last day of a shorter month the anchor is meant: from 28 February, in a series due on
    the 31st, one month back is 31 January, (b)(3)(iv).
    """

    anchor: int

    def back(self, later: date, months: int) -> date:
        """Return the date `months` before `later`."""
        is_last = later.day == monthrange(later.year, later.month)[1]
        return months_after(later, -months, max(later.day, self.anchor) if is_last else later.day)

    def full_months(self, earlier: date, later: date) -> tuple[int, int]:
        """Return the full months between two dates, counted back, and the days that remain."""
        months = (later.year - earlier.year) * _YEAR_MONTHS + later.month - earlier.month
        if self.back(later, months) < earlier:
            months -= 1
        return months, (self.back(later, months) - earlier).days

    def whole_months(self, earlier: date, later: date) -> int:
        """Return how many months apart two dates are, or 0 when days remain."""
        months, days = self.full_months(earlier, later)
        return 0 if days else months


def month_counter(dates: Sequence[date]) -> MonthCounter:
    """Return the counter for a series: anchored on the latest day of the month it falls due on."""
    return MonthCounter(max(on.day for on in dates))


def unit_period_of(advances: Sequence[date], payments: Sequence[date]) -> UnitPeriod:
    """Return the unit period of a transaction, (b)(4); both sequences are in order, not empty.

    The period that occurs most often, the smaller of two that occur equally often; without a
    period that occurs twice, the average of all, to the nearest standard interval.
    """
    start = min(advances[0], payments[0])
    months = month_counter(payments)
    if len(advances) == len(payments) == 1:
        return _term_of_single_payment(start, payments[0])
    periods = [
        *_periods_of([start, *advances], months),
        *_periods_of([start, *payments], months),
    ]
    counts = Counter(label for period in periods for label in period.labels)
    common = [label for label, count in counts.items() if count > 1 and _fits_year(label)]
    if common:
        return max(common, key=lambda label: (counts[label], -label.nominal_days))
    return _nearest_standard(Fraction(sum(period.days for period in periods), len(periods)))


def time_in_units(start: date, on: date, unit: UnitPeriod, months: MonthCounter) -> Time:
    """Return full unit periods and the odd rest from `start` to `on`, (b)(5).

    The rest is counted in `unit.odd_parts` parts of a unit period.
    """
    if unit.unit in (Unit.DAY, Unit.WEEK):
        return Time(*divmod((on - start).days, unit.nominal_days))
    full_months, days = months.full_months(start, on)
    if unit.unit is not Unit.YEAR:
        return Time(*divmod(_MONTH_DAYS * full_months + days, unit.nominal_days))
    years, rest = divmod(full_months, _YEAR_MONTHS)
    if not days:
        return Time(years, rest * _YEAR_DAYS)
    odd_days = (months.back(on, years * _YEAR_MONTHS) - start).days
    return Time(years, odd_days * _YEAR_MONTHS)


def _term_of_single_payment(start: date, end: date) -> UnitPeriod:
    """Return the whole term as the unit period, up to a year, (b)(4)(ii), (b)(5)(vi) and (vii)."""
    months, days = month_counter([end]).full_months(start, end)
    if months >= _YEAR_MONTHS:
        return UnitPeriod(Unit.YEAR)
    if days:
        return UnitPeriod(Unit.DAY, (end - start).days)
    return UnitPeriod(Unit.MONTH, months)


class _Period(NamedTuple):
    """The interval between two neighbouring flows and the names it can go by."""

    days: int
    labels: tuple[UnitPeriod, ...]


def _periods_of(dates: Sequence[date], months: MonthCounter) -> list[_Period]:
    """Return the periods between dates; a date that repeats (flow on the first day) adds none."""
    distinct = sorted(set(dates))
    halves = _semimonthly(distinct, months)
    return [
        _Period((later - earlier).days, _labels(earlier, later, months, half=earlier in halves))
        for earlier, later in pairwise(distinct)
    ]


def _semimonthly(dates: Sequence[date], months: MonthCounter) -> set[date]:
    """Return the dates after which half a month follows: every second date is a month apart."""
    halves: set[date] = set()
    for first, second, third in zip(dates, dates[1:], dates[2:], strict=False):
        if months.whole_months(first, third) == 1:
            halves |= {first, second}
    return halves


def _labels(
    earlier: date, later: date, months: MonthCounter, *, half: bool
) -> tuple[UnitPeriod, ...]:
    """Name a period by months, half a month or weeks where it is whole in them, else by days."""
    days = (later - earlier).days
    labels = []
    if whole := months.whole_months(earlier, later):
        is_year = whole == _YEAR_MONTHS
        labels.append(UnitPeriod(Unit.YEAR) if is_year else UnitPeriod(Unit.MONTH, whole))
    if half:
        labels.append(UnitPeriod(Unit.SEMIMONTH))
    if days % _WEEK_DAYS == 0:
        labels.append(UnitPeriod(Unit.WEEK, days // _WEEK_DAYS))
    return tuple(labels) or (UnitPeriod(Unit.DAY, days),)


def _fits_year(label: UnitPeriod) -> bool:
    return label.per_year >= 1


def _nearest_standard(average_days: Fraction) -> UnitPeriod:
    """Return the standard interval, (b)(3)(iii), nearest to a length; of two the shorter."""
    standard = [
        UnitPeriod(Unit.DAY),
        *(UnitPeriod(Unit.WEEK, count) for count in range(1, _YEAR_WEEKS + 1)),
        UnitPeriod(Unit.SEMIMONTH),
        *(UnitPeriod(Unit.MONTH, count) for count in range(1, _YEAR_MONTHS)),
        UnitPeriod(Unit.YEAR),
    ]
    return min(
        standard, key=lambda unit: (abs(unit.nominal_days - average_days), unit.nominal_days)
    )
