"""Plans and rates against FSharp.Finance.Personal and numpy-financial.

FSharp.Finance.Personal (simontreanor/FSharp.Finance.Personal) publishes the output of its tests in
io/out. Its convention: simple interest per actual day (`actual_365_fixed`; 0.798 % a day is
291.27 % a year), and the least level payment that the last one does not exceed, which here is an
instalment rounded up with `smooth`. Interest is rounded down where its page says so. Its rates for
the United Kingdom and the European Union place payments by days over 365, as `xirr_365` does.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.loans.schedule import Plan, build_plan
from domain.loans.terms import LoanTerms
from domain.pricing.rates import us_appendix_j, xirr_365

DAILY_0_8 = Decimal("0.8") * 365
DAILY_0_798 = Decimal("0.798") * 365


def plan(start: date, days: int, **values: Any) -> Plan:
    """Return the plan of that library's terms, first due some days after the start."""
    first: dict[str, Any] = {
        "currency": "GBP",
        "annual_rate": DAILY_0_798,
        "disbursed_on": start,
        "first_due_on": start + timedelta(days=days),
        "day_count": "actual_365_fixed",
        "interest_rounding": (1, "down"),
        "instalment_rounding": (1, "up"),
        "smooth": True,
    }
    return build_plan(LoanTerms(**first | values))


def lines(made: Plan) -> list[tuple[int, int]]:
    return [(row.interest, row.principal) for row in made.rows]


def cents(text: str) -> list[tuple[int, int]]:
    """Read printed lines of interest and principal portions in whole currency."""
    words = [line.split() for line in text.strip().split("\n")]
    return [(int(Decimal(one) * 100), int(Decimal(two) * 100)) for one, two in words]


def rate(start: date, received: int, made: Plan) -> Decimal:
    return xirr_365([(start, received), *((row.due_on, -row.total) for row in made.rows)]).value


# PaymentScheduleTest001: 300.00 for 15 days at 0.8 % a day.
def test_a_single_payment() -> None:
    start = date(2022, 12, 19)
    made = plan(start, 15, principal=30_000, annual_rate=DAILY_0_8, instalments=1)
    assert lines(made) == [(3_600, 30_000)]
    assert f"{rate(start, 30_000, made):.1f}" == "1476.3"


# PaymentScheduleTest003: 1,000.00, 0.8 % a day, 6 payments from the 18th of May 2024.
MAY_2024 = """
    80.00 210.73
    195.73 95.00
    166.62 124.11
    141.39 149.34
    104.36 186.37
    56.26 234.45
"""


def test_six_payments_with_interest_rounded_down() -> None:
    start = date(2024, 5, 8)
    made = plan(start, 10, principal=100_000, annual_rate=DAILY_0_8, instalments=6)
    assert lines(made) == cents(MAY_2024)
    assert [row.total for row in made.rows] == [29_073] * 5 + [29_071]
    assert f"{rate(start, 100_000, made):.1f}" == "1301.9"


# PaymentScheduleTest005 (100.00, after 10, 41, 72 and 102 days) and
# PaymentScheduleTest_Monthly_0500_fp28_r4, both with everything rounded to the nearest penny.
AFTER_10_DAYS = """
    8.00 28.48
    17.74 18.74
    13.09 23.39
    7.05 29.39
"""
AFTER_28_DAYS = """
    111.72 93.93
    100.45 105.20
    69.63 136.02
    40.78 164.85
"""


def test_payments_with_interest_to_the_nearest_penny() -> None:
    start = date(2024, 6, 24)
    nearest: dict[str, Any] = {"interest_rounding": (1, "half_up"), "instalments": 4}
    made = plan(start, 10, principal=10_000, annual_rate=DAILY_0_8, **nearest)
    assert lines(made) == cents(AFTER_10_DAYS)
    start = date(2023, 12, 7)
    made = plan(start, 28, principal=50_000, **nearest)
    assert lines(made) == cents(AFTER_28_DAYS)
    assert f"{rate(start, 50_000, made):.1f}" == "1269.3"


# PaymentScheduleTest_Biweekly_1200_fp08_r11: 1,200.00 and a fee of 189.47 % at 9.95 % a year.
TWO_WEEKLY = """
    7.57 314.96
    12.05 310.48
    10.86 311.67
    9.68 312.85
    8.48 314.05
    7.28 315.25
    6.08 316.45
    4.87 317.66
    3.66 318.87
    2.44 320.09
    1.22 321.31
"""


