"""A loan worked out by hand: 12,000.00 over 12 months at 12 %, equal principal, made in 2026.

Every month 1,000.00 of principal falls due; interest is 120.00, then 10.00 less each month.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from domain.loans.events import Disbursed, LoanEvent
from domain.loans.position import Position, position
from domain.loans.terms import LoanTerms

MADE = date(2026, 1, 15)
FIRST, SECOND, THIRD = date(2026, 2, 15), date(2026, 3, 15), date(2026, 4, 15)
DISBURSED = Disbursed(key="d", on=MADE, amount=1_200_000)


def terms(**values: Any) -> LoanTerms:
    """Return its terms, with others where they are named."""
    first: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_200_000,
        "annual_rate": Decimal(12),
        "instalments": 12,
        "disbursed_on": MADE,
        "first_due_on": FIRST,
        "method": "equal_principal",
    }
    return LoanTerms(**first | values)


def at(on: date, *events: LoanEvent, **values: Any) -> Position:
    """Return where it stands after its disbursement and what else happened."""
    return position(terms(**values), [DISBURSED, *events], on)
