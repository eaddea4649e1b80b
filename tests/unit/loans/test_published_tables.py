"""Plans against tables that others published. Each source stands beside its numbers."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.common.day_count import DayCount
from domain.loans.events import Disbursed, LoanEvent, Paid, RateChanged
from domain.loans.plan_terms import Method
from domain.loans.position import position
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms

NEW_YEAR = date(2024, 1, 1)


def terms(**values: Any) -> LoanTerms:
    first: dict[str, Any] = {
        "currency": "EUR",
        "disbursed_on": NEW_YEAR,
        "first_due_on": date(2024, 2, 1),
    }
    return LoanTerms(**first | values)


def table(agreed: LoanTerms) -> list[tuple[int, int, int]]:
    return [(row.principal, row.interest, row.total) for row in build_plan(agreed).rows]


def cents(lines: str) -> list[tuple[int, int, int]]:
    """Read a table as it was printed: principal, interest and amount due, in whole currency."""
    rows = []
    for line in lines.split("\n"):
        amounts = [int(Decimal(word) * 100) for word in line.split()]
        if amounts:
            rows.append((amounts[0], amounts[1], amounts[2]))
    return rows


# Apache Fineract, fineract-e2e-tests-runner/.../EMICalculation-Part1.feature: C3152, C3153
ACTUAL_ACTUAL_12 = """
    1623.75 101.81 1725.56
    1640.42  85.14 1725.56
    1661.51  64.05 1725.56
    1673.98  51.58 1725.56
    1692.11  33.45 1725.56
    1708.23  17.36 1725.59
"""
ACTUAL_ACTUAL_9_4822 = """
    1632.67 80.45 1713.12
    1645.92 67.20 1713.12
    1662.62 50.50 1713.12
    1672.49 40.63 1713.12
    1686.80 26.32 1713.12
    1699.50 13.65 1713.15
"""


@pytest.mark.parametrize(
    ("rate", "printed"), [("12", ACTUAL_ACTUAL_12), ("9.4822", ACTUAL_ACTUAL_9_4822)]
)
def test_actual_actual_split_at_31_december(rate: str, printed: str) -> None:
    agreed = terms(
        principal=1_000_000,
        annual_rate=Decimal(rate),
        instalments=6,
        disbursed_on=date(2023, 12, 12),
        first_due_on=date(2024, 1, 12),
        day_count=DayCount.ACTUAL_ACTUAL_SPLIT,
    )
    assert table(agreed) == cents(printed)


# The same file, C3164: the instalment 68.13 that rounding gives would leave the last one at 68.16.
SMOOTHED = """
    65.14 3.00 68.14
    65.73 2.41 68.14
    66.44 1.70 68.14
    66.93 1.21 68.14
    67.53 0.59 68.12
"""


def test_the_instalment_is_retried_when_the_last_one_differs() -> None:
    agreed = terms(
        principal=33_177,
        annual_rate=Decimal("10.65"),
        instalments=5,
        disbursed_on=date(2023, 12, 12),
        first_due_on=date(2024, 1, 12),
        day_count=DayCount.ACTUAL_ACTUAL_SPLIT,
    )
    plain = build_plan(agreed).rows
    assert (plain[0].total, plain[-1].total) == (6_813, 6_816)
    assert table(agreed.model_copy(update={"smooth": True})) == cents(SMOOTHED)


# The same file, C3154 and C3155; LoanInterestRateChange.feature, C3217 for 7 %.
THIRTY_12 = """
    16.25 1.00 17.25
    16.41 0.84 17.25
    16.58 0.67 17.25
    16.74 0.51 17.25
    16.91 0.34 17.25
    17.11 0.17 17.28
"""
THIRTY_9_4822 = """
    16.34 0.79 17.13
    16.47 0.66 17.13
    16.60 0.53 17.13
    16.73 0.40 17.13
    16.86 0.27 17.13
    17.00 0.13 17.13
"""
THIRTY_7 = """
    16.43 0.58 17.01
    16.52 0.49 17.01
    16.62 0.39 17.01
    16.72 0.29 17.01
    16.81 0.20 17.01
    16.90 0.10 17.00
"""


@pytest.mark.parametrize("day_count", [DayCount.THIRTY_360_EU, DayCount.PERIOD])
@pytest.mark.parametrize(
    ("rate", "printed"), [("12", THIRTY_12), ("9.4822", THIRTY_9_4822), ("7", THIRTY_7)]
)
def test_months_of_thirty_days(rate: str, printed: str, day_count: DayCount) -> None:
    agreed = terms(principal=10_000, annual_rate=Decimal(rate), instalments=6, day_count=day_count)
    assert table(agreed) == cents(printed)


# LoanInterestRateChange.feature, C3217 and C3916: 4 % from a due date and from mid-period. There a
# change counts from the day before the one it is entered for.
CHANGED_ON_DUE_DATE = """
    16.43 0.58 17.01
    16.60 0.28 16.88
    16.66 0.22 16.88
    16.71 0.17 16.88
    16.77 0.11 16.88
    16.83 0.06 16.89
