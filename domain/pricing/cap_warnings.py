"""Soft rate caps as they are recorded with what was shown above them."""

from decimal import Decimal
from typing import Self

from domain.common.data import Data
from domain.pricing.rate_caps import CapWarning


class RecordedCapWarning(Data):
    """A plan's `rate` was above the `limit` of a soft cap, both in percent a year.

    `source` is the rule that sets the cap, `detail` says the same for people.
    """

    rate: Decimal
    limit: Decimal
    source: str
    detail: str

    @classmethod
    def of(cls, warning: CapWarning) -> Self:
        """Return what is recorded of a warning."""
        return cls(
            rate=warning.rate.value,
            limit=warning.limit,
            source=warning.rule.source,
            detail=str(warning),
        )
