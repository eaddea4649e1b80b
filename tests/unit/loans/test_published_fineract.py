"""Plans against the tables of Apache Fineract's own tests, to the cent.

Emi: fineract-progressive-loan's ProgressiveEMICalculatorTest (checkPeriod lines: instalment,
interest, principal), with 100.00 at 9.4822 % over 6 months unless a table says otherwise. There
"360 days a year, 30 a month" makes every whole month a twelfth of a year and counts a part of one
by its calendar days: the day count `period`. A last instalment that differs makes that engine try
the instalment again: `smooth`.

Classic: fineract integration-tests' ClientLoanIntegrationTest, 2 % a month.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.common.day_count import DayCount
from domain.loans.plan_terms import Method
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms

Row = tuple[int, int, int]


def table(**values: Any) -> list[Row]:
    first: dict[str, Any] = {
        "currency": "EUR",
        "principal": 10_000,
        "annual_rate": Decimal("9.4822"),
        "instalments": 6,
        "disbursed_on": date(2024, 1, 1),
        "first_due_on": date(2024, 2, 1),
    }
    rows = build_plan(LoanTerms(**first | values)).rows
    return [(row.principal, row.interest, row.total) for row in rows]


def cents(lines: str) -> list[Row]:
    """Read printed lines of principal and interest in whole currency."""
    rows = []
    for line in lines.strip().split("\n"):
        principal, interest = (int(Decimal(word) * 100) for word in line.split())
        rows.append((principal, interest, principal + interest))
    return rows


# test_multi_disbursedAmt200_2ndOnDueDate: another 100.00 on 1 March.
SECOND_ON_A_DUE_DATE = """
    16.34 0.79
    16.47 0.66
    41.31 1.32
    41.64 0.99
    41.96 0.67
    42.28 0.33
"""
# test_multiDisbursedAmt300InSamePeriod: another 200.00 on 8 January.
SECOND_IN_THE_FIRST_PERIOD = """
    49.32 2.01
    49.35 1.98
    49.74 1.59
    50.13 1.20
    50.53 0.80
    50.93 0.40
"""
# test_multiDisbursedAmt200InDifferentPeriod: another 100.00 on 15 February.
SECOND_BETWEEN_DUE_DATES = """
    16.34 0.79
    36.46 1.07
    36.37 1.16
    36.65 0.88
    36.94 0.59
    37.24 0.29
"""


@pytest.mark.parametrize(
    ("on", "amount", "printed"),
    [
        (date(2024, 3, 1), 10_000, SECOND_ON_A_DUE_DATE),
        (date(2024, 1, 8), 20_000, SECOND_IN_THE_FIRST_PERIOD),
        (date(2024, 2, 15), 10_000, SECOND_BETWEEN_DUE_DATES),
    ],
)
def test_a_second_disbursement_levels_the_rest_anew(on: date, amount: int, printed: str) -> None:
    made = table(principal=10_000 + amount, tranches=[{"on": on, "amount": amount}])
    assert made == cents(printed)


# test_multiDisbursedAmt150InSamePeriod_backdated_disbursement: 100.00 on 5 and 75.00 on 8 January.
SHORT_FIRST_PERIOD = """
    28.79 1.15
    28.78 1.16
    29.01 0.93
    29.24 0.70
    29.47 0.47
    29.71 0.23
"""


def test_a_short_first_period_counts_its_days_of_the_month() -> None:
    second = {"on": date(2024, 1, 8), "amount": 7_500}
    made = table(principal=17_500, disbursed_on=date(2024, 1, 5), tranches=[second])
    assert made == cents(SHORT_FIRST_PERIOD)


# test_dailyInterest_disbursedAmt2000_repayIn2Month: 7 %, 1,000.00 on 1 and on 15 January: 9.03.
def test_one_instalment_for_two_disbursements() -> None:
    second = {"on": date(2024, 1, 15), "amount": 100_000}
    made = table(principal=200_000, annual_rate=Decimal(7), instalments=1, tranches=[second])
    assert made == [(200_000, 903, 200_903)]


# test_disbursedAmt1000_NoInterest_repayEvery1Month
def test_credit_without_interest_is_divided_evenly() -> None:
    made = table(principal=100_000, annual_rate=Decimal(0), instalments=4)
    assert made == [(25_000, 0, 25_000)] * 4


# test_disbursedAmt100_dayInYears364_daysInMonthActual_repayEvery1Week, ...2Week and
# test_disbursedAmt100_dayInYears360_daysInMonthDoesntMatter_repayEvery15Days
WEEKLY = """
    16.59 0.18
    16.62 0.15
    16.65 0.12
    16.68 0.09
    16.71 0.06
    16.75 0.03
"""
TWO_WEEKLY = """
    33.21 0.36
    33.33 0.24
    33.46 0.12
"""
EVERY_15_DAYS = """
    16.50 0.40
    16.57 0.33
    16.64 0.26
    16.70 0.20
    16.77 0.13
    16.82 0.07
