"""Interest on what is really owed, day by day: worked by hand, and as other systems have it."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.common.errors import InvalidTerms
from domain.loans.events import (
    Disbursed,
    HolidayGranted,
    LoanEvent,
    Paid,
    PaidOff,
    RateChanged,
    Rescheduled,
    Reversed,
    WrittenOff,
)
from domain.loans.payoff import payoff_quote
from domain.loans.position import Position, position
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms

START = date(2026, 1, 15)


def agreed(**changes: Any) -> LoanTerms:
    """Return 10,000.00 at 36.5 % over three months: ten a day, a level of 3,535.33."""
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_000_000,
        "annual_rate": Decimal("36.5"),
        "instalments": 3,
        "disbursed_on": START,
        "first_due_on": date(2026, 2, 15),
        "day_count": "actual_365_fixed",
        "interest_basis": "daily",
    }
    return LoanTerms(**(values | changes))


def out(terms: LoanTerms) -> Disbursed:
    return Disbursed(key="out", on=START, amount=terms.principal)


def at(terms: LoanTerms, on: date, *events: LoanEvent) -> Position:
    return position(terms, [out(terms), *events], on)


def paid(on: date, amount: int, **more: Any) -> Paid:
    return Paid(key=f"paid:{on}:{amount}", on=on, amount=amount, **more)


def parts(stands: Position, number: int) -> tuple[int, int]:
    item = next(item for item in stands.instalments if item.number == number)
    return item.interest, item.principal


def test_paid_on_its_dates_a_loan_costs_what_was_planned() -> None:
    terms = agreed()
    plan = build_plan(terms)
    payments = [paid(row.due_on, row.total) for row in plan.rows]
    stands = at(terms, plan.rows[-1].due_on, *payments)
    assert stands.settled
    assert [(row.interest, row.principal) for row in plan.rows] == [
        parts(stands, number) for number in (1, 2, 3)
    ]


def test_a_payment_ten_days_late_costs_ten_days_of_interest() -> None:
    """On 25 February 41 days are earned, 10.00 each: 410.00 of the 3,535.33 that are due."""
    terms = agreed()
    total = build_plan(terms).rows[0].total
    late = date(2026, 2, 25)
    assert at(terms, late).total_due == total
    stands = at(terms, late, paid(late, total))
    assert parts(stands, 1) == (41_000, total - 41_000)
    assert stands.principal_outstanding == 1_000_000 - (total - 41_000)
    assert (stands.total_due, stands.days_past_due) == (0, 0)


def test_a_payment_five_days_early_saves_five_days_of_interest() -> None:
    """On 10 February 26 days are earned; the days up to the due date come with the second one."""
    terms = agreed()
    total = build_plan(terms).rows[0].total
    early, due = date(2026, 2, 10), date(2026, 3, 15)
    stands = at(terms, due, paid(early, total))
    assert parts(stands, 1) == (26_000, total - 26_000)
    left = 1_000_000 - (total - 26_000)
    assert parts(stands, 2)[0] == (left * (due - early).days + 500) // 1_000
    assert sum(parts(stands, 2)) == total


def test_the_last_instalment_takes_the_rest_and_goes_on_bearing_interest() -> None:
    terms = agreed()
    first = build_plan(terms).rows[0].total
    last = date(2026, 4, 15)
    stands = at(terms, last, paid(date(2026, 3, 1), first))
    assert sum(item.principal for item in stands.instalments) == 1_000_000
    owed = stands.principal_outstanding
    later = at(terms, last + timedelta(days=10), paid(date(2026, 3, 1), first))
    assert parts(later, 3)[0] - parts(stands, 3)[0] == pytest.approx(owed * 10 / 1_000, abs=1)


def test_as_billed_a_late_payment_covers_the_instalment_and_the_days_come_with_the_next() -> None:
    terms = agreed(interest_basis="daily_as_billed")
    total = build_plan(terms).rows[0].total
    late, due = date(2026, 2, 25), date(2026, 3, 15)
    stands = at(terms, due, paid(late, total))
    assert parts(stands, 1) == (31_000, total - 31_000)
    left = 1_000_000 - (total - 31_000)
    earned = 1_000_000 * 10 + left * (due - late).days
    assert parts(stands, 2)[0] == (earned + 500) // 1_000


@pytest.mark.parametrize(
    ("excess", "next_total"),
    [("next_instalment", 0), ("shorten_term", 1), ("reduce_instalment", -1)],
)
def test_money_beyond_what_is_due_follows_the_rule(excess: str, next_total: int) -> None:
    """On the due date the instalment is paid, then 2,000.00 more."""
    terms = agreed(allocation={"excess": excess})
    total = build_plan(terms).rows[0].total
    due = date(2026, 2, 15)
    stands = at(terms, due, paid(due, total + 200_000))
    assert stands.principal_outstanding == 1_000_000 - (total - 31_000) - 200_000
    second = stands.instalments[1].outstanding
    match next_total:
        case 0:
            assert second == total - 200_000
        case 1:
            assert second == total
        case _:
            assert second < total - 50_000
    assert stands.credit == 0


def test_a_payoff_is_principal_and_interest_to_the_day() -> None:
    terms = agreed()
    on = date(2026, 2, 25)
    out = Disbursed(key="out", on=START, amount=1_000_000)
    quote = payoff_quote(terms, [out], on)
    assert quote.total == 1_041_000
    settled = at(terms, on + timedelta(days=90), PaidOff(key="off", on=on, amount=quote.total))
    assert settled.settled
    assert settled.payoff == 0


def test_a_payoff_after_the_last_due_date_settles() -> None:
    terms, on = agreed(), date(2026, 4, 25)
    out = Disbursed(key="out", on=START, amount=1_000_000)
    total = payoff_quote(terms, [out], on).total
    settled = at(terms, on + timedelta(days=9), PaidOff(key="off", on=on, amount=total))
    assert (settled.settled, settled.payoff, settled.paid.interest) == (True, 0, 100_000)


def test_every_other_event_starts_from_what_is_really_owed() -> None:
    """Paid five days late, then another rate, a holiday and a new plan: what is owed stays."""
    terms = agreed(instalments=6)
    total = build_plan(terms).rows[0].total
    payment = paid(date(2026, 2, 20), total)
    owed = at(terms, date(2026, 2, 21), payment).principal_outstanding
    assert owed == 1_000_000 - (total - 36_000)
    changes: list[LoanEvent] = [
        RateChanged(key="rate", on=date(2026, 3, 1), annual_rate=Decimal("18.25")),
        HolidayGranted(key="holiday", on=date(2026, 4, 20), count=1),
        Rescheduled(
            key="plan", on=date(2026, 5, 20), instalments=4, first_due_on=date(2026, 6, 20)
        ),
    ]
    for number in range(len(changes) + 1):
        on = changes[number - 1].on if number else date(2026, 2, 21)
        stands = at(terms, on, payment, *changes[:number])
        assert stands.principal_outstanding == owed
        assert sum(item.principal for item in stands.instalments) == 1_000_000
    stands = at(terms, changes[-1].on, payment, *changes)
    new = [item for item in stands.instalments if item.due_on >= date(2026, 6, 20)]
    assert len({item.outstanding for item in new[1:3]}) == 1
    back = Reversed(key="back", on=date(2026, 6, 1), reverses=payment.key)
    undone = at(terms, date(2026, 6, 1), payment, back)
    assert undone == at(terms, date(2026, 6, 1))
    lost = at(terms, date(2026, 3, 1), payment, WrittenOff(key="lost", on=date(2026, 3, 1)))
    assert lost.written_off.principal == owed


def test_a_rate_that_stays_changes_nothing() -> None:
    terms = agreed(instalments=6)
    payment = paid(date(2026, 2, 20), 100_000)
    same = RateChanged(key="rate", on=date(2026, 3, 1), annual_rate=Decimal("36.5"))
    on = date(2026, 5, 2)
    assert at(terms, on, payment, same) == at(terms, on, payment)


def test_a_new_plan_after_the_last_due_date_takes_in_what_was_earned_once() -> None:
    """Nothing was paid; ten days after the last due date 100 days are earned, 1,000.00."""
    terms = agreed()
    on = date(2026, 4, 25)
    plan = Rescheduled(key="plan", on=on, instalments=2, first_due_on=date(2026, 5, 25))
    before, after = at(terms, on), at(terms, on, plan)
    assert before.payoff == after.payoff == 1_100_000
    assert at(terms, on + timedelta(days=10), plan).payoff == 1_110_000


def test_a_rate_after_the_last_instalment_was_repaid_early_counts_interest_once() -> None:
    terms = agreed(method="equal_principal", allocation={"excess": "shorten_term"})
    early = paid(date(2026, 2, 10), 900_000)
    rate = RateChanged(key="rate", on=date(2026, 3, 20), annual_rate=Decimal(20))
    on = date(2026, 3, 20)
    assert at(terms, on, early, rate).payoff == at(terms, on, early).payoff


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"method": "flat"}, "interest_basis"),
        ({"business_day_rule": "following", "calendar": "CN"}, "interest_follows"),
    ],
)
def test_terms_that_cannot_be_counted_by_the_day_are_refused(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidTerms) as refused:
        agreed(**changes)
    assert refused.value.field == field


@pytest.mark.parametrize("days_late", [0, 5])
def test_a_payoff_once_all_fell_due_keeps_the_fees_that_fell_due(days_late: int) -> None:
    fee = {"name": "opening", "timing": "first_instalment", "amount": 1_000}
    terms = agreed(instalments=1, fees=(fee,))
    on = date(2026, 2, 15) + timedelta(days=days_late)
    # Ten a day for 31 days and those that it is late.
    total = 1_000_000 + (31 + days_late) * 1_000 + 1_000
    off = PaidOff(key="off", on=on, amount=payoff_quote(terms, [out(terms)], on).total)
    stands = at(terms, on, off)
    assert (off.amount, stands.settled, stands.credit) == (total, True, 0)
    assert (stands.paid.fee, stands.outstanding.total) == (1_000, 0)
