from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import pyxirr

from domain.common.calendar import months_after
from domain.pricing.rate_solver import NoRate, Time, period_rate
from domain.pricing.rates import (
    Flow,
    InvalidFlows,
    Rate,
    RateConvention,
    brazil_cet,
    effective,
    eu_2008_48,
    nominal_simple,
    rate_of,
    uk_conc_1_2,
    us_appendix_j,
    xirr_365,
)
from domain.pricing.unit_periods import (
    Unit,
    UnitPeriod,
    month_counter,
    time_in_units,
    unit_period_of,
)
from domain.pricing.year_intervals import IntervalUnit, eu_year_parts, natural_unit, uk_year_parts

Flows = list[tuple[date, int]]
START = date(2026, 1, 15)


def all_rates(flows: Iterable[tuple[date, int]], *periods: Any) -> tuple[Rate, ...]:
    """Return the rate under each convention, in their order."""
    held = tuple(flows)
    return tuple(rate_of(convention, held, *periods) for convention in RateConvention)


def monthly(first: date, count: int, every: int = 1) -> list[date]:
    return [months_after(first, every * number, first.day) for number in range(count)]


def weekly(first: date, count: int, weeks: int = 1) -> list[date]:
    return [first + timedelta(weeks=weeks * number) for number in range(count)]


def loan(on: date, amount: int, due: list[date], payments: int | list[int]) -> Flows:
    paid = payments if isinstance(payments, list) else [payments] * len(due)
    return [(on, amount), *((day, -one) for day, one in zip(due, paid, strict=True))]


DUE = monthly(date(2026, 2, 15), 12)
# 10,000.00 over 12 months at 2 % a month: 945.60 eleven times, then 945.55.
GOLDEN = loan(START, 1_000_000, DUE, [94_560] * 11 + [94_555])


def present(flows: Iterable[tuple[int | Fraction, int]], rate: Decimal) -> Decimal:
    """Discount flows of numbered periods, spreadsheet fashion."""
    return sum(
        (amount / (1 + rate) ** (Decimal(at.numerator) / at.denominator) for at, amount in flows),
        Decimal(0),
    )


def rounded(value: Decimal, places: int = 2) -> str:
    return f"{value:.{places}f}"


# Golden figures: internal rates of return, worked out apart from the product.
@pytest.mark.parametrize(
    ("flows", "simple", "compound"),
    [
        (GOLDEN, "24.00", "26.82"),
        ([(START, -50_000), *GOLDEN], "34.14", "40.03"),
        # 12 % nominal: 888.49 a month; and a guarantee fee of 0.5 % of 10,000.00 a month.
        (loan(START, 1_000_000, DUE, 88_849 + 5_000), "22.53", "25.01"),
        # 1 % of 10,000.00 a month beside a twelfth of the principal.
        (loan(START, 1_000_000, DUE, [93_333] * 11 + [93_337]), "21.46", "23.70"),
    ],
)
def test_golden_figures_of_the_domain(flows: Flows, simple: str, compound: str) -> None:
    assert rounded(nominal_simple(flows).value) == simple
    assert rounded(effective(flows).value) == compound


def test_a_24_percent_plan_in_fen_is_a_little_above() -> None:
    rate = nominal_simple(GOLDEN)
    assert rounded(rate.value, 5) == "24.00006"
    assert rate.value == Decimal("24.0000631878")
    assert rate.convention is RateConvention.NOMINAL_SIMPLE
    assert rate.name == "Annual rate, simple"
    assert rate.basis == "rate of one period times 12 periods a year"


def test_seven_days_at_15_percent_off_are_920_percent_a_year() -> None:
    flows = [(START, 85_000), (START + timedelta(days=7), -100_000)]
    assert rounded(nominal_simple(flows, Fraction(365, 7)).value, 0) == "920"
    compound = (Decimal(100_000) / 85_000) ** (Decimal(365) / 7) - 1
    assert effective(flows, Fraction(365, 7)).value == round(100 * compound, 10)


