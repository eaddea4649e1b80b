"""How the European Union and the United Kingdom measure a loan's time in years.

A year is 12 equal months, 52 weeks, or 365 days (366 in a leap year); an equal month is a twelfth
of a year whatever its days.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from enum import StrEnum

from domain.common.calendar import months_after
from domain.common.day_count import DayCount, YearPart, year_parts

_YEAR_MONTHS = 12
_WEEK_DAYS = 7


class IntervalUnit(StrEnum):
    """The whole periods an interval is counted in before the days that remain."""

    YEAR = "year"
    MONTH = "month"
    WEEK = "week"


_PER_YEAR = {IntervalUnit.YEAR: 1, IntervalUnit.MONTH: _YEAR_MONTHS, IntervalUnit.WEEK: 52}


def natural_unit(start: date, dates: Iterable[date]) -> IntervalUnit:
    """Return weeks if all intervals from `start` are whole weeks and not all whole months."""
    later = [on for on in dates if on > start]
    by_weeks = all((on - start).days % _WEEK_DAYS == 0 for on in later)
    by_months = all(_is_whole(start, on, IntervalUnit.MONTH) for on in later)
    return IntervalUnit.WEEK if by_weeks and not by_months else IntervalUnit.MONTH


def eu_year_parts(start: date, end: date, unit: IntervalUnit) -> tuple[YearPart, ...]:
    """Measure an interval as Directive 2008/48/EC, Annex I, part I, remark (c) does.

    Whole periods are counted back from `end`; the days that remain are divided by the length of
    the year that ends where they end (Directive 2011/90/EU; SWD(2012) 128, section 4.1.1).
    """
    if _is_whole(start, end, unit):
        return (YearPart(_whole_periods(start, end, unit), _PER_YEAR[unit]),)
    count = next(count for count in _down(start, end, unit) if _moved(end, -count, unit) >= start)
    days_end = _moved(end, -count, unit)
    year = (days_end - months_after(days_end, -_YEAR_MONTHS, days_end.day)).days
    return YearPart(count, _PER_YEAR[unit]), YearPart((days_end - start).days, year)


def uk_year_parts(start: date, end: date, unit: IntervalUnit) -> tuple[YearPart, ...]:
    """Measure an interval as CONC App 1.2.6R does.

    Whole periods are counted from the first drawdown; each day that remains, the last one included,
    is a 365th of a year, or a 366th when it lies in a leap year.
    """
    count = next(count for count in _down(start, end, unit) if _moved(start, count, unit) <= end)
    whole = YearPart(count, _PER_YEAR[unit])
    days_start = _moved(start, count, unit)
    if days_start == end:
        return (whole,)
    # The days counted are those after the whole periods: their first is the next day.
    after = timedelta(days=1)
    return whole, *year_parts(DayCount.ACTUAL_ACTUAL_ISDA, days_start + after, end + after)


def _is_whole(start: date, end: date, unit: IntervalUnit) -> bool:
    """Say whether an interval is whole periods, counted from either end.

    31 January to 28 February is a month counted forward, 28 February to 31 March counted back.
    """
    count = _whole_periods(start, end, unit)
    return _moved(start, count, unit) == end or _moved(end, -count, unit) == start


def _whole_periods(start: date, end: date, unit: IntervalUnit) -> int:
    """Return the periods between two dates by their calendar months, or the full weeks."""
    if unit is IntervalUnit.WEEK:
        return (end - start).days // _WEEK_DAYS
    if unit is IntervalUnit.YEAR:
        return end.year - start.year
    return (end.year - start.year) * _YEAR_MONTHS + end.month - start.month


def _down(start: date, end: date, unit: IntervalUnit) -> Iterator[int]:
    """Yield the counts of whole periods an interval can have, the greater first."""
    count = _whole_periods(start, end, unit)
    yield count
    yield count - 1


def _moved(on: date, count: int, unit: IntervalUnit) -> date:
    if unit is IntervalUnit.WEEK:
        return on + timedelta(days=count * _WEEK_DAYS)
    months = count if unit is IntervalUnit.MONTH else count * _YEAR_MONTHS
    return months_after(on, months, on.day)