"""


@pytest.mark.parametrize(
    ("unit", "every", "first_due_on", "day_count", "printed"),
    [
        ("week", 1, date(2024, 1, 8), DayCount.ACTUAL_364, WEEKLY),
        ("week", 2, date(2024, 1, 15), DayCount.ACTUAL_364, TWO_WEEKLY),
        ("day", 15, date(2024, 1, 16), DayCount.ACTUAL_360, EVERY_15_DAYS),
    ],
)
def test_weeks_and_days(
    unit: str, every: int, first_due_on: date, day_count: DayCount, printed: str
) -> None:
    expected = cents(printed)
    made = table(
        instalments=len(expected),
        frequency={"unit": unit, "every": every},
        first_due_on=first_due_on,
        day_count=day_count,
        smooth=True,
    )
    assert made == expected


# LoanMonthEndDueDateStrategy.feature, C111047 (actual/actual) and C111045 (30/360, "clamp"):
# 10,000.00 at 12 % from 31 January 2025, due on 28 February, 31 March and 30 April.
ACTUAL_FROM_A_MONTH_END = """
    3305.77 92.05
    3329.59 68.23
    3364.64 33.19
"""
THIRTY_FROM_A_MONTH_END = """
    3300.22 100.00
    3333.22 67.00
    3366.56 33.67
"""


@pytest.mark.parametrize(
    ("day_count", "printed"),
    [
        (DayCount.ACTUAL_ACTUAL_SPLIT, ACTUAL_FROM_A_MONTH_END),
        (DayCount.PERIOD, THIRTY_FROM_A_MONTH_END),
    ],
)
def test_a_due_day_that_short_months_do_not_have(day_count: DayCount, printed: str) -> None:
    made = table(
        principal=1_000_000,
        annual_rate=Decimal(12),
        instalments=3,
        disbursed_on=date(2025, 1, 31),
        first_due_on=date(2025, 2, 28),
        due_day=31,
        day_count=day_count,
    )
    assert made == cents(printed)


# verifyLoanRepaymentSchedule: 12,000.00 over 4 months from 20 September 2011. Instalment fees of
# 50.00 and a charge of 100.00 within the first period (loanWithFlatCahargesAndCashBasedAccounting).
def test_equal_instalments_with_fees() -> None:
    terms = LoanTerms(
        currency="USD",
        principal=1_200_000,
        annual_rate=Decimal(24),
        instalments=4,
        disbursed_on=date(2011, 9, 20),
        first_due_on=date(2011, 10, 20),
        fees=[
            {"name": "instalment fee", "timing": "per_instalment", "amount": 5_000},
            {"name": "charge", "timing": "first_instalment", "amount": 10_000},
        ],
    )
    rows = build_plan(terms).rows
    assert [(row.principal, row.interest, row.fee) for row in rows] == [
        (291_149, 24_000, 15_000),
        (296_972, 18_177, 5_000),
        (302_911, 12_238, 5_000),
        (308_968, 6_179, 5_000),
    ]
    assert rows[0].total == 330_149
    assert [row.due_on.isoformat() for row in rows] == [
        "2011-10-20",
        "2011-11-20",
        "2011-12-20",
        "2012-01-20",
    ]


# verifyLoanRepaymentScheduleForEqualPrincipal and ...WithGrace (5 instalments without principal):
# 10,000,000 over 24 months from 2 June 2014, everything in multiples of 100.
@pytest.mark.parametrize(
    ("grace", "printed"),
    [
        (
            0,
            {
                1: (416_700, 200_000),
                2: (416_700, 191_700),
                3: (416_700, 183_300),
                4: (416_700, 175_000),
                5: (416_700, 166_700),
                6: (416_700, 158_300),
                10: (416_700, 125_000),
                20: (416_700, 41_700),
                24: (415_900, 8_300),
            },
        ),
        (
            5,
            {
                1: (0, 200_000),
                2: (0, 200_000),
                3: (0, 200_000),
                4: (0, 200_000),
                5: (0, 200_000),
                6: (526_300, 200_000),
                7: (526_300, 189_500),
                10: (526_300, 157_900),
                20: (526_300, 52_600),
                24: (526_600, 10_500),
            },
        ),
    ],
)
def test_equal_principal_in_hundreds_with_and_without_grace(
    grace: int, printed: dict[int, tuple[int, int]]
) -> None:
    made = table(
        currency="USD",
        principal=1_000_000_000,
        annual_rate=Decimal(24),
        instalments=24,
        disbursed_on=date(2014, 6, 2),
        first_due_on=date(2014, 7, 2),
        method=Method.EQUAL_PRINCIPAL,
        principal_grace=grace,
        interest_rounding=(10_000, "half_up"),
        instalment_rounding=(10_000, "half_up"),
    )
    shown = {number: (row[0] // 100, row[1] // 100) for number, row in enumerate(made, start=1)}
    assert {number: shown[number] for number in printed} == printed


# applyForLoanApplicationForInterestRecalculation: 10,000.00 over 4 weeks, 2 % a month, which is
# 24 / 52 % a week.
def test_weeks_of_a_monthly_rate() -> None:
    made = table(
        principal=1_000_000,
        annual_rate=Decimal(24),
        instalments=4,
        frequency={"unit": "week"},
        first_due_on=date(2024, 1, 8),
    )
    assert [(principal, interest) for principal, interest, _ in made] == [
        (248_276, 4_615),
        (249_422, 3_469),
        (250_573, 2_318),
        (251_729, 1_162),
    ]