def test_two_weekly_payments_and_their_rate_in_the_united_states() -> None:
    start = date(2023, 11, 15)
    made = plan(
        start,
        8,
        currency="USD",
        principal=347_364,
        annual_rate=Decimal("9.95"),
        instalments=11,
        frequency={"unit": "week", "every": 2},
    )
    assert lines(made) == cents(TWO_WEEKLY)
    flows = [(start, 120_000), *((row.due_on, -row.total) for row in made.rows)]
    assert f"{us_appendix_j(flows).value:.6f}" == "717.412507"


# MortgageTests: 192,000.00 at 6.29 % over 240 months: 1,408.31 a month.
def test_a_mortgage() -> None:
    made = plan(
        date(2024, 6, 1),
        30,
        principal=19_200_000,
        annual_rate=Decimal("6.29"),
        instalments=240,
    )
    assert {row.total for row in made.rows[:-1]} == {140_831}
    assert made.rows[-1].total <= 140_831


# io/out/AprUnitedKingdom and io/out/AprEuropeanUnion, AprSpreadsheetActuarialNoInterestCap: 317.26
# from 1 April 2025 at 0.798 % a day; days to the first payment, then the rates of 4, 5, 6 payments.
# The 30th of April is its end of the month. Not among them: 21 days and 6 payments, where 1287.5 is
# printed for 1287.550007.
PUBLISHED_RATES = """
     3 1284.9 1278.7 1274.6
     4 1291.7 1284.1 1279.1
     5 1297.3 1288.8 1283.4
     6 1302.9 1293.1 1287.0
     7 1306.7 1296.6 1290.2
     8 1310.0 1299.5 1292.6
     9 1312.2 1301.6 1294.5
    10 1314.1 1303.0 1296.0
    11 1315.2 1304.2 1297.1
    12 1315.9 1305.1 1297.8
    13 1315.7 1305.0 1298.0
    14 1315.3 1304.7 1297.8
    15 1314.0 1304.0 1297.2
    16 1312.6 1303.0 1296.5
    17 1310.5 1301.4 1295.2
    18 1308.3 1299.7 1293.8
    19 1305.8 1297.7 1292.0
    20 1302.8 1295.2 1290.0
    21 1299.4 1292.6
    22 1295.6 1289.4 1285.1
    23 1292.0 1286.4 1282.3
    24 1287.9 1283.0 1279.4
    25 1283.6 1279.3 1276.3
    26 1279.0 1275.5 1272.9
    27 1274.3 1271.5 1269.4
    28 1269.4 1267.4 1265.7
    29 1262.1 1260.6 1260.1
    30 1256.9 1256.3 1256.2
    31 1251.7 1251.8 1252.0
    32 1246.3 1246.9 1247.8
"""


@pytest.mark.parametrize("line", PUBLISHED_RATES.strip().split("\n"))
def test_the_rates_of_many_first_periods(line: str) -> None:
    days, *published = line.split()
    start = date(2025, 4, 1)
    found = []
    for payments in range(4, 4 + len(published)):
        made = plan(
            start, int(days), principal=31_726, instalments=payments, end_of_month=days == "29"
        )
        found.append(f"{rate(start, 31_726, made):.1f}")
    assert found == published


# numpy-financial, documentation of ipmt: 2,500.00 at 8.24 % over 12 months, in exact instalments;
# printed are principal, interest and balance. Instalments in cents move a row by a cent or two.
NUMPY_FINANCIAL = """
    200.58 17.17 2299.42
    201.96 15.79 2097.46
    203.35 14.40 1894.11
    204.74 13.01 1689.37
    206.15 11.60 1483.22
    207.56 10.18 1275.66
    208.99  8.76 1066.67
    210.42  7.32  856.25
    211.87  5.88  644.38
    213.32  4.42  431.05
    214.79  2.96  216.26
    216.26  1.49    0.00
"""


def test_the_table_of_numpy_financial() -> None:
    terms = LoanTerms(
        currency="USD",
        principal=250_000,
        annual_rate=Decimal("8.24"),
        instalments=12,
        disbursed_on=date(2026, 1, 15),
        first_due_on=date(2026, 2, 15),
    )
    made = build_plan(terms)
    printed = [
        [int(Decimal(word) * 100) for word in line.split()]
        for line in NUMPY_FINANCIAL.strip().split("\n")
    ]
    for row, (principal, interest, balance) in zip(made.rows, printed, strict=True):
        assert abs(row.principal - principal) <= 2
        assert abs(row.interest - interest) <= 1
        assert abs(row.balance_after - balance) <= 3
    assert [[row.principal, row.interest] for row in made.rows[:5]] == [
        [principal, interest] for principal, interest, _ in printed[:5]
    ]
    assert abs(made.total_interest - 11_298) <= 1
