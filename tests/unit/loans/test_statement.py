"""The statement of account adds up, line by line, and agrees with the ledger.

The figures are those of the annuity of 10,000.00 at 24 % over twelve months: 945.60 a month, of
which 200.00 are interest at first (10,000.00 x 2 %).
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.loans.allocation import Component
from domain.loans.events import (
    Charged,
    ChargedBack,
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
from domain.loans.fees import Fee, FeeTiming
from domain.loans.ledger import Account, balances
from domain.loans.payoff import payoff_quote
from domain.loans.position import position
from domain.loans.statement import MAX_DAYS, InvalidPeriod, MovementKind, owed, statement
from domain.loans.terms import LoanTerms, monthly_terms
from services.loans.statements import printed

START = date(2026, 1, 15)
TERMS = monthly_terms(
    currency="CNY",
    principal=1_000_000,
    annual_rate=Decimal(24),
    instalments=12,
    disbursed_on=START,
    penalty_annual_rate=Decimal(24),
)
DISBURSED = Disbursed(key="d", on=START, amount=1_000_000)
PAID = Paid(key="p", on=date(2026, 2, 15), amount=94_560)
TODAY = date(2027, 1, 1)


def lines(
    *events: LoanEvent, begins: date, ends: date, terms: LoanTerms = TERMS
) -> list[tuple[date, str, int, int]]:
    account = statement(terms, (DISBURSED, *events), begins, ends, TODAY)
    return [(one.on, one.kind, one.amount, one.balance) for one in account.movements]


def test_a_month_shows_what_was_paid_out_what_fell_due_and_what_was_paid() -> None:
    assert lines(PAID, begins=START, ends=date(2026, 2, 28)) == [
        (START, MovementKind.DISBURSED, 1_000_000, 1_000_000),
        (date(2026, 2, 15), MovementKind.INTEREST, 20_000, 1_020_000),
        (date(2026, 2, 15), MovementKind.PAYMENT, -94_560, 925_440),
    ]


def test_the_next_statement_begins_where_the_last_ended() -> None:
    first = statement(TERMS, (DISBURSED, PAID), START, date(2026, 2, 14), TODAY)
    second = statement(TERMS, (DISBURSED, PAID), date(2026, 2, 15), date(2026, 3, 14), TODAY)
    assert (first.opening, first.closing) == (0, 1_000_000)
    assert (second.opening, second.closing) == (first.closing, 925_440)


def test_penalty_is_shown_up_to_the_end_of_the_period() -> None:
    # 745.60 of principal overdue for 13 days at 24 % over 365: 6.37.
    assert lines(begins=date(2026, 2, 16), ends=date(2026, 2, 28)) == [
        (date(2026, 2, 28), MovementKind.PENALTY, 637, 1_020_637)
    ]


def test_a_payment_that_the_bank_takes_back_is_owed_again() -> None:
    back = Reversed(key="r", on=date(2026, 2, 20), reverses="p", reason="returned")
    shown = statement(
        TERMS, (DISBURSED, PAID, back), date(2026, 2, 20), date(2026, 2, 20), TODAY
    ).movements
    assert [(one.kind, one.text, one.amount, one.event) for one in shown] == [
        # Five days of penalty on 745.60, as if it had never been paid: 2.45.
        (MovementKind.PENALTY, "Penalty, taken back", 245, "r"),
        (MovementKind.PAYMENT, "Payment, taken back", 94_560, "r"),
    ]


def test_a_debt_that_is_written_off_is_owed_still() -> None:
    given_up = WrittenOff(key="w", on=date(2026, 3, 1))
    recovered = Recovered(key="rec", on=date(2026, 3, 10), amount=50_000)
    account = statement(
        TERMS, (DISBURSED, given_up, recovered), date(2026, 3, 1), date(2026, 3, 31), TODAY
    )
    assert account.closing == account.movements[0].balance - 50_000 > 900_000


def test_a_fee_has_the_name_that_it_was_charged_under() -> None:
    fee = Charged(key="c", on=date(2026, 2, 1), amount=50, name="reminder letter")
    (line,) = statement(TERMS, (DISBURSED, fee), fee.on, fee.on, TODAY).movements
    assert (line.text, line.amount, line.kind) == ("reminder letter", 50, MovementKind.FEE)


def test_fees_kept_back_are_shown_and_owed_by_nobody() -> None:
    terms = TERMS.model_copy(
        update={"fees": (Fee(name="f", timing=FeeTiming.DEDUCTED, percent=Decimal(2)),)}
    )
    assert lines(begins=START, ends=START, terms=terms) == [
        (START, MovementKind.DISBURSED, 1_000_000, 1_000_000),
        (START, MovementKind.FEE, 20_000, 1_020_000),
        (START, MovementKind.DEDUCTED, -20_000, 1_000_000),
    ]


@pytest.mark.parametrize(
    ("begins", "ends", "field"),
    [
        (date(2026, 3, 1), date(2026, 2, 1), "from"),
        (START, TODAY + timedelta(days=1), "to"),
        (TODAY - timedelta(days=MAX_DAYS), TODAY, "from"),
    ],
)
def test_a_period_that_cannot_be_is_refused(begins: date, ends: date, field: str) -> None:
    with pytest.raises(InvalidPeriod) as refusal:
        statement(TERMS, (DISBURSED,), begins, ends, TODAY)
    assert refusal.value.field == field


def test_it_prints_within_eighty_columns() -> None:
    page = printed("loa_1", statement(TERMS, (DISBURSED, PAID), START, date(2026, 2, 28), TODAY))
    assert max(map(len, page.splitlines())) <= 80
    assert "Opening balance" in page
    assert page.splitlines()[-1].split() == ["2026-02-28", "Closing", "balance", "9,254.40"]


EVENTS: tuple[LoanEvent, ...] = (
    DISBURSED,
    PAID,
    Charged(key="c", on=date(2026, 2, 20), amount=5_000, name="letter"),
    Waived(key="w", on=date(2026, 2, 21), component=Component.FEE, amount=2_000),
    RateChanged(key="rate", on=date(2026, 2, 22), annual_rate=Decimal(18)),
    HolidayGranted(key="h", on=date(2026, 2, 23), count=1),
    Reversed(key="rev", on=date(2026, 3, 20), reverses="p", reason="returned"),
    Rescheduled(key="re", on=date(2026, 3, 25), instalments=6, first_due_on=date(2026, 5, 1)),
    Paid(key="p2", on=date(2026, 5, 1), amount=300_000),
    Refunded(key="ref", on=date(2026, 5, 2), amount=1_000),
    ChargedBack(key="cb", on=date(2026, 5, 20), payment="p2", amount=50_000),
    WrittenOff(key="wo", on=date(2026, 12, 1)),
    Recovered(key="rec", on=date(2026, 12, 15), amount=12_345),
)
_DAYS = st.integers(0, (TODAY - START).days).map(lambda days: START + timedelta(days=days))


@given(st.tuples(_DAYS, _DAYS).map(sorted))
def test_every_period_adds_up_and_agrees_with_the_ledger(period: list[date]) -> None:
    begins, ends = period
    account = statement(TERMS, EVENTS, begins, ends, TODAY)
    assert account.opening + sum(one.amount for one in account.movements) == account.closing
    running = account.opening
    for one in account.movements:
        running += one.amount
        assert one.balance == running
    stands = position(TERMS, EVENTS, ends)
    assert account.closing == owed(stands)
    books = balances(stands)
    receivables = sum(
        books[name]
        for name in (
            Account.PRINCIPAL_RECEIVABLE,
            Account.INTEREST_RECEIVABLE,
            Account.FEE_RECEIVABLE,
            Account.PENALTY_RECEIVABLE,
            Account.RETURNED_RECEIVABLE,
            Account.CUSTOMER_CREDIT,
        )
    )
    assert account.closing == receivables + stands.written_off.total - stands.recovered


def test_a_loan_that_is_paid_off_owes_nothing() -> None:
    on = date(2026, 3, 1)
    total = payoff_quote(TERMS, (DISBURSED, PAID), on).total
    off = PaidOff(key="off", on=on, amount=total)
    assert statement(TERMS, (DISBURSED, PAID, off), on, on, TODAY).closing == 0