# 12 CFR 1026, Appendix J, paragraph (c): dates, amounts and answers. Examples (1) to (5)(i) are
# compared with FSharp.Finance.Personal's AprUsActuarialTests, which transcribe them. Examples
# (5)(ii) to (6)(ii) are as given in the regulation, without a second transcription to compare.
JANUARY = date(1978, 1, 10)
FROM_FEBRUARY = monthly(date(1978, 2, 10), 24)
SEMIMONTHS = [
    on for month in monthly(date(1978, 3, 1), 12) for on in (month, month.replace(day=16))
]
SKIPPED = [
    *weekly(date(1978, 2, 20), 9, 4),
    *weekly(date(1978, 11, 13), 6, 4),
    *weekly(date(1979, 5, 14), 6, 4),
    *weekly(date(1979, 11, 12), 3, 4),
]
SEPTEMBERS = [
    *monthly(date(1978, 9, 15), 3),
    date(1979, 3, 15),
    *monthly(date(1979, 9, 15), 3),
    date(1980, 2, 1),
]
APPENDIX_J = {
    "1i": (loan(JANUARY, 500_000, FROM_FEBRUARY, 23_000), "9.69", "month, 12"),
    "1ii": (
        loan(date(1978, 2, 10), 600_000, monthly(date(1978, 4, 1), 36), 20_000),
        "11.82",
        "month, 12",
    ),
    "1iii": (loan(date(1978, 2, 23), 500_000, SEMIMONTHS, 21_917), "10.34", "semimonth, 24"),
    "1iv": (
        loan(date(1978, 5, 23), 1_000_000, monthly(date(1978, 10, 1), 40, 3), 38_500),
        "8.97",
        "3 months, 4",
    ),
    "1v": (
        loan(date(1978, 3, 20), 50_000, weekly(date(1978, 4, 21), 30), 1_760),
        "14.96",
        "week, 52",
    ),
    "2i": (
        loan(JANUARY, 500_000, FROM_FEBRUARY, [25_000, *[23_000] * 23]),
        "10.08",
        "month, 12",
    ),
    "2ii": (
        loan(
            date(1978, 3, 18),
            40_000,
            weekly(date(1978, 4, 20), 12, 4),
            [3_950, *[3_831] * 11],
        ),
        "28.50",
        "4 weeks, 13",
    ),
    "3i": (
        loan(JANUARY, 500_000, FROM_FEBRUARY, [*[23_000] * 23, 28_000]),
        "10.50",
        "month, 12",
    ),
    "3ii": (
        loan(date(1978, 4, 3), 20_000, weekly(date(1978, 4, 11), 20, 2), [*[950] * 19, 3_000]),
        "12.22",
        "2 weeks, 26",
    ),
    "4i": (
        loan(JANUARY, 500_000, FROM_FEBRUARY, [25_000, *[23_000] * 22, 28_000]),
        "10.90",
        "month, 12",
    ),
    "4ii": (
        loan(
            JANUARY,
            800_000,
            monthly(date(1978, 3, 1), 20, 2),
            [44_936, *[46_500] * 18, 20_000],
        ),
        "7.30",
        "2 months, 6",
    ),
    "5i": ([(date(1978, 1, 3), 100_000), (date(1978, 9, 15), -108_000)], "11.45", "255 days"),
    "5ii": ([(date(1978, 7, 15), 100_000), (date(1978, 10, 15), -104_400)], "17.60", "3 months, 4"),
    "5iii": ([(date(1978, 1, 17), 100_000), (date(1979, 7, 17), -113_519)], "8.76", "year, 1"),
    "5iv": ([(date(1978, 1, 3), 100_000), (date(1980, 1, 3), -124_000)], "11.36", "year, 1"),
    "6i": (loan(date(1978, 1, 25), 213_500, SKIPPED, 10_000), "12.00", "4 weeks, 13"),
    "6ii": (
        loan(
            date(1978, 3, 3),
            735_000,
            SEPTEMBERS,
            [100_000] * 3 + [200_000] + [75_000] * 3 + [100_000],
        ),
        "10.22",
        "month, 12",
    ),
}


@pytest.mark.parametrize("example", APPENDIX_J)
def test_regulation_z_appendix_j_examples(example: str) -> None:
    flows, answer, unit = APPENDIX_J[example]
    rate = us_appendix_j(flows)
    assert rounded(rate.value) == answer
    assert rate.basis.startswith(f"unit period {unit}")
    assert rate.basis.endswith(" a year")
    assert rate.convention is RateConvention.US_APPENDIX_J
    assert rate.name == "Annual percentage rate (US)"


# FSharp.Finance.Personal, AprUsActuarialTests, its own examples "confirmed using Excel".
@pytest.mark.parametrize(
    ("flows", "answer"),
    [
        (loan(date(1978, 6, 23), 10**6, monthly(date(1978, 10, 1), 40, 3), 38_500), "9.15"),
        (loan(date(1978, 7, 23), 10**6, monthly(date(1978, 10, 1), 40, 3), 38_500), "9.32"),
        (loan(date(2023, 10, 28), 100_000, weekly(date(2023, 11, 30), 5), 25_000), "176.52"),
        (loan(date(2023, 11, 23), 100_000, weekly(date(2023, 11, 30), 5), 25_000), "412.40"),
        (loan(date(2023, 11, 24), 100_000, weekly(date(2023, 11, 30), 5), 25_000), "434.30"),
        (
            loan(
                date(2023, 10, 26),
                100_000,
                [date(2023, 11, 30) + timedelta(days=day) for day in range(5)],
                22_000,
            ),
            "94.15",
        ),
        (loan(date(2023, 10, 26), 100_000, monthly(date(2023, 11, 30), 5, 12), 50_000), "78.34"),
    ],
)
def test_appendix_j_agrees_with_another_library(flows: Flows, answer: str) -> None:
    assert rounded(us_appendix_j(flows).value) == answer


def test_appendix_j_takes_a_unit_period_when_it_is_given() -> None:
    flows, _, _ = APPENDIX_J["1ii"]
    given = us_appendix_j(flows, UnitPeriod(Unit.MONTH))
    assert given == us_appendix_j(flows)
    by_weeks = us_appendix_j(flows, UnitPeriod(Unit.WEEK, 4))
    assert by_weeks.basis == "unit period 4 weeks, 13 a year"
    assert by_weeks.value != given.value


