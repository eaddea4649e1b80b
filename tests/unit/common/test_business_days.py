from datetime import date, timedelta
from typing import Any

import chinese_calendar
import pytest

from domain.common.business_days import (
    HOLIDAY_CALENDAR,
    BusinessCalendar,
    BusinessDayRule,
    OfficialYear,
    adjust,
    is_business_day,
)
from services.definitions.shipped import Files
from tests.definitions import shipped

OFFICIAL = shipped(HOLIDAY_CALENDAR, "cn").years
NONE, CN, TARGET = BusinessCalendar.NONE, BusinessCalendar.CN, BusinessCalendar.TARGET
FOLLOWING, MODIFIED = BusinessDayRule.FOLLOWING, BusinessDayRule.MODIFIED_FOLLOWING
PRECEDING = BusinessDayRule.PRECEDING


def days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=day) for day in range((date(year + 1, 1, 1) - first).days)]


# The State Council's notice on 2026 (国办发明电〔2025〕7号) and components facts, section 4: 248
# work days, 6 of them weekend days worked instead.
def test_china_works_248_days_in_2026_six_of_them_at_weekends() -> None:
    worked = [on for on in days_of(2026) if is_business_day(on, CN, OFFICIAL)]
    assert len(worked) == 248
    assert [on for on in worked if on.weekday() >= 5] == [
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    ]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-01-01", "2026-01-03"),
        ("2026-02-15", "2026-02-23"),
        ("2026-04-04", "2026-04-06"),
        ("2026-05-01", "2026-05-05"),
        ("2026-06-19", "2026-06-21"),
        ("2026-09-25", "2026-09-27"),
        ("2026-10-01", "2026-10-07"),
    ],
)
def test_china_rests_on_the_seven_holidays_of_2026(first: str, last: str) -> None:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    holiday = [start + timedelta(days=day) for day in range((end - start).days + 1)]
    assert not any(is_business_day(on, CN, OFFICIAL) for on in holiday)
    assert is_business_day(end + timedelta(days=1), CN, OFFICIAL)


def test_the_calendar_entered_by_hand_agrees_with_the_library() -> None:
    assert [(year.year, year.version) for year in OFFICIAL] == [(2026, "2025-11-04")]
    for on in days_of(2026):
        assert is_business_day(on, CN, OFFICIAL) is chinese_calendar.is_workday(on)


@pytest.mark.parametrize("year", [2004, 2019, 2020, 2025])
def test_earlier_chinese_years_are_the_librarys(year: int) -> None:
    for on in days_of(year):
        assert is_business_day(on, CN) is chinese_calendar.is_workday(on)


def test_a_chinese_year_without_an_official_notice_is_forecast() -> None:
    # Statutory holidays are kept (National Day 2027), no weekend is taken as worked.
    assert not is_business_day(date(2027, 10, 1), CN)
    assert not any(is_business_day(on, CN) for on in days_of(2027) if on.weekday() >= 5)
    assert adjust(date(2027, 10, 1), FOLLOWING, CN) == date(2027, 10, 6)
    assert adjust(date(2027, 3, 10), FOLLOWING, CN) == date(2027, 3, 10)
    # 1 January 2027 is a Friday; 31 December 2026 a Thursday and a business day.
    assert adjust(date(2027, 1, 1), PRECEDING, CN) == date(2026, 12, 31)
    assert adjust(date(2026, 12, 31), FOLLOWING, CN) == date(2026, 12, 31)


# Published lists: ECB "TARGET closing days", Federal Reserve Banks' holiday schedule, GOV.UK bank
# holidays of England and Wales, FEBRABAN's "feriados bancários"; weekdays of 2026 only.
@pytest.mark.parametrize(
    ("calendar", "closed"),
    [
        (NONE, []),
        (TARGET, ["01-01", "04-03", "04-06", "05-01", "12-25"]),
        (
            BusinessCalendar.US,
            [
                *("01-01", "01-19", "02-16", "05-25", "06-19"),
                *("09-07", "10-12", "11-11", "11-26", "12-25"),
            ],
        ),
        (
            BusinessCalendar.BR,
            [
                *("01-01", "02-16", "02-17", "04-03", "04-21", "05-01"),
                *("06-04", "09-07", "10-12", "11-02", "11-20", "12-25"),
            ],
        ),
        (
            BusinessCalendar.UK,
            ["01-01", "04-03", "04-06", "05-04", "05-25", "08-31", "12-25", "12-28"],
        ),
    ],
)
def test_calendars_close_on_their_published_days(
    calendar: BusinessCalendar, closed: list[str]
) -> None:
    for on in days_of(2026):
        is_open = on.weekday() < 5 and f"{on:%m-%d}" not in closed
        assert is_business_day(on, calendar) is is_open


