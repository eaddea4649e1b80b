"""Suspension: what one person switches off at once, on running processes too."""

from enum import StrEnum

from domain.common.errors import DomainError


class Suspendable(StrEnum):
    """What can be suspended, whatever its definition says."""

    FUNDER = "funder"
    PRODUCT = "product"
    CHANNEL = "channel"
    SOURCE = "source"
    STRATEGY = "strategy"

    @property
    def defined_as(self) -> str:
        """Return the kind of definition that has the names of what is suspended."""
        return "collections_ladder" if self is Suspendable.STRATEGY else self.value


class Suspended(DomainError):
    """Something is switched off for the time being."""
