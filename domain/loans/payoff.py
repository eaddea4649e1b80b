"""What settling a loan early costs on a given day, component by component."""

from collections.abc import Iterable
from datetime import date

from domain.common.data import Data
from domain.common.errors import NothingOutstanding
from domain.common.money import Amount
from domain.loans.account import replay
from domain.loans.events import LoanEvent
from domain.loans.terms import LoanTerms


class PayoffQuote(Data):
    """The price of settling on `valid_on`, in minor units of `currency`.

    `total` = `principal` (all that is outstanding) + `interest_due` (fallen due and unpaid) +
    `accrued_interest` (of instalments ahead, as far as the terms' early settlement counts it) +
    `fees` (owed in any case) + `settlement_fee` + `penalty` + `receivable` (owed again) - `credit`
    (the borrower's own money used, interest and fees paid in advance and not earned included). The
    rest of the plan's interest and fees is waived. The quote is good to the end of the day.
    """

    as_of: date
    currency: str
    principal: Amount
    interest_due: Amount
    accrued_interest: Amount
    penalty: Amount
    credit: Amount
    total: Amount
    valid_on: date
    fees: Amount = 0
    settlement_fee: Amount = 0
    receivable: Amount = 0


def payoff_quote(terms: LoanTerms, events: Iterable[LoanEvent], as_of: date) -> PayoffQuote:
    """Return what settles the loan on `as_of`: a `PaidOff` of `total` on that day does.

    Interest of the running period counts as the terms' day count and rounding have it. Raises
    `NothingOutstanding` for a loan that is not disbursed, settled or written off, and what
    `position` raises.
    """
    account = replay(terms, events, as_of)
    is_over = account.written_off_on is not None or not account.is_open(as_of)
    if not account.disbursed or is_over:
        state = "settled" if account.disbursed else "not disbursed"
        if account.written_off_on is not None:
            state = "written off"
        raise NothingOutstanding(f"the loan is {state} on {as_of}: there is nothing to pay off")
    cost = account.settlement(as_of)
    credit = min(account.credit + cost.unearned, cost.owed)
    return PayoffQuote.model_construct(
        as_of=as_of,
        currency=terms.currency,
        principal=cost.principal,
        interest_due=cost.interest_due,
        accrued_interest=cost.accrued_interest,
        penalty=cost.penalty,
        credit=credit,
        total=cost.owed - credit,
        valid_on=as_of,
        fees=cost.fees,
        settlement_fee=cost.settlement_fee,
        receivable=cost.receivable,
    )
