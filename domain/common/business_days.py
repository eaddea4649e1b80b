"""Business days: named calendars, and where a date goes that is not a business day."""

from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

import chinese_calendar
from holidays.countries.brazil import Brazil
from holidays.countries.china import China
from holidays.countries.united_kingdom import UnitedKingdom
from holidays.financial.european_central_bank import EuropeanCentralBank
from holidays.financial.federal_reserve import FederalReserve
from holidays.holiday_base import HolidayBase

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


class BusinessCalendar(StrEnum):
    """A calendar by name.

    `none`: Saturdays and Sundays only. `CN`: the State Council's yearly arrangement, with the
    weekends that are worked in exchange. `TARGET`: the Eurosystem's. `US`: the Federal Reserve
    Banks'. `BR`: national holidays with carnival and Corpus Christi, when banks are closed. `UK`:
    bank holidays of England and Wales.
    """

    NONE = "none"
    CN = "CN"
    TARGET = "TARGET"
    US = "US"
    BR = "BR"
    UK = "UK"


class BusinessDayRule(StrEnum):
    """Where a date goes that is not a business day.

    Nowhere (`none`); to the next business day (`following`); to the next one unless that is in
    another month, then to the one before (`modified_following`); to the one before (`preceding`).
    """

    NONE = "none"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"
    PRECEDING = "preceding"


class Adjustment(NamedTuple):
    """Where a date went. `provisional`: it rests on a year whose arrangement is not official yet.

    A provisional date has to be adjusted again once the year is known.
    """

    on: date
    provisional: bool


class OfficialYear(NamedTuple):
    """The arrangement of one year of the `CN` calendar, entered by hand; it overrides the library.

    `closed` are the days off that fall on Monday to Friday, `worked` the weekend days that are
    worked instead.
    """

    version: str
    source: str
    closed: frozenset[date]
    worked: frozenset[date]


class _YearDays(NamedTuple):
    closed: frozenset[date]
    worked: frozenset[date]
    provisional: bool


def _days_of(year: int, *days: tuple[int, int]) -> frozenset[date]:
    return frozenset(date(year, month, day) for month, day in days)


CN_OFFICIAL_YEARS = MappingProxyType(
    {
        2026: OfficialYear(
            version="2025-11-04",
            source="国务院办公厅关于2026年部分节假日安排的通知（国办发明电〔2025〕7号）",
            closed=_days_of(
                2026,
                *((1, 1), (1, 2)),
                *((2, 16), (2, 17), (2, 18), (2, 19), (2, 20), (2, 23)),
                *((4, 6), (5, 1), (5, 4), (5, 5), (6, 19), (9, 25)),
                *((10, 1), (10, 2), (10, 5), (10, 6), (10, 7)),
            ),
            worked=_days_of(2026, (1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)),
        ),
    }
)
"""Years of the `CN` calendar known from their official notice. A new notice is a new row here."""

_CN_LIBRARY_YEARS = range(
    min(chinese_calendar.constants.holidays).year,
    max(chinese_calendar.constants.holidays).year + 1,
)
_BR_BANK_HOLIDAYS = frozenset({"Carnival", "Corpus Christi"})

# The library's classes leave their constructors untyped; their base class does not.
_HOLIDAYS: dict[BusinessCalendar, type[HolidayBase]] = {
    BusinessCalendar.CN: China,
    BusinessCalendar.TARGET: EuropeanCentralBank,
    BusinessCalendar.US: FederalReserve,
    BusinessCalendar.BR: Brazil,
    BusinessCalendar.UK: UnitedKingdom,
}


def is_business_day(on: date, calendar: BusinessCalendar) -> bool:
    """Say whether `on` is a business day of `calendar`."""
    days = _year_days(calendar, on.year)
    if on.weekday() >= _SATURDAY:
        return on in days.worked
    return on not in days.closed


def is_provisional(year: int, calendar: BusinessCalendar) -> bool:
    """Say whether the arrangement of `year` is a forecast.

    So far only `CN` decides anew each year: outside the years in `CN_OFFICIAL_YEARS` and in the
    library, statutory holidays are taken as closed and no weekend as worked.
    """
    return _year_days(calendar, year).provisional


def adjust(on: date, rule: BusinessDayRule, calendar: BusinessCalendar) -> date:
    """Return the date that `rule` puts in the place of `on`; a business day stays."""
    return adjustment(on, rule, calendar).on


def adjustment(on: date, rule: BusinessDayRule, calendar: BusinessCalendar) -> Adjustment:
    """Return where `rule` puts `on`, and whether that rests on an unofficial year.

    Under the rule `none` no calendar is asked, so the result is never provisional.
    """
    if rule is BusinessDayRule.NONE:
        return Adjustment(on, provisional=False)
    step = -_ONE_DAY if rule is BusinessDayRule.PRECEDING else _ONE_DAY
    moved = _first_business_day(on, step, calendar)
    if rule is BusinessDayRule.MODIFIED_FOLLOWING and moved.month != on.month:
        moved = _first_business_day(on, -_ONE_DAY, calendar)
    years = {on.year, moved.year}
    return Adjustment(moved, any(is_provisional(year, calendar) for year in years))


def _first_business_day(on: date, step: timedelta, calendar: BusinessCalendar) -> date:
    while not is_business_day(on, calendar):
        on += step
    return on


@cache
def _year_days(calendar: BusinessCalendar, year: int) -> _YearDays:
    if calendar is BusinessCalendar.NONE:
        return _YearDays(frozenset(), frozenset(), provisional=False)
    if calendar is BusinessCalendar.CN:
        return _cn_year(year)
    return _YearDays(frozenset(_closed_days(calendar, year)), frozenset(), provisional=False)


def _cn_year(year: int) -> _YearDays:
    if year in CN_OFFICIAL_YEARS:
        official = CN_OFFICIAL_YEARS[year]
        return _YearDays(official.closed, official.worked, provisional=False)
    if year in _CN_LIBRARY_YEARS:
        closed = (day for day in chinese_calendar.constants.holidays if day.year == year)
        worked = (day for day in chinese_calendar.constants.workdays if day.year == year)
        return _YearDays(frozenset(closed), frozenset(worked), provisional=False)
    statutory = _HOLIDAYS[BusinessCalendar.CN](years=year)
    return _YearDays(frozenset(statutory), frozenset(), provisional=True)


def _closed_days(calendar: BusinessCalendar, year: int) -> set[date]:
    source = _HOLIDAYS[calendar]
    if calendar is BusinessCalendar.UK:
        return set(source(years=year, subdiv="ENG"))
    closed = set(source(years=year))
    if calendar is BusinessCalendar.BR:
        optional = source(years=year, language="en_US", categories="optional")
        closed |= {on for on, name in optional.items() if name in _BR_BANK_HOLIDAYS}
    return closed
