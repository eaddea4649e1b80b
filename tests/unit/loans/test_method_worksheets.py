"""Every method, row by row, against a worksheet of fractions that shares no code with `domain`.

Only the terms and the plan come from there. Dates, day counts, levels and rounding are made here,
as they would be in a spreadsheet.
"""

from calendar import isleap, monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import pytest

from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms

MADE = date(2027, 10, 14)
PRINCIPAL = 1_234_567
RATE = Fraction("18.75") / 100
COUNT = 9


def month_later(on: date, months: int) -> date:
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return date(year, month + 1, min(on.day, monthrange(year, month + 1)[1]))


def actual_365(start: date, end: date) -> Fraction:
    return Fraction((end - start).days, 365)


def actual_360(start: date, end: date) -> Fraction:
    return Fraction((end - start).days, 360)


def thirty_european(start: date, end: date) -> Fraction:
    months = (end.year - start.year) * 12 + end.month - start.month
    return Fraction(30 * months + min(end.day, 30) - min(start.day, 30), 360)


def actual_isda(start: date, end: date) -> Fraction:
    nights = (start + timedelta(days=night) for night in range((end - start).days))
    return sum((Fraction(1, 366 if isleap(on.year) else 365) for on in nights), Fraction(0))


Measure = Callable[[date, date], Fraction]
DAY_COUNTS: dict[str, Measure] = {
    "actual_365_fixed": actual_365,
    "actual_360": actual_360,
    "thirty_360_eu": thirty_european,
    "actual_actual_isda": actual_isda,
}
FREQUENCIES: dict[str, tuple[dict[str, Any], Callable[[int], date]]] = {
    "monthly": ({"unit": "month"}, lambda number: month_later(MADE, number)),
    "quarterly": ({"unit": "month", "every": 3}, lambda number: month_later(MADE, 3 * number)),
    "weekly": ({"unit": "week"}, lambda number: MADE + timedelta(weeks=number)),
    "every ten days": ({"unit": "day", "every": 10}, lambda number: MADE + timedelta(10 * number)),
}
GRACES: tuple[dict[str, int], ...] = (
    {},
    {"principal_grace": 2},
    {"interest_grace": 3},
    {"interest_free": 2},
    {"principal_grace": 1, "interest_grace": 2, "interest_free": 1},
)


def nearest(exact: Fraction) -> int:
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


@dataclass
class Sheet:
    """A worksheet: the days between which interest runs, and what the method adds to them."""

    days: Sequence[date]
    measure: Measure
    principal_grace: int = 0
    interest_grace: int = 0
    interest_free: int = 0
    balloon: int = 0
    flat: bool = False
    fixed: int = 0
    listed: Sequence[int] = field(default_factory=tuple)
    at_the_end: bool = False
    level_principal: bool = False

    @property
    def factors(self) -> list[Fraction]:
        parts = [self.measure(start, end) for start, end in pairwise(self.days)]
        free = self.interest_free
        return [Fraction(0)] * free + [RATE * part for part in parts[free:]]

    def level(self) -> int:
        """Solve for the level part: what the paying periods are worth, discounted one by one."""
        factors = self.factors[self.principal_grace :]
        if self.level_principal:
            return nearest(Fraction(PRINCIPAL, len(factors)))
        discount, worth = Fraction(1), Fraction(0)
        for factor in factors:
            discount /= 1 + factor
            worth += discount
        return nearest((PRINCIPAL - self.balloon * discount) / worth)

    def rows(self) -> Iterator[tuple[int, int, int]]:
        """Fill the sheet: principal, interest collected and balance of each row."""
        balance, deferred = PRINCIPAL, Fraction(0)
        factors = self.factors
        level = self.fixed or (0 if self.at_the_end or self.listed else self.level())
        for number, factor in enumerate(factors, start=1):
            earned = (PRINCIPAL if self.flat else balance) * factor
            deferred += earned
            collected = 0
            if number > self.interest_grace or number == len(factors):
                collected, deferred = nearest(deferred), Fraction(0)
            repaid = self.repaid(number, balance, nearest(earned), level)
            balance -= repaid
            yield repaid, collected, balance
            if not balance and self.fixed:
                return

    def repaid(self, number: int, balance: int, own: int, level: int) -> int:
        if number == len(self.days) - 1:
            return balance
        if number <= self.principal_grace or self.at_the_end:
            return 0
        wanted = self.listed[number - 1] if self.listed else level
        return min(max(wanted - (0 if self.level_principal else own), 0), balance)


def check(sheet: Sheet, **values: Any) -> None:
    first: dict[str, Any] = {
        "currency": "EUR",
        "principal": PRINCIPAL,
        "annual_rate": Decimal("18.75"),
        "instalments": COUNT,
        "disbursed_on": MADE,
    }
    plan = build_plan(LoanTerms(**first | values))
    made = [(row.principal, row.interest, row.balance_after) for row in plan.rows]
    expected = list(sheet.rows())
    assert made == expected
    assert [row.due_on for row in plan.rows] == list(sheet.days[1 : 1 + len(expected)])


