"""What may be recorded of a loan, and what it does to cash: 10,000.00 over 12 months at 24 %."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.errors import ConflictingEvent, InvalidEvent, InvalidReversal
from domain.loan_events import (
    AnyEvent,
    Charged,
    Disbursed,
    LoanEvent,
    Paid,
    PaidOff,
    Recovered,
    Refunded,
    Rescheduled,
    Reversed,
    WrittenOff,
)
from domain.loan_servicing import cash_moved, check_record
from domain.loan_terms import monthly_terms
from domain.position import position
from domain.repayment import (
    LoanSettled,
    NothingDue,
    PayoffChanged,
    RepaymentTooLarge,
    amount_to_pay,
)
from domain.servicing import last_due_number

MADE = date(2026, 1, 15)
FIRST = date(2026, 2, 15)
TODAY = date(2026, 2, 20)
TERMS = monthly_terms(
    currency="CNY",
    principal=1_000_000,
    annual_rate=Decimal(24),
    instalments=12,
    disbursed_on=MADE,
    penalty_annual_rate=Decimal(24),
)
OUT = Disbursed(key="d", on=MADE, amount=1_000_000)
INSTALMENT = Paid(key="p", on=FIRST, amount=94_560)


def test_a_record_says_where_the_loan_would_stand() -> None:
    after = check_record(TERMS, [OUT], INSTALMENT, TODAY)
    assert after.principal_outstanding == 1_000_000 - 74_560
    assert after.as_of == TODAY


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (Paid(key="x", on=TODAY + timedelta(days=1), amount=1), "on"),
        (Paid(key="x", on=MADE - timedelta(days=1), amount=1), "on"),
        (Disbursed(key="x", on=TODAY, amount=1_000_000), "kind"),
        (Reversed(key="x", on=TODAY, reverses="d"), "reverses"),
        (Recovered(key="x", on=TODAY, amount=1), "kind"),
        (Refunded(key="x", on=TODAY, amount=1), "amount"),
    ],
)
def test_what_cannot_have_happened_is_refused(event: AnyEvent, field: str) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        check_record(TERMS, [OUT], event, TODAY)
    assert refusal.value.field == field


def test_a_reversal_of_nothing_and_a_key_used_twice_are_refused() -> None:
    with pytest.raises(InvalidReversal):
        check_record(TERMS, [OUT], Reversed(key="x", on=TODAY, reverses="q"), TODAY)
    with pytest.raises(ConflictingEvent):
        check_record(TERMS, [OUT, INSTALMENT], Paid(key="p", on=FIRST, amount=1), TODAY)


@pytest.mark.parametrize(
    ("event", "cash"),
    [
        (INSTALMENT, 94_560),
        (PaidOff(key="o", on=TODAY, amount=5), 5),
        (Recovered(key="r", on=TODAY, amount=7), 7),
        (Refunded(key="f", on=TODAY, amount=9), -9),
        (Reversed(key="v", on=TODAY, reverses="p"), -94_560),
        (Reversed(key="v", on=TODAY, reverses="refund"), 4),
        (Reversed(key="v", on=TODAY, reverses="unknown"), 0),
        (Charged(key="c", on=TODAY, amount=100), 0),
        (WrittenOff(key="w", on=TODAY), 0),
    ],
)
def test_the_money_that_an_event_moves(event: AnyEvent, cash: int) -> None:
    before: list[LoanEvent] = [OUT, INSTALMENT, Refunded(key="refund", on=TODAY, amount=4)]
    assert cash_moved(event, before) == cash


def test_the_last_due_number_follows_the_plan_as_it_stands() -> None:
    assert last_due_number(position(TERMS, [OUT], MADE)) == 0
    assert last_due_number(position(TERMS, [OUT], FIRST)) == 1
    put_off = Rescheduled(key="h", on=TODAY, instalments=6, first_due_on=date(2026, 5, 15))
    assert last_due_number(position(TERMS, [OUT, put_off], date(2026, 4, 15))) == 1


def test_what_a_repayment_comes_to() -> None:
    late: list[LoanEvent] = [OUT]
    # 945.60 and five days of penalty on 745.60 at 24 % over 365: 2.45.
    assert amount_to_pay(TERMS, late, TODAY) == 94_560 + 245
    assert amount_to_pay(TERMS, late, TODAY, amount=1) == 1
    with pytest.raises(PayoffChanged):
        amount_to_pay(TERMS, late, TODAY, payoff_total=1)
    with pytest.raises(NothingDue):
        amount_to_pay(TERMS, [OUT, INSTALMENT], TODAY)
    with pytest.raises(RepaymentTooLarge):
        amount_to_pay(TERMS, late, TODAY, amount=2_000_000)
    total = 1_000_000 + 20_000
    settled: list[LoanEvent] = [OUT, PaidOff(key="o", on=FIRST, amount=total)]
    with pytest.raises(LoanSettled):
        amount_to_pay(TERMS, settled, TODAY)


def test_a_loan_that_is_written_off_takes_back_what_was_lost() -> None:
    lost: list[LoanEvent] = [
        OUT,
        WrittenOff(key="w", on=FIRST),
        Recovered(key="r", on=TODAY, amount=400_000),
    ]
    assert amount_to_pay(TERMS, lost, TODAY, amount=600_000) == 600_000
    with pytest.raises(NothingDue):
        amount_to_pay(TERMS, lost, TODAY)
    with pytest.raises(RepaymentTooLarge):
        # Principal and the first month's interest were lost, 400,000 fen of it came back.
        amount_to_pay(TERMS, lost, TODAY, amount=620_001)
