"""What the story expects, worked out a second time: by fractions, without the product's code.

Amounts are minor units; rates are percent a year as whole numbers.
"""

from datetime import date
from fractions import Fraction
from typing import NamedTuple

_MONTHS_PER_YEAR = 12
_DAYS_PER_YEAR = 365


class Row(NamedTuple):
    """One instalment: what it repays, what it costs, and what is still owed after it."""

    principal: int
    interest: int
    balance: int

    @property
    def total(self) -> int:
        """Return what the borrower pays."""
        return self.principal + self.interest


def rounded(amount: Fraction) -> int:
    """Return the nearest integer of an amount that is not negative, halves upwards."""
    return int(amount + Fraction(1, 2))


def annuity(principal: int, rate: int, months: int) -> list[Row]:
    """Return the plan of a loan in equal instalments; the last takes what rounding left over."""
    monthly = Fraction(rate, 100 * _MONTHS_PER_YEAR)
    level = rounded(principal * monthly / (1 - (1 + monthly) ** -months))
    rows: list[Row] = []
    balance = principal
    for month in range(1, months + 1):
        interest = rounded(balance * monthly)
        repaid = balance if month == months else level - interest
        balance -= repaid
        rows.append(Row(repaid, interest, balance))
    return rows


def penalty(overdue_principal: int, rate: int, due_on: date, paid_on: date) -> int:
    """Return the penalty interest of a late instalment, by actual days over 365."""
    days = (paid_on - due_on).days
    return rounded(overdue_principal * Fraction(rate * days, 100 * _DAYS_PER_YEAR))


def earned_interest(interest: int, since: date, until: date, on: date) -> int:
    """Return the part of a period's interest that is earned on a day inside the period."""
    return rounded(interest * Fraction((on - since).days, (until - since).days))
