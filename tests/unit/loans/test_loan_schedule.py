"""How a plan changes while the loan runs: new instalments, tranches, rates and holidays."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.common.errors import InvalidTerms
from domain.common.frequency import Frequency, FrequencyUnit
from domain.loans.loan_schedule import LoanSchedule
from domain.loans.plan_terms import Holiday
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms

MADE = date(2026, 1, 15)
MID_MARCH = date(2026, 3, 20)


def terms(**changes: Any) -> LoanTerms:
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_200_000,
        "annual_rate": "12",
        "instalments": 12,
        "disbursed_on": MADE,
        "first_due_on": date(2026, 2, 15),
        "method": "equal_principal",
    }
    return LoanTerms(**values | changes)


def running(**changes: Any) -> LoanSchedule:
    """Return the schedule of a loan that was paid out as agreed."""
    agreed = terms(**changes)
    schedule = LoanSchedule(agreed)
    schedule.disburse(agreed.disbursed_on, agreed.first_disbursement)
    return schedule


def dues(schedule: LoanSchedule, start: int = 0) -> list[str]:
    return [row.period.due_on.isoformat() for row in schedule.rows[start:]]


def interests(schedule: LoanSchedule, start: int = 0) -> list[int]:
    return [row.interest for row in schedule.rows[start:]]


def principals(schedule: LoanSchedule, start: int = 0) -> list[int]:
    return [row.principal for row in schedule.rows[start:]]


@pytest.mark.parametrize(
    "agreed",
    [
        {"due_day": 31, "first_due_on": date(2026, 2, 28)},
        {
            "frequency": {"unit": "half_month"},
            "first_due_on": date(2026, 1, 31),
            "second_due_day": 15,
        },
        {"frequency": {"unit": "week"}, "first_due_on": date(2026, 1, 22)},
    ],
)
def test_new_instalments_are_monthly_from_their_own_first_due_date(agreed: dict[str, Any]) -> None:
    schedule = running(instalments=24, **agreed)
    index = schedule.reschedule(MID_MARCH, instalments=3, first_due_on=date(2026, 4, 10))
    assert dues(schedule, index)[:3] == ["2026-04-10", "2026-05-10", "2026-06-10"]


def test_new_instalments_follow_the_frequency_they_were_agreed_with() -> None:
    schedule = running()
    fortnightly = Frequency(unit=FrequencyUnit.WEEK, every=2)
    index = schedule.reschedule(
        MID_MARCH, instalments=3, first_due_on=date(2026, 4, 3), frequency=fortnightly
    )
    assert dues(schedule, index)[:3] == ["2026-04-03", "2026-04-17", "2026-05-01"]


FROM_THE_MONTH_END = {"end_of_month": True, "first_due_on": date(2026, 2, 28)}
FROM_THE_28TH = {"due_day": 28, "first_due_on": date(2026, 2, 28)}


@pytest.mark.parametrize(
    ("agreed", "first_due_on", "expected"),
    [
        (FROM_THE_MONTH_END, date(2026, 4, 30), "2026-04-30 2026-05-31 2026-06-30"),
        (FROM_THE_MONTH_END, date(2026, 4, 10), "2026-04-10 2026-05-10 2026-06-10"),
        (FROM_THE_MONTH_END, date(2026, 4, 29), "2026-04-29 2026-05-29 2026-06-29"),
        (FROM_THE_28TH, date(2026, 4, 30), "2026-04-30 2026-05-30 2026-06-30"),
    ],
)
def test_the_end_of_the_month_stays_where_the_new_plan_starts_on_one(
    agreed: dict[str, Any], first_due_on: date, expected: str
) -> None:
    schedule = running(**agreed)
    index = schedule.reschedule(MID_MARCH, instalments=3, first_due_on=first_due_on)
    assert dues(schedule, index)[:3] == expected.split()


TWICE_A_MONTH = Frequency(unit=FrequencyUnit.HALF_MONTH)
FIRST_AND_15TH = {"frequency": TWICE_A_MONTH, "second_due_day": 1, "instalments": 24}


@pytest.mark.parametrize("between", [None, Frequency(unit=FrequencyUnit.WEEK)])
@pytest.mark.parametrize(
    ("first_due_on", "day_count", "expected"),
    [
        (date(2026, 4, 1), "period", "2026-04-01 2026-04-15 2026-05-01 2026-05-15"),
        (date(2026, 4, 15), "period", "2026-04-15 2026-05-01 2026-05-15 2026-06-01"),
        (date(2026, 4, 10), "actual_360", "2026-04-10 2026-05-01 2026-05-15 2026-06-01"),
    ],
)
def test_twice_a_month_keeps_the_two_days_of_the_loan(
    first_due_on: date, day_count: str, expected: str, between: Frequency | None
) -> None:
    schedule = running(**FIRST_AND_15TH, day_count=day_count)
    if between is not None:
        schedule.reschedule(
            MID_MARCH, instalments=9, first_due_on=date(2026, 4, 3), frequency=between
        )
    index = schedule.reschedule(
        MID_MARCH, instalments=4, first_due_on=first_due_on, frequency=TWICE_A_MONTH
    )
    assert dues(schedule, index)[:4] == expected.split()
    schedule.grant_holiday(Holiday(on=MID_MARCH, count=1, extend=True))
    assert dues(schedule, index)[3] == expected.split()[3] < dues(schedule, index)[4]


@pytest.mark.parametrize(
    ("agreed", "first_due_on", "field", "reason"),
    [
        ({}, date(2026, 4, 1), "frequency", "the loan has no second due day"),
        (FIRST_AND_15TH, date(2026, 4, 10), "first_due_on", "the first due date on a due day"),
    ],
)
def test_twice_a_month_is_refused_where_its_days_do_not_follow(
    agreed: dict[str, Any], first_due_on: date, field: str, reason: str
) -> None:
    schedule = running(**agreed)
    before = dues(schedule)
    with pytest.raises(InvalidTerms, match=reason) as refused:
        schedule.reschedule(
            MID_MARCH, instalments=4, first_due_on=first_due_on, frequency=TWICE_A_MONTH
        )
    assert refused.value.field == field
    assert dues(schedule) == before


@pytest.mark.parametrize("grace", ["principal_grace", "interest_grace", "interest_free"])
def test_a_grace_of_the_old_plan_does_not_run_again(grace: str) -> None:
    schedule = running(**{grace: 3, "day_count": "thirty_360_eu"})
    index = schedule.reschedule(date(2026, 4, 15), instalments=3, first_due_on=date(2026, 5, 15))
    new = schedule.rows[index : index + 3]
    principal = sum(row.principal for row in schedule.rows[index:])
    carried = {"interest_grace": 12_000 + 11_000 + 10_000}.get(grace, 0)
    assert [row.principal for row in new] == [principal // 3] * 3
    assert [row.interest for row in new] == [
        carried + principal // 100,
        principal * 2 // 300,
        principal // 300,
    ]


@pytest.mark.parametrize(
    "agreed",
    [
        {"method": "fixed_instalment", "instalment_amount": 120_000, "instalments": 0},
        {
            "method": "explicit",
            "explicit": [
                {"due_on": date(2026, 2, 15), "principal": 10_000},
                {"due_on": date(2027, 1, 15)},
            ],
            "instalments": 2,
            "day_count": "thirty_360_eu",
        },
        {"method": "rentals_in_advance", "first_due_on": MADE},
    ],
)
def test_plans_without_regular_instalments_continue_with_equal_ones(agreed: dict[str, Any]) -> None:
    schedule = running(**agreed)
    on = date(2026, 2, 15)
    index = schedule.reschedule(on, instalments=3, first_due_on=date(2026, 3, 15))
    new = schedule.rows[index : index + 3]
    owed = sum(row.principal for row in schedule.rows[index:])
    # The annuity of 1 % a month over 3 months: 0.3400221 of the balance.
    assert [abs(row.principal + row.interest - owed * Decimal("0.3400221")) < 2 for row in new] == [
        True,
        True,
        True,
    ]
    assert [row.interest > 0 for row in new] == [True, True, True]
    assert [row.period.due_on.month for row in new] == [3, 4, 5]
    assert sum(principals(schedule, index + 3)) == 0


def test_instalments_that_a_new_plan_does_not_need_keep_their_places() -> None:
    schedule = running()
    index = schedule.reschedule(MID_MARCH, instalments=4, first_due_on=date(2026, 5, 1))
    assert index == 2
    assert [row.period.number for row in schedule.rows] == list(range(1, 13))
    assert dues(schedule, index) == [
        *("2026-05-01", "2026-06-01", "2026-07-01", "2026-08-01"),
        *["2026-08-01"] * 6,
    ]
    assert principals(schedule, index) == [250_000] * 4 + [0] * 6
    assert interests(schedule, index + 4) == [0] * 6
    # On the day after its last due date nothing of the plan runs any more.
    assert schedule.change_rate(date(2026, 8, 2), Decimal(6)) == 12


def test_a_new_plan_may_be_longer_than_the_old_one() -> None:
    schedule = running()
    schedule.reschedule(MID_MARCH, instalments=20, first_due_on=date(2026, 4, 15))
    assert [row.period.number for row in schedule.rows] == list(range(1, 23))
    assert principals(schedule, 2) == [50_000] * 20


def test_what_is_overdue_joins_the_principal_of_the_new_plan() -> None:
    schedule = running()
    index = schedule.reschedule(
        MID_MARCH, instalments=4, first_due_on=date(2026, 4, 15), added=200_000
    )
    assert principals(schedule, index)[:4] == [300_000] * 4


def test_a_new_rate_replaces_rates_agreed_for_later() -> None:
    steps = [{"on": date(2026, 4, 15), "annual_rate": "24"}]
    kept = running(rate_steps=steps, day_count="thirty_360_eu")
    on, first_due_on = date(2026, 3, 15), date(2026, 4, 15)
    index = kept.reschedule(on, instalments=2, first_due_on=first_due_on)
    assert interests(kept, index)[:2] == [10_000, 10_000]  # 1 % of 10,000.00, 2 % of 5,000.00
    replaced = running(rate_steps=steps, day_count="thirty_360_eu")
    index = replaced.reschedule(
        on, instalments=2, first_due_on=first_due_on, annual_rate=Decimal(6)
    )
    assert interests(replaced, index)[:2] == [5_000, 2_500]  # 0.5 % throughout


def test_a_rate_change_on_the_day_of_another_takes_its_place() -> None:
    on = date(2026, 3, 15)
    schedule = running(day_count="thirty_360_eu")
    schedule.change_rate(on, Decimal(24))
    assert schedule.change_rate(on, Decimal(6)) == 2
    assert interests(schedule)[1:4] == [11_000, 5_000, 4_500]


def test_a_rate_change_before_the_first_disbursement_changes_no_row() -> None:
    schedule = LoanSchedule(terms())
    assert schedule.change_rate(date(2026, 1, 1), Decimal(24)) == 0
    assert schedule.rows == []


@pytest.mark.parametrize(
    ("instalments", "first_due_on", "field", "reason"),
    [
        (0, date(2026, 4, 15), "instalments", "a new plan has 1 to 600 instalments"),
        (601, date(2026, 4, 15), "instalments", "a new plan has 1 to 600 instalments"),
        (3, MID_MARCH, "first_due_on", "a new plan is first due after 2026-03-20"),
        (3, date(2026, 3, 1), "first_due_on", "a new plan is first due after 2026-03-20"),
    ],
)
def test_new_plans_that_none_can_follow_are_refused(
    instalments: int, first_due_on: date, field: str, reason: str
) -> None:
    schedule = running()
    with pytest.raises(InvalidTerms, match=reason) as refused:
        schedule.reschedule(MID_MARCH, instalments=instalments, first_due_on=first_due_on)
    assert refused.value.field == field


@pytest.mark.parametrize(("instalments", "first_due_on"), [(1, date(2026, 3, 21)), (600, None)])
def test_the_limits_of_a_new_plan_are_allowed(instalments: int, first_due_on: date | None) -> None:
    schedule = running()
    index = schedule.reschedule(
        MID_MARCH, instalments=instalments, first_due_on=first_due_on or date(2026, 4, 15)
    )
    assert sum(1 for amount in principals(schedule, index) if amount) == instalments
    assert sum(principals(schedule)) == 1_200_000


def test_a_tranche_joins_the_instalments_ahead() -> None:
    schedule = running(tranches=[{"on": date(2026, 3, 15), "amount": 200_000}])
    assert principals(schedule) == [83_333] * 11 + [83_337]
    assert LoanSchedule(terms()).disburse(MADE, 1_200_000) == 0
    assert schedule.disburse(date(2026, 3, 15), 200_000) == 2
    assert schedule.disbursed == 1_200_000
    assert principals(schedule) == [83_333] * 2 + [103_333] * 9 + [103_337]


def test_a_tranche_after_the_last_due_date_is_too_late() -> None:
    schedule = running(tranches=[{"on": date(2026, 3, 15), "amount": 200_000}])
    last = schedule.rows[-1].period.due_on
    with pytest.raises(InvalidTerms, match=f"{last} is too late to disburse") as refused:
        schedule.disburse(last, 200_000)
    assert refused.value.field == "tranches"


def test_a_holiday_takes_the_next_due_dates_only() -> None:
    schedule = running()
    assert schedule.grant_holiday(Holiday(on=date(2026, 3, 15), count=2)) == 2
    assert principals(schedule) == [100_000] * 2 + [0] * 2 + [125_000] * 8
    assert interests(schedule)[2:5] == [0, 0, 30_000]


def test_a_holiday_that_extends_the_plan_adds_as_many_instalments() -> None:
    schedule = running()
    schedule.grant_holiday(Holiday(on=date(2026, 3, 15), count=2, extend=True))
    assert principals(schedule) == [100_000] * 2 + [0] * 2 + [100_000] * 10
    assert dues(schedule, 12) == ["2027-02-15", "2027-03-15"]
    assert [row.period.number for row in schedule.rows] == list(range(1, 15))


def test_an_instalment_added_by_a_holiday_carries_no_share_of_a_spread_fee() -> None:
    fees = [
        {"name": "a", "timing": "spread", "amount": 1_205},
        {"name": "b", "timing": "per_instalment", "amount": 30},
    ]
    schedule = running(fees=fees)
    schedule.grant_holiday(Holiday(on=date(2026, 3, 15), count=1, extend=True))
    assert [row.fee for row in schedule.rows] == [*[130] * 11, 105 + 30, 30]


def test_the_residual_value_of_a_lease_carries_no_share_of_a_spread_fee() -> None:
    fees = [{"name": "a", "timing": "spread", "amount": 1_205}]
    lease = running(method="rentals_in_advance", first_due_on=MADE, residual=100_000, fees=fees)
    assert [row.fee for row in lease.rows] == [*[100] * 11, 105, 0]


def test_a_fee_per_instalment_is_charged_while_anything_is_owed() -> None:
    fees = [{"name": "b", "timing": "per_instalment", "amount": 30}]
    schedule = running(method="interest_only", annual_rate="0", fees=fees)
    assert [row.fee for row in schedule.rows] == [30] * 12


def test_a_holiday_after_a_reschedule_extends_the_new_plan() -> None:
    schedule = running()
    schedule.reschedule(MID_MARCH, instalments=12, first_due_on=date(2026, 4, 10))
    schedule.grant_holiday(Holiday(on=date(2026, 4, 10), count=1, extend=True))
    assert dues(schedule, 13) == ["2027-03-10", "2027-04-10"]
    assert [row.period.number for row in schedule.rows] == list(range(1, 16))


def test_a_holiday_extends_a_new_plan_that_is_shorter_than_the_old_one() -> None:
    schedule = running()
    schedule.reschedule(MID_MARCH, instalments=4, first_due_on=date(2026, 4, 10))
    schedule.grant_holiday(Holiday(on=MID_MARCH, count=1, extend=True))
    assert principals(schedule, 2) == [0] + [250_000] * 4 + [0] * 6
    assert dues(schedule, 5) == ["2026-07-10", *["2026-08-10"] * 7]
    # 1 % of what is left each month.
    assert interests(schedule, 4)[:3] == [7_500, 5_000, 2_500]
    assert [row.period.number for row in schedule.rows] == list(range(1, 14))


def test_a_holiday_extends_a_plan_that_was_shortened() -> None:
    schedule = running()
    schedule.prepay(date(2026, 3, 15), 500_000, shorten=True)
    schedule.grant_holiday(Holiday(on=date(2026, 3, 15), count=2, extend=True))
    assert principals(schedule) == [100_000] * 2 + [0] * 2 + [100_000] * 5 + [0] * 5
    assert interests(schedule, 4)[:5] == [15_000, 4_000, 3_000, 2_000, 1_000]
    assert dues(schedule) == sorted(dues(schedule))
    assert [row.period.number for row in schedule.rows] == list(range(1, 15))


@pytest.mark.parametrize(
    ("on", "count"),
    [(date(2026, 3, 15), 10), (date(2027, 1, 15), 1), (date(2028, 1, 1), 1)],
)
def test_a_holiday_that_leaves_nothing_to_pay_is_refused(on: date, count: int) -> None:
    reason = f"a holiday of {count} instalments from {on} leaves none to pay"
    with pytest.raises(InvalidTerms, match=reason) as refused:
        running().grant_holiday(Holiday(on=on, count=count))
    assert refused.value.field == "holidays"


def test_a_holiday_after_the_end_of_a_fixed_instalment_is_refused() -> None:
    schedule = running(method="fixed_instalment", instalment_amount=120_000, instalments=0)
    with pytest.raises(InvalidTerms, match="leaves none to pay"):
        schedule.grant_holiday(Holiday(on=date(2028, 1, 1), count=1))


def test_a_fixed_instalment_that_needs_fewer_dates_keeps_those_it_had() -> None:
    fixed = {"method": "fixed_instalment", "instalment_amount": 50_000, "instalments": 0}
    lower = [{"on": date(2026, 3, 15), "annual_rate": "0"}]
    before, after = running(**fixed), running(**fixed, rate_steps=lower)
    assert dues(after) == dues(before)
    # 12,000.00 less two instalments' principal, in parts of 500.00 without interest.
    assert principals(after)[2:4] == [50_000, 50_000]
    assert sum(principals(after)) == 1_200_000
    assert principals(after)[-1] == 0


def test_a_holiday_may_leave_one_instalment() -> None:
    schedule = running()
    schedule.grant_holiday(Holiday(on=date(2026, 3, 15), count=9))
    assert principals(schedule) == [100_000] * 2 + [0] * 9 + [1_000_000]


def test_no_plan_is_extended_beyond_six_hundred_instalments() -> None:
    longest = running(instalments=599)
    longest.grant_holiday(Holiday(on=MADE, count=1, extend=True))
    assert len(longest.rows) == 600
    with pytest.raises(InvalidTerms, match="this plan cannot be extended") as refused:
        longest.grant_holiday(Holiday(on=MADE, count=1, extend=True))
    assert refused.value.field == "holidays"


def test_a_holiday_lengthens_a_plan_of_a_fixed_instalment_by_itself() -> None:
    fixed = {"method": "fixed_instalment", "instalment_amount": 120_000, "instalments": 0}
    plain = running(**fixed)
    schedule = running(**fixed)
    schedule.grant_holiday(Holiday(on=MADE, count=1, extend=True))
    assert principals(schedule)[0] == 0
    # The interest of the month left out, 1 % of 12,000.00, comes on top of the next instalment.
    totals = [row.principal + row.interest for row in schedule.rows[1:-1]]
    assert totals == [132_000, *[120_000] * (len(totals) - 1)]
    assert len(schedule.rows) == len(plain.rows) + 1
    assert sum(principals(schedule)) == 1_200_000


def test_money_repaid_early_shortens_or_lowers() -> None:
    on = date(2026, 3, 15)
    lower, shorter = running(), running()
    assert lower.prepay(on, 500_000, shorten=False) == (2, 500_000)
    assert principals(lower) == [100_000] * 2 + [50_000] * 10
    assert shorter.prepay(on, 500_000, shorten=True) == (2, 500_000)
    assert principals(shorter) == [100_000] * 7 + [0] * 5


def test_no_more_is_repaid_early_than_is_ahead() -> None:
    schedule = running()
    assert schedule.prepay(date(2026, 3, 15), 1_000_001, shorten=True) == (2, 1_000_000)
    assert schedule.prepay(date(2026, 3, 16), 1, shorten=True) == (2, 0)
    assert sum(principals(schedule)) == 200_000


def test_a_down_payment_is_row_zero_and_owes_no_fee() -> None:
    fees = [{"name": "f", "timing": "per_instalment", "amount": 100}]
    plan = build_plan(terms(down_payment=200_000, fees=fees))
    assert (plan.rows[0].number, plan.rows[0].principal, plan.rows[0].fee) == (0, 200_000, 0)
    assert (plan.rows[0].due_on, plan.rows[0].balance_after) == (MADE, 1_000_000)
    assert [row.fee for row in plan.rows[1:]] == [100] * 12


def test_a_long_first_period_counts_in_the_periods_of_the_plan() -> None:
    # Quarterly at 12 %: 3 % a quarter. From 15 January to 1 June is a quarter, from 1 March back,
    # and 45 of the 90 days from 1 December to 1 March.
    plan = build_plan(terms(frequency={"unit": "month", "every": 3}, first_due_on=date(2026, 6, 1)))
    assert [row.interest for row in plan.rows[:2]] == [36_000 + 18_000, 33_000]


def test_flat_interest_is_charged_on_what_is_financed() -> None:
    # 12 % a year, flat, on 12,000.00 less 2,000.00 paid at once: 100.00 a month.
    plan = build_plan(terms(method="flat", down_payment=200_000))
    assert {row.interest for row in plan.rows[1:]} == {10_000}


def test_rates_and_holidays_agreed_beforehand_count_in_the_order_of_their_days() -> None:
    plan = build_plan(
        terms(
            rate_steps=[
                {"on": date(2026, 3, 15), "annual_rate": "6"},
                {"on": date(2026, 6, 15), "annual_rate": "24"},
            ],
            holidays=[{"on": date(2026, 3, 15), "count": 1}],
        )
    )
    # 0.5 % of 10,000.00 twice with the fourth instalment; 2 % from the sixth on.
    assert [row.interest for row in plan.rows[:6]] == [12_000, 11_000, 0, 10_000, 4_444, 15_556]
    assert [row.principal for row in plan.rows[:4]] == [100_000, 100_000, 0, 111_111]
