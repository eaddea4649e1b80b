"""A loan's account at the end of a day, by the basis on which its interest is computed."""

from collections.abc import Iterable
from datetime import date

from domain.loans.account import LoanAccount
from domain.loans.daily_account import DailyAccount
from domain.loans.events import LoanEvent, events_in_force
from domain.loans.plan_terms import InterestBasis
from domain.loans.terms import LoanTerms


def replay(terms: LoanTerms, events: Iterable[LoanEvent], as_of: date) -> LoanAccount:
    """Return the account at the end of `as_of`; raises what `events_in_force` and `apply` raise."""
    is_scheduled = terms.interest_basis is InterestBasis.SCHEDULED
    account = LoanAccount(terms) if is_scheduled else DailyAccount(terms)
    for event in events_in_force(events, as_of):
        account.apply(event)
    account.conclude(as_of)
    return account