"""
CHANGED_IN_BETWEEN = """
    16.43 0.58 17.01
    16.52 0.38 16.90
    16.68 0.22 16.90
    16.73 0.17 16.90
    16.79 0.11 16.90
    16.85 0.06 16.91
"""


@pytest.mark.parametrize(
    ("on", "printed"),
    [(date(2024, 2, 1), CHANGED_ON_DUE_DATE), (date(2024, 2, 15), CHANGED_IN_BETWEEN)],
)
def test_a_rate_change_levels_the_rest_anew(on: date, printed: str) -> None:
    agreed = terms(principal=10_000, annual_rate=Decimal(7), instalments=6)
    step = {"on": on, "annual_rate": "4"}
    assert table(LoanTerms(**agreed.model_dump() | {"rate_steps": [step]})) == cents(printed)
    changed = RateChanged(key="r", on=on, annual_rate=Decimal(4))
    disbursed = Disbursed(key="d", on=NEW_YEAR, amount=10_000)
    now = position(agreed, [disbursed, changed], date(2024, 4, 1))
    shown = [(i.principal, i.interest, i.principal + i.interest) for i in now.instalments]
    assert shown == cents(printed)


def test_a_backdated_rate_change_returns_what_was_paid_too_much() -> None:
    """The same scenario: two instalments of 17.01 were paid, 0.13 of them is now in advance."""
    agreed = terms(
        principal=10_000,
        annual_rate=Decimal(7),
        instalments=6,
        allocation={"excess": "next_instalment"},
    )
    events: list[LoanEvent] = [
        Disbursed(key="d", on=NEW_YEAR, amount=10_000),
        Paid(key="p1", on=date(2024, 2, 1), amount=1_701),
        Paid(key="p2", on=date(2024, 3, 1), amount=1_701),
        RateChanged(key="r", on=date(2024, 2, 1), annual_rate=Decimal(4)),
    ]
    now = position(agreed, events, date(2024, 4, 1))
    assert [item.outstanding for item in now.instalments[:4]] == [0, 0, 1_675, 1_688]
    assert now.outstanding.total == 6_740
    assert now.instalments[2].interest_paid + now.instalments[2].principal_paid == 13


# LoanBulletBalloon.feature, BL01
def test_a_bullet_by_grace_on_principal_is_interest_only() -> None:
    values: dict[str, Any] = {"principal": 10_000, "annual_rate": Decimal(30), "instalments": 8}
    expected = [(0, 250, 250)] * 7 + [(10_000, 250, 10_250)]
    assert table(terms(principal_grace=7, **values)) == expected
    assert table(terms(method=Method.INTEREST_ONLY, **values)) == expected


@pytest.mark.parametrize(
    ("principal", "rate", "months", "instalment"),
    [
        # Standard mortgage and car loan payments as printed in payment tables:
        # 100,000 at 6 % over 30 years 599.55; 200,000 at 6.5 % over 30 years 1,264.14;
        # 20,000 at 5 % over 5 years 377.42; 10,000 at 8 % over 3 years 313.36;
        # 165,000 at 4.5 % over 30 years 836.03.
        (10_000_000, "6", 360, 59_955),
        (20_000_000, "6.5", 360, 126_414),
        (2_000_000, "5", 60, 37_742),
        (1_000_000, "8", 36, 31_336),
        (16_500_000, "4.5", 360, 83_603),
    ],
)
def test_level_payments_as_printed_in_payment_tables(
    principal: int, rate: str, months: int, instalment: int
) -> None:
    agreed = terms(principal=principal, annual_rate=Decimal(rate), instalments=months)
    rows = build_plan(agreed).rows
    assert {row.total for row in rows[:-1]} == {instalment}
    assert abs(rows[-1].total - instalment) < months * 2


def test_every_table_read_here_sums_to_its_principal() -> None:
    def principal(rows: Sequence[tuple[int, int, int]]) -> int:
        return sum(row[0] for row in rows)

    assert principal(cents(ACTUAL_ACTUAL_12)) == principal(cents(ACTUAL_ACTUAL_9_4822)) == 1_000_000
    for printed in (THIRTY_12, THIRTY_9_4822, THIRTY_7, CHANGED_ON_DUE_DATE, CHANGED_IN_BETWEEN):
        assert principal(cents(printed)) == 10_000
