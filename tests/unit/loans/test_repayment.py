"""What a repayment comes to: 10,000.00 over 12 months at 24 %, disbursed on 15 January 2026."""

from datetime import date
from decimal import Decimal

import pytest

from domain.loans.events import (
    Disbursed,
    LoanEvent,
    Paid,
    PaidOff,
    Recovered,
    Rescheduled,
    WrittenOff,
)
from domain.loans.position import position
from domain.loans.repayment import (
    LoanSettled,
    NothingDue,
    PayoffChanged,
    RepaymentTooLarge,
    amount_to_pay,
)
from domain.loans.servicing import last_due_number
from domain.loans.terms import monthly_terms

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
