"""The base of every error the business knows and those of money and the loan."""

from datetime import timedelta
from typing import ClassVar


class DomainError(Exception):
    """A request the business refuses, or a fact that contradicts what is known.

    `code` is stable and machine-readable; the message is for people and holds no personal data.
    """

    code: ClassVar[str] = "domain_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidTerms(DomainError):
    """Loan terms that no plan can follow from; `field` names the one to change."""

    code: ClassVar[str] = "invalid_terms"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class UnknownCurrency(DomainError):
    """A currency whose minor unit the product does not know."""

    code: ClassVar[str] = "unknown_currency"


class InvalidAmount(DomainError):
    """Text that is not an amount of the currency."""

    code: ClassVar[str] = "invalid_amount"


class ConflictingEvent(DomainError):
    """Two different loan events carry one business key."""

    code: ClassVar[str] = "conflicting_event"


class InvalidReversal(DomainError):
    """A reversal of something that has not happened, cannot be reversed, or already was."""

    code: ClassVar[str] = "invalid_reversal"


class DisbursementMismatch(DomainError):
    """Money paid out in another amount, on another day, or more often than the terms say."""

    code: ClassVar[str] = "disbursement_mismatch"


class NothingOutstanding(DomainError):
    """A payoff was asked of a loan that owes nothing: not disbursed yet, or settled."""

    code: ClassVar[str] = "nothing_outstanding"


class UnbalancedEntry(DomainError):
    """The cash named for a journal entry is not the cash its loan events moved."""

    code: ClassVar[str] = "unbalanced_entry"


class InvalidEvent(DomainError):
    """An event that contradicts where the loan stands; `field` names what to change."""

    code: ClassVar[str] = "invalid_event"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class NotFound(DomainError):
    """There is no such thing, or none that this caller may see: both are told alike."""

    code: ClassVar[str] = "not_found"

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class TryLater(DomainError):
    """What is refused now and may be asked for again after `retry_after`."""

    def __init__(self, message: str, *, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotAllowed(DomainError):
    """The caller may not do this, whatever is on record."""

    code: ClassVar[str] = "forbidden"


class MissingField(DomainError):
    """Something has to be said together with what was said; `field` names it."""

    code: ClassVar[str] = "missing_field"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field