def test_appendix_j_takes_several_advances() -> None:
    # A construction loan: three monthly advances, two months of building, then three payments.
    advances = monthly(START, 3)
    payments = monthly(date(2026, 5, 15), 3)
    flows = [*((on, 100_000) for on in advances), *((on, -104_000) for on in payments)]
    rate = us_appendix_j(flows)
    assert rate.basis == "unit period month, 12 a year"
    i = rate.value / 1200
    balance = present([(at, 100_000) for at in (0, 1, 2)] + [(at, -104_000) for at in (4, 5, 6)], i)
    assert abs(balance) < Decimal("1e-5")


def test_the_odd_first_period_is_simple_and_the_rest_compounds() -> None:
    flows = loan(date(2026, 1, 16), 300_000, monthly(date(2026, 3, 1), 3), 105_000)
    # From 1 March back: 1 February, then 16 odd days from 16 January.
    i = us_appendix_j(flows).value / 1200
    paid = present([(at, 105_000) for at in (1, 2, 3)], i) / (1 + i * 16 / 30)
    assert abs(paid - 300_000) < Decimal("1e-5")


@pytest.mark.parametrize(
    ("advances", "payments", "unit"),
    [
        # No period twice: 20 and 45 days average 32.5, nearest to a month of 30 (35 is 5 weeks).
        (["2026-01-01"], ["2026-01-21", "2026-03-07"], (Unit.MONTH, 1)),
        # 10 and 19 days average 14.5: as far from two weeks as from half a month, so the shorter.
        (["2026-01-01"], ["2026-01-11", "2026-01-30"], (Unit.WEEK, 2)),
        # 400 and 500 days: no unit period is longer than a year.
        (["2026-01-01"], ["2027-02-05", "2028-06-19"], (Unit.YEAR, 1)),
        # Two yearly periods, and two of two years which are too long to be a unit period.
        (["2026-01-01"], ["2027-01-01", "2028-01-01"], (Unit.YEAR, 1)),
        (["2026-01-01"], ["2028-01-01", "2030-01-01"], (Unit.YEAR, 1)),
        # Two months and two quarters: the smaller of two equally frequent periods.
        (["2026-01-10"], ["2026-02-10", "2026-03-10", "2026-06-10", "2026-09-10"], (Unit.MONTH, 1)),
        # One month, two quarters.
        (["2026-01-10"], ["2026-02-10", "2026-05-10", "2026-08-10"], (Unit.MONTH, 3)),
        # Every ten days.
        (["2026-01-01"], ["2026-01-11", "2026-01-21", "2026-01-31"], (Unit.DAY, 10)),
        # Four weeks that happen to be February do not make a monthly loan.
        (
            ["2026-01-04"],
            ["2026-02-01", "2026-03-01", "2026-03-29", "2026-04-26"],
            (Unit.WEEK, 4),
        ),
        # Month ends are months apart, whatever their days.
        (["2026-01-31"], ["2026-02-28", "2026-03-31", "2026-04-30"], (Unit.MONTH, 1)),
        # The periods between advances count too.
        (
            ["2026-01-01", "2026-01-08", "2026-01-15", "2026-01-22"],
            ["2026-03-22", "2026-05-10"],
            (Unit.WEEK, 1),
        ),
        (["2026-01-01"], ["2026-01-02"], (Unit.DAY, 1)),
        (["2025-01-15"], ["2025-12-15"], (Unit.MONTH, 11)),
        (["2025-01-15"], ["2026-01-15"], (Unit.YEAR, 1)),
        (["2025-01-15"], ["2026-01-14"], (Unit.DAY, 364)),
    ],
)
def test_unit_periods_follow_paragraph_b4(
    advances: list[str], payments: list[str], unit: tuple[Unit, int]
) -> None:
    found = unit_period_of(
        [date.fromisoformat(on) for on in advances], [date.fromisoformat(on) for on in payments]
    )
    assert found == unit


@pytest.mark.parametrize(
    ("start", "on", "unit", "steps", "odd"),
    [
        # (c)(1)(ii): 1 full month and 19/30; (c)(1)(iii): 6/15; (c)(1)(iv): 1 quarter and 39/90.
        ("1978-02-10", "1978-04-01", (Unit.MONTH, 1), 1, 19),
        ("1978-02-23", "1978-03-01", (Unit.SEMIMONTH, 1), 0, 6),
        ("1978-02-23", "1978-03-16", (Unit.SEMIMONTH, 1), 1, 6),
        ("1978-05-23", "1978-10-01", (Unit.MONTH, 3), 1, 39),
        # (c)(1)(v): 4 weeks and 4/7; (c)(2)(ii): one unit period and 5/28.
        ("1978-03-20", "1978-04-21", (Unit.WEEK, 1), 4, 4),
        ("1978-03-18", "1978-04-20", (Unit.WEEK, 4), 1, 5),
        ("2023-10-26", "2023-11-30", (Unit.DAY, 1), 35, 0),
        # (b)(5)(v): years, then months over 12 or days over 365, both in parts of 4380.
        ("1978-01-17", "1979-07-17", (Unit.YEAR, 1), 1, 6 * 365),
        ("2023-10-26", "2024-11-30", (Unit.YEAR, 1), 1, 35 * 12),
        ("2023-10-26", "2023-11-30", (Unit.YEAR, 1), 0, 35 * 12),
        ("2023-10-26", "2025-10-26", (Unit.YEAR, 1), 2, 0),
        # 31 January back from the end of February, for a series due on the last day.
        ("2026-01-31", "2026-02-28", (Unit.MONTH, 1), 1, 0),
        ("2026-01-20", "2026-02-28", (Unit.MONTH, 1), 1, 11),
    ],
)
def test_times_follow_paragraph_b5(
    start: str, on: str, unit: tuple[Unit, int], steps: int, odd: int
) -> None:
    later = date.fromisoformat(on)
    months = month_counter([later, date(2026, 3, 31)] if later.month == 2 else [later])
    time = time_in_units(date.fromisoformat(start), later, UnitPeriod(*unit), months)
    assert time == (steps, odd)


