"""How interest is earned: parts of years, of accruals, and their exact sums."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from domain.common.day_count import DayCount
from domain.loans.accrual import Accrual, factor_of, total, until, years_between
from domain.loans.due_dates import Period

START, END = date(2027, 11, 30), date(2028, 1, 30)
TWO_MONTHS = Period(1, END, START, END, (2, 12))


def accrual(convention: DayCount, balance: int = 1_000_000, rate: str = "12") -> Accrual:
    years = years_between(convention, TWO_MONTHS, START, END)
    numerator, denominator = factor_of(Decimal(rate), years)
    return Accrual(START, END, balance, Decimal(rate), years, (balance * numerator, denominator))


@pytest.mark.parametrize(
    ("convention", "end", "years"),
    [
        # From 30 November 2027: 61 days in all, 31 of them up to 31 December.
        (DayCount.PERIOD, END, Fraction(2, 12)),
        (DayCount.PERIOD, date(2027, 12, 31), Fraction(2, 12) * Fraction(31, 61)),
        (DayCount.ACTUAL_360, END, Fraction(61, 360)),
        (DayCount.ACTUAL_364, END, Fraction(61, 364)),
        (DayCount.ACTUAL_365_FIXED, END, Fraction(61, 365)),
        (DayCount.THIRTY_360_EU, END, Fraction(60, 360)),
        (DayCount.ACTUAL_ACTUAL_ISDA, END, Fraction(32, 365) + Fraction(29, 366)),
    ],
)
def test_the_part_of_a_year(convention: DayCount, end: date, years: Fraction) -> None:
    assert Fraction(*years_between(convention, TWO_MONTHS, START, end)) == years


def test_a_part_of_a_period_may_begin_after_it() -> None:
    part = years_between(DayCount.PERIOD, TWO_MONTHS, date(2028, 1, 1), END)
    assert Fraction(*part) == Fraction(2, 12) * Fraction(29, 61)


def test_the_interest_on_one_is_in_lowest_terms() -> None:
    assert factor_of(Decimal(24), (1, 12)) == (1, 50)
    assert factor_of(Decimal("1.5"), (2, 12)) == (1, 400)
    assert factor_of(Decimal(0), (1, 12)) == (0, 1)


@pytest.mark.parametrize(
    ("convention", "on", "exact"),
    [
        # 10,000.00 at 12 %: 200.00 for the whole of two months.
        (DayCount.PERIOD, date(2027, 12, 31), Fraction(20_000 * 31, 61)),
        (DayCount.ACTUAL_360, date(2027, 12, 31), Fraction(120_000 * 31, 360)),
        (DayCount.THIRTY_360_EU, date(2027, 12, 31), Fraction(10_000)),
        (DayCount.PERIOD, END, Fraction(20_000)),
        (DayCount.PERIOD, date(2028, 5, 1), Fraction(20_000)),
    ],
)
def test_what_is_earned_by_a_day(convention: DayCount, on: date, exact: Fraction) -> None:
    earned = until(convention, accrual(convention), on)
    assert earned is not None
    assert Fraction(*earned.exact) == exact
    assert (earned.start, earned.end) == (START, min(on, END))
    assert (earned.balance, earned.annual_rate) == (1_000_000, Decimal(12))
    per_year = earned.balance * Fraction(earned.annual_rate) / 100
    assert per_year * Fraction(*earned.years) == exact


def test_nothing_is_earned_on_the_first_day_and_before_it() -> None:
    for on in (START, date(2027, 1, 1)):
        assert until(DayCount.PERIOD, accrual(DayCount.PERIOD), on) is None


def test_the_sum_of_what_was_earned_is_exact() -> None:
    parts = [
        accrual(DayCount.PERIOD, balance=0),
        accrual(DayCount.ACTUAL_360),
        accrual(DayCount.ACTUAL_360, balance=7),
        accrual(DayCount.ACTUAL_ACTUAL_ISDA, rate="3.65"),
        accrual(DayCount.ACTUAL_364),
    ]
    assert Fraction(*total(parts)) == sum((Fraction(*part.exact) for part in parts), Fraction(0))
    assert Fraction(*total([])) == 0
    assert total(parts[1:2]) == parts[1].exact
