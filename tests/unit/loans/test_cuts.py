"""What a change leaves alone: the rows of a fault list, each with what the business expects.

The loans are of 10,000.00 at 24 % and of 12,000.00 at 12 %, over 12 months from 15 January 2026.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.common.errors import FieldError, InvalidEvent
from domain.common.frequency import Frequency, FrequencyUnit
from domain.loans.allocation import Component, Excess
from domain.loans.events import (
    AnyEvent,
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
from domain.loans.ledger import Account, balances
from domain.loans.payoff import payoff_quote
from domain.loans.plan_terms import InterestBasis, Method
from domain.loans.position import Position, position
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms

MADE, FIRST, SECOND = date(2026, 1, 15), date(2026, 2, 15), date(2026, 3, 15)
LEVEL_24, LEVEL_12 = 94_560, 106_619


def at_24(**values: Any) -> LoanTerms:
    first: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_000_000,
        "annual_rate": Decimal(24),
        "instalments": 12,
        "disbursed_on": MADE,
        "first_due_on": FIRST,
    }
    return LoanTerms(**first | values)


def at_12(**values: Any) -> LoanTerms:
    return at_24(**{"principal": 1_200_000, "annual_rate": Decimal(12)} | values)


def stand(terms: LoanTerms, on: date, *events: LoanEvent) -> Position:
    first = Disbursed(key="d", on=MADE, amount=terms.first_disbursement)
    return position(terms, [first, *events], on)


def outstanding(now: Position) -> list[int]:
    return [item.outstanding for item in now.instalments]


# What is settled stays settled.

SETTLED = PaidOff(key="off", on=date(2026, 2, 1), amount=1_010_968)
CHANGES = [
    HolidayGranted(key="x", on=date(2026, 2, 5), count=1),
    HolidayGranted(key="x", on=date(2026, 2, 5), count=2, extend=True),
    Rescheduled(key="x", on=SECOND, instalments=6, first_due_on=date(2026, 4, 1)),
    Charged(key="x", on=SECOND, amount=500),
]


@pytest.mark.parametrize("event", CHANGES)
def test_a_settled_loan_is_changed_by_nothing(event: AnyEvent) -> None:
    with pytest.raises(InvalidEvent, match="settled") as refused:
        stand(at_24(), SECOND, SETTLED, event)
    assert refused.value.field == "on"


@pytest.mark.parametrize("rate", [Decimal(36), Decimal(0)])
def test_a_new_rate_means_nothing_to_a_settled_loan(rate: Decimal) -> None:
    changed = RateChanged(key="x", on=date(2026, 3, 5), annual_rate=rate)
    later = stand(at_24(), date(2027, 3, 1), SETTLED, changed)
    assert (later.settled, later.outstanding.total, later.days_past_due) == (True, 0, 0)


@pytest.mark.parametrize("event", CHANGES)
def test_a_change_found_to_follow_a_payoff_does_nothing(event: AnyEvent) -> None:
    # It was recorded before the payoff came to light.
    late = stand(at_24(), date(2027, 3, 1), event, SETTLED)
    assert (late.settled, late.outstanding.total) == (True, 0)


def test_steps_and_holidays_agreed_for_later_do_not_open_a_settled_loan() -> None:
    agreed = at_24(
        rate_steps=[{"on": date(2026, 6, 15), "annual_rate": Decimal(36)}],
        holidays=[{"on": date(2026, 8, 16), "count": 2, "extend": True}],
        fees=[{"name": "spread", "timing": "spread", "amount": 1_200}],
    )
    total = payoff_quote(agreed, [Disbursed(key="d", on=MADE, amount=1_000_000)], FIRST).total
    late = stand(agreed, date(2027, 6, 1), PaidOff(key="off", on=FIRST, amount=total))
    assert (late.settled, late.outstanding.total) == (True, 0)


def test_a_tranche_after_a_payoff_owes_itself_alone() -> None:
    terms = at_12(tranches=[{"on": date(2026, 4, 15), "amount": 200_000}])
    off = PaidOff(key="off", on=FIRST, amount=1_010_000)
    out = Disbursed(key="t", on=date(2026, 4, 15), amount=200_000)
    now = stand(terms, out.on, off, out)
    assert (now.settled, now.principal_outstanding) == (False, 200_000)
    # 2,000.00 over the 9 months that remain at 1 % a month: 233.48 (closed formula).
    assert outstanding(now) == [0, 0, 0] + [23_348] * 8 + [23_349]
    assert sum(item.principal for item in now.instalments) == 1_200_000
    again = payoff_quote(terms, [Disbursed(key="d", on=MADE, amount=1_000_000), off, out], out.on)
    assert (again.principal, again.total) == (200_000, 200_000)


# A cut keeps what was agreed for later days.


def test_a_prepayment_that_shortens_keeps_the_level_of_each_stretch() -> None:
    terms = at_12(rate_steps=[{"on": date(2026, 8, 15), "annual_rate": Decimal(48)}])
    early = Paid(key="b", on=FIRST, amount=100_000, excess=Excess.SHORTEN_TERM)
    due = Paid(key="a", on=FIRST, amount=LEVEL_12)
    before, after = stand(terms, FIRST, due), stand(terms, FIRST, due, early)
    after_step = before.instalments[8].outstanding
    assert outstanding(after)[1:7] == [LEVEL_12] * 6
    assert outstanding(after)[7:10] == [after_step] * 3
    assert 0 < outstanding(after)[10] < after_step
    assert outstanding(after)[11] == 0


HOLIDAY = {"holidays": [{"on": date(2026, 6, 16), "count": 3}]}


def test_the_same_rate_changes_nothing_ahead_of_a_holiday() -> None:
    same = RateChanged(key="r", on=FIRST, annual_rate=Decimal(12))
    assert stand(at_12(**HOLIDAY), FIRST, same) == stand(at_12(**HOLIDAY), FIRST)


def test_another_rate_does_not_make_a_holiday_known_before_it() -> None:
    rate = Decimal("11.5")
    changed = stand(at_12(**HOLIDAY), FIRST, RateChanged(key="r", on=FIRST, annual_rate=rate))
    plain = stand(at_12(), FIRST, RateChanged(key="r", on=FIRST, annual_rate=rate))
    assert outstanding(changed)[:5] == outstanding(plain)[:5]
    assert outstanding(changed)[5:8] == [0, 0, 0]


def test_a_prepayment_ahead_of_a_holiday_raises_no_instalment() -> None:
    early = Paid(key="b", on=MADE, amount=100, excess=Excess.REDUCE_INSTALMENT)
    before, after = stand(at_12(**HOLIDAY), MADE), stand(at_12(**HOLIDAY), MADE, early)
    for old, new in zip(outstanding(before), outstanding(after), strict=True):
        assert new <= old


@pytest.mark.parametrize("excess", Excess)
def test_a_prepayment_ahead_of_an_agreed_extension_extends_once(excess: Excess) -> None:
    terms = at_12(holidays=[{"on": date(2026, 6, 16), "count": 2, "extend": True}])
    early = Paid(key="b", on=MADE, amount=100_000, excess=excess)
    now = stand(terms, MADE, early)
    assert len(now.instalments) == 14
    assert sum(item.principal for item in now.instalments) == 1_200_000


def test_an_instalment_that_fell_due_early_is_not_cut_again() -> None:
    # Sunday 15 February moves to Friday 13: what is paid then is done with, to the last unit.
    terms = at_24(business_day_rule="preceding", calendar="TARGET")
    due = Paid(key="p", on=date(2026, 2, 13), amount=LEVEL_24)
    risen = RateChanged(key="r", on=date(2026, 2, 14), annual_rate=Decimal(48))
    now = stand(terms, date(2026, 2, 14), due, risen)
    assert (now.instalments[0].due_on, now.instalments[0].outstanding) == (due.on, 0)
    assert now.instalments[1].interest > stand(terms, due.on, due).instalments[1].interest


# Money that came back.


@pytest.mark.parametrize(
    ("late", "owed_again"),
    [
        (Reversed(key="x", on=date(2026, 2, 25), reverses="p"), 50_000),
        (Charged(key="x", on=date(2026, 2, 14), amount=1_000), 1_000),
    ],
)
def test_what_was_refunded_is_owed_again(late: AnyEvent, owed_again: int) -> None:
    paid = Paid(key="p", on=FIRST, amount=LEVEL_24 + 50_000)
    refund = Refunded(key="r", on=date(2026, 2, 20), amount=50_000)
    now = stand(at_24(), date(2026, 2, 25), paid, refund, late)
    assert now.outstanding.receivable == now.overdue.receivable == owed_again
    assert now.received + owed_again == now.paid.total + now.credit + now.refunded
    # It is paid before anything else, and a payoff counts it.
    owed = payoff_quote(
        at_24(), [Disbursed(key="d", on=MADE, amount=1_000_000), paid, refund, late], now.as_of
    )
    assert owed.receivable == owed_again
    part = stand(
        at_24(), now.as_of, paid, refund, late, Paid(key="q", on=now.as_of, amount=owed_again)
    )
    assert (part.outstanding.receivable, part.paid) == (0, now.paid)


def test_a_rate_found_to_have_risen_before_a_refund_is_recorded() -> None:
    paid = Paid(key="p", on=FIRST, amount=LEVEL_24 + 50_000)
    refund = Refunded(key="r", on=date(2026, 2, 20), amount=50_000)
    risen = RateChanged(key="x", on=date(2026, 2, 1), annual_rate=Decimal(36))
    now = stand(at_24(), date(2026, 2, 25), paid, refund, risen)
    assert 0 < now.outstanding.receivable < 50_000


def test_a_refund_of_more_than_the_credit_is_refused_as_such() -> None:
    with pytest.raises(InvalidEvent, match="the credit held is 0") as refused:
        stand(at_24(), FIRST, Refunded(key="r", on=FIRST, amount=1))
    assert refused.value.field == "amount"


def test_an_agreed_new_plan_stands_when_a_payment_before_it_comes_back() -> None:
    paid = Paid(key="p", on=FIRST, amount=LEVEL_24)
    agreed = Rescheduled(
        key="s", on=date(2026, 4, 20), instalments=6, first_due_on=date(2026, 5, 20)
    )
    back = Reversed(key="x", on=date(2026, 4, 25), reverses="p", reason="chargeback")
    before = stand(at_24(), back.on, paid, agreed)
    after = stand(at_24(), back.on, paid, agreed, back)
    assert outstanding(after) == outstanding(before)
    assert after.total_due == after.outstanding.receivable == LEVEL_24
    assert stand(at_24(), date(2026, 4, 26), paid, agreed, back).days_past_due == 1
    softer = at_24(allocation={"returned": "next_instalment"})
    with_next = stand(softer, back.on, paid, agreed, back)
    assert (with_next.total_due, with_next.outstanding.receivable) == (0, LEVEL_24)
    assert with_next.next_due is not None
    assert before.next_due is not None
    assert with_next.next_due.amount == before.next_due.amount + LEVEL_24


# Money by any name.


@pytest.mark.parametrize("excess", Excess)
def test_a_payoff_that_falls_short_is_the_payment_that_it_is(excess: Excess) -> None:
    terms = at_24(allocation={"excess": excess})
    day, year_on = date(2026, 2, 1), date(2027, 2, 1)
    short, paid = (
        PaidOff(key="o", on=day, amount=1_010_967),
        Paid(key="o", on=day, amount=1_010_967),
    )
    assert stand(terms, year_on, short) == stand(terms, year_on, paid)
    assert stand(terms, day, short).payoff == 1


def test_reduced_instalments_leave_the_missing_unit_and_no_more() -> None:
    terms = at_24(allocation={"excess": "reduce_instalment"})
    short = PaidOff(key="o", on=date(2026, 2, 1), amount=1_010_967)
    assert stand(terms, date(2027, 2, 1), short).outstanding.total == 1


@pytest.mark.parametrize(
    "event",
    [
        Waived(key="w", on=FIRST, component=Component.INTEREST, amount=5, instalment=99),
        Paid(key="w", on=FIRST, amount=5, instalment=99),
        Paid(key="w", on=FIRST, amount=5, instalment=0),
    ],
)
def test_an_instalment_that_there_is_not_is_refused(event: AnyEvent) -> None:
    with pytest.raises(InvalidEvent, match="the loan has 1 to 12") as refused:
        stand(at_24(), FIRST, event)
    assert refused.value.field == "instalment"


def test_credit_is_set_off_before_anything_is_lost() -> None:
    held = Paid(key="p", on=date(2026, 2, 1), amount=300_000)
    lost = WrittenOff(key="w", on=date(2026, 2, 5))
    now = stand(at_24(), lost.on, held, lost)
    assert (now.credit, now.written_off.total, now.paid.principal) == (0, 700_000, 300_000)


@pytest.mark.parametrize("basis", InterestBasis)
@pytest.mark.parametrize("method", ["equal_instalment", "equal_principal", "interest_only"])
@pytest.mark.parametrize("paid", [0, 1, 300_000])
@pytest.mark.parametrize("rate", [0, 24])
def test_what_is_disbursed_after_a_loss_recorded_later_is_lost_too(
    method: str, basis: InterestBasis, paid: int, rate: int
) -> None:
    """Lost as of February, recorded after the tranche of March: all that was lent is lost."""
    tranche, lost = date(2026, 3, 1), WrittenOff(key="w", on=date(2026, 2, 20))
    terms = at_24(
        annual_rate=Decimal(rate),
        method=method,
        interest_basis=basis,
        tranches=[{"on": tranche, "amount": 200_000}],
    )
    events: list[LoanEvent] = [Disbursed(key="t", on=tranche, amount=200_000), lost]
    events += [Paid(key="p", on=date(2026, 2, 1), amount=paid)] if paid else []
    for day in (lost.on, tranche, date(2026, 3, 20), date(2027, 6, 1)):
        now = stand(terms, day, *events)
        assert all(item.outstanding == 0 for item in now.instalments)
        assert now.outstanding.total == now.principal_outstanding == 0
        lent = 800_000 if day < tranche else 1_000_000
        assert now.written_off.principal + now.paid.principal == lent


def test_a_fee_on_disbursement_does_not_come_with_the_down_payment() -> None:
    terms = at_24(
        currency="EUR",
        principal=100_000,
        down_payment=25_000,
        fees=[{"name": "f", "timing": "on_event", "event": "disbursed", "amount": 5_000}],
    )
    now = stand(terms, date(2026, 1, 16), Paid(key="p", on=MADE, amount=25_000))
    assert [item.fee for item in now.instalments[:3]] == [0, 5_000, 0]
    assert (now.days_past_due, now.total_due) == (0, 0)


def test_a_charge_on_a_due_date_paid_before_comes_with_the_next_instalment() -> None:
    paid = Paid(key="p", on=FIRST, amount=LEVEL_24)
    now = stand(at_24(), date(2026, 2, 16), paid, Charged(key="c", on=FIRST, amount=500))
    assert (now.days_past_due, now.overdue.total) == (0, 0)
    assert now.instalments[1].fee == 500


# Each refusal names a field of the event that is refused.

REFUSED: list[tuple[list[LoanEvent], str]] = [
    ([Disbursed(key="d", on=FIRST, amount=1_000_000)], "on"),
    ([Disbursed(key="d", on=MADE, amount=999_999)], "amount"),
    ([Disbursed(key=f"d{n}", on=MADE, amount=1_000_000) for n in range(2)], "kind"),
    ([Paid(key="p", on=MADE, amount=1), Paid(key="p", on=MADE, amount=2)], "key"),
    ([Reversed(key="r", on=MADE, reverses="nothing")], "reverses"),
]


@pytest.mark.parametrize(("events", "field"), REFUSED)
def test_a_refusal_names_its_field(events: list[LoanEvent], field: str) -> None:
    with pytest.raises(FieldError) as refused:
        position(at_24(), events, SECOND)
    assert refused.value.field == field
    assert field in type(events[-1]).model_fields


def test_news_of_earlier_days_never_fails_by_what_was_recorded_since() -> None:
    """What was possible when it was recorded is taken as far as it goes."""
    off = PaidOff(key="off", on=MADE, amount=1_000_000)
    since: list[LoanEvent] = [
        HolidayGranted(key="h", on=FIRST, count=10),
        Rescheduled(key="s", on=SECOND, instalments=3, first_due_on=date(2026, 4, 1)),
        Charged(key="c", on=SECOND, amount=500),
        WrittenOff(key="w", on=date(2026, 6, 1)),
        Recovered(key="r", on=date(2026, 6, 2), amount=700),
    ]
    now = stand(at_24(), date(2026, 6, 3), *since, off)
    assert (now.settled, now.written_off_on, now.credit) == (True, None, 700)


# A due day is kept through short months.


def test_a_new_plan_first_due_at_the_end_of_a_short_month_keeps_the_loans_day() -> None:
    terms = at_24(disbursed_on=date(2025, 12, 31), first_due_on=date(2026, 1, 31))
    paid = Disbursed(key="d", on=date(2025, 12, 31), amount=1_000_000)
    new = Rescheduled(key="s", on=date(2026, 2, 10), instalments=6, first_due_on=date(2026, 2, 28))
    dues = [item.due_on for item in position(terms, [paid, new], new.on).instalments[1:4]]
    assert dues == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]
    given = new.model_copy(update={"due_day": 28})
    dues = [item.due_on for item in position(terms, [paid, given], new.on).instalments[1:4]]
    assert dues == [date(2026, 2, 28), date(2026, 3, 28), date(2026, 4, 28)]
    other = new.model_copy(update={"first_due_on": date(2026, 3, 30), "due_day": 32})
    with pytest.raises(FieldError) as refused:
        position(terms, [paid, other], new.on)
    assert refused.value.field == "due_day"


def test_a_step_to_the_same_rate_is_no_step() -> None:
    step = {"rate_steps": [{"on": date(2026, 5, 3), "annual_rate": Decimal(24)}]}
    assert build_plan(at_24(**step)).rows == build_plan(at_24()).rows


# What is given up stays given up: a write-off is the end of a plan as a payoff is.


@pytest.mark.parametrize("basis", InterestBasis)
@pytest.mark.parametrize(
    "method", [Method.INTEREST_ONLY, Method.EQUAL_INSTALMENT, Method.EQUAL_PRINCIPAL]
)
def test_a_tranche_known_before_a_write_off_of_earlier_days_is_lost_with_it(
    method: Method, basis: InterestBasis
) -> None:
    """99,999 of 100,000 were lent and given up; the last unit, lent since, is lost by itself."""
    day_1, day_2 = date(2026, 1, 16), date(2026, 1, 17)
    terms = at_24(
        principal=100_000,
        annual_rate=Decimal(0),
        instalments=2,
        frequency=Frequency(unit=FrequencyUnit.DAY),
        first_due_on=day_2,
        method=method,
        interest_basis=basis,
        tranches=[{"on": day_2, "amount": 1}],
    )
    later = Disbursed(key="t", on=day_2, amount=1)
    now = stand(terms, day_2, later, WrittenOff(key="w", on=day_1))
    assert now.written_off.total == 100_000
    assert sum(item.principal for item in now.instalments) == 100_000
    assert outstanding(now) == [0, 0]
    assert balances(now)[Account.LOSS] == 100_000


@pytest.mark.parametrize("paid", [100_200, 100_000, 50_000])
def test_a_fee_paid_in_advance_with_its_instalment_stays_owed(paid: int) -> None:
    """By the day, 1,000.00 with a fee of 2.00 an instalment: all of it paid a day early."""
    due = date(2026, 1, 16)
    terms = at_24(
        principal=100_000,
        annual_rate=Decimal(0),
        instalments=1,
        frequency=Frequency(unit=FrequencyUnit.DAY),
        first_due_on=due,
        interest_basis=InterestBasis.DAILY,
        fees=[{"name": "service", "timing": "per_instalment", "amount": 200}],
    )
    early = Paid(key="p", on=MADE, amount=paid)
    now = stand(terms, due, early)
    assert now.paid.total + now.total_due == 100_200
    assert min(outstanding(now)) >= 0
    assert now.settled == (paid == 100_200)
    assert now.instalments[0].paid_on == (MADE if paid == 100_200 else None)


def by_the_day(**values: Any) -> LoanTerms:
    """12,000.00 at 12 % in four instalments of 3,075.37, interest on the balance of each day."""
    return at_12(instalments=4, interest_basis=InterestBasis.DAILY, **values)


def test_a_fee_paid_in_advance_stays_owed_when_a_new_plan_is_shorter() -> None:
    """Two instalments of the old plan were paid with their fees; the new plan has one only."""
    terms = by_the_day(fees=[{"name": "service", "timing": "per_instalment", "amount": 90}])
    on, first = date(2026, 2, 1), date(2026, 2, 14)
    early = Paid(key="p", on=on, amount=500_000, excess=Excess.NEXT_INSTALMENT)
    plan = Rescheduled(key="r", on=on, instalments=1, first_due_on=first, include_overdue=True)
    for day in (on, first, date(2026, 7, 1)):
        now = stand(terms, day, early, plan)
        assert min(outstanding(now)) >= 0
        assert now.paid.fee == 180
        assert now.paid.total + now.credit == 500_000


@pytest.mark.parametrize("method", [Method.EQUAL_INSTALMENT, Method.EQUAL_PRINCIPAL])
def test_a_prepayment_leaves_what_was_paid_early_of_an_instalment_with_it(method: Method) -> None:
    """1,000.00 of the next instalment were paid: a prepayment after that raises none, nor it."""
    terms, on = by_the_day(method=method), date(2026, 2, 1)
    early = Paid(key="p", on=on, amount=100_000, excess=Excess.NEXT_INSTALMENT)
    more = Paid(key="q", on=on, amount=30_000, excess=Excess.REDUCE_INSTALMENT)
    before, after = stand(terms, on, early), stand(terms, on, early, more)
    assert after.principal_outstanding < before.principal_outstanding
    falls = zip(outstanding(before), outstanding(after), strict=True)
    assert all(old - new >= 30_000 // 4 - 500 for old, new in falls)


@pytest.mark.parametrize("excess", Excess)
def test_what_was_prepaid_for_a_period_that_is_over_is_not_prepaid_again(excess: Excess) -> None:
    """0.01 before the first due date, 0.01 on it: principal still sums to what was lent."""
    terms = at_24(annual_rate=Decimal(0), instalments=8, allocation={"excess": excess})
    early = Paid(key="p", on=date(2026, 2, 1), amount=1)
    due = Paid(key="q", on=FIRST, amount=125_001)
    now = stand(terms, FIRST, early, due)
    assert sum(item.principal for item in now.instalments) == 1_000_000
    assert now.paid.principal + now.credit == 125_002
