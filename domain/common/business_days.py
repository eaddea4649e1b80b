"""Business days: named calendars, and where a date goes that is not a business day."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

import chinese_calendar
from holidays.countries.brazil import Brazil
from holidays.countries.china import China
from holidays.countries.united_kingdom import UnitedKingdom
from holidays.financial.european_central_bank import EuropeanCentralBank
from holidays.financial.federal_reserve import FederalReserve
from holidays.holiday_base import HolidayBase
from pydantic import ConfigDict, Field

from domain.common.calendar import Day
from domain.common.definitions import Content, Finding, InForce, Kind

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


class OfficialYear(Content):
    """The arrangement of one year, from its official notice; it overrides the library.

    `closed` are the days off that fall on Monday to Friday, `worked` the weekend days that are
    worked instead.
    """

    model_config = ConfigDict(extra="forbid")

    year: int = Field(strict=True)
    version: str
    source: str
    closed: tuple[Day, ...] = Field(default=(), max_length=366)
    worked: tuple[Day, ...] = Field(default=(), max_length=366)


class HolidayCalendar(Content):
    """The years of one calendar that are known from official notices.

    It is found under the calendar's name in small letters. A plan keeps the years that it rests
    on: a calendar that is released later moves no date that was agreed by an official notice, and
    those that were only guessed (`is_provisional`) by a recorded event.
    """

    years: tuple[OfficialYear, ...]


def _check(calendar: HolidayCalendar, _: InForce) -> Iterator[Finding]:
    seen: set[int] = set()
    for index, year in enumerate(calendar.years):
        field = f"years.{index}"
        if year.year in seen:
            yield Finding(f"{field}.year", f"{year.year} is entered twice", str(year.year + 1))
        seen.add(year.year)
        for name in ("version", "source"):
            if not getattr(year, name).strip():
                message = "say which notice this is, and where it is published"
                yield Finding(f"{field}.{name}", message, "2025-11-04")
        for name, weekend in (("closed", False), ("worked", True)):
            yield from _wrong_days(f"{field}.{name}", getattr(year, name), year.year, weekend)


def _wrong_days(field: str, days: tuple[date, ...], year: int, weekend: bool) -> Iterator[Finding]:
    kind = "a Saturday or a Sunday" if weekend else "a day from Monday to Friday"
    for index, day in enumerate(days):
        if day.year != year:
            yield Finding(f"{field}.{index}", f"{day} does not lie in {year}")
        elif (day.weekday() >= _SATURDAY) is not weekend:
            yield Finding(f"{field}.{index}", f"{day} is a {day:%A}; here belongs {kind}")
        elif day in days[:index]:
            yield Finding(f"{field}.{index}", f"{day} is entered twice")


HOLIDAY_CALENDAR: Final = Kind("holiday_calendar", HolidayCalendar, _check)


class _YearDays(NamedTuple):
    closed: frozenset[date]
    worked: frozenset[date] = frozenset()


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


def is_business_day(
    on: date, calendar: BusinessCalendar, official: Sequence[OfficialYear] = ()
) -> bool:
    """Say whether `on` is a business day of `calendar`, by its `official` years first."""
    days = _days(calendar, on.year, official)
    if on.weekday() >= _SATURDAY:
        return on in days.worked
    return on not in days.closed


def adjust(
    on: date,
    rule: BusinessDayRule,
    calendar: BusinessCalendar,
    official: Sequence[OfficialYear] = (),
) -> date:
    """Return the date that `rule` puts in the place of `on`; a business day stays.

    So far only `CN` decides anew each year: outside the `official` years and those in the library,
    statutory holidays are taken as closed and no weekend as worked.
    """
    if rule is BusinessDayRule.NONE:
        return on
    step = -_ONE_DAY if rule is BusinessDayRule.PRECEDING else _ONE_DAY
    moved = _first_business_day(on, step, calendar, official)
    if rule is BusinessDayRule.MODIFIED_FOLLOWING and moved.month != on.month:
        return _first_business_day(on, -_ONE_DAY, calendar, official)
    return moved


def is_provisional(
    calendar: BusinessCalendar, year: int, official: Sequence[OfficialYear] = ()
) -> bool:
    """Say whether a year's days are only guessed: decided each year, and no notice is known yet."""
    is_known = year in _CN_LIBRARY_YEARS or any(known.year == year for known in official)
    return calendar is BusinessCalendar.CN and not is_known


def _first_business_day(
    on: date, step: timedelta, calendar: BusinessCalendar, official: Sequence[OfficialYear]
) -> date:
    while not is_business_day(on, calendar, official):
        on += step
    return on


def _days(
    calendar: BusinessCalendar, year: int, official: Sequence[OfficialYear]
) -> "OfficialYear | _YearDays":
    known = next((one for one in official if one.year == year), None)
    return _year_days(calendar, year) if known is None else known


@cache
def _year_days(calendar: BusinessCalendar, year: int) -> _YearDays:
    if calendar is BusinessCalendar.NONE:
        return _YearDays(frozenset())
    if calendar is BusinessCalendar.CN:
        return _cn_year(year)
    return _YearDays(frozenset(_closed_days(calendar, year)))


def _cn_year(year: int) -> _YearDays:
    if year in _CN_LIBRARY_YEARS:
        closed = (day for day in chinese_calendar.constants.holidays if day.year == year)
        worked = (day for day in chinese_calendar.constants.workdays if day.year == year)
        return _YearDays(frozenset(closed), frozenset(worked))
    return _YearDays(frozenset(_HOLIDAYS[BusinessCalendar.CN](years=year)))


def _closed_days(calendar: BusinessCalendar, year: int) -> set[date]:
    source = _HOLIDAYS[calendar]
    if calendar is BusinessCalendar.UK:
        return set(source(years=year, subdiv="ENG"))
    closed = set(source(years=year))
    if calendar is BusinessCalendar.BR:
        optional = source(years=year, language="en_US", categories="optional")
        closed |= {on for on, name in optional.items() if name in _BR_BANK_HOLIDAYS}
    return closed
