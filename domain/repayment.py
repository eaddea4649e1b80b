"""Why a repayment is refused."""

from typing import ClassVar

from domain.errors import DomainError


class LoanSettled(DomainError):
    """The loan owes nothing any more."""

    code: ClassVar[str] = "loan_settled"


class RepaymentInFlight(DomainError):
    """Another repayment of the loan is still with the bank."""

    code: ClassVar[str] = "repayment_in_flight"


class NothingDue(DomainError):
    """Nothing is due yet: name an amount, or pay the loan off."""

    code: ClassVar[str] = "nothing_due"


class RepaymentTooLarge(DomainError):
    """The amount is more than it takes to pay the loan off."""

    code: ClassVar[str] = "repayment_too_large"


class PayoffChanged(DomainError):
    """The payoff is no longer the amount that was quoted."""

    code: ClassVar[str] = "payoff_changed"
