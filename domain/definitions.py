"""Every kind of definition: the one list to which an area adds its own."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.common.definitions import Kind
from domain.messaging import CONTACT_LIMITS, MESSAGE_TEMPLATE
from domain.people.consents import CONSENT_TEXT
from domain.pricing.rate_caps import RATE_CAPS
from domain.sources import SOURCE

_KINDS: tuple[Kind[Any], ...] = (
    CONSENT_TEXT,
    CONTACT_LIMITS,
    MESSAGE_TEMPLATE,
    RATE_CAPS,
    SOURCE,
)

KINDS: Final[Mapping[str, Kind[Any]]] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""The kinds by name."""
