"""When what a loan earns is income, as its terms agree; the borrower owes the same either way.

Billed: interest is income when it falls due, is paid or is charged. Accrued: day by day as the day
count earns it, so that on a day a part is income before its bill (an asset) or was paid before it
is income (a liability).
"""

from collections.abc import Sequence
from datetime import date

from domain.loans.fees import FeeRelease
from domain.loans.instalment_account import InstalmentAccount
from domain.loans.terms import Income, LoanTerms


def claimed(charged: int, paid: int, unpaid: int) -> int:
    """Return what of an instalment ahead may be claimed: what was charged, more if paid before."""
    return max(paid, min(charged, paid + unpaid))


def interest_ahead_of_bill(
    terms: LoanTerms, instalments: Sequence[InstalmentAccount], as_of: date
) -> int:
    """Return the interest of an open loan that is income and not billed, in minor units.

    Negative is what was paid or charged and is not income yet; zero where income is what is billed.
    """
    if terms.income is Income.BILLED:
        return 0
    ahead = 0
    for item in instalments:
        if item.due_on <= as_of:
            continue
        agreed = item.interest - item.waived.interest
        settled = item.settled.interest - item.forgone.interest
        earned = min(item.earned_interest(as_of) + settled, agreed)
        if item.paid_on is None:
            earned -= claimed(item.charged.interest, item.paid.interest, item.interest_unpaid)
        else:
            earned -= agreed
        ahead += earned
    return ahead


def unreleased_fees(terms: LoanTerms, instalments: Sequence[InstalmentAccount], as_of: date) -> int:
    """Return what of the fees released over the plan of an open loan is not income yet.

    They become income by calendar days, from the disbursement to the last due date of the plan as
    it stands; each is rounded down, so that the last day takes the rest.
    """
    fees = [fee for fee in terms.fees if fee.release is FeeRelease.OVER_PLAN]
    if not fees or not instalments:
        return 0
    whole = (max(item.due_on for item in instalments) - terms.disbursed_on).days
    gone = (as_of - terms.disbursed_on).days
    if gone >= whole:
        return 0
    amounts = (fee.of(terms.principal, terms.interest_rounding) for fee in fees)
    return sum(amount - amount * gone // whole for amount in amounts)
