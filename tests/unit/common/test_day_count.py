from datetime import date, timedelta
from fractions import Fraction

import pytest

from domain.common.day_count import (
    DayCount,
    DayCountUnusable,
    YearPart,
    year_fraction,
    year_parts,
)

US, EU = DayCount.THIRTY_360_US, DayCount.THIRTY_360_EU
ISDA, SPLIT = DayCount.ACTUAL_ACTUAL_ISDA, DayCount.ACTUAL_ACTUAL_SPLIT


def days(convention: DayCount, start: date, end: date) -> int:
    return sum(part.days for part in year_parts(convention, start, end))


# ISDA's memorandum "EMU and market conventions" (1998) on actual/actual, as in QuantLib's
# test-suite/daycounters.cpp, testActualActual.
@pytest.mark.parametrize(
    ("start", "end", "fraction"),
    [
        ("2003-11-01", "2004-05-01", "0.497724380567"),
        ("1999-02-01", "1999-07-01", "0.410958904110"),
        ("1999-07-01", "2000-07-01", "1.001377348600"),
        ("2002-08-15", "2003-07-15", "0.915068493151"),
        ("2003-07-15", "2004-01-15", "0.504004790778"),
        ("1999-07-30", "2000-01-30", "0.503892506924"),
        ("2000-01-30", "2000-06-30", "0.415300546448"),
    ],
)
def test_actual_actual_isda_gives_the_published_fractions(
    start: str, end: str, fraction: str
) -> None:
    exact = year_fraction(ISDA, date.fromisoformat(start), date.fromisoformat(end))
    assert abs(exact - Fraction(fraction)) < Fraction(1, 10**11)


# ISDA's "30/360 day count conventions" spreadsheet (2008-12-22), 30E/360 column, as in QuantLib's
# test-suite/daycounters.cpp, testThirty360_EurobondBasis.
@pytest.mark.parametrize(
    ("start", "end", "counted"),
    [
        ("2006-08-20", "2007-02-20", 180),
        ("2006-02-28", "2006-08-31", 182),
        ("2006-08-31", "2007-02-28", 178),
        ("2007-02-28", "2007-08-31", 182),
        ("2007-08-31", "2008-02-29", 179),
        ("2008-02-29", "2008-08-31", 181),
        ("2006-01-31", "2006-02-28", 28),
        ("2006-01-30", "2006-02-28", 28),
        ("2006-02-28", "2006-03-03", 5),
        ("2006-02-14", "2006-02-28", 14),
        ("2006-09-30", "2006-10-31", 30),
        ("2006-10-31", "2006-11-28", 28),
        ("2008-02-28", "2008-08-31", 182),
        ("2007-02-26", "2008-02-29", 363),
        ("2008-02-29", "2009-02-28", 359),
        ("2008-02-28", "2008-03-31", 32),
    ],
)
def test_thirty_360_european_counts_the_published_days(start: str, end: str, counted: int) -> None:
    assert days(EU, date.fromisoformat(start), date.fromisoformat(end)) == counted


# The first rows are ISDA's published ones (30/360, no end of February involved). The others follow
# the February rule of SIFMA's Standard Securities Calculation Methods, also QuantLib's
# Thirty360::USA: an end of February as first date counts as the 30th, and so does the last date
# when both are ends of February.
@pytest.mark.parametrize(
    ("start", "end", "counted"),
    [
        ("2006-08-20", "2007-02-20", 180),
        ("2006-01-31", "2006-02-28", 28),
        ("2006-09-30", "2006-10-31", 30),
        ("2006-10-31", "2006-11-28", 28),
        ("2008-02-28", "2008-08-31", 183),
        ("2008-02-28", "2008-03-30", 32),
        ("2008-02-28", "2008-03-31", 33),
        ("2006-08-31", "2007-02-28", 178),
        ("2007-02-28", "2007-08-31", 180),
        ("2007-08-31", "2008-02-29", 179),
        ("2008-02-29", "2008-08-31", 180),
        ("2008-02-29", "2009-02-28", 360),
        ("2007-02-28", "2008-02-29", 360),
        ("2007-02-28", "2008-02-28", 358),
        ("2006-02-28", "2006-03-03", 3),
        ("2006-01-29", "2006-01-31", 2),
        ("2006-03-28", "2006-04-28", 30),
    ],
)
def test_thirty_360_us_counts_the_end_of_february_as_the_thirtieth(
    start: str, end: str, counted: int
) -> None:
    assert days(US, date.fromisoformat(start), date.fromisoformat(end)) == counted


@pytest.mark.parametrize(
    ("convention", "year"),
    [
        (DayCount.ACTUAL_360, 360),
        (DayCount.ACTUAL_364, 364),
        (DayCount.ACTUAL_365_FIXED, 365),
    ],
)
def test_fixed_years_count_calendar_days(convention: DayCount, year: int) -> None:
    start, end = date(2024, 1, 31), date(2024, 3, 1)
    assert year_fraction(convention, start, end) == Fraction(30, year)


