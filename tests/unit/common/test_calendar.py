from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from domain.common.calendar import business_date, instant_at, months_after


@pytest.mark.parametrize(
    ("instant", "zone", "expected"),
    [
        (datetime(2026, 1, 31, 15, 59, 59, tzinfo=UTC), "Asia/Shanghai", date(2026, 1, 31)),
        (datetime(2026, 1, 31, 16, 0, tzinfo=UTC), "Asia/Shanghai", date(2026, 2, 1)),
        (datetime(2026, 1, 31, 2, 59, tzinfo=UTC), "America/Sao_Paulo", date(2026, 1, 30)),
        (datetime(2026, 1, 31, 23, 0, tzinfo=UTC), "UTC", date(2026, 1, 31)),
    ],
)
def test_the_business_date_is_the_day_on_the_wall_of_the_zone(
    instant: datetime, zone: str, expected: date
) -> None:
    assert business_date(instant, zone) == expected
    assert business_date(instant, ZoneInfo(zone)) == expected


def test_a_naive_instant_has_no_business_date() -> None:
    naive = datetime(2026, 1, 31, 16, 0, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        business_date(naive, "Asia/Shanghai")


def test_a_local_time_of_day_is_an_instant() -> None:
    instant = instant_at(date(2026, 3, 1), time(9, 30), "Asia/Shanghai")
    assert instant == datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
    assert instant.tzinfo is UTC


def test_times_that_a_clock_change_skips_or_repeats_are_defined() -> None:
    # New York, 2026: clocks skip 02:00-03:00 on 8 March and show 01:00-02:00 twice on 1 November.
    skipped = instant_at(date(2026, 3, 8), time(2, 30), "America/New_York")
    assert skipped == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    repeated = instant_at(date(2026, 11, 1), time(1, 30), "America/New_York")
    assert repeated == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "due_day", "expected"),
    [
        ("2026-02-28", 31, "2026-02-28 2026-03-31 2026-04-30 2026-05-31"),
        ("2028-02-29", 31, "2028-02-29 2028-03-31 2028-04-30 2028-05-31"),
        ("2027-01-30", 30, "2027-01-30 2027-02-28 2027-03-30 2027-04-30"),
        ("2028-01-29", 29, "2028-01-29 2028-02-29 2028-03-29 2028-04-29"),
        ("2026-11-15", 15, "2026-11-15 2026-12-15 2027-01-15 2027-02-15"),
        ("2026-11-20", 5, "2026-11-20 2026-12-05 2027-01-05 2027-02-05"),
    ],
)
def test_due_dates_keep_their_day_through_short_months(
    first: str, due_day: int, expected: str
) -> None:
    start = date.fromisoformat(first)
    dates = [start, *(months_after(start, months, due_day) for months in range(1, 4))]
    assert [day.isoformat() for day in dates] == expected.split()


def test_century_years_are_leap_years_every_four_hundred() -> None:
    assert months_after(date(2099, 12, 31), 2, 31) == date(2100, 2, 28)
    assert months_after(date(1999, 12, 31), 2, 31) == date(2000, 2, 29)