@pytest.mark.parametrize(
    ("on", "rule", "moved"),
    [
        ("2026-05-30", FOLLOWING, "2026-06-01"),
        ("2026-05-30", MODIFIED, "2026-05-29"),
        ("2026-05-30", PRECEDING, "2026-05-29"),
        ("2026-05-23", FOLLOWING, "2026-05-25"),
        ("2026-05-23", MODIFIED, "2026-05-25"),
        ("2026-05-24", PRECEDING, "2026-05-22"),
        ("2026-05-30", BusinessDayRule.NONE, "2026-05-30"),
        ("2026-05-29", FOLLOWING, "2026-05-29"),
        ("2026-05-29", MODIFIED, "2026-05-29"),
        ("2026-05-29", PRECEDING, "2026-05-29"),
    ],
)
def test_rules_move_a_weekend(on: str, rule: BusinessDayRule, moved: str) -> None:
    assert adjust(date.fromisoformat(on), rule, NONE) == date.fromisoformat(moved)


def test_chinese_holidays_and_worked_weekends_move_a_date() -> None:
    assert adjust(date(2026, 10, 1), FOLLOWING, CN, OFFICIAL) == date(2026, 10, 8)
    assert adjust(date(2026, 10, 1), PRECEDING, CN, OFFICIAL) == date(2026, 9, 30)
    assert adjust(date(2026, 2, 15), PRECEDING, CN, OFFICIAL) == date(2026, 2, 14)
    assert adjust(date(2026, 2, 28), MODIFIED, CN, OFFICIAL) == date(2026, 2, 28)


def test_an_official_notice_overrides_the_library_and_ends_the_forecast() -> None:
    notice = OfficialYear(
        year=2027,
        version="2026-11-10",
        source="a notice",
        closed=(date(2027, 3, 10),),
        worked=(date(2027, 3, 13),),
    )
    assert not is_business_day(date(2027, 3, 10), CN, [notice])
    assert is_business_day(date(2027, 3, 13), CN, [notice])
    # What the library forecasts for the year no longer counts: National Day is not in the notice.
    assert is_business_day(date(2027, 10, 1), CN, [notice])
    assert adjust(date(2027, 3, 10), FOLLOWING, CN, [notice]) == date(2027, 3, 11)
    assert not is_business_day(date(2026, 10, 1), CN, [notice])


def test_the_rule_none_asks_no_calendar() -> None:
    assert adjust(date(2027, 10, 1), BusinessDayRule.NONE, CN) == date(2027, 10, 1)


def test_names_are_stable() -> None:
    assert [str(one) for one in BusinessCalendar] == ["none", "CN", "TARGET", "US", "BR", "UK"]
    assert [str(one) for one in BusinessDayRule] == [
        "none",
        "following",
        "modified_following",
        "preceding",
    ]


def year(**values: Any) -> dict[str, Any]:
    plain = {
        "year": 2027,
        "version": "2026-11-10",
        "source": "a notice",
        "closed": ["2027-01-01"],
        "worked": ["2027-01-02"],
    }
    return {"years": [plain | values]}


@pytest.mark.parametrize(
    ("content", "field", "said"),
    [
        ({"years": year()["years"] * 2}, "years.1.year", "2027 is entered twice"),
        (year(version=" "), "years.0.version", "which notice this is"),
        (year(source=""), "years.0.source", "where it is published"),
        (year(closed=["2026-12-31"]), "years.0.closed.0", "does not lie in 2027"),
        (year(closed=["2027-01-02"]), "years.0.closed.0", "2027-01-02 is a Saturday"),
        (year(worked=["2027-01-04"]), "years.0.worked.0", "2027-01-04 is a Monday"),
        (year(worked=["2027-01-02"] * 2), "years.0.worked.1", "is entered twice"),
        (year(closed=["1 January"]), "years.0.closed.0", "form YYYY-MM-DD"),
        (year(days=[]), "years.0.days", "not permitted"),
        ({}, "years", "Field required"),
    ],
)
def test_what_is_wrong_with_a_calendar_is_said_at_its_field(
    content: dict[str, Any], field: str, said: str
) -> None:
    (found,) = HOLIDAY_CALENDAR.findings(content, Files({}), "cn")
    assert found.field == field
    assert said in found.message


def test_a_calendar_that_can_be_released_has_no_findings() -> None:
    assert HOLIDAY_CALENDAR.findings(year(), Files({}), "cn") == ()