@pytest.mark.parametrize("convention", [US, EU])
def test_thirty_360_explains_itself_over_360(convention: DayCount) -> None:
    start, end = date(2026, 1, 15), date(2026, 2, 15)
    assert year_parts(convention, start, end) == (YearPart(30, 360),)
    assert year_fraction(convention, start, end) == Fraction(1, 12)


def test_isda_counts_31_december_in_the_old_year_and_the_split_variant_in_the_new() -> None:
    start, end = date(2023, 12, 1), date(2024, 1, 15)
    assert year_fraction(ISDA, start, end) == Fraction(31, 365) + Fraction(14, 366)
    assert year_fraction(SPLIT, start, end) == Fraction(30, 365) + Fraction(15, 366)


@pytest.mark.parametrize(
    ("convention", "start", "end", "parts"),
    [
        (ISDA, date(2023, 12, 31), date(2024, 1, 2), ((1, 365), (1, 366))),
        (SPLIT, date(2023, 12, 31), date(2024, 1, 2), ((2, 366),)),
        (SPLIT, date(2023, 12, 31), date(2025, 1, 2), ((366, 366), (2, 365))),
        (ISDA, date(2023, 7, 1), date(2024, 1, 1), ((184, 365),)),
        (SPLIT, date(2023, 7, 1), date(2023, 12, 31), ((183, 365),)),
        (SPLIT, date(2023, 7, 1), date(2024, 1, 1), ((183, 365), (1, 366))),
        (ISDA, date(2023, 7, 1), date(2025, 7, 1), ((184, 365), (366, 366), (181, 365))),
        (SPLIT, date(2023, 7, 1), date(2025, 7, 1), ((183, 365), (366, 366), (182, 365))),
        (ISDA, date(2024, 3, 1), date(2024, 3, 1), ((0, 366),)),
        (SPLIT, date(2023, 3, 1), date(2023, 3, 1), ((0, 365),)),
    ],
)
def test_actual_actual_cuts_an_interval_at_each_turn_of_the_year(
    convention: DayCount, start: date, end: date, parts: tuple[tuple[int, int], ...]
) -> None:
    assert year_parts(convention, start, end) == parts


@pytest.mark.parametrize("convention", [one for one in DayCount if one is not DayCount.PERIOD])
def test_an_empty_interval_has_no_days_and_no_fraction(convention: DayCount) -> None:
    on = date(2026, 5, 20)
    assert days(convention, on, on) == 0
    assert year_fraction(convention, on, on) == 0


@pytest.mark.parametrize(
    "convention",
    [
        DayCount.ACTUAL_360,
        DayCount.ACTUAL_364,
        DayCount.ACTUAL_365_FIXED,
        ISDA,
        SPLIT,
    ],
)
def test_actual_conventions_count_every_day_once(convention: DayCount) -> None:
    start, middle, end = date(2023, 2, 27), date(2024, 12, 31), date(2026, 3, 2)
    whole = year_fraction(convention, start, end)
    assert whole == year_fraction(convention, start, middle) + year_fraction(
        convention, middle, end
    )
    assert days(convention, start, end) == (end - start).days


def test_the_seven_conventions_disagree_on_one_period() -> None:
    start, end = date(2023, 12, 15), date(2024, 3, 31)
    fractions = {year_fraction(one, start, end) for one in DayCount if one is not DayCount.PERIOD}
    assert len(fractions) == 7


@pytest.mark.parametrize("convention", list(DayCount))
def test_an_interval_may_not_run_backwards(convention: DayCount) -> None:
    start = date(2026, 5, 20)
    with pytest.raises(
        DayCountUnusable, match="ends on 2026-05-19, before it starts on 2026-05-20"
    ):
        days(convention, start, start - timedelta(days=1))


@pytest.mark.parametrize("ask", [days, year_fraction, year_parts])
def test_the_period_convention_has_no_fraction_between_dates(ask) -> None:  # type: ignore[no-untyped-def]  # one test over functions of four types
    with pytest.raises(DayCountUnusable, match="measures periods, not days") as refusal:
        ask(DayCount.PERIOD, date(2026, 1, 1), date(2026, 2, 1))
    assert refusal.value.code == "day_count_unusable"


def test_conventions_keep_their_names() -> None:
    assert [str(one) for one in DayCount] == [
        "thirty_360_us",
        "thirty_360_eu",
        "actual_360",
        "actual_364",
        "actual_365_fixed",
        "actual_actual_isda",
        "actual_actual_split",
        "period",
    ]


@pytest.mark.parametrize(("year", "length"), [(2023, 365), (2024, 366), (1900, 365), (2000, 366)])
def test_years_have_their_length(year: int, length: int) -> None:
    first, next_first = date(year, 1, 1), date(year + 1, 1, 1)
    assert year_parts(ISDA, first, next_first) == (YearPart(length, length),)
