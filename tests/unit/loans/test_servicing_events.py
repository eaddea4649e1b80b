"""What each event does to a loan: 12,000.00 over 12 months at 12 %, equal principal, made in 2026.

Every month 1,000.00 of principal falls due; interest is 120.00, then 10.00 less each month.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.common.errors import InvalidEvent, InvalidTerms, NothingOutstanding
from domain.loans.allocation import Component, Excess
from domain.loans.difference import Change, difference
from domain.loans.events import (
    Charged,
    Disbursed,
    HolidayGranted,
    LoanEvent,
    Paid,
    PaidOff,
    RateChanged,
    Recovered,
    Refunded,
    Rescheduled,
    Reversed,
    Waived,
    WrittenOff,
)
from domain.loans.ledger import Account, cash_balance, journal_between
from domain.loans.payoff import PayoffQuote, payoff_quote
from domain.loans.position import Components, InstalmentState, Position, position
from domain.loans.servicing import SERVICING_POLICY
from domain.products.checks import PRODUCT
from tests.definitions import shipped
from tests.equal_principal import DISBURSED, FIRST, MADE, SECOND, THIRD, at, terms

STANDARD = shipped(SERVICING_POLICY, "standard")


def quote(on: date, *events: LoanEvent, **values: Any) -> PayoffQuote:
    return payoff_quote(terms(**values), [DISBURSED, *events], on)


def paid(on: date, amount: int, excess: Excess | None = None, key: str = "p") -> Paid:
    return Paid(key=key, on=on, amount=amount, excess=excess)


def amounts(stand: Position) -> list[tuple[int, int]]:
    return [(item.principal, item.interest) for item in stand.instalments]


def entry(before: Position, after: Position) -> dict[str, int]:
    lines = journal_between(before, after, cash_balance(after) - cash_balance(before))
    return {line.account.value: line.amount for line in lines}


# Allocation

BUCKETS = [
    {"timing": timing, "component": component}
    for timing in ("past_due", "due", "in_advance")
    for component in ("principal", "interest", "fee", "penalty")
]


def test_horizontal_completes_the_oldest_instalment_first() -> None:
    stand = at(SECOND, paid(SECOND, 150_000))
    first, second = stand.instalments[:2]
    assert (first.interest_paid, first.principal_paid) == (12_000, 100_000)
    assert (second.interest_paid, second.principal_paid) == (11_000, 27_000)


def test_the_order_of_components_is_data() -> None:
    stand = at(SECOND, paid(SECOND, 150_000), allocation={"order": BUCKETS})
    first, second = stand.instalments[:2]
    assert (first.interest_paid, first.principal_paid) == (12_000, 100_000)
    assert (second.interest_paid, second.principal_paid) == (0, 38_000)


def test_vertical_completes_one_bucket_after_another() -> None:
    order = [
        *({"timing": t, "component": "interest"} for t in ("past_due", "due", "in_advance")),
        *(bucket for bucket in BUCKETS if bucket["component"] != "interest"),
    ]
    stand = at(SECOND, paid(SECOND, 30_000), allocation={"order": order, "direction": "vertical"})
    first, second = stand.instalments[:2]
    assert (first.interest_paid, first.principal_paid) == (12_000, 7_000)
    assert (second.interest_paid, second.principal_paid) == (11_000, 0)


def test_what_is_due_can_come_before_what_is_past_due() -> None:
    order = [*BUCKETS[4:8], *BUCKETS[:4], *BUCKETS[8:]]
    stand = at(SECOND, paid(SECOND, 115_000), allocation={"order": order})
    first, second = stand.instalments[:2]
    assert (second.interest_paid, second.principal_paid) == (11_000, 100_000)
    assert (first.interest_paid, first.principal_paid) == (0, 4_000)


# What is left over

EXTRA = 112_000 + 150_000


def test_excess_is_held_unless_agreed_otherwise() -> None:
    stand = at(FIRST, paid(FIRST, EXTRA))
    assert (stand.credit, stand.principal_outstanding) == (150_000, 1_100_000)
    assert amounts(stand) == amounts(at(FIRST))


def test_excess_pays_the_next_instalments() -> None:
    stand = at(FIRST, paid(FIRST, EXTRA, Excess.NEXT_INSTALMENT))
    second, third = stand.instalments[1:3]
    assert (second.state, second.paid_on) == (InstalmentState.PAID, FIRST)
    assert (third.interest_paid, third.principal_paid) == (10_000, 29_000)
    assert (stand.credit, amounts(stand)) == (0, amounts(at(FIRST)))


def test_excess_pays_the_last_instalments() -> None:
    stand = at(FIRST, paid(FIRST, EXTRA, Excess.LAST_INSTALMENT))
    last, before = stand.instalments[-1], stand.instalments[-2]
    assert (last.state, last.principal_paid, last.interest_paid) == ("paid", 100_000, 1_000)
    assert (before.interest_paid, before.principal_paid) == (2_000, 47_000)


def test_vertical_excess_pays_ahead_by_bucket() -> None:
    stand = at(
        FIRST,
        paid(FIRST, EXTRA, Excess.NEXT_INSTALMENT),
        allocation={"order": BUCKETS, "direction": "vertical"},
    )
    assert [item.principal_paid for item in stand.instalments[1:4]] == [100_000, 50_000, 0]
    assert stand.instalments[1].interest_paid == 0


def test_excess_reduces_the_instalments_ahead() -> None:
    stand = at(FIRST, paid(FIRST, 112_000 + 110_000, Excess.REDUCE_INSTALMENT))
    # 10,000.00... of 11,000.00 less 1,100.00 in 11 instalments: 900.00 each; 1 % of 9,900.00.
    assert stand.instalments[1].principal == 90_000 + 110_000
    assert stand.instalments[1].principal_paid == 110_000
    assert amounts(stand)[2:] == [(90_000, 9_000 - 900 * k) for k in range(10)]
    assert stand.instalments[1].interest == 9_900
    assert stand.principal_outstanding == 990_000


def test_excess_shortens_the_term() -> None:
    stand = at(FIRST, paid(FIRST, 112_000 + 200_000, Excess.SHORTEN_TERM))
    assert [item.principal for item in stand.instalments[2:]] == [100_000] * 8 + [0, 0]
    assert [item.state for item in stand.instalments[-2:]] == ["paid", "paid"]
    last_due = [item.due_on for item in stand.instalments if item.outstanding][-1]
    assert last_due == date(2026, 11, 15)


def test_a_payment_overrules_the_terms() -> None:
    rule = {"excess": "shorten_term"}
    assert at(FIRST, paid(FIRST, EXTRA, Excess.CREDIT), allocation=rule).credit == 150_000
    assert at(FIRST, paid(FIRST, EXTRA), allocation=rule).credit == 0


def test_prepaid_principal_bears_no_interest_from_its_day_on() -> None:
    on = date(2026, 1, 30)
    stand = at(on, paid(on, 200_000, Excess.REDUCE_INSTALMENT), day_count="actual_360")
    # 15 days of 12,000.00 and 16 days of 10,000.00
    exact = Decimal(1_200_000 * 15 + 1_000_000 * 16) * 12 / 36_000
    assert stand.instalments[0].interest == round(exact)


def test_everything_prepaid_leaves_the_interest_earned() -> None:
    on = date(2026, 1, 30)
    stand = at(on, paid(on, 1_300_000, Excess.SHORTEN_TERM), day_count="actual_360")
    assert (stand.principal_outstanding, stand.credit) == (0, 100_000)
    assert stand.outstanding == Components(interest=6_000)
    assert not stand.settled
    assert at(FIRST, paid(on, 1_300_000, Excess.SHORTEN_TERM), day_count="actual_360").settled


# Charges and waivers


def test_a_charge_is_due_with_the_next_instalment() -> None:
    charge = Charged(key="c", on=FIRST + timedelta(days=1), amount=500, name="letter")
    before, charged = at(charge.on), at(charge.on, charge)
    assert charged.due.fee == 0
    assert entry(before, charged) == {"fee_receivable": 500, "fee_income": -500}
    stand = at(SECOND, charge)
    assert (stand.due.fee, stand.instalments[1].fee) == (500, 500)
    after_all = Charged(key="c", on=date(2027, 6, 1), amount=500, component=Component.PENALTY)
    assert at(date(2027, 6, 1), after_all).due.penalty == 500


def test_a_charge_does_not_reopen_an_instalment_paid_before() -> None:
    charge = Charged(key="c", on=FIRST, amount=500)
    stand = at(FIRST, paid(FIRST, 112_000), charge)
    assert (stand.total_due, stand.instalments[0].state) == (0, "paid")
    assert (stand.instalments[1].fee, stand.next_due and stand.next_due.amount) == (500, 111_500)
    assert at(FIRST, charge).due.fee == 500


def test_a_waiver_forgives_the_oldest_first_and_no_more_than_is_owed() -> None:
    on = SECOND + timedelta(days=1)
    waiver = Waived(key="w", on=on, component=Component.INTEREST, amount=15_000)
    stand = at(on, waiver)
    assert [item.interest_waived for item in stand.instalments[:3]] == [12_000, 3_000, 0]
    assert entry(at(on), stand) == {"interest_receivable": -15_000, "interest_income": 15_000}
    one = waiver.model_copy(update={"instalment": 2, "amount": 99_999})
    assert [item.interest_waived for item in at(on, one).instalments[:3]] == [0, 11_000, 0]


def test_waived_principal_is_a_loss_and_only_of_what_is_due() -> None:
    waiver = Waived(key="w", on=FIRST, component=Component.PRINCIPAL, amount=150_000)
    stand = at(FIRST, waiver)
    assert stand.principal_outstanding == 1_100_000
    assert entry(at(FIRST), stand) == {"principal_receivable": -100_000, "loss": 100_000}


def test_a_waiver_of_everything_due_marks_it_paid() -> None:
    waivers = [
        Waived(key=item, on=FIRST, component=item, amount=100_000)
        for item in (Component.INTEREST, Component.PRINCIPAL)
    ]
    assert at(FIRST, *waivers).instalments[0].paid_on == FIRST


# Penalty


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 1_000_00 * 10 * 36),
        ({"penalty_base": "amount"}, 1_120_00 * 10 * 36),
        ({"penalty_year_days": 360}, None),
    ],
)
def test_penalty_by_base_and_year(options: dict[str, Any], expected: int | None) -> None:
    on = FIRST + timedelta(days=10)
    stand = at(on, penalty_annual_rate=Decimal(36), **options)
    exact = Decimal(expected) / 36_500 if expected else Decimal(1_000_00 * 10 * 36) / 36_000
    assert stand.overdue.penalty == int(exact + Decimal("0.5"))


def test_penalty_stops_at_its_cap() -> None:
    on = FIRST + timedelta(days=20)
    capped = {"penalty_annual_rate": Decimal(36), "penalty_cap": Decimal("1.5")}
    assert at(on, **capped).overdue.penalty == 1_500
    assert at(on, penalty_base="amount", **capped).overdue.penalty == 1_680
    assert at(on, penalty_annual_rate=Decimal(36)).overdue.penalty > 1_500


def test_penalty_on_the_amount_counts_what_was_paid_late() -> None:
    on = FIRST + timedelta(days=10)
    stand = at(
        FIRST + timedelta(days=20),
        paid(on, 50_000),
        penalty_annual_rate=Decimal(36),
        penalty_base="amount",
    )
    at_ten = int(Decimal(112_000 * 10 * 36) / 36_500 + Decimal("0.5"))
    left = 112_000 - (50_000 - at_ten)
    exact = Decimal((112_000 * 10 + left * 10) * 36) / 36_500
    assert stand.instalments[0].penalty == int(exact + Decimal("0.5"))


# Changes of the plan


def test_a_rate_change_in_between_splits_the_interest() -> None:
    change = RateChanged(key="r", on=date(2026, 2, 25), annual_rate=Decimal(24))
    stand = at(date(2026, 2, 25), change)
    # 10 of 28 days at 1 %, 18 at 2 % of 11,000.00
    assert stand.instalments[1].interest == round(11_000 * (10 + 36) / Decimal(28))
    assert stand.instalments[2].interest == 20_000
    assert amounts(stand)[0] == (100_000, 12_000)


def test_a_rate_change_before_the_disbursement_counts_from_the_start() -> None:
    change = RateChanged(key="r", on=MADE - timedelta(days=5), annual_rate=Decimal(24))
    assert at(MADE, change).instalments[0].interest == 12_000
    change = change.model_copy(update={"on": MADE})
    assert at(MADE, change).instalments[0].interest == 24_000


def test_money_paid_in_advance_follows_a_new_plan() -> None:
    ahead = paid(FIRST, 112_000 + 111_000, Excess.NEXT_INSTALMENT)
    change = RateChanged(key="r", on=FIRST, annual_rate=Decimal(6))
    stand = at(FIRST, ahead, change)
    second, third = stand.instalments[1:3]
    assert (second.interest, second.interest_paid, second.state) == (5_500, 5_500, "paid")
    assert (third.interest_paid, third.principal_paid) == (5_000, 500)
    assert stand.received == stand.paid.total + stand.credit


def test_money_that_a_new_plan_sets_free_is_credit() -> None:
    on = date(2026, 1, 20)
    ahead = paid(on, 3_000, Excess.LAST_INSTALMENT)
    everything = paid(on, 1_250_000, Excess.SHORTEN_TERM, key="all")
    stand = at(on, ahead, everything)
    assert stand.principal_outstanding == 0
    assert stand.received == 1_253_000 == stand.paid.total + stand.credit


def test_a_holiday_leaves_dates_out() -> None:
    stand = at(FIRST, HolidayGranted(key="h", on=FIRST, count=2))
    assert [item.outstanding for item in stand.instalments[1:3]] == [0, 0]
    assert stand.instalments[3].interest == 33_000
    assert sum(item.principal for item in stand.instalments) == 1_200_000
    longer = at(FIRST, HolidayGranted(key="h", on=FIRST, count=2, extend=True))
    assert len(longer.instalments) == 14
    assert [item.principal for item in longer.instalments[3:]] == [100_000] * 11


def test_a_reschedule_moves_what_is_overdue_into_the_new_plan() -> None:
    on = SECOND + timedelta(days=5)
    event = Rescheduled(key="s", on=on, instalments=4, first_due_on=date(2026, 5, 1))
    rate = {"penalty_annual_rate": Decimal(36)}
    before, stand = at(on, **rate), at(on, event, **rate)
    assert (stand.total_overdue, stand.days_past_due) == (0, 0)
    assert stand.principal_outstanding == 1_200_000
    new = [item for item in stand.instalments if item.outstanding]
    assert [item.due_on.month for item in new] == [5, 6, 7, 8]
    assert [item.number for item in new] == [3, 4, 5, 6]
    assert [item.principal for item in new] == [300_000] * 4
    assert new[0].penalty == before.overdue.penalty
    # what was overdue; 5 of 31 days on 10,000.00; 1 month and 12 of 31 days on 12,000.00
    exact = Decimal(10_000 * 5) / 31 + 12_000 + Decimal(12_000 * 12) / 31
    assert new[0].interest == 23_000 + round(exact)
    assert entry(before, stand) == {}


def test_a_reschedule_can_leave_arrears_where_they_are() -> None:
    on = SECOND + timedelta(days=5)
    event = Rescheduled(
        key="s",
        on=on,
        instalments=5,
        first_due_on=date(2026, 4, 20),
        annual_rate=Decimal(6),
        include_overdue=False,
    )
    stand = at(on, event)
    assert stand.overdue == at(on).overdue
    assert [item.principal for item in stand.instalments[2:7]] == [200_000] * 5
    assert {item.outstanding for item in stand.instalments[7:]} == {0}


def test_a_matured_loan_can_be_rescheduled() -> None:
    on = date(2027, 3, 1)
    event = Rescheduled(key="s", on=on, instalments=3, first_due_on=date(2027, 4, 1))
    stand = at(on, event)
    assert len(stand.instalments) == 15
    assert [item.principal for item in stand.instalments[12:]] == [400_000] * 3


@pytest.mark.parametrize(
    "event",
    [
        Rescheduled(key="e", on=FIRST, instalments=3, first_due_on=FIRST),
        Rescheduled(key="e", on=FIRST, instalments=601, first_due_on=SECOND),
        HolidayGranted(key="e", on=FIRST, count=11),
    ],
)
def test_changes_that_no_plan_follows_from_are_refused(event: LoanEvent) -> None:
    with pytest.raises(InvalidTerms):
        at(FIRST, event)


@pytest.mark.parametrize(
    ("annual_rate", "reason"),
    [
        ("-0.01", "0 to 1000 percent"),
        ("1000.01", "0 to 1000 percent"),
        ("1E+9", "0 to 1000 percent"),
        ("12.123456789", "at most 8 decimal places"),
    ],
)
def test_a_rate_that_no_loan_can_have_is_refused(annual_rate: str, reason: str) -> None:
    rate = Decimal(annual_rate)
    changed = RateChanged(key="e", on=FIRST, annual_rate=rate)
    moved = Rescheduled(key="e", on=FIRST, instalments=3, first_due_on=SECOND, annual_rate=rate)
    for event in (changed, moved):
        with pytest.raises(InvalidTerms, match=reason) as refused:
            at(FIRST, event)
        assert refused.value.field == "annual_rate"
        # What has not happened yet is not judged yet, and the limits themselves are rates.
        at(FIRST - timedelta(days=1), event)
    for limit in (Decimal(0), Decimal(1000)):
        at(FIRST, changed.model_copy(update={"annual_rate": limit}))
        at(FIRST, moved.model_copy(update={"annual_rate": limit}))


# The end of a loan


def test_a_write_off_stops_accrual_and_stays_collectable() -> None:
    on = SECOND + timedelta(days=40)
    rate = {"penalty_annual_rate": Decimal(36)}
    before, stand = at(on, **rate), at(on, WrittenOff(key="w", on=on), **rate)
    assert stand.written_off == Components(
        principal=1_200_000,
        interest=12_000 + 11_000 + 10_000,
        penalty=before.overdue.penalty,
    )
    assert entry(before, stand) == {
        "principal_receivable": -1_200_000,
        "interest_receivable": -33_000,
        "penalty_receivable": -before.overdue.penalty,
        "loss": stand.written_off.total,
    }
    later = at(on + timedelta(days=400), WrittenOff(key="w", on=on), **rate)
    assert later.written_off == stand.written_off
    assert (later.settled, later.total_due, later.accrued_interest, later.payoff) == (
        False,
        0,
        0,
        0,
    )
    assert {item.state for item in later.instalments} == {"written_off"}
    assert later.next_due is None


def test_recoveries_are_separate_and_end_with_the_loss() -> None:
    written_off = WrittenOff(key="w", on=SECOND)
    lost = at(SECOND, written_off).written_off.total
    before = at(THIRD, written_off)
    some = Recovered(key="r1", on=THIRD, amount=50_000)
    after = at(THIRD, written_off, some)
    assert (after.recovered, after.received) == (50_000, 0)
    assert entry(before, after) == {"cash": 50_000, "recovery": -50_000}
    rest = paid(THIRD, lost)
    whole = at(THIRD, written_off, some, rest)
    assert (whole.recovered, whole.credit, whole.received) == (lost, 50_000, 50_000)
    off = PaidOff(key="o", on=THIRD, amount=10)
    assert at(THIRD, written_off, off).recovered == 10


def test_overpayment_is_credit_that_can_be_refunded() -> None:
    too_much = paid(FIRST, 120_000)
    stand = at(FIRST, too_much, Refunded(key="f", on=FIRST, amount=5_000))
    assert (stand.credit, stand.refunded, stand.received) == (3_000, 5_000, 120_000)
    assert entry(at(FIRST, too_much), stand) == {"cash": -5_000, "customer_credit": 5_000}


@pytest.mark.parametrize(
    ("events", "field"),
    [
        ([Refunded(key="e", on=FIRST, amount=1)], "amount"),
        ([Recovered(key="e", on=FIRST, amount=1)], "kind"),
        ([Charged(key="e", on=MADE - timedelta(days=1), amount=1)], "on"),
        (
            [Rescheduled(key="e", on=MADE - timedelta(days=1), instalments=1, first_due_on=FIRST)],
            "on",
        ),
        ([WrittenOff(key="e", on=FIRST), WrittenOff(key="f", on=FIRST)], "on"),
        ([WrittenOff(key="e", on=FIRST), Charged(key="f", on=FIRST, amount=1)], "on"),
        ([WrittenOff(key="e", on=FIRST), HolidayGranted(key="f", on=FIRST, count=1)], "on"),
        ([PaidOff(key="e", on=MADE, amount=1_200_000), WrittenOff(key="f", on=FIRST)], "on"),
    ],
)
def test_events_that_contradict_the_loan_are_refused(events: list[LoanEvent], field: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        at(FIRST, *events)
    assert refused.value.field == field


def test_a_loan_written_off_has_no_payoff() -> None:
    with pytest.raises(NothingOutstanding, match="written off"):
        quote(THIRD, WrittenOff(key="w", on=SECOND))


# Payoff


def test_payoff_interest_to_the_next_due_date_or_of_the_whole_plan() -> None:
    on = FIRST + timedelta(days=7)
    late = paid(FIRST, 112_000)
    assert quote(on, late).accrued_interest == 2_750
    to_due = quote(on, late, early_settlement={"interest": "to_next_due"})
    assert to_due.accrued_interest == 11_000
    whole = quote(on, late, early_settlement={"interest": "whole_plan"})
    assert whole.accrued_interest == sum(1_000 * k for k in range(1, 12))
    for policy in ("to_next_due", "whole_plan"):
        rule = {"interest": policy}
        total = quote(on, late, early_settlement=rule).total
        off = PaidOff(key="o", on=on, amount=total)
        assert at(on, late, off, early_settlement=rule).settled


def test_the_settlement_fee_is_on_principal_settled_early() -> None:
    policy = {"fee_amount": 100, "fee_percent": Decimal(1)}
    early = quote(FIRST, early_settlement=policy)
    assert (early.principal, early.settlement_fee) == (1_200_000, 11_100)
    off = PaidOff(key="o", on=FIRST, amount=early.total)
    stand = at(FIRST, off, early_settlement=policy)
    assert stand.settled
    assert stand.billed.fee == stand.paid.fee == 11_100
    assert quote(date(2027, 1, 15), early_settlement=policy).settlement_fee == 0
    assert quote(FIRST, early_settlement={"fee_amount": 7}).settlement_fee == 7


def test_payoff_owes_agreed_fees_and_waives_those_of_later_periods() -> None:
    fees = [
        {"name": "set-up", "timing": "first_instalment", "amount": 5_000},
        {"name": "spread", "timing": "spread", "amount": 12_000},
        {"name": "service", "timing": "per_instalment", "amount": 300},
    ]
    price = quote(MADE, fees=fees)
    assert (price.fees, price.principal, price.total) == (17_000, 1_200_000, 1_217_000)
    stand = at(MADE, PaidOff(key="o", on=MADE, amount=price.total), fees=fees)
    assert (stand.settled, stand.billed.fee) == (True, 17_000)


def test_interest_paid_in_advance_and_not_earned_counts_back() -> None:
    ahead = paid(FIRST, 112_000 + 111_000, Excess.NEXT_INSTALMENT)
    price = quote(FIRST, ahead)
    assert (price.principal, price.accrued_interest, price.credit) == (1_000_000, 0, 11_000)
    off = PaidOff(key="o", on=FIRST, amount=price.total)
    stand = at(FIRST, ahead, off)
    assert (stand.settled, stand.credit) == (True, 0)
    assert stand.paid == Components(principal=1_200_000, interest=12_000)


# Fees in the account


def test_deducted_fees_never_reach_the_borrower() -> None:
    fees = [{"name": "origination", "timing": "deducted", "percent": "2"}]
    stand = at(MADE, fees=fees)
    assert (stand.disbursed, stand.deducted, stand.paid.fee) == (1_200_000, 24_000, 24_000)
    lines = journal_between(None, stand, -1_176_000)
    assert {line.account: line.amount for line in lines} == {
        Account.PRINCIPAL_RECEIVABLE: 1_200_000,
        Account.CASH: -1_176_000,
        Account.FEE_INCOME: -24_000,
    }


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("rescheduled", Rescheduled(key="e", on=MADE, instalments=3, first_due_on=FIRST)),
        ("holiday_granted", HolidayGranted(key="e", on=MADE, count=1)),
        ("rate_changed", RateChanged(key="e", on=MADE, annual_rate=Decimal(9))),
    ],
)
def test_an_event_can_cost_a_fee(kind: str, event: LoanEvent) -> None:
    fees = [{"name": "change", "timing": "on_event", "event": kind, "amount": 250}]
    stand = at(MADE, event, fees=fees)
    assert stand.instalments[0].fee == 250
    assert sum(item.fee for item in at(MADE, fees=fees).instalments) == 0


def test_a_returned_payment_can_cost_a_fee() -> None:
    fees = [{"name": "returned", "timing": "on_event", "event": "reversed", "amount": 250}]
    back = Reversed(key="r", on=FIRST, reverses="p", reason="returned")
    assert at(FIRST, paid(FIRST, 112_000), back, fees=fees).due.fee == 250


# Days past due


@pytest.mark.parametrize(
    ("policy", "days", "expected"),
    [
        ({}, 0, 0),
        ({}, 1, 1),
        ({"on_due_date": 1}, 0, 1),
        ({"on_due_date": 1}, 1, 2),
        ({"grace_days": 3}, 3, 0),
        ({"grace_days": 3}, 4, 4),
        ({"grace_days": 3, "on_due_date": 1}, 0, 0),
        ({"grace_days": 3, "on_due_date": 1}, 4, 5),
    ],
)
def test_days_past_due_by_convention(policy: dict[str, Any], days: int, expected: int) -> None:
    stand = at(FIRST + timedelta(days=days), delinquency=policy)
    assert stand.days_past_due == expected
    assert at(FIRST - timedelta(days=1), delinquency=policy).days_past_due == 0


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (0, "normal"),
        (1, "special_mention"),
        (90, "special_mention"),
        (91, "substandard"),
        (270, "substandard"),
        (271, "doubtful"),
        (360, "doubtful"),
        (361, "loss"),
    ],
)
def test_five_classes(days: int, name: str) -> None:
    delinquency = shipped(PRODUCT, "cash").terms.delinquency
    assert at(FIRST + timedelta(days=days), delinquency=delinquency).risk_class == name


# Tranches and down payments


def test_tranches_are_planned_as_they_are_disbursed() -> None:
    tranches = [{"on": SECOND, "amount": 200_000}]
    agreed = terms(tranches=tranches)
    first = Disbursed(key="d1", on=MADE, amount=1_000_000)
    second = Disbursed(key="d2", on=SECOND, amount=200_000)
    one = position(agreed, [first], SECOND)
    assert (one.disbursed, sum(item.principal for item in one.instalments)) == (
        1_000_000,
        1_000_000,
    )
    both = position(agreed, [first, second], SECOND)
    assert sum(item.principal for item in both.instalments) == 1_200_000


def test_a_down_payment_is_due_at_once() -> None:
    stand = at(MADE, down_payment=200_000)
    assert (stand.instalments[0].number, stand.total_due) == (0, 200_000)
    assert at(MADE, paid(MADE, 200_000), down_payment=200_000).principal_outstanding == 1_000_000


# Differences


def test_the_difference_of_a_backdated_payment() -> None:
    on = SECOND
    before = at(on, penalty_annual_rate=Decimal(36))
    after = at(on, paid(FIRST, 112_000), penalty_annual_rate=Decimal(36))
    found = difference(before, after, STANDARD)
    assert [change.number for change in found.instalments] == [1]
    fields = {
        change.field: (change.before, change.after) for change in found.instalments[0].changes
    }
    assert fields["state"] == ("overdue", "paid")
    assert fields["paid_on"] == (None, FIRST)
    assert fields["principal_paid"] == (0, 100_000)
    assert fields["penalty"] == (before.overdue.penalty, 0)
    assert Change(field="days_past_due", before=28, after=0) in found.loan
    assert not difference(before, before, STANDARD)
    assert bool(found)


def test_new_instalments_are_differences_too() -> None:
    longer = at(FIRST, HolidayGranted(key="h", on=FIRST, count=1, extend=True))
    found = difference(at(FIRST), longer, STANDARD)
    new = found.instalments[-1]
    assert new.number == 13
    assert {change.before for change in new.changes} == {None}