# Commission proposal COM(2005) 483 final/2, Annex II, examples 2 to 5 (pages 59 and 60): 48
# monthly instalments. It is a proposal with examples; the directive adopted has none. The last
# rate, exactly 11.107014662..., is printed three millionths too low.
@pytest.mark.parametrize(
    ("advance", "payment", "published"),
    [
        (600_000, 14_931, "9.380593"),
        (594_000, 14_931, "9.954966"),
        (600_000, 15_056, "9.856689"),
        (594_000, 15_231, "11.1070115"),
    ],
)
def test_the_commissions_examples(advance: int, payment: int, published: str) -> None:
    flows = loan(START, advance, monthly(date(2026, 2, 15), 48), payment)
    for rate in (eu_2008_48(flows), uk_conc_1_2(flows)):
        assert abs(rate.value - Decimal(published)) < Decimal("0.000005")


# Directive 98/7/EC, Annex II, examples 1 to 3 by the standard year, as given in the directive.
@pytest.mark.parametrize(
    ("flows", "published"),
    [
        ([(date(1994, 1, 1), 100_000), (date(1995, 7, 1), -120_000)], "12.9"),
        ([(date(1994, 1, 1), 95_000), (date(1995, 7, 1), -120_000)], "16.9"),
        (
            [
                (date(1994, 1, 1), 100_000),
                (date(1995, 1, 1), -60_000),
                (date(1996, 1, 1), -60_000),
            ],
            "13.1",
        ),
    ],
)
def test_the_examples_of_directive_98_7(flows: Flows, published: str) -> None:
    assert rounded(eu_2008_48(flows).value, 1) == published


# The same first example by the calendar, 546 days of 365 a year: 12.96 % (proposal COM(1996) 79-2,
# Annex III A), as XIRR has it.
def test_the_first_example_by_the_calendar() -> None:
    flows = [(date(1994, 1, 1), 100_000), (date(1995, 7, 1), -120_000)]
    assert rounded(xirr_365(flows).value) == "12.96"


# FSharp.Finance.Personal, AprUnitedKingdomTests: 500.00 repaid by 510.00 after five days, and by
# two monthly payments of 270.00. There payments are placed by days over 365; CONC App 1.2.6R takes
# whole months for a twelfth of a year, which is 85.6 %.
def test_the_rates_another_library_shows_by_days() -> None:
    drawn = date(2012, 10, 10)
    five_days = [(drawn, 50_000), (date(2012, 10, 15), -51_000)]
    assert rounded(xirr_365(five_days).value, 3) == "324.436"
    months = [(drawn, 50_000), (date(2012, 11, 10), -27_000), (date(2012, 12, 10), -27_000)]
    assert rounded(xirr_365(months).value) == "84.63"
    assert rounded(uk_conc_1_2(months).value, 1) == "85.6"