METHODS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "equal_instalment": ({}, {}),
    "balloon": ({"balloon": 400_000}, {"balloon": 400_000}),
    "equal_principal": ({"level_principal": True}, {}),
    "flat": ({"level_principal": True, "flat": True}, {}),
    "interest_only": ({"at_the_end": True}, {}),
}


@pytest.mark.parametrize("method", METHODS)
def test_methods_with_a_number_of_instalments(method: str, subtests: pytest.Subtests) -> None:
    for grace, frequency, day_count in product(GRACES, FREQUENCIES, DAY_COUNTS):
        with subtests.test(grace=grace, frequency=frequency, day_count=day_count):
            check_method(method, grace, frequency, day_count)


def check_method(method: str, grace: dict[str, int], frequency: str, day_count: str) -> None:
    if method == "interest_only":
        grace = {name: count for name, count in grace.items() if name != "principal_grace"}
    in_sheet, in_terms = METHODS[method]
    in_sheet = in_sheet | grace
    every, due = FREQUENCIES[frequency]
    check(
        Sheet(
            [due(number) for number in range(COUNT + 1)],
            DAY_COUNTS[day_count],
            **in_sheet,
        ),
        method=method,
        frequency=every,
        day_count=day_count,
        first_due_on=due(1),
        **in_terms,
        **grace,
    )


@pytest.mark.parametrize("day_count", DAY_COUNTS)
@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_a_fixed_instalment(frequency: str, day_count: str) -> None:
    every, due = FREQUENCIES[frequency]
    check(
        Sheet([due(number) for number in range(60)], DAY_COUNTS[day_count], fixed=177_000),
        method="fixed_instalment",
        instalment_amount=177_000,
        instalments=0,
        frequency=every,
        day_count=day_count,
        first_due_on=due(1),
    )


@pytest.mark.parametrize("day_count", DAY_COUNTS)
@pytest.mark.parametrize("days", [7, 14, 30, 365, 500])
def test_a_single_payment(days: int, day_count: str) -> None:
    end = MADE + timedelta(days=days)
    check(
        Sheet([MADE, end], DAY_COUNTS[day_count]),
        method="single_payment",
        instalments=1,
        day_count=day_count,
        first_due_on=end,
    )


@pytest.mark.parametrize("day_count", DAY_COUNTS)
def test_listed_instalments(day_count: str) -> None:
    days = [MADE + timedelta(days=after) for after in (0, 17, 60, 61, 200, 400)]
    totals = [50_000, 40_000, 300_000, 456_789]
    listed = [{"due_on": on, "total": total} for on, total in zip(days[1:-1], totals, strict=True)]
    check(
        Sheet(days, DAY_COUNTS[day_count], listed=totals),
        method="explicit",
        explicit=[*listed, {"due_on": days[-1]}],
        instalments=0,
        day_count=day_count,
        first_due_on=days[1],
    )


@pytest.mark.parametrize("day_count", DAY_COUNTS)
@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_rentals_in_advance(frequency: str, day_count: str) -> None:
    every, due = FREQUENCIES[frequency]
    check(
        Sheet([MADE, *(due(number) for number in range(COUNT))], DAY_COUNTS[day_count]),
        method="rentals_in_advance",
        frequency=every,
        day_count=day_count,
        first_due_on=MADE,
    )


@pytest.mark.parametrize("day_count", DAY_COUNTS)
@pytest.mark.parametrize("frequency", FREQUENCIES)
@pytest.mark.parametrize("residual", [1_000, 333_333, 1_200_000])
def test_rentals_in_advance_with_a_residual(frequency: str, day_count: str, residual: int) -> None:
    every, due = FREQUENCIES[frequency]
    days = [MADE, *(due(number) for number in range(COUNT + 1))]
    factors = [RATE * DAY_COUNTS[day_count](start, end) for start, end in pairwise(days)]
    discount, worth = Fraction(1), Fraction(0)
    for factor in factors[:-1]:
        discount /= 1 + factor
        worth += discount
    level = nearest((PRINCIPAL - residual * discount / (1 + factors[-1])) / worth)
    # Before the last period the balance is what its interest brings to the residual value.
    left = nearest(residual / (1 + factors[-1]))
    balance, expected = PRINCIPAL, []
    for number, factor in enumerate(factors, start=1):
        interest = nearest(balance * factor)
        repaid = balance if number > COUNT else min(max(level - interest, 0), balance - left)
        if number == COUNT:
            repaid = balance - left
        balance -= repaid
        expected.append((repaid, interest, balance))
    plan = build_plan(
        LoanTerms(
            currency="EUR",
            principal=PRINCIPAL,
            annual_rate=Decimal("18.75"),
            instalments=COUNT,
            disbursed_on=MADE,
            first_due_on=MADE,
            method="rentals_in_advance",
            frequency=every,
            day_count=day_count,
            residual=residual,
        )
    )
    assert [(row.principal, row.interest, row.balance_after) for row in plan.rows] == expected
    reachable = {kept + nearest(kept * factors[-1]) for kept in range(left - 2, left + 3)}
    assert abs(plan.rows[-1].total - residual) == (0 if residual in reachable else 1)
    assert [row.due_on for row in plan.rows] == days[1:]
