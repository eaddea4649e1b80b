"""Charge-off and non-accrual, as in Fineract's LoanChargeOff features and the requirement W1.

The loan: 10,000.00 at 24 %, twelve level instalments of 945.60 from 15 February 2026, penalty
36 % of the overdue principal over 365 days. Nothing is paid.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.common.errors import InvalidEvent
from domain.loans.events import (
    ChargedBack,
    ChargedOff,
    ChargeOffReason,
    ChargeOffUndone,
    Disbursed,
    LoanEvent,
    Paid,
    PaidOff,
    Rescheduled,
    Reversed,
    Waived,
    WrittenOff,
)
from domain.loans.ledger import balances
from domain.loans.position import Position, position
from domain.loans.terms import LoanTerms, monthly_terms

MADE = date(2026, 1, 15)
FIRST_DUE = date(2026, 2, 15)
AT_91_DAYS = FIRST_DUE + timedelta(days=91)
PRINCIPAL = 1_000_000
BILLED_INTEREST = 20_000 + 18_509 + 16_988 + 15_436
"""2 % of 10,000.00, 9,254.40, 8,493.89 and 7,718.17: what fell due from February to May."""

CREDIT = ChargedOff(key="c", on=AT_91_DAYS)


def terms(**values: Any) -> LoanTerms:
    agreed = monthly_terms(
        currency="CNY",
        principal=PRINCIPAL,
        annual_rate=Decimal("24"),
        instalments=12,
        disbursed_on=MADE,
        penalty_annual_rate=Decimal("36"),
    )
    return LoanTerms.model_validate({**dict(agreed), **values})


def at(on: date, *events: LoanEvent, agreed: LoanTerms | None = None) -> Position:
    made = Disbursed(key="d", on=MADE, amount=PRINCIPAL)
    return position(agreed or terms(), (made, *events), on)


def ledger(stands: Position) -> dict[str, int]:
    found = {account.value: amount for account, amount in balances(stands).items() if amount}
    assert sum(found.values()) == 0
    return found


def test_what_was_not_received_is_income_no_more() -> None:
    before, after = at(AT_91_DAYS), at(AT_91_DAYS, CREDIT)
    penalty = before.billed.penalty
    assert before.days_past_due == 91
    assert before.billed.interest == BILLED_INTEREST
    assert ledger(before) == {
        "principal_receivable": PRINCIPAL,
        "interest_receivable": BILLED_INTEREST,
        "penalty_receivable": penalty,
        "cash": -PRINCIPAL,
        "interest_income": -BILLED_INTEREST,
        "penalty_income": -penalty,
    }
    assert ledger(after) == {
        "principal_receivable": PRINCIPAL,
        "principal_charged_off": -PRINCIPAL,
        "charge_off_loss": PRINCIPAL,
        "interest_receivable": BILLED_INTEREST,
        "interest_suspended": -BILLED_INTEREST,
        "penalty_receivable": penalty,
        "penalty_suspended": -penalty,
        "cash": -PRINCIPAL,
    }


def test_the_borrower_owes_the_same() -> None:
    for on in (AT_91_DAYS, date(2026, 7, 20)):
        before, after = at(on), at(on, CREDIT)
        unlike = {"charge_off"}
        assert after.model_dump(exclude=unlike) == before.model_dump(exclude=unlike)
        assert (after.charged_off_on, after.charge_off_reason) == (AT_91_DAYS, "credit")


def test_later_interest_accrues_off_income() -> None:
    later = at(date(2026, 9, 20), CREDIT)
    books = ledger(later)
    assert later.billed.interest > BILLED_INTEREST
    assert books["interest_suspended"] == -later.billed.interest
    assert {"interest_income", "penalty_income"}.isdisjoint(books)


def test_what_is_paid_meanwhile_is_income_and_recovery() -> None:
    """Cash basis: 945.60 covers February's penalty and instalment as far as it goes."""
    paid = Paid(key="p", on=AT_91_DAYS + timedelta(days=5), amount=94_560)
    stands = at(paid.on, CREDIT, paid)
    books = ledger(stands)
    assert stands.charged_off_on == AT_91_DAYS
    assert books.get("interest_income", 0) == -stands.paid.interest
    assert books["penalty_income"] == -stands.paid.penalty
    assert books["recovery"] == -stands.paid.principal
    assert books["charge_off_loss"] == PRINCIPAL


def test_a_payment_of_everything_due_cures() -> None:
    on = AT_91_DAYS + timedelta(days=30)
    due = at(on, CREDIT).total_due
    short, full = (Paid(key="p", on=on, amount=amount) for amount in (due - 1, due))
    assert at(on, CREDIT, short).charge_off is not None
    cured = at(on, CREDIT, full)
    assert cured.charge_off is None
    assert ledger(cured) == ledger(at(on, full))
    assert ledger(cured)["interest_income"] == -cured.billed.interest


def test_settling_cures_even_before_anything_is_due() -> None:
    on = MADE + timedelta(days=10)
    early = ChargedOff(key="c", on=MADE + timedelta(days=5))
    payoff = PaidOff(key="p", on=on, amount=at(on).payoff)
    stands = at(on, early, payoff)
    assert stands.settled
    assert ledger(stands) == ledger(at(on, payoff))