# SWD(2012) 128, section 4.1.1 (guidelines on Directive 2008/48/EC), and curo's tests for weeks.
@pytest.mark.parametrize(
    ("start", "end", "unit", "parts"),
    [
        ("2012-01-12", "2012-02-15", IntervalUnit.MONTH, ((1, 12), (3, 365))),
        ("2012-01-12", "2012-03-15", IntervalUnit.MONTH, ((2, 12), (3, 365))),
        ("2012-01-12", "2012-04-15", IntervalUnit.MONTH, ((3, 12), (3, 365))),
        ("2013-01-12", "2013-02-15", IntervalUnit.MONTH, ((1, 12), (3, 366))),
        ("2013-01-12", "2013-03-15", IntervalUnit.MONTH, ((2, 12), (3, 366))),
        ("2013-01-12", "2013-04-15", IntervalUnit.MONTH, ((3, 12), (3, 366))),
        ("2013-02-25", "2013-03-28", IntervalUnit.MONTH, ((1, 12), (3, 366))),
        ("2013-02-26", "2013-03-29", IntervalUnit.MONTH, ((1, 12), (2, 366))),
        ("2012-02-26", "2012-03-29", IntervalUnit.MONTH, ((1, 12), (3, 366))),
        ("2012-12-01", "2013-02-02", IntervalUnit.MONTH, ((2, 12), (1, 366))),
        ("2019-01-12", "2020-01-12", IntervalUnit.MONTH, ((12, 12),)),
        ("2012-02-26", "2012-02-26", IntervalUnit.MONTH, ((0, 12),)),
        ("2026-01-20", "2026-02-10", IntervalUnit.MONTH, ((0, 12), (21, 365))),
        ("2025-01-31", "2025-02-28", IntervalUnit.MONTH, ((1, 12),)),
        ("2025-02-28", "2025-03-31", IntervalUnit.MONTH, ((1, 12),)),
        ("2012-01-12", "2012-02-15", IntervalUnit.YEAR, ((0, 1), (34, 365))),
        ("2012-01-12", "2013-02-15", IntervalUnit.YEAR, ((1, 1), (34, 365))),
        ("2012-01-12", "2014-02-15", IntervalUnit.YEAR, ((2, 1), (34, 365))),
        ("2020-01-01", "2021-03-15", IntervalUnit.YEAR, ((1, 1), (74, 366))),
        ("2020-01-01", "2022-01-01", IntervalUnit.YEAR, ((2, 1),)),
        ("2012-01-12", "2012-01-26", IntervalUnit.WEEK, ((2, 52),)),
        ("2012-01-12", "2013-01-10", IntervalUnit.WEEK, ((52, 52),)),
        ("2012-01-12", "2012-01-30", IntervalUnit.WEEK, ((2, 52), (4, 365))),
        ("2012-01-12", "2013-01-12", IntervalUnit.WEEK, ((52, 52), (2, 365))),
    ],
)
def test_intervals_of_the_european_union(
    start: str, end: str, unit: IntervalUnit, parts: tuple[tuple[int, int], ...]
) -> None:
    assert eu_year_parts(date.fromisoformat(start), date.fromisoformat(end), unit) == parts


# CONC App 1.2.6R, with intervals as in curo's tests of it (tests/daycount/test_uk_conc_app.py);
# over the turn of the year each day counts in its own year, the last day included.
@pytest.mark.parametrize(
    ("start", "end", "unit", "parts"),
    [
        ("2025-01-31", "2025-02-28", IntervalUnit.MONTH, ((1, 12),)),
        ("2025-01-12", "2025-02-15", IntervalUnit.MONTH, ((1, 12), (3, 365))),
        ("2020-01-31", "2020-02-29", IntervalUnit.MONTH, ((1, 12),)),
        ("2023-12-15", "2024-02-29", IntervalUnit.MONTH, ((2, 12), (14, 366))),
        ("2023-11-20", "2024-01-15", IntervalUnit.MONTH, ((1, 12), (11, 365), (15, 366))),
        ("2024-11-25", "2025-01-05", IntervalUnit.MONTH, ((1, 12), (6, 366), (5, 365))),
        ("2026-01-20", "2026-02-10", IntervalUnit.MONTH, ((0, 12), (21, 365))),
        ("2026-01-20", "2026-01-20", IntervalUnit.MONTH, ((0, 12),)),
        ("2020-01-01", "2020-01-22", IntervalUnit.WEEK, ((3, 52),)),
        ("2020-01-01", "2020-01-23", IntervalUnit.WEEK, ((3, 52), (1, 366))),
        ("2023-01-01", "2024-01-14", IntervalUnit.WEEK, ((54, 52),)),
        ("2024-01-12", "2024-01-30", IntervalUnit.WEEK, ((2, 52), (4, 366))),
        ("2025-01-31", "2025-02-28", IntervalUnit.WEEK, ((4, 52),)),
        ("2012-01-12", "2013-02-15", IntervalUnit.YEAR, ((1, 1), (34, 365))),
    ],
)
def test_intervals_of_the_united_kingdom(
    start: str, end: str, unit: IntervalUnit, parts: tuple[tuple[int, int], ...]
) -> None:
    assert uk_year_parts(date.fromisoformat(start), date.fromisoformat(end), unit) == parts


def test_the_european_union_and_the_united_kingdom_differ_in_odd_days() -> None:
    # 24 days to 3 January 2024: the EU's year before that day has 365 days; the United Kingdom has
    # 21 of the days in 2023, from 11 December on, and 3 in the leap year 2024.
    odd = [(date(2023, 12, 10), 100_000), (date(2024, 1, 3), -101_000)]
    one = Decimal("1.01")
    eu = 100 * (one ** (Decimal(365) / 24) - 1)
    uk = 100 * (one ** (1 / (Decimal(21) / 365 + Decimal(3) / 366)) - 1)
    assert eu_2008_48(odd).value == round(eu, 10)
    assert uk_conc_1_2(odd).value == round(uk, 10)
    assert eu != uk


# curo's test of the EU convention, checked by its authors: 1000 and six payments of 172.55.
def test_a_six_month_loan_in_the_european_union() -> None:
    flows = loan(date(2019, 1, 1), 100_000, monthly(date(2019, 2, 1), 6), 17_255)
    assert rounded(eu_2008_48(flows).value, 4) == "12.6862"


