"""When a loan's earnings are income, worked by hand: 10,000.00 at 36.5 %, 10.00 a day (365 days).

One payment of everything on 2026-07-15, 181 days after 2026-01-15: 1,810.00 of interest.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.common.errors import InvalidTerms
from domain.loans.events import Disbursed, LoanEvent, Paid, PaidOff
from domain.loans.ledger import Account, balances
from domain.loans.plan_terms import Method
from domain.loans.position import position
from domain.loans.terms import LoanTerms

MADE = date(2026, 1, 15)
DUE = date(2026, 7, 15)
PRINCIPAL = 1_000_000
A_DAY = 1_000
INTEREST = 181 * A_DAY


def terms(**values: Any) -> LoanTerms:
    return LoanTerms.model_validate(
        {
            "currency": "CNY",
            "principal": PRINCIPAL,
            "annual_rate": Decimal("36.5"),
            "method": Method.SINGLE_PAYMENT,
            "instalments": 1,
            "disbursed_on": MADE,
            "first_due_on": DUE,
            "day_count": "actual_365_fixed",
            "income": "accrued",
            **values,
        }
    )


def ledger(on: date, *events: LoanEvent, **values: Any) -> dict[str, int]:
    made = Disbursed(key="d", on=MADE, amount=PRINCIPAL)
    found = balances(position(terms(**values), (made, *events), on))
    assert sum(found.values()) == 0
    return {account.value: amount for account, amount in found.items() if amount}


@pytest.mark.parametrize("days", [1, 30, 180])
def test_accrued_interest_is_income_by_the_day(days: int) -> None:
    books = ledger(MADE + timedelta(days=days))
    assert books["interest_accrued"] == days * A_DAY
    assert books["interest_income"] == -days * A_DAY
    assert "interest_receivable" not in books


def test_billed_interest_is_income_on_its_due_date() -> None:
    before, on = DUE - timedelta(days=1), DUE
    assert "interest_income" not in ledger(before, income="billed")
    assert ledger(on, income="billed") == ledger(on)


def test_on_the_due_date_what_was_accrued_is_receivable() -> None:
    books = ledger(DUE)
    assert books["interest_receivable"] == INTEREST
    assert books["interest_income"] == -INTEREST
    assert "interest_accrued" not in books


def test_interest_paid_before_it_is_earned_is_deferred() -> None:
    """On the 30th day 500.00 are paid in advance towards interest, of which 300.00 is earned."""
    on = MADE + timedelta(days=30)
    first = [
        {"timing": timing, "component": component}
        for timing in ("past_due", "due", "in_advance")
        for component in ("interest", "penalty", "fee", "principal")
    ]
    ahead = {"order": first, "excess": "next_instalment"}
    paid = Paid(key="p", on=on, amount=50_000)
    books = ledger(on, paid, allocation=ahead)
    assert books["interest_income"] == -30 * A_DAY
    assert books["interest_deferred"] == -(50_000 - 30 * A_DAY)
    later = ledger(on + timedelta(days=40), paid, allocation=ahead)
    assert later["interest_income"] == -70 * A_DAY
    assert later["interest_accrued"] == 70 * A_DAY - 50_000


def test_a_payoff_leaves_nothing_accrued() -> None:
    on = MADE + timedelta(days=30)
    paid = PaidOff(key="p", on=on, amount=PRINCIPAL + 30 * A_DAY)
    for later in (on, DUE, DUE + timedelta(days=9)):
        assert ledger(later, paid) == {"cash": 30 * A_DAY, "interest_income": -30 * A_DAY}


FEE = {"name": "arrangement", "timing": "deducted", "amount": 18_100, "release": "over_plan"}


@pytest.mark.parametrize(("days", "income"), [(0, 0), (1, 100), (90, 9_000), (181, 18_100)])
def test_a_capitalised_fee_is_released_by_the_day(days: int, income: int) -> None:
    """181.00 kept back from the proceeds, over 181 days: 1.00 a day, whatever interest does."""
    books = ledger(MADE + timedelta(days=days), fees=[FEE], income="billed")
    assert books.get("fee_income", 0) == -income
    assert books.get("fee_deferred", 0) == -(18_100 - income)
    assert books["cash"] == -(PRINCIPAL - 18_100)


def test_settled_early_the_rest_of_the_fee_is_income() -> None:
    on = MADE + timedelta(days=30)
    paid = PaidOff(key="p", on=on, amount=PRINCIPAL + 30 * A_DAY)
    books = ledger(on, paid, fees=[FEE])
    assert books["fee_income"] == -18_100
    assert Account.FEE_DEFERRED.value not in books


def test_only_a_fee_that_is_paid_at_once_is_released_over_the_plan() -> None:
    with pytest.raises(InvalidTerms) as refusal:
        terms(fees=[{**FEE, "timing": "per_instalment"}])
    assert refusal.value.field == "fees"
