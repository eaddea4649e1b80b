"""What a repayment comes to, and why it is refused."""

from collections.abc import Sequence
from datetime import date

from domain.common.errors import DomainError
from domain.common.money import money
from domain.loans.events import LoanEvent
from domain.loans.payoff import payoff_quote
from domain.loans.position import Position, position
from domain.loans.terms import LoanTerms


class LoanSettled(DomainError):
    """The loan owes nothing any more."""


class RepaymentInFlight(DomainError):
    """Another repayment of the loan is still with the bank."""


class NothingDue(DomainError):
    """Nothing is due yet: name an amount, or pay the loan off."""


class RepaymentTooLarge(DomainError):
    """The amount is more than it takes to pay the loan off."""


class PayoffChanged(DomainError):
    """The payoff is no longer the amount that was quoted."""


def amount_to_pay(
    terms: LoanTerms,
    events: Sequence[LoanEvent],
    today: date,
    *,
    amount: int | None = None,
    payoff_total: int | None = None,
) -> int:
    """Return what a borrower who asks for it pays today, in minor units.

    Without `amount` that is everything due, with `payoff_total` the whole payoff, provided that it
    still is that much. A loan that is written off takes a named amount up to what was lost. Raises
    `LoanSettled`, `PayoffChanged`, `NothingDue` or `RepaymentTooLarge`.
    """
    current = position(terms, events, today)
    if current.settled:
        raise LoanSettled("the loan is settled")
    if current.written_off_on is not None:
        return _recovery(current, amount)
    payoff = payoff_quote(terms, events, today)
    whole = money(payoff.total, terms.currency)
    if payoff_total is not None:
        if payoff_total != payoff.total:
            raise PayoffChanged(f"the payoff is {whole} on {today.isoformat()}")
        return payoff.total
    asked = current.total_due if amount is None else amount
    if asked <= 0:
        raise NothingDue("nothing is due: name an amount, or pay the loan off")
    if asked > payoff.total:
        raise RepaymentTooLarge(f"it takes {whole} to pay the loan off")
    return asked


def _recovery(current: Position, amount: int | None) -> int:
    lost = current.written_off.total - current.recovered
    owed = money(lost, current.currency)
    if amount is None:
        raise NothingDue(f"the loan is written off: name an amount, up to {owed}")
    if amount > lost:
        raise RepaymentTooLarge(f"{owed} of what was written off is not recovered")
    return amount