@pytest.mark.parametrize(
    ("dates", "unit"),
    [
        (weekly(date(2026, 1, 22), 4), IntervalUnit.WEEK),
        (DUE, IntervalUnit.MONTH),
        ([date(2026, 2, 16)], IntervalUnit.MONTH),
        # 1 February to 1 March is a month and four weeks: a month.
        ([date(2026, 3, 1)], IntervalUnit.MONTH),
    ],
)
def test_intervals_are_weeks_only_where_months_do_not_fit(
    dates: list[date], unit: IntervalUnit
) -> None:
    start = date(2026, 2, 1) if dates == [date(2026, 3, 1)] else START
    assert natural_unit(start, [start, *dates]) is unit


def test_weekly_loans_count_52_weeks_a_year() -> None:
    flows = [(START, 100_000), (START + timedelta(weeks=52), -110_000)]
    assert eu_2008_48(flows).value == uk_conc_1_2(flows).value == 10
    assert eu_2008_48(flows).basis.startswith("Directive 2008/48/EC: weeks,")
    assert uk_conc_1_2(flows).basis.startswith("CONC App 1.2: weeks ")
    assert eu_2008_48(flows, IntervalUnit.MONTH).value < 11
    assert eu_2008_48(flows, IntervalUnit.MONTH).value > 10
    assert uk_conc_1_2(flows, IntervalUnit.MONTH).value > 10
    assert eu_2008_48(flows, IntervalUnit.MONTH).basis.startswith("Directive 2008/48/EC: months,")
    assert uk_conc_1_2(flows, IntervalUnit.MONTH).basis.startswith("CONC App 1.2: months ")


def test_the_central_bank_of_brazils_example_of_the_cet() -> None:
    # As given in the BCB's questions and answers on the CET: 1,000.00 less 50.00 cadastre fee and
    # 10.00 IOF, five instalments of 205.73 in fixed periods: 43.93 % a year, 3.08 % a month.
    due = monthly(date(2019, 2, 15), 5)
    flows = [*loan(date(2019, 1, 15), 100_000, due, 20_573), Flow(date(2019, 1, 15), -6_000)]
    assert rounded(effective(flows).value) == "43.93"
    assert rounded(nominal_simple(flows).value / 12) == "3.08"
    # By actual days over 365 the 151 days to June are a little less than five twelfths of a year.
    assert rounded(brazil_cet(flows).value) == rounded(
        Decimal(str(100 * (pyxirr.xirr([on for on, _ in flows], [a for _, a in flows]) or 0)))
    )


def test_brazil_and_xirr_count_days_over_365_even_in_a_leap_year() -> None:
    flows = [(date(2020, 1, 28), 100_000), (date(2021, 1, 27), -110_000)]
    assert (flows[1][0] - flows[0][0]).days == 365
    assert xirr_365(flows).value == brazil_cet(flows).value == 10
    a_year = [(date(2020, 1, 28), 100_000), (date(2021, 1, 28), -110_000)]
    assert xirr_365(a_year).value == round(100 * (Decimal("1.1") ** (Decimal(365) / 366) - 1), 10)


def test_every_rate_of_a_plan_has_its_name() -> None:
    numbers = {START: 0} | {on: number for number, on in enumerate(DUE, start=1)}
    rates = all_rates(iter(GOLDEN), 12, numbers)
    assert [rate.convention for rate in rates] == list(RateConvention)
    assert [rate.value for rate in rates] == [
        Decimal("24.0000631878"),
        Decimal("26.8242580223"),
        Decimal("26.9525986937"),
        Decimal("24.0000631878"),
        Decimal("26.8242580223"),
        Decimal("26.8242580223"),
        Decimal("26.9525986937"),
    ]
    assert [rate.name for rate in rates] == [
        "Annual rate, simple",
        "Annual rate, compound",
        "XIRR",
        "Annual percentage rate (US)",
        "APRC (EU)",
        "APR (UK)",
        "Custo Efetivo Total (CET)",
    ]
    assert [rate.basis for rate in rates] == [
        "rate of one period times 12 periods a year",
        "rate of one period compounded over 12 periods a year",
        "actual days over 365, compounded",
        "unit period month, 12 a year",
        "Directive 2008/48/EC: months, then days counted back, compounded",
        "CONC App 1.2: months from the first drawdown, then days, compounded",
        "Resolução CMN 4.881/2020: actual days over 365, compounded",
    ]


def test_all_rates_pass_the_periods_on() -> None:
    flows = loan(START, 1_000_000, DUE[:2], 510_000)
    numbers = {START: 0, DUE[0]: 1, DUE[1]: 2}
    rates = all_rates(flows, 4, numbers)
    assert rates[0] == nominal_simple(flows, 4, numbers)
    assert rates[1] == effective(flows, 4, numbers)
    assert rates[0].value * 3 == pytest.approx(nominal_simple(flows).value, abs=Decimal("1e-9"))


def test_period_numbers_keep_a_rate_from_following_moved_dates() -> None:
    moved = [on + timedelta(days=2 * (number % 3)) for number, on in enumerate(DUE)]
    flows = loan(START, 1_000_000, moved, [94_560] * 11 + [94_555])
    numbers = {START: 5} | {on: number for number, on in enumerate(moved, start=6)}
    assert nominal_simple(flows, 12, numbers).value == Decimal("24.0000631878")
    assert effective(flows, 12, numbers).value == Decimal("26.8242580223")
    assert nominal_simple(flows).value < Decimal("24.0000631878")


