"""Day-count conventions: how much of a year lies between two dates, exactly."""

from calendar import isleap, monthrange
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from domain.common.errors import DomainError


class DayCountUnusable(DomainError):
    """A day count was asked for something it cannot measure: a fraction of `period`, say."""


class DayCount(StrEnum):
    """A named convention.

    * `thirty_360_us`: months of 30 days, the end of February counts as the 30th (30U/360, SIFMA's
      Standard Securities Calculation Methods; QuantLib `Thirty360::USA`).
    * `thirty_360_eu`: months of 30 days, a 31st counts as the 30th (30E/360, ISDA 2006 4.16(g)).
    * `actual_360`, `actual_364`, `actual_365_fixed`: calendar days over a fixed year.
    * `actual_actual_isda`: each day over the length of its own calendar year (ISDA 2006 4.16(b)).
    * `actual_actual_split`: as ISDA, but the old year ends where 31 December begins, so that day
      counts over the length of the new year (Apache Fineract's progressive engine).
    * `period`: the annual rate over the number of periods a year; dates do not matter, so there is
      no fraction between two dates.
    """

    THIRTY_360_US = "thirty_360_us"
    THIRTY_360_EU = "thirty_360_eu"
    ACTUAL_360 = "actual_360"
    ACTUAL_364 = "actual_364"
    ACTUAL_365_FIXED = "actual_365_fixed"
    ACTUAL_ACTUAL_ISDA = "actual_actual_isda"
    ACTUAL_ACTUAL_SPLIT = "actual_actual_split"
    PERIOD = "period"


class YearPart(NamedTuple):
    """Days counted over a year of one length: 61 days over 365."""

    days: int
    year_days: int


FIXED_YEARS = {
    DayCount.ACTUAL_360: 360,
    DayCount.ACTUAL_364: 364,
    DayCount.ACTUAL_365_FIXED: 365,
}
"""The conventions that count days over a year of one length."""


def year_parts(convention: DayCount, start: date, end: date) -> tuple[YearPart, ...]:
    """Return the parts whose sum is the fraction of a year from `start` to `end`.

    One part, or one for each calendar year touched under the actual/actual conventions. Raises
    `DayCountUnusable` for `period` and when `end` lies before `start`.
    """
    if end < start:
        raise DayCountUnusable(f"the interval ends on {end}, before it starts on {start}")
    if convention in FIXED_YEARS:
        return (YearPart((end - start).days, FIXED_YEARS[convention]),)
    if convention is DayCount.THIRTY_360_US:
        return (YearPart(_thirty_360_us(start, end), 360),)
    if convention is DayCount.THIRTY_360_EU:
        return (YearPart(_thirty_360_eu(start, end), 360),)
    if convention is DayCount.PERIOD:
        raise DayCountUnusable("the day count 'period' measures periods, not days between dates")
    return _actual_actual(start, end, split=convention is DayCount.ACTUAL_ACTUAL_SPLIT)


def year_fraction(convention: DayCount, start: date, end: date) -> Fraction:
    """Return the exact fraction of a year from `start` to `end`; errors as `year_parts`."""
    first, *others = year_parts(convention, start, end)
    return sum((Fraction(*part) for part in others), Fraction(*first))


THIRTY_DAY_MONTHS = (DayCount.THIRTY_360_US, DayCount.THIRTY_360_EU)
"""The conventions that move dates before they count, so that parts need not sum to the whole."""


def part_of_period(convention: DayCount, since: date, start: date, end: date) -> Fraction:
    """Return the fraction of a year from `start` to `end`, both in a period that began on `since`.

    The parts of a period sum to the whole of it, wherever it is cut: with months of 30 days each
    end is measured from the period's beginning, since 30 June to 1 July and on to 31 July would
    otherwise be 31 days, and 30 June to 31 July 30. Errors as `year_parts`.
    """
    if convention in THIRTY_DAY_MONTHS and start > since:
        whole, before = (year_parts(convention, since, on)[0].days for on in (end, start))
        return Fraction(whole - before, 360)
    return year_fraction(convention, start, end)


def _actual_actual(start: date, end: date, *, split: bool) -> tuple[YearPart, ...]:
    """Cut the interval at each turn of the year: on 31 December when `split`, else on 1 January."""
    parts = []
    cut = start
    for year in range(start.year, end.year):
        turn = date(year, 12, 31) if split else date(year + 1, 1, 1)
        if turn > cut:
            parts.append(YearPart((turn - cut).days, _year_days(year)))
        cut = turn
    if end > cut or not parts:
        parts.append(YearPart((end - cut).days, _year_days(end.year)))
    return tuple(parts)


def _year_days(year: int) -> int:
    return 366 if isleap(year) else 365


def _thirty_360_us(start: date, end: date) -> int:
    start_day, end_day = start.day, end.day
    if _ends_february(start):
        if _ends_february(end):
            end_day = 30
        start_day = 30
    if end_day == 31 and start_day >= 30:
        end_day = 30
    return _thirty_360(start, end, min(start_day, 30), end_day)


def _thirty_360_eu(start: date, end: date) -> int:
    return _thirty_360(start, end, min(start.day, 30), min(end.day, 30))


def _thirty_360(start: date, end: date, start_day: int, end_day: int) -> int:
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + end_day - start_day


def _ends_february(on: date) -> bool:
    return on.month == 2 and on.day == monthrange(on.year, 2)[1]
