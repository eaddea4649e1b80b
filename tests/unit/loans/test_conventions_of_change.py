"""Each convention of changing a running loan, by the worked example that docs/money.md gives.

12,000.00 over 12 months at 12 %, equal principal, from 15 January 2026: every month 1,000.00 of
principal falls due; interest is 120.00, then 10.00 less each month. The figures are reckoned by
hand: 1 % a month of what is owed.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.common.errors import FieldError
from domain.loans.allocation import Excess
from domain.loans.events import (
    AnyEvent,
    Charged,
    ChargedBack,
    DueDayChanged,
    InterestPaused,
    Paid,
    RateChanged,
    ReAged,
    Reversed,
    Split,
    Waived,
)
from domain.loans.ledger import Account, journal_between
from domain.loans.payoff import payoff_quote
from domain.loans.position import Position
from tests.equal_principal import DISBURSED, FIRST, SECOND, THIRD, at, terms

PAID = Paid(key="p", on=FIRST, amount=112_000)


def plan(now: Position) -> list[tuple[int, int]]:
    return [(item.principal, item.interest) for item in now.instalments]


# Money that is charged back in part.

BACK = ChargedBack(key="b", on=date(2026, 2, 25), payment="p", amount=30_000)


def test_a_partial_chargeback_is_owed_again_at_once() -> None:
    before, now = at(BACK.on, PAID), at(BACK.on, PAID, BACK)
    assert now.instalments == before.instalments
    assert (now.due.receivable, now.total_due, now.received) == (30_000, 30_000, 82_000)
    assert now.payoff == before.payoff + 30_000
    assert at(date(2026, 3, 1), PAID, BACK).days_past_due == 4
    lines = {line.account: line.amount for line in journal_between(before, now, -30_000)}
    assert lines == {Account.CASH: -30_000, Account.RETURNED_RECEIVABLE: 30_000}
    later = at(SECOND, PAID, BACK, Paid(key="q", on=SECOND, amount=141_000))
    assert (later.total_due, later.outstanding.receivable) == (0, 0)


def test_a_partial_chargeback_can_come_with_the_next_instalment() -> None:
    now = at(BACK.on, PAID, BACK, allocation={"returned": "next_instalment"})
    assert (now.total_due, now.outstanding.receivable) == (0, 30_000)
    assert now.next_due is not None
    assert now.next_due.amount == 111_000 + 30_000


def test_credit_held_takes_a_chargeback_first() -> None:
    more = PAID.model_copy(update={"amount": 112_000 + 20_000})
    now = at(BACK.on, more, BACK)
    assert (now.credit, now.outstanding.receivable) == (0, 10_000)


def test_a_chargeback_that_is_won_is_reversed() -> None:
    won = Reversed(key="w", on=SECOND, reverses="b")
    assert at(SECOND, PAID, BACK, won) == at(SECOND, PAID)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (BACK.model_copy(update={"key": "x", "amount": 82_001}), "amount"),
        (BACK.model_copy(update={"key": "x", "payment": "d"}), "payment"),
        (Reversed(key="x", on=SECOND, reverses="p"), "reverses"),
    ],
)
def test_no_more_comes_back_than_was_paid(event: AnyEvent, field: str) -> None:
    with pytest.raises(FieldError) as refused:
        at(SECOND, PAID, BACK, event)
    assert refused.value.field == field


# A due date is moved, and the instalment kept.


def test_a_moved_due_date_keeps_the_level_instalment() -> None:
    level = {"method": "equal_instalment", "day_count": "actual_365_fixed"}
    moved = DueDayChanged(key="m", on=date(2026, 2, 20), first_due_on=date(2026, 3, 25))
    before, now = at(moved.on, **level), at(moved.on, moved, **level)
    assert now.instalments[0] == before.instalments[0]
    kept = before.instalments[5].outstanding
    assert [item.outstanding for item in now.instalments[1:11]] == [kept] * 10
    assert [item.due_on.day for item in now.instalments[1:]] == [25] * 11
    assert sum(item.principal for item in now.instalments) == 1_200_000
    # The last one takes what ten days more of interest cost: more than the level, by far not twice.
    assert kept < now.instalments[11].outstanding < kept + 5_000


def test_a_due_day_can_be_given_that_the_next_month_is_too_short_for() -> None:
    moved = DueDayChanged(key="m", on=date(2026, 2, 10), first_due_on=date(2026, 2, 28), due_day=31)
    dues = [item.due_on for item in at(moved.on, moved).instalments[:3]]
    assert dues == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]


# Arrears move into the instalments ahead.

LATE = date(2026, 3, 20)


def test_re_amortisation_spreads_what_is_overdue() -> None:
    before, now = at(LATE), at(LATE, ReAged(key="a", on=LATE))
    assert (before.overdue.principal, before.overdue.interest) == (200_000, 23_000)
    assert (now.total_overdue, now.days_past_due) == (0, 0)
    # 12,000.00 over the ten that are left, and a tenth of 230.00 with each.
    assert [item.principal for item in now.instalments[2:]] == [120_000] * 10
    assert [item.due_on for item in now.instalments] == [item.due_on for item in before.instalments]
    # Five of 31 days on 10,000.00, 26 on 12,000.00; from then on 1 % of what is left.
    third = Decimal(10_000 * 5 + 12_000 * 26) / 31
    assert now.instalments[2].interest == round(third) + 2_300
    assert now.instalments[3].interest == 10_800 + 2_300
    assert now.outstanding.total > before.outstanding.total


def test_re_ageing_can_put_what_is_overdue_to_the_end() -> None:
    now = at(LATE, ReAged(key="a", on=LATE, into="last"))
    assert [item.principal for item in now.instalments[2:]] == [100_000] * 9 + [300_000]
    assert now.instalments[11].interest == 3_000 + 23_000
    assert now.days_past_due == 0


def test_nothing_is_re_aged_after_the_last_due_date() -> None:
    end = date(2027, 2, 1)
    with pytest.raises(FieldError, match="agree a new plan") as refused:
        at(end, ReAged(key="a", on=end))
    assert refused.value.field == "on"


# Interest is paused.


def test_a_pause_charges_no_interest_and_keeps_the_instalments() -> None:
    pause = InterestPaused(key="i", on=FIRST, until=SECOND)
    now = at(FIRST, pause)
    assert plan(now)[:3] == [(100_000, 12_000), (100_000, 0), (100_000, 10_000)]
    level = {"method": "equal_instalment"}
    before, held = at(FIRST, **level), at(FIRST, pause, **level)
    kept = before.instalments[0].outstanding
    assert [item.outstanding for item in held.instalments[:11]] == [kept] * 11
    assert held.instalments[1].interest == 0
    assert held.instalments[11].outstanding < kept


def test_a_new_rate_within_a_pause_counts_after_it() -> None:
    pause = InterestPaused(key="i", on=FIRST, until=THIRD)
    risen = RateChanged(key="r", on=SECOND, annual_rate=Decimal(24))
    assert plan(at(SECOND, pause, risen))[1:4] == [(100_000, 0), (100_000, 0), (100_000, 18_000)]


def test_a_pause_ends_after_it_begins() -> None:
    with pytest.raises(FieldError) as refused:
        at(FIRST, InterestPaused(key="i", on=FIRST, until=FIRST))
    assert refused.value.field == "until"


# Prepayments.


def test_a_prepayment_can_leave_the_running_instalment_alone() -> None:
    on = date(2026, 3, 1)
    early = Paid(key="e", on=on, amount=110_000, excess=Excess.REDUCE_LATER)
    now = at(on, PAID, early)
    second = now.instalments[1]
    assert (second.outstanding, second.interest) == (111_000, 11_000)
    # 11,000.00 less the instalment that runs, less 1,100.00: 8,900.00 over ten.
    assert [item.outstanding for item in now.instalments[2:4]] == [89_000 + 8_900, 89_000 + 8_010]
    assert now.principal_outstanding == 1_100_000 - 110_000


def test_a_prepayment_can_fill_the_next_principal_first() -> None:
    early = Paid(key="e", on=FIRST, amount=150_000, excess=Excess.NEXT_PRINCIPAL)
    now = at(FIRST, PAID, early)
    asked = [(item.outstanding - item.interest, item.interest) for item in now.instalments[1:5]]
    assert asked == [(0, 9_500), (50_000, 9_500), (100_000, 9_000), (100_000, 8_000)]


# Payments that say where they go.


def test_a_payment_can_go_to_a_named_instalment_first() -> None:
    named = Paid(key="n", on=LATE, amount=111_500, instalment=2, directed=True)
    now = at(LATE, named)
    assert [item.outstanding for item in now.instalments[:2]] == [111_500, 0]
    assert at(LATE, named.model_copy(update={"directed": False})).instalments[0].outstanding == 500
    with pytest.raises(FieldError) as refused:
        at(LATE, named.model_copy(update={"instalment": None}))
    assert refused.value.field == "instalment"


def test_a_payment_can_be_split_by_hand() -> None:
    split = Split(principal=40_000, interest=10_000)
    now = at(LATE, Paid(key="s", on=LATE, amount=50_000, split=split))
    assert (now.paid.principal, now.paid.interest) == (40_000, 10_000)
    assert now.instalments[0].outstanding == 62_000


@pytest.mark.parametrize("split", [Split(principal=40_000), Split(interest=20_000, fee=30_000)])
def test_a_split_is_the_payment_and_no_more_than_is_owed(split: Split) -> None:
    with pytest.raises(FieldError) as refused:
        at(LATE, Paid(key="s", on=LATE, amount=50_000, split=split))
    assert refused.value.field == "split"


def test_one_sum_is_waived_of_income_in_the_order_of_allocation() -> None:
    fee = Charged(key="c", on=SECOND, amount=500)
    waiver = Waived(key="w", on=LATE, amount=15_000)
    now = at(LATE, fee, waiver)
    first, second = now.instalments[:2]
    # The oldest first, and of each fees before interest: 120.00, then 5.00 and 25.00.
    assert (first.interest_waived, second.fee_waived, second.interest_waived) == (
        12_000,
        500,
        2_500,
    )
    assert now.principal_waived == 0
    all_of_it = at(LATE, fee, waiver.model_copy(update={"amount": 10**9}))
    assert (all_of_it.overdue.interest, all_of_it.overdue.fee) == (0, 0)
    assert all_of_it.overdue.principal == 200_000


def test_a_day_late_by_what_came_back_is_a_day_late() -> None:
    assert at(BACK.on + timedelta(days=1), PAID, BACK).days_past_due == 1
    assert payoff_quote(terms(), [DISBURSED, PAID, BACK], BACK.on).receivable == 30_000
