"""Calling a whole loan in (wanted: W12; Apache Fineract `LoanContractTermination.feature`)."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.common.errors import DomainError, FieldError
from domain.loans.events import (
    Accelerated,
    Charged,
    Disbursed,
    LoanEvent,
    Paid,
    RateChanged,
    Rescheduled,
    Reversed,
    WrittenOff,
)
from domain.loans.position import Position, position
from domain.loans.records import check_record
from domain.loans.terms import LoanTerms

START = date(2026, 1, 15)
TOLD = date(2026, 3, 21)
CALLED = TOLD + timedelta(days=30)


def agreed(**changes: Any) -> LoanTerms:
    """Return 10,000.00 at 36.5 % over twelve months, ten a day, the penalty as much."""
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_000_000,
        "annual_rate": Decimal("36.5"),
        "penalty_annual_rate": Decimal("36.5"),
        "instalments": 12,
        "disbursed_on": START,
        "first_due_on": date(2026, 2, 15),
        "day_count": "actual_365_fixed",
    }
    return LoanTerms(**(values | changes))


def events(terms: LoanTerms, *more: LoanEvent) -> list[LoanEvent]:
    return [Disbursed(key="out", on=START, amount=terms.principal), *more]


def at(terms: LoanTerms, on: date, *more: LoanEvent) -> Position:
    return position(terms, events(terms, *more), on)


ACCELERATED = Accelerated(key="called", on=CALLED, told_on=TOLD)


@pytest.mark.parametrize("basis", ["scheduled", "daily"])
def test_all_principal_is_due_with_interest_to_the_day_and_nothing_follows(basis: str) -> None:
    """Nothing was paid. Called in on 20 April, five days after the third due date."""
    terms = agreed(interest_basis=basis)
    before, after = at(terms, CALLED), at(terms, CALLED, ACCELERATED)
    assert after.principal_outstanding == after.due.principal == 1_000_000
    assert after.due.interest == before.due.interest + before.accrued_interest
    assert max(item.due_on for item in after.instalments) == CALLED
    later = at(terms, CALLED + timedelta(days=100), ACCELERATED)
    assert later.due.interest == after.due.interest
    assert later.days_past_due == before.days_past_due + 100
    assert later.payoff == later.total_due
    assert later.next_due is None
    if basis == "scheduled":
        assert (
            before.accrued_interest == (before.principal_outstanding - before.due.principal) // 200
        )


def test_penalty_runs_on_what_was_called_in_by_the_terms() -> None:
    terms = agreed()
    after = at(terms, CALLED, ACCELERATED)
    ahead = after.instalments[3]
    assert ahead.due_on == CALLED
    later = at(terms, CALLED + timedelta(days=10), ACCELERATED).instalments[3]
    assert later.penalty == (ahead.principal * 10 + 500) // 1_000


def test_a_reversal_restores_the_plan_to_the_unit() -> None:
    terms = agreed()
    payment = Paid(key="paid", on=date(2026, 3, 1), amount=150_000)
    back = Reversed(key="back", on=CALLED + timedelta(days=9), reverses="called")
    on = CALLED + timedelta(days=20)
    assert at(terms, on, payment, ACCELERATED, back) == at(terms, on, payment)


def test_money_paid_in_advance_covers_what_is_called_in() -> None:
    terms = agreed(allocation={"excess": "next_instalment"})
    payments = [Paid(key="paid", on=date(2026, 3, 1), amount=450_000)]
    before, after = at(terms, CALLED, *payments), at(terms, CALLED, *payments, ACCELERATED)
    assert after.received == after.paid.total + after.credit == 450_000
    assert after.total_due == before.payoff


def test_a_charge_of_its_own_date_is_due_with_it() -> None:
    charge = Charged(key="fee", on=TOLD, amount=5_000, due_on=date(2026, 6, 1))
    assert at(agreed(), CALLED, charge, ACCELERATED).due.fee == 5_000


def test_a_new_plan_may_follow() -> None:
    plan = Rescheduled(
        key="plan", on=date(2026, 5, 1), instalments=6, first_due_on=date(2026, 6, 1)
    )
    stands = at(agreed(), date(2026, 6, 2), ACCELERATED, plan)
    assert stands.principal_outstanding == 1_000_000
    assert stands.days_past_due == 1


def test_the_notice_of_the_contract_is_kept() -> None:
    terms = agreed()
    early = Accelerated(key="called", on=CALLED - timedelta(days=1), told_on=TOLD)
    with pytest.raises(FieldError, match=r"30 days of notice.*2026-04-20") as refused:
        check_record(terms, events(terms), early, CALLED)
    assert refused.value.field == "told_on"
    assert at(agreed(notice_days=0), TOLD, Accelerated(key="now", on=TOLD, told_on=TOLD)).total_due


@pytest.mark.parametrize(
    "before",
    [
        (),
        (ACCELERATED.model_copy(update={"key": "before"}),),
        (WrittenOff(key="lost", on=TOLD),),
        (Paid(key="all", on=TOLD, amount=1_200_000),),
    ],
)
def test_only_a_running_loan_is_called_in(before: tuple[LoanEvent, ...]) -> None:
    terms = agreed(allocation={"excess": "next_instalment"})
    known = events(terms, *before) if before else []
    event = Accelerated(key="called", on=date(2027, 5, 1), told_on=TOLD)
    with pytest.raises(DomainError) as refused:
        check_record(terms, known, event, date(2027, 6, 1))
    assert getattr(refused.value, "field", None) == "on"


def test_a_later_rate_changes_nothing_any_more() -> None:
    terms, on = agreed(), CALLED + timedelta(days=60)
    rate = RateChanged(key="rate", on=CALLED + timedelta(days=5), annual_rate=Decimal(10))
    assert at(terms, on, ACCELERATED, rate) == at(terms, on, ACCELERATED)
