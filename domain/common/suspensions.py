"""Suspension: what one person switches off at once, on running processes too."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

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


SuspendableCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""The name of what is suspended, as records carry it."""


class Suspended(DomainError):
    """Something is switched off for the time being."""
