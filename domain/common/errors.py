"""The base of every error the business knows and those of money and the loan."""

import re
from datetime import timedelta
from typing import ClassVar


class DomainError(Exception):
    """A request the business refuses, or a fact that contradicts what is known.

    `code` is stable and machine-readable: the name of the class in small letters unless it says
    another. The message is for people and holds no personal data.
    """

    code: ClassVar[str] = "domain_error"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" not in vars(cls):
            cls.code = re.sub(r"(?<=.)(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class FieldError(DomainError):
    """A refusal of one thing that was given; `field` names what to change."""

    code: ClassVar[str] = DomainError.code

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class InvalidTerms(FieldError):
    """Loan terms that no plan can follow from; `field` names the one to change."""


class UnknownCurrency(DomainError):
    """A currency whose minor unit the product does not know."""


class InvalidAmount(DomainError):
    """Text that is not an amount of the currency."""


class ConflictingEvent(FieldError):
    """Two different loan events carry one business key."""


class InvalidReversal(FieldError):
    """A reversal of something that has not happened, cannot be reversed, or already was."""


class DisbursementMismatch(FieldError):
    """Money paid out in another amount, on another day, or more often than the terms say."""


class NothingOutstanding(DomainError):
    """A payoff was asked of a loan that owes nothing: not disbursed yet, or settled."""


class UnbalancedEntry(DomainError):
    """The cash named for a journal entry is not the cash its loan events moved."""


class InvalidEvent(FieldError):
    """An event that contradicts where the loan stands; `field` names what to change."""


class NotFound(DomainError):
    """There is no such thing, or none that this caller may see: both are told alike."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class TryLater(DomainError):
    """What is refused now and may be asked for again after `retry_after`."""

    code: ClassVar[str] = DomainError.code

    def __init__(self, message: str, *, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotAllowed(DomainError):
    """The caller may not do this, whatever is on record."""

    code: ClassVar[str] = "forbidden"


class MissingField(FieldError):
    """Something has to be said together with what was said; `field` names it."""
