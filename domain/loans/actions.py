"""What may be done with a loan and its repayments: one rule for whoever shows them."""

from enum import StrEnum

from domain.loans.state import LoanState


class LoanAction(StrEnum):
    """What a borrower or the lender's people can do with a loan."""

    REPAY = "repay"
    QUOTE_PAYOFF = "quote_payoff"
    RECORD = "record"


class RepaymentAction(StrEnum):
    """What can be done after a repayment."""

    REPAY = "repay"


def loan_actions(state: LoanState, *, is_at_bank: bool) -> tuple[LoanAction, ...]:
    """Return what may be done now; `is_at_bank` says that a debit has not ended."""
    possible = []
    if state is not LoanState.SETTLED and not is_at_bank:
        possible.append(LoanAction.REPAY)
    if state in (LoanState.CURRENT, LoanState.OVERDUE):
        possible.append(LoanAction.QUOTE_PAYOFF)
    # What is recorded by hand counts at any time: it may open a settled loan again.
    return (*possible, LoanAction.RECORD)