def test_period_numbers_may_be_fractions() -> None:
    flows = [(START, 100_000), (DUE[0], -121_000)]
    assert nominal_simple(flows, 12, {START: Fraction(1, 2), DUE[0]: Fraction(5, 2)}).value == 120
    assert nominal_simple(flows, 12, {START: 0, DUE[0]: Fraction(1, 2)}).value == round(
        1200 * (Decimal("1.21") ** 2 - 1), 10
    )


# How dates are measured in periods without numbers: one payment of 102.01 for 100 after two periods
# is 1 % a period.
@pytest.mark.parametrize(
    ("per_year", "end"),
    [
        (1, "2028-01-15"),
        (2, "2027-01-15"),
        (4, "2026-07-15"),
        (6, "2026-05-15"),
        (12, "2026-03-15"),
        (24, "2026-02-15"),
        (52, "2026-01-29"),
        (26, "2026-02-12"),
        (13, "2026-03-12"),
        (365, "2026-01-17"),
        (Fraction(365, 10), "2026-02-04"),
    ],
)
def test_dates_are_measured_in_the_periods_of_the_year(per_year: int | Fraction, end: str) -> None:
    flows = [(START, 100_000), (date.fromisoformat(end), -102_010)]
    assert nominal_simple(flows, per_year).value == per_year
    exact = (Decimal("1.01") ** (Decimal(per_year.numerator) / per_year.denominator) - 1) * 100
    assert effective(flows, per_year).value == round(exact, 10)


def test_odd_days_of_a_month_count_by_its_own_length() -> None:
    # 15 January to 1 February: 17 of 31 days. 31 January to 28 February: a month.
    flows = [(START, 100_000), (date(2026, 2, 1), -101_000)]
    expected = 1200 * (Decimal("1.01") ** (Decimal(31) / 17) - 1)
    assert nominal_simple(flows).value == round(expected, 10)
    month_end = [(date(2026, 1, 31), 100_000), (date(2026, 2, 28), -101_000)]
    assert nominal_simple(month_end).value == 12
    # 31 January to 15 March: a month and 15 of the 31 days from 28 February to 31 March.
    odd = [(date(2026, 1, 31), 100_000), (date(2026, 3, 15), -101_000)]
    expected = 1200 * (Decimal("1.01") ** (1 / (1 + Decimal(15) / 31)) - 1)
    assert nominal_simple(odd).value == round(expected, 10)


def test_interest_free_credit_has_the_rate_zero() -> None:
    for rate in all_rates(loan(START, 1_200_000, DUE, 100_000)):
        assert rate.value == 0
        assert not rate.value.is_signed()


def test_a_line_that_is_drawn_again_and_never_overpaid_has_one_rate() -> None:
    flows = [(START, 100_000), (DUE[0], -102_000), (DUE[1], 100_000), (DUE[2], -102_000)]
    # The balance is paid off in between: two loans at 2 % a month.
    assert nominal_simple(flows).value == 24
    free = [(START, 100_000), (DUE[0], -50_000), (DUE[1], 50_000), (DUE[2], -100_000)]
    assert nominal_simple(free).value == 0
    given = [(START, 100_000), (DUE[0], -50_000), (DUE[1], 100_000), (DUE[2], -140_000)]
    assert -100 < nominal_simple(given).value < 0
    # The same over odd days, where Regulation Z is simple.
    numbers = weekly(date(2026, 1, 29), 8, 2)
    line = [(START, 100_000), *((on, -60_000 + 50_000 * (at % 2)) for at, on in enumerate(numbers))]
    assert us_appendix_j(line).value > 0


def test_paying_back_less_than_was_lent_is_a_negative_rate() -> None:
    flows = [(START, 100_000), (months_after(START, 12, 15), -81_000)]
    assert effective(flows).value == -19
    assert xirr_365(flows).value == -19
    assert us_appendix_j(flows).value == -19
    assert eu_2008_48(flows).value == -19
    almost_nothing = [(START, 100_000), (DUE[0], -1)]
    assert nominal_simple(almost_nothing).value == Decimal("-1199.988")


@pytest.mark.parametrize(
    ("flows", "reason"),
    [
        ([], "no money is lent"),
        ([(START, 0)], "no money is lent"),
        ([(START, -100), (DUE[0], -100)], "no money is lent"),
        ([(START, 100), (START, -100)], "no money is lent"),
        ([(START, 100)], "nothing is paid back"),
        ([(START, -100), (DUE[0], 110)], "the first flow is a payment"),
        # 10 % and 20 % a period both balance this.
        ([(START, 100_000), (DUE[0], -230_000), (DUE[1], 132_000)], "more than one rate"),
        # More is received than paid, in the end.
        ([(START, 100), (DUE[0], -150), (DUE[1], 100)], "more than one rate"),
        # Comes to nothing, but the borrower is in credit on the way.
        ([(START, 100), (DUE[0], -150), (DUE[1], 50)], "more than one rate"),
        # In credit for a month at the one positive rate; a negative rate balances this too.
        ([(START, 100), (DUE[0], -300), (DUE[1], 150)], "more than one rate"),
        ([(START, 1), (START + timedelta(days=1), -(10**15))], "above 1E+15 %"),
    ],
)
def test_flows_without_one_rate_are_refused(flows: Flows, reason: str) -> None:
    for function in (xirr_365, brazil_cet):
        with pytest.raises(NoRate, match=reason.replace("+", r"\+")) as refusal:
            function(flows)
        assert refusal.value.code == "no_rate"
    for convention in (effective, us_appendix_j, eu_2008_48, uk_conc_1_2):
        if "1E" not in reason or convention is not us_appendix_j:
            with pytest.raises(NoRate, match=reason.replace("+", r"\+")):
                convention(flows)
    numbers = {on: number for number, on in enumerate(sorted({on for on, _ in flows}))}
    if "1E" not in reason:
        with pytest.raises(NoRate, match=reason):
            nominal_simple(flows, 12, numbers)


