"""What must hold for the rate of any loan, and agreement with a library that shares no code."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pyxirr
from hypothesis import given
from hypothesis import strategies as st

from domain.common.calendar import months_after
from domain.common.day_count import DayCount, year_fraction, year_parts
from domain.common.rounding import ROUNDING_UNITS, RoundingMode, round_ratio
from domain.pricing.rate_solver import EXACT, NoRate, Time, period_rate
from domain.pricing.rates import (
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

NEVER_SHOWN_OFF_BY = Decimal("1e-10")
Flows = list[tuple[date, int]]


def all_rates(flows: Iterable[tuple[date, int]], *periods: Any) -> tuple[Rate, ...]:
    """Return the rate under each convention, in their order."""
    held = tuple(flows)
    return tuple(rate_of(convention, held, *periods) for convention in RateConvention)


def days(convention: DayCount, start: date, end: date) -> int:
    return sum(part.days for part in year_parts(convention, start, end))


@st.composite
def plans(draw: st.DrawFn) -> Flows:
    """A monthly loan: one drawdown, perhaps less a fee, then payments that at least repay it."""
    start = draw(st.dates(date(2000, 1, 1), date(2040, 12, 31)))
    count = draw(st.integers(1, 60))
    principal = draw(st.integers(100_000, 10**9))
    level = principal // count + draw(st.integers(1, principal // 10))
    fee = draw(st.integers(0, principal // 10))
    due = [months_after(start, month, start.day) for month in range(1, count + 1)]
    return [(start, principal), (start, -fee), *((on, -level) for on in due)]


@st.composite
def any_flows(draw: st.DrawFn) -> Flows:
    """Flows of either sign on any days of a few years."""
    start = draw(st.dates(date(2000, 1, 1), date(2040, 12, 31)))
    gaps = draw(st.lists(st.integers(0, 400), min_size=1, max_size=12))
    amounts = st.integers(-(10**7), 10**7)
    flows, on = [(start, draw(amounts))], start
    for gap in gaps:
        on += timedelta(days=gap)
        flows.append((on, draw(amounts)))
    return flows


def present_value(flows: Flows, rate: Decimal, days_a_year: int) -> Decimal:
    """Discount flows by their days, spreadsheet fashion."""
    start = min(on for on, _ in flows)
    with localcontext(EXACT):
        return sum(
            (
                amount / (1 + rate) ** (Decimal((on - start).days) / days_a_year)
                for on, amount in flows
            ),
            Decimal(0),
        )


@given(plans())
def test_a_shown_rate_is_exact_to_ten_decimal_places(flows: Flows) -> None:
    rate = xirr_365(flows).value
    # The value of the flows changes its sign within one unit of the last place shown.
    below = present_value(flows, (rate - NEVER_SHOWN_OFF_BY) / 100, 365)
    above = present_value(flows, (rate + NEVER_SHOWN_OFF_BY) / 100, 365)
    assert below < 0 < above


@given(plans())
def test_rates_agree_with_pyxirr(flows: Flows) -> None:
    on, amounts = [day for day, _ in flows], [float(amount) for _, amount in flows]
    by_days = pyxirr.xirr(on, amounts)
    assert by_days is not None
    assert abs(float(xirr_365(flows).value) - 100 * by_days) <= 1e-6 * max(1, 100 * by_days)
    numbers = {day: number for number, day in enumerate(sorted(set(on)))}
    by_period = pyxirr.irr([amounts[0] + amounts[1], *amounts[2:]])
    assert by_period is not None
    simple = nominal_simple(flows, 12, numbers).value
    assert abs(float(simple) - 1200 * by_period) <= 1e-6 * max(1, 1200 * by_period)


@given(plans())
def test_conventions_stand_in_their_order(flows: Flows) -> None:
    simple, compound, *others = (rate.value for rate in all_rates(flows))
    assert simple > 0
    # Simple and compound are one period's rate under two spellings.
    with localcontext(EXACT):
        assert abs((1 + simple / 1200) ** 12 - (1 + compound / 100)) < (
            (1 + compound / 100) * Decimal("1e-11")
        )
    assert compound >= simple
    assert len(others) == 5
    assert all(type(value) is Decimal for value in (simple, compound, *others))


@given(plans(), st.integers(1, 1000))
def test_a_dearer_loan_has_a_higher_rate(flows: Flows, more: int) -> None:
    dearer = [*flows, (flows[-1][0], -more)]
    for convention in (xirr_365, eu_2008_48, uk_conc_1_2, brazil_cet, us_appendix_j):
        assert convention(dearer).value >= convention(flows).value
    assert effective(dearer).value >= effective(flows).value


@given(plans(), st.integers(2, 1000), st.integers(-500, 500))
def test_a_rate_does_not_depend_on_the_size_of_the_loan_nor_its_week(
    flows: Flows, times: int, weeks: int
) -> None:
    larger = [(on, amount * times) for on, amount in flows]
    assert all_rates(larger) == all_rates(flows)
    moved = [(on + timedelta(weeks=weeks), amount) for on, amount in flows]
    assert xirr_365(moved) == xirr_365(flows)


@given(any_flows())
def test_any_flows_have_one_rate_or_are_refused(flows: Flows) -> None:
    for convention in (xirr_365, eu_2008_48, uk_conc_1_2, us_appendix_j, effective):
        try:
            rate: Rate = convention(flows)
        except NoRate:
            continue
        assert rate.value >= -100 or convention is us_appendix_j
    try:
        rate = xirr_365(flows)
    except NoRate:
        return
    scale = sum(abs(amount) for _, amount in flows)
    if -50 < rate.value < 10**6:
        assert abs(present_value(flows, rate.value / 100, 365)) < scale * Decimal("1e-6")


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=6))
def test_a_rate_is_given_only_where_a_scan_finds_no_other(amounts: list[int]) -> None:
    """Count the roots by the changes of sign over a fine grid of discount factors."""
    try:
        rate = period_rate({Time(at): amount for at, amount in enumerate(amounts)})
    except NoRate:
        return
    found = Fraction(1) / (1 + Fraction(rate))
    lent = [at for at, amount in enumerate(amounts) if amount]
    reach = [Fraction(step, 50) for step in range(1, 250)]
    away = [v for v in reach if abs(v - found) > Fraction(1, 40)]
    signs = {
        (v > found): sum(
            amount * v ** (at - lent[0]) for at, amount in enumerate(amounts) if amount
        )
        > 0
        for v in away
    }
    for v in away:
        value = sum(amount * v ** (at - lent[0]) for at, amount in enumerate(amounts) if amount)
        assert (value > 0) is signs[v > found]


@given(
    st.sampled_from([one for one in DayCount if one.startswith("actual")]),
    st.lists(st.dates(date(1950, 1, 1), date(2150, 12, 31)), min_size=3, max_size=3),
)
def test_actual_day_counts_add_up(convention: DayCount, cuts: list[date]) -> None:
    start, middle, end = sorted(cuts)
    whole = year_fraction(convention, start, end)
    assert whole == year_fraction(convention, start, middle) + year_fraction(
        convention, middle, end
    )
    assert days(convention, start, end) == (end - start).days
    assert abs(whole - Fraction((end - start).days, 365)) <= whole / 70 + Fraction(1, 365)


@given(
    st.fractions(-(10**12), 10**12, max_denominator=10**6),
    st.sampled_from(ROUNDING_UNITS),
    st.sampled_from(list(RoundingMode)),
)
def test_rounding_moves_less_than_a_unit(amount: Fraction, unit: int, mode: RoundingMode) -> None:
    result = round_ratio(*amount.as_integer_ratio(), unit, mode)
    assert result % unit == 0
    assert abs(result - amount) < unit
    assert round_ratio(*(-amount).as_integer_ratio(), unit, mode) == -result
    assert round_ratio(result, 1, unit, mode) == result
    if mode in (RoundingMode.HALF_UP, RoundingMode.HALF_EVEN):
        assert 2 * abs(result - amount) <= unit
    if mode is RoundingMode.UP:
        assert abs(result) >= abs(amount)
    if mode is RoundingMode.DOWN:
        assert abs(result) <= abs(amount)
