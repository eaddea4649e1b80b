"""What the database refuses."""

from typing import ClassVar

from domain.common.errors import DomainError
from domain.lines import QuoteUnusable


class IdempotencyMismatch(DomainError):
    """An id or key that names one thing was used again for another."""


class RecordMissing(DomainError):
    """Nothing is recorded under an id."""

    code: ClassVar[str] = "not_found"


class QuoteUsed(QuoteUnusable):
    """A quote was drawn already by another drawdown."""
