"""Interest on the actual balance as Apache Fineract publishes it.

`LoanInterestRecalculation` scenarios C3248 and C3249 of its end-to-end features (product "360/30,
daily, interest recalculation, last instalment"): 100.00 at 7 % over six months from 1 January 2024.
Amounts in cents.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.loans.events import Disbursed, Paid
from domain.loans.position import Position, position
from domain.loans.terms import LoanTerms

START = date(2024, 1, 1)


def at(on: date, *payments: tuple[date, int], **changes: Any) -> Position:
    values: dict[str, Any] = {
        "currency": "EUR",
        "principal": 10_000,
        "annual_rate": Decimal(7),
        "instalments": 6,
        "disbursed_on": START,
        "first_due_on": date(2024, 2, 1),
        "interest_basis": "daily_as_billed",
    }
    terms = LoanTerms(**(values | changes))
    events = [Paid(key=f"paid:{day}", on=day, amount=amount) for day, amount in payments]
    out = Disbursed(key="out", on=START, amount=terms.principal)
    return position(terms, [out, *events], on)


def rows(stands: Position) -> list[tuple[int, int, int]]:
    return [(row.principal, row.interest, row.outstanding) for row in stands.instalments]


LATE = date(2024, 2, 15)


@pytest.mark.parametrize(("payment", "left"), [(1_701, 0), (1_500, 201)], ids=["C3249", "C3248"])
def test_a_late_payment_costs_interest_on_late_principal(payment: int, left: int) -> None:
    """Paid on 15 February what was due on the 1st, or 15.00 of it: four cents more in the end."""
    assert rows(at(LATE, (LATE, payment))) == [
        (1_643, 58, left),
        (1_648, 53, 1_701),
        (1_662, 39, 1_701),
        (1_672, 29, 1_701),
        (1_681, 20, 1_701),
        (1_694, 10, 1_704),
    ]


def test_two_instalments_paid_ahead_cost_interest_to_their_day() -> None:
    """Paid on 15 January (`LoanCharge` scenarios, without the fee): 0.26, then no interest."""
    early = date(2024, 1, 15)
    assert rows(at(early, (early, 3_402)))[:2] == [(1_675, 26, 0), (1_701, 0, 0)]


def test_paid_on_its_dates_the_loan_costs_what_was_planned() -> None:
    dues = [date(2024, month, 1) for month in range(2, 7)]
    stands = at(date(2024, 6, 1), *((due, 1_701) for due in dues))
    assert rows(stands)[-1] == (1_690, 10, 1_700)
