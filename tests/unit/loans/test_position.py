"""The reference loan: 10,000.00 over 12 months at 24 %, made on 15 January 2026, penalty 36 %."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest
from pydantic import TypeAdapter

from domain.common.errors import ConflictingEvent, DisbursementMismatch, InvalidReversal
from domain.loans.events import Disbursed, LoanEvent, Paid, PaidOff, Reversed
from domain.loans.position import Components, NextDue, Position, position
from domain.loans.terms import LoanTerms, monthly_terms

MADE = date(2026, 1, 15)
DISBURSED = Disbursed(key="disbursed", on=MADE, amount=1_000_000)
FIRST_DUE = date(2026, 2, 15)
PENALTY_PER_DAY = Decimal("0.36") / 365


def terms(grace_days: int = 0) -> LoanTerms:
    return monthly_terms(
        currency="CNY",
        principal=1_000_000,
        annual_rate=Decimal("24"),
        instalments=12,
        disbursed_on=MADE,
        penalty_annual_rate=Decimal("36"),
        grace_days=grace_days,
    )


def paid(key: str, on: date, amount: int) -> Paid:
    return Paid(key=key, on=on, amount=amount)


def at(as_of: date, *events: LoanEvent, grace_days: int = 0) -> Position:
    return position(terms(grace_days), (DISBURSED, *events), as_of)


def test_before_its_disbursement_a_loan_owes_nothing() -> None:
    for events in ((), (DISBURSED,)):
        before = position(terms(), events, MADE - timedelta(days=1))
        assert (before.disbursed, before.principal_outstanding, before.total_due) == (0, 0, 0)
        assert before.instalments == ()
        assert before.next_due is None
        assert not before.settled


def test_on_the_day_of_disbursement() -> None:
    today = at(MADE)
    assert today.principal_outstanding == 1_000_000
    assert today.next_due == NextDue(number=1, on=FIRST_DUE, amount=94_560)
    assert {item.state for item in today.instalments} == {"upcoming"}
    assert (today.accrued_interest, today.days_past_due) == (0, 0)


def test_on_a_due_date_the_instalment_is_due_and_not_late() -> None:
    today = at(FIRST_DUE)
    assert today.due == Components(principal=74_560, interest=20_000)
    assert (today.total_due, today.total_overdue) == (94_560, 0)
    assert today.days_past_due == 0
    assert today.instalments[0].state == "due"
    assert today.next_due == NextDue(number=1, on=FIRST_DUE, amount=94_560)


def test_the_day_after_it_is_one_day_past_due_with_one_day_of_penalty() -> None:
    today = at(FIRST_DUE + timedelta(days=1))
    # 745.60 x 36 % / 365 = 0.7354 -> 0.74
    assert today.overdue == Components(principal=74_560, interest=20_000, penalty=74)
    assert today.days_past_due == 1
    assert today.instalments[0].state == "overdue"
    assert today.next_due == NextDue(number=2, on=date(2026, 3, 15), amount=94_560)


def test_penalty_is_rounded_once_not_day_by_day() -> None:
    today = at(FIRST_DUE + timedelta(days=20))
    # 745.60 x 20 x 36 % / 365 = 14.7077 -> 14.71; 20 roundings of 0.74 would make 14.80
    assert today.overdue.penalty == 1_471


def test_interest_accrues_by_actual_days_of_the_period() -> None:
    # 15 January to 15 February has 31 days: 200.00 x 10 / 31 = 64.516 -> 64.52
    assert at(MADE + timedelta(days=10)).accrued_interest == 6_452
    assert at(FIRST_DUE - timedelta(days=1)).accrued_interest == 19_355
    assert at(FIRST_DUE).accrued_interest == 0


def test_a_payment_covers_the_oldest_instalment_penalty_first() -> None:
    on = date(2026, 3, 15)
    today = at(on, paid("p", on, 100_000))
    first, second = today.instalments[:2]
    # 28 days late: 745.60 x 28 x 36 % / 365 = 20.5909 -> 20.59
    assert (first.penalty_paid, first.interest_paid, first.principal_paid) == (
        2_059,
        20_000,
        74_560,
    )
    assert (first.state, first.paid_on) == ("paid", on)
    left = 100_000 - 2_059 - 94_560
    assert (second.interest_paid, second.principal_paid) == (left, 0)
    assert (second.state, second.outstanding) == ("due", 94_560 - left)


def test_a_partial_payment_lowers_the_principal_that_bears_penalty() -> None:
    late = FIRST_DUE + timedelta(days=10)
    end = FIRST_DUE + timedelta(days=25)
    today = at(end, paid("p", late, 50_000))
    first = today.instalments[0]
    penalty = round(74_560 * 10 * PENALTY_PER_DAY)
    principal_paid = 50_000 - penalty - 20_000
    assert first.principal_paid == principal_paid
    both = (74_560 * 10 + (74_560 - principal_paid) * 15) * PENALTY_PER_DAY
    assert first.penalty == round(both)
    assert (today.days_past_due, first.state, first.paid_on) == (25, "overdue", None)


def test_penalty_stops_when_the_instalment_is_paid() -> None:
    late = FIRST_DUE + timedelta(days=6)
    payment = paid("p", late, 94_560 + 441)  # 745.60 x 6 x 36 % / 365 = 4.4123 -> 4.41
    for days in (0, 1, 20):
        today = at(late + timedelta(days=days), payment)
        assert today.instalments[0].penalty == 441
        assert today.instalments[0].state == "paid"
        assert today.total_overdue == 0


def test_grace_forgives_payment_within_it_and_nothing_after() -> None:
    last = FIRST_DUE + timedelta(days=3)
    within = at(last, paid("p", last, 94_560), grace_days=3)
    assert (within.paid.penalty, within.instalments[0].state) == (0, "paid")
    assert at(last, grace_days=3).overdue.penalty == 0
    assert at(last, grace_days=3).days_past_due == 3
    after = at(last + timedelta(days=1), grace_days=3)
    assert after.overdue.penalty == round(74_560 * 4 * PENALTY_PER_DAY)


def test_grace_forgives_the_part_that_was_paid_within_it() -> None:
    in_grace = FIRST_DUE + timedelta(days=2)
    today = at(FIRST_DUE + timedelta(days=10), paid("p", in_grace, 60_000), grace_days=3)
    late_principal = 74_560 - (60_000 - 20_000)
    assert today.overdue.penalty == round(late_principal * 10 * PENALTY_PER_DAY)


def test_overpayment_is_credit_and_pays_the_next_instalment_on_its_due_date() -> None:
    extra = paid("p", FIRST_DUE, 94_560 + 50_000)
    held = at(FIRST_DUE + timedelta(days=1), extra)
    assert held.credit == 50_000
    assert held.next_due == NextDue(number=2, on=date(2026, 3, 15), amount=44_560)
    due = at(date(2026, 3, 15), extra)
    assert (due.credit, due.total_due) == (0, 44_560)
    late = at(date(2026, 3, 16), extra)
    unpaid_principal = 76_051 - (50_000 - 18_509)
    assert late.overdue.principal == unpaid_principal
    assert late.overdue.penalty == round(unpaid_principal * PENALTY_PER_DAY)


def test_credit_can_cover_the_next_instalment_whole() -> None:
    extra = paid("p", FIRST_DUE, 2 * 94_560 + 1)
    assert at(FIRST_DUE, extra).next_due == NextDue(number=2, on=date(2026, 3, 15), amount=0)
    later = at(date(2026, 3, 20), extra)
    assert (later.instalments[1].state, later.instalments[1].paid_on) == ("paid", date(2026, 3, 15))
    assert later.credit == 1


def test_the_last_ordinary_payment_settles() -> None:
    due_dates = [item.due_on for item in at(MADE).instalments]
    payments = [paid(f"p{on}", on, 94_560) for on in due_dates]
    today = at(due_dates[-1], *payments)
    assert (today.settled, today.settled_on) == (True, due_dates[-1])
    assert (today.principal_outstanding, today.credit) == (0, 5)
    assert today.paid == Components(principal=1_000_000, interest=134_715)
    assert today.next_due is None


def test_a_payoff_waives_the_interest_not_earned() -> None:
    on = MADE + timedelta(days=10)
    today = at(on + timedelta(days=100), PaidOff(key="off", on=on, amount=1_006_452))
    assert (today.settled, today.settled_on, today.credit) == (True, on, 0)
    assert today.paid == Components(principal=1_000_000, interest=6_452)
    assert sum(item.interest_waived for item in today.instalments) == 134_715 - 6_452
    assert {item.state for item in today.instalments} == {"paid"}
    assert (today.accrued_interest, today.total_due, today.next_due) == (0, 0, None)


def test_a_payoff_that_falls_short_is_an_ordinary_payment() -> None:
    on = FIRST_DUE
    today = at(on, PaidOff(key="off", on=on, amount=1_019_999))
    assert not today.settled
    assert today.instalments[0].state == "paid"
    assert today.credit == 1_019_999 - 94_560


def test_money_after_settlement_is_credit() -> None:
    off = PaidOff(key="off", on=MADE, amount=1_000_000)
    later = MADE + timedelta(days=40)
    again = PaidOff(key="again", on=later, amount=50_000)
    today = at(later, off, again, paid("p", later, 5))
    assert (today.settled, today.settled_on, today.credit) == (True, MADE, 50_005)
    assert today.paid == Components(principal=1_000_000)


def test_correcting_an_earlier_payment_reopens_a_payoff_that_no_longer_suffices() -> None:
    first = paid("p1", FIRST_DUE, 94_560)
    off = PaidOff(key="off", on=date(2026, 3, 1), amount=1_000_000 - 74_560 + 9_255)
    assert at(date(2026, 3, 1), first, off).settled
    returned = Reversed(key="r", on=date(2026, 3, 5), reverses="p1")
    assert at(date(2026, 3, 4), first, off, returned).settled
    reopened = at(date(2026, 3, 5), first, off, returned)
    assert not reopened.settled
    assert reopened.instalments[0].state == "paid"
    assert reopened == at(date(2026, 3, 5), off)


def test_a_reversed_payment_counts_until_it_is_reversed() -> None:
    payment = paid("p", FIRST_DUE, 94_560)
    reversal = Reversed(key="r", on=date(2026, 2, 20), reverses="p")
    assert at(date(2026, 2, 19), payment, reversal).total_overdue == 0
    assert at(date(2026, 2, 20), payment, reversal) == at(date(2026, 2, 20))
    assert at(date(2026, 2, 20), payment, reversal).days_past_due == 5


def test_a_reversed_disbursement_leaves_no_loan() -> None:
    today = at(MADE, Reversed(key="r", on=MADE, reverses="disbursed"))
    assert (today.disbursed, today.instalments, today.settled) == (0, (), False)


def test_money_before_the_disbursement_is_credit() -> None:
    early = paid("early", MADE - timedelta(days=1), 94_560)
    assert at(MADE, early).credit == 94_560
    assert at(FIRST_DUE, early).instalments[0].state == "paid"


def test_a_repeated_event_counts_once() -> None:
    payment = paid("p", FIRST_DUE, 94_560)
    assert at(FIRST_DUE, payment, payment, DISBURSED) == at(FIRST_DUE, payment)


def test_one_key_for_two_events_is_a_conflict() -> None:
    with pytest.raises(ConflictingEvent, match="p1"):
        at(FIRST_DUE, paid("p1", FIRST_DUE, 94_560), paid("p1", FIRST_DUE, 94_561))
    with pytest.raises(ConflictingEvent):
        at(FIRST_DUE, paid("p1", FIRST_DUE, 1), PaidOff(key="p1", on=FIRST_DUE, amount=1))


@pytest.mark.parametrize(
    "events",
    [
        [Reversed(key="r", on=FIRST_DUE, reverses="unknown")],
        [paid("p", FIRST_DUE, 1), Reversed(key="r", on=MADE, reverses="p")],
        [Reversed(key="r", on=FIRST_DUE, reverses="p"), paid("p", FIRST_DUE, 1)],
        [
            paid("p", FIRST_DUE, 1),
            Reversed(key="r", on=FIRST_DUE, reverses="p"),
            Reversed(key="again", on=FIRST_DUE, reverses="p"),
        ],
        [
            paid("p", FIRST_DUE, 1),
            Reversed(key="r", on=FIRST_DUE, reverses="p"),
            Reversed(key="rr", on=FIRST_DUE, reverses="r"),
        ],
    ],
    ids=["unknown", "before its payment", "listed before", "twice", "of a reversal"],
)
def test_a_reversal_needs_something_that_stands(events: Sequence[LoanEvent]) -> None:
    with pytest.raises(InvalidReversal):
        at(FIRST_DUE, *events)


@pytest.mark.parametrize(
    "other",
    [
        Disbursed(key="second", on=MADE, amount=1_000_000),
        Disbursed(key="second", on=MADE + timedelta(days=1), amount=1),
    ],
)
def test_a_loan_is_disbursed_once(other: Disbursed) -> None:
    with pytest.raises(DisbursementMismatch, match="before"):
        at(FIRST_DUE, other)


@pytest.mark.parametrize(("days", "amount"), [(0, 999_999), (1, 1_000_000)])
def test_a_disbursement_follows_the_terms(days: int, amount: int) -> None:
    event = Disbursed(key="d", on=MADE + timedelta(days=days), amount=amount)
    with pytest.raises(DisbursementMismatch, match="terms say"):
        position(terms(), [event], FIRST_DUE)


def test_events_and_positions_survive_json() -> None:
    events: tuple[LoanEvent, ...] = (
        DISBURSED,
        Paid(key="p", on=FIRST_DUE, amount=94_560, instalment=1),
        PaidOff(key="off", on=FIRST_DUE, amount=1),
        Reversed(key="r", on=FIRST_DUE, reverses="off"),
    )
    adapter = TypeAdapter(tuple[LoanEvent, ...])
    assert adapter.validate_json(adapter.dump_json(events)) == events
    today = position(terms(), events, FIRST_DUE)
    assert Position.model_validate_json(today.model_dump_json()) == today
