"""How a stretch of instalments is shaped: each convention beside a figure from outside the code."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from domain.common.errors import InvalidTerms
from domain.loans.events import Disbursed, LoanEvent, Paid, RateChanged
from domain.loans.payoff import payoff_quote
from domain.loans.position import Position, position
from domain.loans.schedule import Plan, build_plan
from domain.loans.terms import LoanTerms

MADE = date(2026, 1, 15)


def terms(**changes: Any) -> LoanTerms:
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_000_000,
        "annual_rate": "24",
        "instalments": 12,
        "disbursed_on": MADE,
        "first_due_on": date(2026, 2, 15),
    }
    return LoanTerms(**values | changes)


def plan(**changes: Any) -> Plan:
    return build_plan(terms(**changes))


def totals(made: Plan) -> list[int]:
    return [row.total for row in made.rows]


def stands(agreed: LoanTerms, as_of: date, *events: LoanEvent) -> Position:
    out = Disbursed(key="out", on=agreed.disbursed_on, amount=agreed.first_disbursement)
    return position(agreed, [out, *events], as_of)


def annuity(principal: int, rate: Fraction, count: int) -> int:
    """Return the textbook instalment P x i / (1 - (1 + i)^-n), half up."""
    return int(principal * rate / (1 - (1 + rate) ** -count) + Fraction(1, 2))


# A long first period, or a cut in the middle of one


def test_a_long_first_period_is_paid_as_interest_and_the_others_are_level() -> None:
    # 300,000.00 at 6 % over 360 months, first due after a month and a half: 2,322.58 of interest is
    # more than any level instalment, so 359 of them repay the loan. Textbook: 1,800.44.
    made = plan(
        currency="USD",
        principal=30_000_000,
        annual_rate="6",
        instalments=360,
        first_due_on=date(2026, 3, 1),
    )
    level = annuity(30_000_000, Fraction(6, 1200), 359)
    assert level == 180_044
    assert made.rows[0].principal == 0
    assert totals(made)[:3] == [232_258, level, level]
    assert set(totals(made)[1:-1]) == {level}
    # What rounding to the cent leaves over, grown over thirty years at half a per cent a month.
    assert abs(made.rows[-1].total - level) < 505
    assert all(row.principal for row in made.rows[1:])


def test_smoothing_works_after_a_long_first_period() -> None:
    made = plan(
        currency="USD",
        principal=30_000_000,
        annual_rate="8",
        instalments=360,
        first_due_on=date(2026, 2, 28),
        smooth=True,
    )
    level = annuity(30_000_000, Fraction(8, 1200), 359)
    assert totals(made)[1] == level == 220_277
    # A cent more or less at 8 % moves the last one by some 1,500 cents: no level is nearer.
    assert abs(made.rows[-1].total - level) < 750


def test_a_prepayment_shortly_before_a_due_date_counts_the_running_interest_once() -> None:
    # 950,000 of 1,000,000 on the day before: the running interest is 1,000,000 x 2 % x 30/31 and
    # 50,000 x 2 % / 31, together 19,387. Then 50,000 are repaid over eleven: 5,109.
    agreed = terms()
    paid = Paid(key="p", on=date(2026, 2, 14), amount=950_000, excess="reduce_instalment")
    rows = stands(agreed, paid.on, paid).instalments
    asked = [row.outstanding for row in rows]
    assert asked == [19_387, *[annuity(50_000, Fraction(2, 100), 11)] * 10, 5_108]
    assert asked[1] == 5_109


@pytest.mark.parametrize("months", range(2, 40))
@pytest.mark.parametrize("count", [2, 12, 60])
def test_no_instalment_is_empty_however_long_the_first_period(months: int, count: int) -> None:
    year, month = divmod(months, 12)
    made = plan(instalments=count, first_due_on=date(2026 + year, month + 1, 15))
    assert all(row.total for row in made.rows)
    assert all(row.principal for row in made.rows[1:])
    others = totals(made)[1:-1]
    assert len(set(others)) <= 1
    if others:
        assert abs(made.rows[-1].total - others[0]) <= 2 * count


def test_unmet_interest_is_carried_forward_without_interest() -> None:
    # Six months to the first due date at 60 %: 300,000 of interest. The balance bears 5 % a month
    # throughout, what is carried none: with L the instalment, after k short ones k x L is paid of
    # 300,000 + 50,000 (k - 1).
    made = plan(
        annual_rate="60",
        instalments=24,
        first_due_on=date(2026, 7, 15),
        unmet_interest="carried",
    )
    level = made.rows[0].total
    assert set(totals(made)[:-1]) == {level}
    assert abs(made.rows[-1].total - level) <= 24
    owed, unmet = Fraction(1_000_000), Fraction(0)
    for number, row in enumerate(made.rows, start=1):
        interest = owed / 20 * (6 if number == 1 else 1)
        due = interest + unmet
        unmet = max(due - level, Fraction(0))
        owed -= max(level - due, Fraction(0))
        assert abs(row.carried - unmet) <= number
        assert abs(row.balance_after - owed) <= 2 * number * level // 1000
    assert made.rows[0].principal == 0
    assert made.rows[0].carried == 300_000 - level
    earned = sum(
        (Fraction(*piece.exact) for row in made.rows for piece in row.arithmetic), Fraction(0)
    )
    assert abs(made.total_interest - earned) <= 24


# Day counts


@pytest.mark.parametrize("day_count", ["thirty_360_us", "thirty_360_eu"])
@pytest.mark.parametrize("day", [1, 2, 15, 28, 29, 30, 31])
@pytest.mark.parametrize("month", range(3, 13))
def test_months_of_thirty_days_are_additive_over_any_split(
    day_count: str, day: int, month: int
) -> None:
    agreed = terms(
        currency="USD",
        principal=100_000_000,
        annual_rate="36",
        method="interest_only",
        day_count=day_count,
        disbursed_on=date(2025, 2, 28),
        first_due_on=date(2025, 3, 31),
        due_day=31,
    )
    try:
        on = date(2025, month, day)
    except ValueError:
        return
    unchanged = RateChanged(key="r", on=on, annual_rate=Decimal(36))
    before, after = (stands(agreed, on, *events) for events in ((), (unchanged,)))
    assert [row.interest for row in after.instalments] == [
        row.interest for row in before.instalments
    ]
    # From 30 June to 31 July are 30 days of 30/360: a month at 36 % is 3 % of 1,000,000.00.
    assert after.instalments[4].interest == 3_000_000


def test_interest_to_a_day_is_rounded_as_the_terms_say() -> None:
    # 8,160 pence left from 22 January at 292 % over 34 days of the 366 of 2024: exactly what a
    # borrower who checks it gets, and never half a penny more than the contract's rounding.
    agreed = terms(
        currency="GBP",
        principal=25_000,
        annual_rate="292",
        instalments=4,
        disbursed_on=date(2023, 11, 28),
        first_due_on=date(2023, 12, 22),
        day_count="actual_365_fixed",
        interest_rounding=(1, "down"),
    )
    made = build_plan(agreed)
    out = Disbursed(key="out", on=agreed.disbursed_on, amount=agreed.principal)
    paid = [Paid(key=f"p{r.number}", on=r.due_on, amount=r.total) for r in made.rows[:3]]
    quote = payoff_quote(agreed, [out, *paid], date(2024, 2, 25))
    exact = Fraction(made.rows[2].balance_after) * 292 * 3 / 36_500
    assert (quote.accrued_interest, int(exact)) == (195, 195)
    assert exact - 195 > Fraction(1, 2)


# Listed instalments


@pytest.mark.parametrize(
    ("listed", "field", "reason"),
    [
        ([{"total": 100}], "explicit.0", "does not pay its interest of 20384"),
        ([{"total": 1_900_000}, {"total": 900_000}], "explicit.0", "only 1020384 is left to pay"),
        ([{"total": 500_000}, {"total": 900_000}], "explicit.1", "is left to pay"),
        ([{"principal": 600_000}, {"principal": 600_000}], "explicit.1", "only 400000 is left"),
        ([{"principal": 600_000}, {"principal": 400_000}], "explicit.2", "nothing to repay"),
    ],
)
def test_a_list_that_cannot_hold_is_refused_by_its_row(
    listed: list[dict[str, Any]], field: str, reason: str
) -> None:
    days = [date(2026, 2 + number, 15) for number in range(len(listed) + 1)]
    rows = [{**row, "due_on": on} for row, on in zip([*listed, {}], days, strict=True)]
    with pytest.raises(InvalidTerms, match=reason) as refused:
        plan(method="explicit", explicit=rows, instalments=len(rows), day_count="actual_365_fixed")
    assert refused.value.field == field


# Due dates


def test_no_instalment_falls_due_on_the_day_of_the_disbursement_or_before() -> None:
    # In China 1 to 7 October 2026 are days off: the business day before is 30 September, on which
    # nothing was lent yet. What cannot be paid before is paid after the holiday.
    made = plan(
        calendar="CN",
        business_day_rule="preceding",
        interest_follows=True,
        day_count="actual_365_fixed",
        disbursed_on=date(2026, 10, 2),
        first_due_on=date(2026, 10, 3),
        frequency={"unit": "day"},
    )
    assert min(row.due_on for row in made.rows) == date(2026, 10, 8)
    assert [row.due_on for row in made.rows] == sorted(row.due_on for row in made.rows)


def test_a_due_day_rolls_to_the_first_of_the_next_month() -> None:
    # Apache Fineract, LoanMonthEndDueDateStrategy.feature: 31 January, 1 March, 31 March, 1 May.
    made = plan(
        disbursed_on=date(2026, 1, 31),
        first_due_on=date(2026, 3, 1),
        due_day=31,
        short_month="next_first",
        instalments=6,
    )
    assert [row.due_on for row in made.rows] == [
        date(2026, 3, 1),
        date(2026, 3, 31),
        date(2026, 5, 1),
        date(2026, 5, 31),
        date(2026, 7, 1),
        date(2026, 7, 31),
    ]
    # Periods are whole: the day count `period` charges a month for each.
    assert made.rows[0].interest == 20_000


# Weights, several rentals in advance


def test_three_rentals_in_advance() -> None:
    # HP-12C Owner's Handbook, "Leasing": equipment worth 750.00, 12 months at 10 %, three payments
    # at the time of closing: 64.45 a month.
    made = plan(
        currency="USD",
        principal=75_000,
        annual_rate="10",
        method="rentals_in_advance",
        first_due_on=MADE,
        advance_rentals=3,
    )
    assert totals(made)[:-1] == [19_336, *[6_445] * 8]
    assert len(made.rows) == 10
    assert made.rows[-1].due_on == date(2026, 10, 15)


def test_weighted_instalments_repay_the_loan_at_its_rate() -> None:
    weights = ["1", "1", "0", "2", "1.5", "1", "0", "0", "1", "3", "1", "1"]
    made = plan(weights=weights, unmet_interest="carried")
    level = made.rows[0].total
    for row, weight in zip(made.rows[:-1], weights, strict=False):
        assert abs(row.total - level * Fraction(weight)) <= 2
    assert abs(made.rows[-1].total - level) <= 24


def test_steps_of_seven_and_a_half_percent_a_year() -> None:
    # A graduated payment: 7.5 % more each year. Its present value at the rate is the loan.
    weights = [str(Decimal("1.075") ** year).rstrip("0")[:6] for year in range(3) for _ in "x" * 12]
    made = plan(instalments=36, weights=weights, principal=10_000_000, annual_rate="12")
    growth = Fraction(101, 100)
    value = sum((Fraction(row.total) / growth**row.number for row in made.rows), Fraction(0))
    assert abs(value - 10_000_000) < 20
    assert made.rows[12].total == pytest.approx(made.rows[0].total * 1.075, abs=2)


def test_a_season_without_instalments_pays_its_interest() -> None:
    made = plan(weights=["1", "1", "1", "0", "0", "0"])
    assert [row.principal for row in made.rows[3:6]] == [0, 0, 0]
    assert [row.total for row in made.rows[3:6]] == [row.interest for row in made.rows[3:6]]
    # The last month has no weight: the one before the season repays what is left.
    assert totals(made)[-3:] == [0, 0, 0]
    assert sum(row.principal for row in made.rows) == 1_000_000


# Levels


def test_a_last_payment_that_is_level() -> None:
    made = plan(residue="last_interest")
    assert set(totals(made)) == {94_560}
    usual = plan()
    assert made.rows[-1].principal == usual.rows[-1].principal
    assert usual.rows[-1].total == 94_555


def test_a_flat_loan_with_a_level_total() -> None:
    # 1,000,000 and 24 % flat over 365 days of the year, in twelve equal totals: 103,333.33.
    made = plan(method="flat", level_total=True, day_count="actual_365_fixed")
    assert totals(made) == [*[103_333] * 11, 103_340]
    assert made.total_interest == sum(row.interest for row in made.rows) == 240_003
    assert {row.interest for row in made.rows} == {20_384, 18_411, 19_726}


def test_a_level_by_the_nominal_rate_leaves_the_difference_to_the_last() -> None:
    # The instalment of 24 % a year over 12 months, while interest counts days over 360.
    made = plan(level_rate="nominal", day_count="actual_360")
    assert set(totals(made)[:-1]) == {annuity(1_000_000, Fraction(2, 100), 12)}
    assert made.rows[0].interest == 20_667
    owed = Fraction(1_000_000)
    previous = MADE
    for row in made.rows[:-1]:
        owed = owed * (1 + Fraction(24 * (row.due_on - previous).days, 36_000)) - 94_560
        previous = row.due_on
    last = owed * (1 + Fraction(24 * 31, 36_000))
    assert abs(made.rows[-1].total - last) < 12


def test_flat_interest_on_what_was_disbursed_or_on_what_is_financed() -> None:
    # 10,000.00 with 2,000.00 paid down: 2 % of 8,000.00 or of 10,000.00 a month.
    paid_down = {"method": "flat", "down_payment": 200_000}
    assert {row.interest for row in plan(**paid_down).rows[1:]} == {16_000}
    on_all = plan(**paid_down, flat_base="disbursed")
    assert {row.interest for row in on_all.rows[1:]} == {20_000}
    assert sum(row.principal for row in on_all.rows) == 1_000_000


def test_a_capitalised_fee_is_repaid_with_the_principal_and_income_over_the_plan() -> None:
    # 10,000.00 asked for with a fee of 5 %: 10,500.00 are lent, 10,000.00 paid out, and the
    # instalment is that of 10,500.00. In the books the fee is deferred income, as what Apache
    # Fineract calls capitalized income.
    fee = {"name": "arrangement", "timing": "capitalised", "percent": "5"}
    agreed = terms(fees=[fee])
    made = build_plan(agreed)
    assert agreed.principal == 1_050_000
    assert agreed.first_disbursement - made.deducted == 1_000_000
    assert made.rows[0].total == annuity(1_050_000, Fraction(2, 100), 12)
    assert sum(row.principal for row in made.rows) == 1_050_000
    assert agreed.fees[0].release == "over_plan"
    # The terms as they are stored are read as they are: nothing is lent twice.
    assert LoanTerms.model_validate_json(agreed.model_dump_json()) == agreed
    assert LoanTerms.model_validate(dict(agreed)) == agreed


def test_each_tranche_has_a_down_payment_of_its_own() -> None:
    # Apache Fineract, "auto down payment" with several disbursements: a quarter of each is due on
    # its day. 6,000.00 and 4,000.00 go out; 1,500.00 and 1,000.00 come back at once.
    tranche = {"on": date(2026, 4, 20), "amount": 400_000, "down_payment": 100_000}
    agreed = terms(down_payment=150_000, tranches=[tranche])
    made = build_plan(agreed)
    at_once = [row for row in made.rows if not row.number]
    assert [(row.due_on, row.total) for row in at_once] == [
        (MADE, 150_000),
        (tranche["on"], 100_000),
    ]
    assert [row.number for row in made.rows] == [0, 1, 2, 3, 0, *range(4, 13)]
    assert sum(row.principal for row in made.rows) == 1_000_000
    owed = [row.balance_after for row in made.rows]
    assert owed[4] == owed[3] + 300_000
    # 300,000 more from 20 April on: 25 days of April's period, and nine instalments level anew.
    assert len(set(totals(made)[6:-1])) == 1
    value = -Fraction(450_000) - Fraction(300_000) / Fraction(102, 100) ** 3
    value += sum(Fraction(row.total) / Fraction(102, 100) ** row.number for row in made.rows[1:4])
    value += sum(Fraction(row.total) / Fraction(102, 100) ** row.number for row in made.rows[5:])
    assert abs(value) < 300_000 * Fraction(2, 100)
    out = Disbursed(key="out", on=MADE, amount=600_000)
    more = Disbursed(key="more", on=date(2026, 4, 20), amount=400_000)
    paid = [
        Paid(key=f"p{number}", on=row.due_on, amount=row.total)
        for number, row in enumerate(made.rows[:5])
    ]
    today = position(agreed, [out, *paid[:4], more, paid[4]], date(2026, 4, 21))
    assert today.total_due == 0
    assert [item.number for item in today.instalments] == [row.number for row in made.rows]
    assert [item.principal for item in today.instalments] == [row.principal for row in made.rows]
    late = position(agreed, [out, *paid[:4], more], date(2026, 4, 21))
    assert (late.total_overdue, late.days_past_due) == (100_000, 1)
    for wrong in (-1, 400_000):
        with pytest.raises(InvalidTerms):
            terms(tranches=[{**tranche, "down_payment": wrong}])


def test_a_fee_per_instalment_that_ends() -> None:
    fee = {"name": "insurance", "timing": "per_instalment", "amount": 500}
    ended = plan(fees=[{**fee, "first_instalment": 2, "last_instalment": 4}])
    assert [row.fee for row in ended.rows] == [0, 500, 500, 500, *[0] * 8]
    for wrong in ({"first_instalment": 0}, {"first_instalment": 5, "last_instalment": 4}):
        with pytest.raises(InvalidTerms):
            plan(fees=[{**fee, **wrong}])
    with pytest.raises(InvalidTerms):
        plan(fees=[{"name": "a", "timing": "spread", "amount": 500, "last_instalment": 4}])


@pytest.mark.parametrize("after", range(0, 400, 7))
def test_a_payoff_asks_for_interest_that_is_carried_forward(after: int) -> None:
    # Nothing is lost between instalments: what is paid, and what settles the loan, is principal and
    # all interest earned up to the day, which an independent sum over the days gives.
    agreed = terms(
        annual_rate="60",
        instalments=24,
        first_due_on=date(2026, 7, 15),
        unmet_interest="carried",
        day_count="actual_365_fixed",
    )
    made = build_plan(agreed)
    on = MADE + timedelta(days=after)
    out = Disbursed(key="out", on=MADE, amount=agreed.principal)
    paid = [
        Paid(key=f"p{row.number}", on=row.due_on, amount=row.total)
        for row in made.rows
        if row.due_on <= on
    ]
    quote = payoff_quote(agreed, [out, *paid], on)
    earned, owed, day = Fraction(0), Fraction(1_000_000), MADE
    repaid = {row.due_on: row.principal for row in made.rows}
    while day < on:
        earned += owed * 60 / 36_500
        day += timedelta(days=1)
        owed -= repaid.get(day, 0)
    total = quote.total + sum(event.amount for event in paid)
    assert abs(total - 1_000_000 - earned) <= 1 + len(paid)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"weights": ["0"]}, "weights"),
        ({"weights": ["1"] * 13}, "weights"),
        ({"weights": ["-1"]}, "weights"),
        ({"weights": ["1"], "method": "interest_only"}, "weights"),
        ({"advance_rentals": 2}, "advance_rentals"),
        ({"advance_rentals": 0}, "advance_rentals"),
        ({"level_total": True}, "level_total"),
        ({"flat_base": "disbursed"}, "flat_base"),
        ({"level_rate": "nominal", "method": "equal_principal"}, "level_rate"),
        ({"unmet_interest": "carried", "method": "flat"}, "unmet_interest"),
        ({"residue": "last_interest", "method": "equal_principal"}, "residue"),
        ({"residue": "last_interest", "instalment_rounding": (100, "up")}, "residue"),
        ({"short_month": "next_first", "end_of_month": True}, "short_month"),
        ({"short_month": "next_first", "frequency": {"unit": "week"}}, "short_month"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused_by_its_field(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidTerms) as refused:
        terms(**changes)
    assert refused.value.field == field
