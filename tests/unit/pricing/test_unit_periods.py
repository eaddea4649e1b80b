"""Unit periods where no interval is the most common one (Regulation Z, Appendix J, (b)(4))."""

from datetime import date, timedelta
from itertools import accumulate

import pytest

from domain.pricing.unit_periods import (
    Unit,
    UnitPeriod,
    month_counter,
    time_in_units,
    unit_period_of,
)

START = date(2026, 1, 5)


@pytest.mark.parametrize(
    ("days", "unit"),
    [
        # No two alike: the average, to the nearest standard interval, of two the shorter.
        ([1, 2], UnitPeriod(Unit.DAY)),
        ([3, 4], UnitPeriod(Unit.DAY)),
        ([5, 10], UnitPeriod(Unit.WEEK)),
        ([15, 16], UnitPeriod(Unit.SEMIMONTH)),
        ([29, 32], UnitPeriod(Unit.MONTH)),
        ([58, 61], UnitPeriod(Unit.MONTH, 2)),
        ([100, 111], UnitPeriod(Unit.WEEK, 15)),
        ([330, 331], UnitPeriod(Unit.MONTH, 11)),
        ([356, 359], UnitPeriod(Unit.WEEK, 51)),
        ([360, 367], UnitPeriod(Unit.WEEK, 52)),
        ([363, 366], UnitPeriod(Unit.WEEK, 52)),
        ([363, 368], UnitPeriod(Unit.YEAR)),
        ([500, 900], UnitPeriod(Unit.YEAR)),
    ],
)
def test_the_average_interval_becomes_a_standard_one(days: list[int], unit: UnitPeriod) -> None:
    payments = [START + timedelta(days=total) for total in accumulate(days)]
    assert unit_period_of([START], payments) == unit


@pytest.mark.parametrize(
    ("end", "unit"),
    [
        (date(2026, 1, 12), UnitPeriod(Unit.DAY, 7)),
        (date(2026, 2, 5), UnitPeriod(Unit.MONTH)),
        (date(2026, 12, 5), UnitPeriod(Unit.MONTH, 11)),
        (date(2026, 12, 6), UnitPeriod(Unit.DAY, 335)),
        (date(2027, 1, 4), UnitPeriod(Unit.DAY, 364)),
        (date(2027, 1, 5), UnitPeriod(Unit.YEAR)),
        (date(2028, 7, 9), UnitPeriod(Unit.YEAR)),
    ],
)
def test_the_term_of_a_single_payment_is_its_unit_up_to_a_year(end: date, unit: UnitPeriod) -> None:
    assert unit_period_of([START], [end]) == unit


@pytest.mark.parametrize(
    ("on", "unit", "steps", "odd"),
    [
        (date(2026, 1, 27), UnitPeriod(Unit.WEEK, 2), 1, 8),
        (date(2026, 3, 20), UnitPeriod(Unit.MONTH), 2, 15),
        (date(2026, 3, 20), UnitPeriod(Unit.SEMIMONTH), 5, 0),
        (date(2026, 9, 8), UnitPeriod(Unit.MONTH, 3), 2, 63),
        # A year and 3 months: 3 of 12 parts; a year and 17 days: 17 of 365.
        (date(2027, 4, 5), UnitPeriod(Unit.YEAR), 1, 3 * 365),
        (date(2027, 1, 22), UnitPeriod(Unit.YEAR), 1, 17 * 12),
    ],
)
def test_time_is_whole_units_and_an_odd_rest(
    on: date, unit: UnitPeriod, steps: int, odd: int
) -> None:
    assert time_in_units(START, on, unit, month_counter([on])) == (steps, odd)


def test_the_more_common_interval_is_the_unit_and_of_two_the_smaller() -> None:
    dates = [date(2026, month, 5) for month in (2, 3, 6, 9, 12)]
    assert unit_period_of([START], dates) == UnitPeriod(Unit.MONTH, 3)
    assert unit_period_of([START], dates[:-1]) == UnitPeriod(Unit.MONTH)


def test_an_interval_longer_than_a_year_is_no_unit() -> None:
    dates = [date(2028, 1, 5), date(2030, 1, 5)]
    assert unit_period_of([START], dates) == UnitPeriod(Unit.YEAR)