def test_undone_on_the_same_day_the_books_are_as_before() -> None:
    undone = ChargeOffUndone(key="u", on=AT_91_DAYS)
    assert at(AT_91_DAYS, CREDIT, undone) == at(AT_91_DAYS)
    late = ChargeOffUndone(key="u", on=AT_91_DAYS + timedelta(days=40))
    assert at(late.on, CREDIT, late) == at(late.on)


def test_a_reversed_charge_off_never_was() -> None:
    error = Reversed(key="r", on=AT_91_DAYS + timedelta(days=3), reverses="c")
    assert at(error.on, CREDIT, error) == at(error.on)


def test_fraud_has_its_own_loss_and_is_cured_by_all_of_it_alone() -> None:
    fraud = ChargedOff(key="c", on=AT_91_DAYS, reason=ChargeOffReason.FRAUD)
    books = ledger(at(AT_91_DAYS, fraud))
    assert books["fraud_loss"] == PRINCIPAL
    assert "charge_off_loss" not in books
    arrears = Paid(key="p", on=AT_91_DAYS, amount=at(AT_91_DAYS).total_due)
    assert at(AT_91_DAYS, fraud, arrears).charge_off is not None
    payoff = PaidOff(key="p", on=AT_91_DAYS, amount=at(AT_91_DAYS).payoff)
    settled = at(AT_91_DAYS, fraud, payoff)
    assert settled.charge_off is None
    assert "fraud_loss" not in ledger(settled)


def test_arrears_that_move_into_a_new_plan_are_not_paid() -> None:
    moved = Rescheduled(
        key="n", on=AT_91_DAYS, instalments=12, first_due_on=date(2026, 6, 15), annual_rate=None
    )
    stands = at(AT_91_DAYS, CREDIT, moved)
    assert stands.total_due == 0
    assert stands.charge_off is not None


def test_what_is_left_after_a_payment_may_be_waived() -> None:
    on = AT_91_DAYS
    stands = at(on, CREDIT)
    payment = Paid(key="p", on=on, amount=stands.total_due - 500)
    left = at(on, CREDIT, payment).due
    assert left.total == left.principal + left.interest + left.penalty == 500
    waivers = [
        Waived(key=f"w{name}", on=on, component=name, amount=amount)
        for name, amount in (
            ("interest", left.interest),
            ("penalty", left.penalty),
            ("principal", left.principal),
        )
        if amount
    ]
    assert at(on, CREDIT, payment, *waivers).charge_off is None


def test_written_off_later_the_loss_stays_with_its_reason() -> None:
    """What never was income is no loss: only the principal is, once."""
    fraud = ChargedOff(key="c", on=AT_91_DAYS, reason=ChargeOffReason.FRAUD)
    gone = WrittenOff(key="w", on=AT_91_DAYS + timedelta(days=90))
    assert ledger(at(gone.on, fraud, gone)) == {"fraud_loss": PRINCIPAL, "cash": -PRINCIPAL}


def test_money_that_came_back_keeps_it_from_being_cured() -> None:
    """A payment is charged back in part: its sum is owed again, an asset of its own."""
    early = Paid(key="p", on=FIRST_DUE, amount=94_560)
    back = ChargedBack(key="b", on=AT_91_DAYS, payment="p", amount=30_000)
    stands = at(AT_91_DAYS, early, back, CREDIT)
    books = ledger(stands)
    assert books["returned_receivable"] == 30_000
    assert "customer_credit" not in books
    short, full = (Paid(key="q", on=AT_91_DAYS, amount=stands.total_due - left) for left in (1, 0))
    assert at(AT_91_DAYS, early, back, CREDIT, short).charge_off is not None
    cured = at(AT_91_DAYS, early, back, CREDIT, full)
    assert cured.charge_off is None
    assert "returned_receivable" not in ledger(cured)
    gone = WrittenOff(key="w", on=AT_91_DAYS + timedelta(days=30))
    lost = ledger(at(gone.on, early, back, CREDIT, gone))
    assert (lost["charge_off_loss"], lost["loss"]) == (PRINCIPAL - 74_560, 30_000)


@pytest.mark.parametrize(
    ("events", "field"),
    [
        ((CREDIT, ChargedOff(key="c2", on=AT_91_DAYS)), "kind"),
        ((ChargeOffUndone(key="u", on=AT_91_DAYS),), "kind"),
        ((WrittenOff(key="w", on=AT_91_DAYS), CREDIT), "on"),
        ((PaidOff(key="p", on=AT_91_DAYS, amount=2_000_000), CREDIT), "on"),
    ],
)
def test_what_makes_no_sense_is_refused(events: tuple[LoanEvent, ...], field: str) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        at(AT_91_DAYS, *events)
    assert refusal.value.field == field


def test_accrued_income_stops_by_the_day_and_comes_back_with_the_cure() -> None:
    """Income accrued: on 27 May twelve of 31 days of the running period are earned, not billed."""
    agreed = terms(income="accrued", day_count="actual_365_fixed")
    on = date(2026, 5, 27)
    before = at(on, agreed=agreed)
    assert before.interest_ahead == before.accrued_interest > 0
    assert ledger(before)["interest_accrued"] == before.interest_ahead
    charged = ChargedOff(key="c", on=on)
    after = ledger(at(on, charged, agreed=agreed))
    assert after["interest_suspended"] == -(before.billed.interest + before.interest_ahead)
    assert "interest_income" not in after
    paid = Paid(key="p", on=on, amount=before.total_due)
    cured = ledger(at(on, charged, paid, agreed=agreed))
    assert cured["interest_income"] == -(before.billed.interest + before.interest_ahead)
