"""The books as a whole: what loans accrue between their own entries, and which day is open.

A loan's own entries come with its events and bills. What it earns meanwhile (penalty, interest
where income is accrued, a part of a fee) is booked at the end of a day in one sum for all loans of
a product, funder and currency. The sum is the difference between two levels, so that a day that was
left out, or an event that was backdated, is put right by the next one.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from domain.loans.events import LoanEvent
from domain.loans.ledger import Account, balances
from domain.loans.position import position
from domain.loans.terms import LoanTerms


def accrued_since(
    terms: LoanTerms, events: Iterable[LoanEvent], kept_to: date, day: date
) -> dict[Account, int]:
    """Return what a loan's balances changed by from the day to which its own entries go to `day`.

    `events` are those that the books knew on `day`. Amounts in minor units, debit positive; they
    sum to zero, and accounts that did not change are left out. Raises what `position` raises.
    """
    if day <= kept_to:
        return {}
    known = tuple(events)
    before = balances(position(terms, known, kept_to))
    after = balances(position(terms, known, day))
    return movements(after, before)


def movements(after: Mapping[Account, int], before: Mapping[Account, int]) -> dict[Account, int]:
    """Return by how much each account that changed did."""
    changed = {account: after.get(account, 0) - before.get(account, 0) for account in Account}
    return {account: amount for account, amount in changed.items() if amount}


def first_open_day(closed_to: date | None) -> date | None:
    """Return the first day that can be booked on; None while no period is closed."""
    return None if closed_to is None else closed_to + timedelta(days=1)
