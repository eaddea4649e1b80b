"""Every kind of definition: the one list to which an area adds its own."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.collections import COLLECTIONS_LADDER
from domain.common.business_days import HOLIDAY_CALENDAR
from domain.common.definitions import Kind
from domain.loans.contract import CONTRACT_TEMPLATE
from domain.loans.servicing import SERVICING_POLICY

_KINDS: tuple[Kind[Any], ...] = (
    COLLECTIONS_LADDER,
    SERVICING_POLICY,
    CONTRACT_TEMPLATE,
    HOLIDAY_CALENDAR,
)

KINDS: Final[Mapping[str, Kind[Any]]] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""The kinds by name."""
