"""Smoothing and the residue, beside a worksheet that shares no code with the engine."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from domain.loans.schedule import Plan, build_plan
from domain.loans.terms import LoanTerms


def plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_000_000,
        "annual_rate": "24",
        "instalments": 12,
        "disbursed_on": date(2026, 1, 15),
        "first_due_on": date(2026, 2, 15),
    }
    return build_plan(LoanTerms(**values | changes))


def last_of(
    level: int, *, principal: int, rate: Fraction, count: int, first: int = 0, kept: int = 0
) -> int:
    """Return the last instalment, less what is `kept` for it, if the others are `level`.

    `first` is added to the first one.
    """
    balance = principal
    for number in range(1, count):
        interest = int(balance * rate + Fraction(1, 2))
        balance -= level + (first if number == 1 else 0) - interest
    return balance + int(balance * rate + Fraction(1, 2)) - kept


@pytest.mark.parametrize(
    ("principal", "annual_rate", "count", "unit"),
    [
        (1_000_000, "24", 12, 100),
        (1_000_000, "24", 12, 1),
        (1_234_567, "36", 60, 100),
        (1_234_567, "36", 60, 1),
        (9_876_543, "18", 120, 1000),
        (500_000, "7.3", 36, 5),
    ],
)
@pytest.mark.parametrize("kept", [0, 100_000])
def test_smoothing_leaves_no_level_that_brings_the_last_instalment_nearer(
    principal: int, annual_rate: str, count: int, unit: int, kept: int
) -> None:
    rate = Fraction(annual_rate) / 1200
    method = {"method": "balloon", "balloon": kept} if kept else {}
    rows = plan(
        principal=principal,
        annual_rate=annual_rate,
        instalments=count,
        instalment_rounding=(unit, "half_up"),
        smooth=True,
        **method,
    ).rows
    level = rows[0].total
    assert {row.total for row in rows[:-1]} == {level}

    def gap(tried: int) -> int:
        last = last_of(tried, principal=principal, rate=rate, count=count, kept=kept)
        return abs(last - tried)

    assert rows[-1].total - kept == last_of(
        level, principal=principal, rate=rate, count=count, kept=kept
    )
    assert gap(level) <= min(gap(level - unit), gap(level + unit))


@pytest.mark.parametrize(
    ("principal", "annual_rate", "count"),
    [
        (1_000_000, "24", 12),
        (1_234_567, "36", 60),
        (1_000_003, "12", 120),
        (777_777, "3.65", 24),
        # The exact step leaves 22.15 with the last instalment, one fen more at first 4.96.
        (50_000_000, "24", 360),
        (50_000_000, "18", 240),
        (12_345_678, "36", 180),
    ],
)
def test_the_first_instalment_takes_the_residue_as_far_as_units_allow(
    principal: int, annual_rate: str, count: int
) -> None:
    rate = Fraction(annual_rate) / 1200
    rows = plan(
        principal=principal, annual_rate=annual_rate, instalments=count, residue="first"
    ).rows
    level = rows[1].total
    assert {row.total for row in rows[1:-1]} == {level}
    assert sum(row.principal for row in rows) == principal
    first = rows[0].total - level

    def gap(tried: int) -> int:
        return abs(last_of(level, principal=principal, rate=rate, count=count, first=tried) - level)

    assert abs(rows[-1].total - level) == gap(first)
    assert gap(first) <= min(gap(first - 1), gap(first + 1))


@pytest.mark.parametrize(
    ("principal", "annual_rate", "count", "interest", "instalment", "residue", "smooth"),
    [
        (100_000, "316", 3, "up", "up", "first", False),
        (1_000_000, "319", 3, "up", "down", "last", True),
        (28_854, "348", 36, "down", "up", "last", True),
        (100_000, "386", 6, "up", "down", "last", True),
    ],
)
def test_the_search_ends_where_interest_in_whole_hundreds_never_settles(
    principal: int,
    annual_rate: str,
    count: int,
    interest: str,
    instalment: str,
    residue: str,
    smooth: bool,
) -> None:
    rows = plan(
        principal=principal,
        annual_rate=annual_rate,
        instalments=count,
        interest_rounding=(10_000, interest),
        instalment_rounding=(1, instalment),
        residue=residue,
        smooth=smooth,
    ).rows
    assert len(rows) == count
    assert sum(row.principal for row in rows) == principal
    assert min(row.principal for row in rows) >= 0
    assert {row.interest % 10_000 for row in rows} == {0}


@pytest.mark.parametrize(("annual_rate", "residual"), [("12", 3_282), ("24", 2_320)])
def test_a_residual_value_that_rounding_steps_over_is_met_within_one_unit(
    annual_rate: str, residual: int
) -> None:
    rate = Fraction(annual_rate) / 1200
    # No balance grows into the residual value by a period's interest in whole units.
    assert residual not in {kept + int(kept * rate + Fraction(1, 2)) for kept in range(residual)}
    rows = plan(
        annual_rate=annual_rate,
        method="rentals_in_advance",
        first_due_on=date(2026, 1, 15),
        residual=residual,
    ).rows
    assert abs(rows[-1].total - residual) <= 1
    assert sum(row.principal for row in rows) == 1_000_000


def test_a_residual_value_less_than_its_rounded_interest_is_repaid_by_the_last_rental() -> None:
    # A month's interest on any of 0.50 is 1.00 when it is rounded up to whole units.
    rows = plan(
        method="rentals_in_advance",
        first_due_on=date(2026, 1, 15),
        residual=50,
        interest_rounding=(100, "up"),
    ).rows
    assert (rows[-1].principal, rows[-1].total, rows[-2].balance_after) == (0, 0, 0)
    assert sum(row.principal for row in rows) == 1_000_000
