"""Why an activity refuses: domain errors whose class names Temporal stores."""

from typing import TypeVar

from domain.common.errors import DomainError
from domain.lines import QuoteUnusable
from storage.common.errors import RecordMissing

Found = TypeVar("Found")


class QuoteExpired(QuoteUnusable):
    """The quote's time is over."""


class QuoteMismatch(QuoteUnusable):
    """The quote is of another line or amount, or its plan does not follow from its terms."""


class PlanMismatch(DomainError):
    """The plan that would be billed charges other amounts than the one that was signed."""


class TransferUnsettled(DomainError):
    """Something was to be booked, or given up, against what is known of its order."""


class OrderConflict(DomainError):
    """The payment channel holds another order under this number: a person has to look."""


class PersonalDataMissing(DomainError):
    """A verified name, identity number, mobile or card is needed and not on record."""


def found(row: Found | None, what: str) -> Found:
    """Return `row`, or raise `RecordMissing` naming `what` is missing by its id."""
    if row is None:
        raise RecordMissing(f"no {what} on record")
    return row


def known(value: str | None, what: str) -> str:
    """Return a personal datum, or raise `PersonalDataMissing` naming which is missing."""
    if value is None:
        raise PersonalDataMissing(f"no verified {what} on record")
    return value
