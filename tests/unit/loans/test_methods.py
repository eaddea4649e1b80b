"""Every method, frequency and rounding against a spreadsheet of fractions, which shares no code."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from domain.common.day_count import DayCount
from domain.common.errors import InvalidTerms
from domain.loans.allocation import Component
from domain.loans.plan_terms import Method
from domain.loans.schedule import Plan, build_plan
from domain.loans.terms import LoanTerms

MADE = date(2026, 1, 15)


def terms(**values: Any) -> LoanTerms:
    first: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_200_000,
        "annual_rate": Decimal(12),
        "instalments": 12,
        "disbursed_on": MADE,
        "first_due_on": date(2026, 2, 15),
    }
    return LoanTerms(**first | values)


def plan(**values: Any) -> Plan:
    return build_plan(terms(**values))


def nearest(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


def sheet(principal: int, periods: list[Fraction], level: int | None = None) -> list[list[int]]:
    """A worksheet of level instalments: one interest factor a period, rounded half up."""
    if level is None:
        discount, worth = Fraction(1), Fraction(0)
        for factor in periods:
            discount /= 1 + factor
            worth += discount
        level = nearest(principal / worth)
    rows, balance = [], principal
    for number, factor in enumerate(periods, start=1):
        interest = nearest(balance * factor)
        repaid = balance if number == len(periods) else min(max(level - interest, 0), balance)
        balance -= repaid
        rows.append([repaid, interest, balance])
    return rows


def rows(made: Plan) -> list[list[int]]:
    return [[row.principal, row.interest, row.balance_after] for row in made.rows]


def test_equal_principal_falls_with_the_balance() -> None:
    made = plan(method="equal_principal")
    assert [row.principal for row in made.rows] == [100_000] * 12
    assert [row.interest for row in made.rows] == [12_000 - 1_000 * k for k in range(12)]


def test_flat_interest_is_on_the_original_principal_throughout() -> None:
    made = plan(method="flat")
    assert {(row.principal, row.interest) for row in made.rows} == {(100_000, 12_000)}
    assert made.total_interest == 144_000


def test_interest_only_repays_at_the_end() -> None:
    made = plan(method="interest_only")
    assert rows(made) == [[0, 12_000, 1_200_000]] * 11 + [[1_200_000, 12_000, 0]]


def test_a_single_payment_collects_all_periods() -> None:
    made = plan(method="single_payment", instalments=1, first_due_on=date(2026, 7, 15))
    assert rows(made) == [[1_200_000, 72_000, 0]]
    [piece] = made.rows[0].arithmetic
    assert (piece.years, piece.exact[0] / piece.exact[1]) == ((1, 2), 72_000)


def test_a_balloon_is_left_for_the_last_instalment() -> None:
    made = plan(method="balloon", balloon=600_000, instalments=6)
    factor = Fraction(1, 100)
    discounted = sum((1 / (1 + factor) ** k for k in range(1, 7)), Fraction(0))
    level = nearest((1_200_000 - 600_000 / (1 + factor) ** 6) / discounted)
    assert {row.total for row in made.rows[:-1]} == {level}
    assert abs(made.rows[-1].total - 600_000 - level) <= 6
    assert made.rows[-1].balance_after == 0


def test_a_fixed_instalment_sets_the_term() -> None:
    made = plan(method="fixed_instalment", instalment_amount=250_000, instalments=0)
    assert len(made.rows) == 5
    assert [row.total for row in made.rows[:-1]] == [250_000] * 4
    assert rows(made)[:4] == sheet(1_200_000, [Fraction(1, 100)] * 5, 250_000)[:4]
    assert 0 < made.rows[-1].total < 250_000


def test_listed_instalments_are_kept_and_the_last_takes_the_rest() -> None:
    listed = [
        {"due_on": date(2026, 3, 1), "principal": 200_000},
        {"due_on": date(2026, 6, 1), "total": 300_000},
        {"due_on": date(2026, 12, 31)},
    ]
    made = plan(
        method="explicit",
        explicit=listed,
        instalments=3,
        first_due_on=date(2026, 3, 1),
        day_count="actual_365_fixed",
    )
    first = nearest(Fraction(1_200_000 * 12 * 45, 36_500))
    second = nearest(Fraction(1_000_000 * 12 * 92, 36_500))
    left = 1_000_000 - (300_000 - second)
    third = nearest(Fraction(left * 12 * 213, 36_500))
    assert rows(made) == [
        [200_000, first, 1_000_000],
        [300_000 - second, second, left],
        [left, third, 0],
    ]


def test_rentals_in_advance_are_an_annuity_due() -> None:
    # Textbook: 10,000 over 4 quarters at 2 % a quarter, in advance: 10,000 / 3.883883 = 2,574.74.
    made = plan(
        method="rentals_in_advance",
        principal=1_000_000,
        annual_rate=Decimal(8),
        instalments=4,
        first_due_on=MADE,
        frequency={"unit": "month", "every": 3},
    )
    assert [row.total for row in made.rows[:3]] == [257_474] * 3
    assert abs(made.rows[3].total - 257_474) <= 2
    assert (made.rows[0].due_on, made.rows[0].interest) == (MADE, 0)
    assert made.rows[1].interest == nearest(Fraction((1_000_000 - 257_474) * 2, 100))


@pytest.mark.parametrize(
    ("frequency", "extra", "expected"),
    [
        ({"unit": "day", "every": 10}, {}, "2026-02-15 2026-02-25 2026-03-07 2026-03-17"),
        ({"unit": "week"}, {}, "2026-02-15 2026-02-22 2026-03-01 2026-03-08"),
        ({"unit": "week", "every": 2}, {}, "2026-02-15 2026-03-01 2026-03-15 2026-03-29"),
        (
            {"unit": "half_month"},
            {"second_due_day": 1},
            "2026-02-15 2026-03-01 2026-03-15 2026-04-01",
        ),
        (
            {"unit": "half_month"},
            {"second_due_day": 31},
            "2026-02-15 2026-02-28 2026-03-15 2026-03-31",
        ),
        (
            {"unit": "half_month"},
            {"due_day": 1, "second_due_day": 15},
            "2026-02-15 2026-03-01 2026-03-15 2026-04-01",
        ),
        (
            {"unit": "half_month"},
            {"due_day": 1, "second_due_day": 15, "first_due_on": date(2026, 2, 1)},
            "2026-02-01 2026-02-15 2026-03-01 2026-03-15",
        ),
        ({"unit": "month", "every": 3}, {}, "2026-02-15 2026-05-15 2026-08-15 2026-11-15"),
        ({"unit": "year"}, {}, "2026-02-15 2027-02-15 2028-02-15 2029-02-15"),
        (
            {"unit": "month"},
            {"end_of_month": True, "first_due_on": date(2026, 2, 28)},
            "2026-02-28 2026-03-31 2026-04-30 2026-05-31",
        ),
        (
            {"unit": "month"},
            {"due_day": 31, "first_due_on": date(2026, 1, 31)},
            "2026-01-31 2026-02-28 2026-03-31 2026-04-30",
        ),
    ],
)
def test_due_dates(frequency: dict[str, Any], extra: dict[str, Any], expected: str) -> None:
    made = plan(frequency=frequency, instalments=4, **extra)
    assert [row.due_on.isoformat() for row in made.rows] == expected.split()


@pytest.mark.parametrize(
    ("frequency", "extra", "per_year"),
    [
        ({"unit": "day", "every": 73}, {"first_due_on": MADE + timedelta(days=73)}, 5),
        ({"unit": "week"}, {"first_due_on": MADE + timedelta(days=7)}, 52),
        ({"unit": "week", "every": 2}, {"first_due_on": MADE + timedelta(days=14)}, 26),
        ({"unit": "half_month"}, {"first_due_on": date(2026, 1, 31), "second_due_day": 15}, 24),
        (
            {"unit": "half_month"},
            {"disbursed_on": date(2026, 2, 1), "due_day": 1, "second_due_day": 15},
            24,
        ),
        ({"unit": "month", "every": 3}, {"first_due_on": date(2026, 4, 15)}, 4),
        ({"unit": "year"}, {"first_due_on": date(2027, 1, 15)}, 1),
    ],
)
def test_a_period_is_its_part_of_the_year(
    frequency: dict[str, Any], extra: dict[str, Any], per_year: int
) -> None:
    made = plan(frequency=frequency, instalments=6, **extra)
    assert rows(made) == sheet(1_200_000, [Fraction(12, 100 * per_year)] * 6)


@pytest.mark.parametrize(
    ("first_due_on", "periods"),
    [
        # 15 January to 31 January: 16 of the 31 days from 31 December, to 15 March: two months.
        (date(2026, 1, 31), Fraction(16, 31)),
        (date(2026, 3, 15), Fraction(2)),
        # one month from 20 February back to 20 January, 5 of the 31 days before it
        (date(2026, 2, 20), 1 + Fraction(5, 31)),
        (MADE + timedelta(days=1), Fraction(1, 31)),
    ],
)
def test_short_and_long_first_periods(first_due_on: date, periods: Fraction) -> None:
    made = plan(first_due_on=first_due_on, instalments=4)
    month = Fraction(1, 100)
    assert rows(made) == sheet(1_200_000, [periods * month, month, month, month])


DAYS_2026 = [31, 28, 31, 30, 31, 30]


@pytest.mark.parametrize(
    ("day_count", "years"),
    [
        (DayCount.ACTUAL_360, [Fraction(days, 360) for days in DAYS_2026]),
        (DayCount.ACTUAL_364, [Fraction(days, 364) for days in DAYS_2026]),
        (DayCount.ACTUAL_365_FIXED, [Fraction(days, 365) for days in DAYS_2026]),
        (DayCount.ACTUAL_ACTUAL_ISDA, [Fraction(days, 365) for days in DAYS_2026]),
        (DayCount.THIRTY_360_US, [Fraction(1, 12)] * 6),
        (DayCount.THIRTY_360_EU, [Fraction(1, 12)] * 6),
    ],
)
def test_day_counts(day_count: DayCount, years: list[Fraction]) -> None:
    made = plan(day_count=day_count, instalments=6)
    assert rows(made) == sheet(1_200_000, [year * 12 / 100 for year in years])


@pytest.mark.parametrize(
    ("rounding", "level"),
    [
        # 10,000.00 over 12 months at 24 %: exactly 945.5960 a month
        ((1, "half_up"), 94_560),
        ((1, "down"), 94_559),
        ((5, "half_up"), 94_560),
        ((5, "up"), 94_560),
        ((5, "down"), 94_555),
        ((100, "up"), 94_600),
        ((100, "half_even"), 94_600),
        ((1000, "down"), 94_000),
        ((10000, "half_up"), 90_000),
        ((10000, "up"), 100_000),
    ],
)
def test_the_instalment_is_rounded_by_unit_and_mode(rounding: tuple[int, str], level: int) -> None:
    made = plan(principal=1_000_000, annual_rate=Decimal(24), instalment_rounding=rounding)
    assert {row.total for row in made.rows[:-2]} == {level}
    assert len(made.rows) == 12
    assert sum(row.principal for row in made.rows) == 1_000_000


@pytest.mark.parametrize(
    ("mode", "interest"), [("half_up", 3), ("half_even", 2), ("up", 3), ("down", 2)]
)
def test_interest_is_rounded_once_by_its_own_mode(mode: str, interest: int) -> None:
    # 2.5 fen exactly: 250 x 12 % / 12
    made = plan(principal=250, instalments=1, interest_rounding=(1, mode))
    assert made.rows[0].interest == interest


@pytest.mark.parametrize("method", ["equal_principal", "flat"])
def test_the_residue_goes_where_the_terms_say(method: str) -> None:
    values: dict[str, Any] = {"principal": 1_000_000, "method": method, "instalments": 3}
    assert [row.principal for row in plan(**values).rows] == [333_333, 333_333, 333_334]
    first = plan(residue="first", **values)
    assert [row.principal for row in first.rows] == [333_334, 333_333, 333_333]


def test_a_residue_in_the_first_instalment_leaves_the_others_level() -> None:
    made = plan(principal=1_000_000, annual_rate=Decimal(24), residue="first")
    assert {row.total for row in made.rows[1:]} == {94_560}
    # the last one would be 0.05 less, which is worth about 0.04 eleven months earlier
    assert made.rows[0].total in (94_555, 94_556)
    left = made.rows[0].balance_after
    assert rows(made)[1:] == sheet(left, [Fraction(1, 50)] * 11, 94_560)


def test_one_instalment_has_nowhere_to_move_its_residue() -> None:
    made = plan(instalments=1, residue="first", instalment_rounding=(100, "up"))
    assert rows(made) == [[1_200_000, 12_000, 0]]
    made = plan(instalments=3, principal_grace=2, residue="first", instalment_rounding=(100, "up"))
    assert [row.principal for row in made.rows] == [0, 0, 1_200_000]


@pytest.mark.parametrize("principal", [100_000, 987_654, 1_200_000, 31_415_926])
@pytest.mark.parametrize("instalments", [2, 7, 12, 60])
@pytest.mark.parametrize("unit", [1, 5, 100])
def test_smoothing_stays_on_the_side_the_instalment_is_rounded_to(
    principal: int, instalments: int, unit: int
) -> None:
    """Rounded up, the last is the lower one; with a unit less it would be the higher one."""
    period = Fraction(24, 1200)
    values: dict[str, Any] = {
        "principal": principal,
        "annual_rate": Decimal(24),
        "instalments": instalments,
        "smooth": True,
    }

    def last_exceeds(level: int) -> bool:
        repaid, interest, _ = sheet(principal, [period] * instalments, level)[-1]
        return repaid + interest > level

    up = plan(instalment_rounding=(unit, "up"), **values).rows[0].total
    down = plan(instalment_rounding=(unit, "down"), **values).rows[0].total
    assert up % unit == down % unit == 0
    assert not last_exceeds(up)
    assert last_exceeds(up - unit)
    assert up - down in (0, unit)


def test_grace_on_principal() -> None:
    made = plan(principal_grace=3)
    assert rows(made)[:3] == [[0, 12_000, 1_200_000]] * 3
    assert rows(made)[3:] == sheet(1_200_000, [Fraction(1, 100)] * 9)


def test_grace_on_interest_defers_it_and_loses_none() -> None:
    plain, made = plan(), plan(interest_grace=2)
    assert [row.principal for row in made.rows] == [row.principal for row in plain.rows]
    assert [row.interest for row in made.rows[:2]] == [0, 0]
    deferred = sum(row.interest for row in plain.rows[:3])
    assert abs(made.rows[2].interest - deferred) <= 1
    assert [row.interest for row in made.rows[3:]] == [row.interest for row in plain.rows[3:]]
    assert len(made.rows[2].arithmetic) == 3


def test_interest_free_periods_are_part_of_the_level() -> None:
    made = plan(interest_free=2, instalments=6)
    assert rows(made) == sheet(1_200_000, [Fraction(0)] * 2 + [Fraction(1, 100)] * 4)


def test_a_down_payment_is_a_row_of_its_own() -> None:
    made = plan(down_payment=200_000, instalments=10)
    first = made.rows[0]
    assert (first.number, first.due_on, first.total) == (0, MADE, 200_000)
    assert rows(made)[1:] == sheet(1_000_000, [Fraction(1, 100)] * 10)


def test_a_tranche_on_a_due_date_belongs_to_the_next_period() -> None:
    tranche = {"on": date(2026, 3, 15), "amount": 200_000}
    made = plan(tranches=[tranche], instalments=6)
    first = sheet(1_000_000, [Fraction(1, 100)] * 6)
    assert rows(made)[:2] == first[:2]
    assert rows(made)[2:] == sheet(first[1][2] + 200_000, [Fraction(1, 100)] * 4)


def test_a_tranche_within_a_period_splits_its_interest() -> None:
    tranche = {"on": date(2026, 2, 25), "amount": 200_000}
    made = plan(tranches=[tranche], instalments=6, day_count="actual_365_fixed")
    before, after = made.rows[1].arithmetic
    assert (before.start, before.end, after.end) == (
        date(2026, 2, 15),
        date(2026, 2, 25),
        date(2026, 3, 15),
    )
    balance = made.rows[0].balance_after
    assert (before.balance, after.balance) == (balance, balance + 200_000)
    exact = Fraction(balance * 12 * 10, 36_500) + Fraction((balance + 200_000) * 12 * 18, 36_500)
    assert made.rows[1].interest == nearest(exact)


def test_a_holiday_defers_and_levels_the_rest() -> None:
    holiday = {"on": date(2026, 3, 1), "count": 2}
    made = plan(holidays=[holiday], instalments=6)
    first = sheet(1_200_000, [Fraction(1, 100)] * 6)[0]
    assert rows(made)[0] == first
    assert [row.total for row in made.rows[1:3]] == [0, 0]
    monthly = nearest(Fraction(first[2], 100))
    after = made.rows[3]
    assert abs(after.interest - 3 * monthly) <= 1
    assert after.principal + monthly == made.rows[4].total
    extended = plan(holidays=[holiday | {"extend": True}], instalments=6)
    assert len(extended.rows) == 8
    assert extended.rows[-1].due_on == date(2026, 9, 15)
    assert abs(extended.rows[4].total - plan(instalments=6).rows[0].total) <= 2


@pytest.mark.parametrize("rule", ["following", "modified_following", "preceding"])
@pytest.mark.parametrize("follows", [True, False])
def test_due_dates_move_to_business_days_and_interest_may_follow(rule: str, follows: bool) -> None:
    # 15 February 2026 is a Sunday, so is 15 March; 15 August a Saturday, 15 November a Sunday.
    made = plan(business_day_rule=rule, interest_follows=follows, day_count="actual_365_fixed")
    moved = date(2026, 2, 13) if rule == "preceding" else date(2026, 2, 16)
    first = made.rows[0]
    assert first.due_on == moved
    until = moved if follows else date(2026, 2, 15)
    assert first.arithmetic[0].end == until
    assert first.interest == nearest(Fraction(1_200_000 * 12 * (until - MADE).days, 36_500))
    assert all(row.due_on.weekday() < 5 for row in made.rows)


def test_fees_by_timing() -> None:
    made = plan(
        method="equal_principal",
        instalments=4,
        fees=[
            {"name": "origination", "timing": "deducted", "percent": "2"},
            {"name": "set-up", "timing": "first_instalment", "amount": 5_000},
            {"name": "insurance", "timing": "spread", "amount": 1_001},
            {"name": "service", "timing": "per_instalment", "percent": "0.1"},
            {
                "name": "guarantee",
                "timing": "per_instalment",
                "percent": "0.5",
                "base": "outstanding",
            },
        ],
    )
    assert made.deducted == 24_000
    guarantee = [6_000, 4_500, 3_000, 1_500]
    spread = [250, 250, 250, 251]
    first = [5_000, 0, 0, 0]
    assert [row.fee for row in made.rows] == [
        guarantee[k] + spread[k] + first[k] + 1_200 for k in range(4)
    ]
    assert made.total_fees == 24_000 + sum(row.fee for row in made.rows)
    assert made.total == 1_200_000 + made.total_interest + made.total_fees


def test_every_option_changes_the_plan() -> None:
    """A schedule type that gives the numbers of another one would be no type of its own."""
    options: list[dict[str, Any]] = [
        {},
        *({"method": method} for method in ("equal_principal", "flat", "interest_only")),
        {"method": "balloon", "balloon": 1_000},
        {"principal_grace": 1},
        {"interest_grace": 1},
        {"interest_free": 1},
        *({"day_count": item} for item in DayCount if item.startswith("actual_3")),
        {"frequency": {"unit": "week"}},
        {"instalment_rounding": (100, "up")},
        {"interest_rounding": (1, "up")},
        {"residue": "first"},
        {"down_payment": 1_000},
        {"first_due_on": date(2026, 2, 20)},
        {"rate_steps": [{"on": date(2026, 5, 1), "annual_rate": "6"}]},
    ]
    amounts = [
        tuple((row.principal, row.interest) for row in plan(principal=1_234_567, **option).rows)
        for option in options
    ]
    assert len(set(amounts)) == len(options)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("instalments", {"instalments": 0}, "1 to 600"),
    ("first_due_on", {"first_due_on": MADE}, "must follow the disbursement"),
    ("first_due_on", {"first_due_on": MADE - timedelta(days=1)}, "must follow"),
    ("first_due_on", {"method": "rentals_in_advance"}, "day of disbursement"),
    ("principal_grace", {"principal_grace": 12}, "longer than the term"),
    ("interest_grace", {"interest_grace": 12}, "longer than the term"),
    ("interest_free", {"interest_free": 13}, "longer than the term"),
    ("principal_grace", {"principal_grace": -1}, "zero or more"),
    ("principal_grace", {"principal_grace": 1, "method": "interest_only"}, "no principal"),
    ("balloon", {"method": "balloon"}, "balloon"),
    ("balloon", {"balloon": 1}, "balloon"),
    ("balloon", {"method": "balloon", "balloon": 1_200_000}, "less than what is financed"),
    ("instalment_amount", {"instalment_amount": 5}, "fixed instalment"),
    ("instalment_amount", {"method": "fixed_instalment", "instalments": 0}, "fixed instalment"),
    ("instalments", {"method": "fixed_instalment", "instalment_amount": 5}, "leave it out"),
    ("instalments", {"method": "single_payment"}, "one instalment"),
    ("explicit", {"method": "explicit", "instalments": 0, "day_count": "actual_360"}, "list"),
    ("day_count", {"interest_follows": True, "business_day_rule": "following"}, "moved"),
    ("interest_follows", {"interest_follows": True}, "business-day rule"),
    ("due_day", {"frequency": {"unit": "week"}, "due_day": 3}, "no day of the month"),
    ("first_due_on", {"due_day": 20}, "on the due day"),
    ("end_of_month", {"end_of_month": True, "due_day": 15}, "last day"),
    ("end_of_month", {"end_of_month": True, "frequency": {"unit": "day"}}, "last day"),
    ("second_due_day", {"second_due_day": 1}, "twice a month"),
    ("second_due_day", {"frequency": {"unit": "half_month"}}, "twice a month"),
    (
        "second_due_day",
        {"frequency": {"unit": "half_month"}, "second_due_day": 15},
        "another day",
    ),
    (
        "first_due_on",
        {"frequency": {"unit": "half_month"}, "due_day": 1, "second_due_day": 20},
        "on a due day",
    ),
    ("frequency", {"frequency": {"unit": "half_month", "every": 2}}, "half month"),
    ("frequency", {"frequency": {"unit": "day", "every": 0}}, "1 to 366"),
    ("interest_rounding", {"interest_rounding": (7, "up")}, "multiples"),
    ("instalment_rounding", {"instalment_rounding": (7, "up")}, "multiples"),
    ("down_payment", {"down_payment": 1_200_000}, "less than"),
    ("down_payment", {"down_payment": -1}, "less than"),
    ("tranches", {"tranches": [{"on": date(2026, 3, 1), "amount": 1_200_000}]}, "leave nothing"),
    ("tranches", {"tranches": [{"on": MADE, "amount": 1}]}, "follow"),
    ("tranches", {"tranches": [{"on": date(2026, 3, 1), "amount": 0}]}, "positive"),
    ("rate_steps", {"rate_steps": [{"on": MADE, "annual_rate": "5"}]}, "follow"),
    ("rate_steps", {"rate_steps": [{"on": date(2026, 3, 1), "annual_rate": "-5"}]}, "0 to 1000"),
    ("holidays", {"holidays": [{"on": date(2026, 3, 1), "count": 0}]}, "one instalment"),
    ("holidays", {"holidays": [{"on": date(2026, 3, 1), "count": 11}]}, "leaves none"),
    ("tranches", {"tranches": [{"on": date(2027, 3, 1), "amount": 5}]}, "too late"),
    ("penalty_year_days", {"penalty_year_days": 364}, "360 or 365"),
    ("penalty_cap", {"penalty_cap": Decimal(-1)}, "capped"),
    ("fees", {"fees": [{"name": "f", "timing": "deducted", "percent": "100"}]}, "leave nothing"),
    ("fees", {"fees": [{"name": "f", "timing": "spread"}]}, "not both"),
    ("fees", {"fees": [{"name": "f", "timing": "spread", "amount": -1}]}, "less than zero"),
    ("fees", {"fees": [{"name": "f", "timing": "on_event", "amount": 1}]}, "names the event"),
    (
        "fees",
        {"fees": [{"name": "f", "timing": "spread", "percent": "1", "base": "outstanding"}]},
        "outstanding",
    ),
    ("order", {"allocation": {"order": []}}, "twelve buckets"),
    ("early_settlement", {"early_settlement": {"fee_amount": -1}}, "no less than zero"),
    ("grace_days", {"delinquency": {"grace_days": 32}}, "0 to 31"),
    ("classes", {"delinquency": {"classes": [{"name": "late", "from_days": 1}]}}, "day 0"),
    (
        "instalment_amount",
        {"method": "fixed_instalment", "instalments": 0, "instalment_amount": 12_000},
        "do not repay",
    ),
]


@pytest.mark.parametrize(("field", "values", "reason"), REFUSED)
def test_nonsense_is_refused_by_field_and_reason(
    field: str, values: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidTerms, match=reason) as refused:
        plan(**values)
    assert refused.value.field == field


def listed(*items: dict[str, Any], **values: Any) -> dict[str, Any]:
    first: dict[str, Any] = {
        "method": "explicit",
        "explicit": items,
        "instalments": 0,
        "day_count": "actual_360",
        "first_due_on": date(2026, 3, 1),
    }
    return first | values


MARCH, APRIL = {"due_on": date(2026, 3, 1)}, {"due_on": date(2026, 4, 1)}


@pytest.mark.parametrize(
    ("field", "values", "reason"),
    [
        ("instalments", listed(MARCH, instalments=2), "1 instalments are listed"),
        ("day_count", listed(MARCH, day_count="period"), "regular due dates"),
        ("explicit", listed(APRIL), "first_due_on"),
        ("explicit", listed(MARCH | {"principal": 1}, MARCH), "follow each other"),
        ("explicit", listed(MARCH, APRIL), "has a principal or a total"),
        ("explicit", listed(MARCH | {"principal": -1}, APRIL), "zero or more"),
        ("explicit", listed(MARCH | {"total": 5}), "leave it open"),
        ("explicit", listed(MARCH | {"principal": 1}, APRIL | {"principal": 1}), "listed is 2"),
        ("explicit", listed(MARCH | {"total": 1}, APRIL | {"principal": 1}), "listed is 1"),
        (
            "holidays",
            listed(
                MARCH | {"principal": 1},
                APRIL,
                holidays=[{"on": date(2026, 2, 1), "count": 1, "extend": True}],
            ),
            "cannot be extended",
        ),
    ],
)
def test_listed_instalments_that_do_not_fit_are_refused(
    field: str, values: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidTerms, match=reason) as refused:
        plan(**values)
    assert refused.value.field == field


def test_a_component_is_named_as_positions_name_it() -> None:
    assert [item.value for item in Component] == ["penalty", "fee", "interest", "principal"]
    assert Method("flat") is Method.FLAT
