"""What settling a loan early costs on a given day, component by component."""

from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict

from domain.errors import NothingOutstanding
from domain.loan_events import LoanEvent
from domain.loan_terms import LoanTerms
from domain.money import Amount
from domain.position import position


class PayoffQuote(BaseModel):
    """The price of settling on `valid_on`, in minor units of `currency`.

    `total` = `principal` (all that is outstanding) + `interest_due` (fallen due and unpaid) +
    `accrued_interest` (earned in the running period) + `penalty` - `credit` (the borrower's own
    money used). The interest of later days is waived. The quote is good to the end of the day.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    as_of: date
    currency: str
    principal: Amount
    interest_due: Amount
    accrued_interest: Amount
    penalty: Amount
    credit: Amount
    total: Amount
    valid_on: date


def payoff_quote(terms: LoanTerms, events: Iterable[LoanEvent], as_of: date) -> PayoffQuote:
    """Return what settles the loan on `as_of`: a `PaidOff` of `total` on that day does.

    Interest of the running period counts by actual days over the days of the period, half up.
    Raises `NothingOutstanding` for a loan that is not disbursed or is settled, and what `position`
    raises.
    """
    today = position(terms, events, as_of)
    if not today.disbursed or today.settled:
        state = "settled" if today.settled else "not disbursed"
        raise NothingOutstanding(f"the loan is {state} on {as_of}: there is nothing to pay off")
    owed = (
        today.principal_outstanding
        + today.due.interest
        + today.accrued_interest
        + today.due.penalty
    )
    credit = min(today.credit, owed)
    return PayoffQuote(
        as_of=as_of,
        currency=terms.currency,
        principal=today.principal_outstanding,
        interest_due=today.due.interest,
        accrued_interest=today.accrued_interest,
        penalty=today.due.penalty,
        credit=credit,
        total=owed - credit,
        valid_on=as_of,
    )