def test_a_loss_that_simple_interest_cannot_express_has_no_rate() -> None:
    # 29 odd days of 30: at -100 % a month a thirtieth of the loan would still be owed.
    month = UnitPeriod(Unit.MONTH)
    start, end = date(2026, 3, 1), date(2026, 3, 30)
    with pytest.raises(NoRate, match="so little is paid back"):
        us_appendix_j([(start, 100_000), (end, -3_000)], month)
    assert us_appendix_j([(start, 100_000), (end, -4_000)], month).value == round(
        -1200 * Decimal("0.96") * 30 / 29, 10
    )


def test_a_rate_at_the_limit_is_still_shown() -> None:
    flows = [(START, 1), (DUE[0], -(10**13 + 1))]
    assert nominal_simple(flows, 1, {START: 0, DUE[0]: 1}).value == 10**15
    with pytest.raises(NoRate, match="above"):
        nominal_simple([(START, 1), (DUE[0], -(10**13 + 2))], 1, {START: 0, DUE[0]: 1})


@pytest.mark.parametrize("per_year", [0, -12, Fraction(-1, 2)])
def test_periods_a_year_are_positive(per_year: int | Fraction) -> None:
    for function in (nominal_simple, effective):
        with pytest.raises(InvalidFlows, match="must be positive") as refusal:
            function(GOLDEN, per_year)
        assert refusal.value.field == "periods_per_year"
        assert refusal.value.code == "invalid_flows"


def test_every_date_needs_its_period_number() -> None:
    numbers = {START: 0} | {on: number for number, on in enumerate(DUE[:-1], start=1)}
    with pytest.raises(InvalidFlows, match="2027-01-15 has no period number") as refusal:
        nominal_simple(GOLDEN, 12, numbers)
    assert refusal.value.field == "periods"


def test_flows_of_one_day_are_netted_in_any_order() -> None:
    split = [(on, part) for on, amount in GOLDEN for part in (amount - 7, 7)]
    assert all_rates(reversed(split)) == all_rates(GOLDEN)


@pytest.mark.parametrize("redrawn", [40, 50, 60, 200])
def test_the_solver_finds_its_way_from_a_flat_or_falling_start(redrawn: int) -> None:
    # A line repaid at 2 % and, long after, drawn again at 2.47 %: counted without interest the
    # borrower is in credit for so long that Newton's first step leads nowhere (at 50 it is flat).
    flows = {Time(0): 10_000, Time(1): -10_200, Time(redrawn): 100, Time(redrawn + 2): -105}
    rate = period_rate(flows)
    assert Decimal("0.02") < rate < Decimal("0.0247")
    balance = present([(time.steps, amount) for time, amount in flows.items()], rate)
    assert abs(balance) < Decimal("1e-18")


def test_the_solver_compounds_its_steps_into_a_period() -> None:
    flows = {Time(0): 100, Time(3): -110}
    assert abs(period_rate(flows, steps=3) - Decimal("0.1")) < Decimal("1e-30")
    # Simple interest over the odd 5/10 of a period: 1 + i/2 = 1.1.
    assert abs(
        period_rate({Time(0): 100, Time(0, 5): -110}, odd_parts=10) - Decimal("0.2")
    ) < Decimal("1e-30")
    # A time without money is no flow.
    assert period_rate({Time(0): 100, Time(1): 0, Time(2): -100}) == 0


def test_unit_periods_have_names_and_lengths() -> None:
    assert str(UnitPeriod(Unit.MONTH)) == "month"
    assert str(UnitPeriod(Unit.WEEK, 2)) == "2 weeks"
    expected = {
        UnitPeriod(Unit.DAY): (Fraction(365), 1, 1),
        UnitPeriod(Unit.WEEK, 4): (Fraction(13), 28, 28),
        UnitPeriod(Unit.SEMIMONTH): (Fraction(24), 15, 15),
        UnitPeriod(Unit.MONTH, 3): (Fraction(4), 90, 90),
        UnitPeriod(Unit.YEAR): (Fraction(1), 365, 4380),
    }
    for unit, measures in expected.items():
        assert (unit.per_year, unit.nominal_days, unit.odd_parts) == measures


def test_conventions_keep_their_names() -> None:
    assert [str(one) for one in RateConvention] == [
        "nominal_simple",
        "effective",
        "xirr_365",
        "us_appendix_j",
        "eu_2008_48",
        "uk_conc_1_2",
        "brazil_cet",
    ]
