"""What a lender may record of a running loan, and the money each record moves."""

from datetime import date
from decimal import Decimal

import pytest

from domain.common.errors import DomainError, InvalidEvent
from domain.loans.allocation import Component
from domain.loans.events import (
    AnyEvent,
    Charged,
    Disbursed,
    LoanEvent,
    Paid,
    PaidOff,
    Recovered,
    Refunded,
    Reversed,
    Waived,
    WrittenOff,
)
from domain.loans.records import cash_moved, check_record
from domain.loans.terms import monthly_terms

MADE, TODAY = date(2026, 1, 15), date(2026, 3, 1)
TERMS = monthly_terms(
    currency="CNY",
    principal=1_000_000,
    annual_rate=Decimal(24),
    instalments=12,
    disbursed_on=MADE,
    penalty_annual_rate=Decimal(36),
)
DISBURSED = Disbursed(key="d", on=MADE, amount=1_000_000)
PAID = Paid(key="p", on=date(2026, 2, 15), amount=94_560)


def test_a_backdated_payment_is_recorded_as_if_it_had_been_known() -> None:
    stands = check_record(TERMS, [DISBURSED], PAID, TODAY)
    assert (stands.as_of, stands.principal_outstanding) == (TODAY, 925_440)
    assert (stands.total_overdue, stands.days_past_due) == (0, 0)


def test_days_from_the_disbursement_to_today_can_be_recorded() -> None:
    for on in (MADE, TODAY):
        event = Paid(key="x", on=on, amount=5)
        assert check_record(TERMS, [DISBURSED], event, TODAY).received == 5


@pytest.mark.parametrize(
    ("event", "field", "reason"),
    [
        (
            Paid(key="x", on=date(2026, 3, 2), amount=5),
            "on",
            "2026-03-02 is ahead: an event is recorded when it happened",
        ),
        (
            Paid(key="x", on=date(2026, 1, 14), amount=5),
            "on",
            "the loan was disbursed on 2026-01-15",
        ),
        (Disbursed(key="x", on=TODAY, amount=5), "kind", "money goes out by a drawdown"),
        (
            Reversed(key="x", on=TODAY, reverses="d"),
            "reverses",
            "a disbursement is not reversed: pay the loan off",
        ),
        (Refunded(key="x", on=TODAY, amount=1), "amount", "x refunds 1, the credit held is 0"),
    ],
)
def test_what_is_no_matter_of_servicing_is_refused(
    event: AnyEvent, field: str, reason: str
) -> None:
    with pytest.raises(InvalidEvent) as refused:
        check_record(TERMS, [DISBURSED, PAID], event, TODAY)
    assert (refused.value.field, refused.value.message) == (field, reason)


def test_a_payment_can_be_reversed_and_only_if_it_is_there() -> None:
    back = Reversed(key="x", on=TODAY, reverses="p")
    assert check_record(TERMS, [DISBURSED, PAID], back, TODAY).received == 0
    with pytest.raises(DomainError, match="no event in force"):
        check_record(TERMS, [DISBURSED], back, TODAY)


@pytest.mark.parametrize(
    ("event", "money"),
    [
        (PAID, 94_560),
        (PaidOff(key="o", on=TODAY, amount=7), 7),
        (Recovered(key="r", on=TODAY, amount=8), 8),
        (Refunded(key="f", on=TODAY, amount=9), -9),
        (Waived(key="w", on=TODAY, component=Component.INTEREST, amount=10), 0),
        (Charged(key="c", on=TODAY, amount=11), 0),
        (WrittenOff(key="l", on=TODAY), 0),
        (Reversed(key="x", on=TODAY, reverses="p"), -94_560),
        (Reversed(key="x", on=TODAY, reverses="f"), 9),
        (Reversed(key="x", on=TODAY, reverses="unknown"), 0),
    ],
)
def test_money_comes_in_positive_and_goes_out_negative(event: AnyEvent, money: int) -> None:
    before: list[LoanEvent] = [DISBURSED, PAID, Refunded(key="f", on=TODAY, amount=9)]
    assert cash_moved(event, before) == money
