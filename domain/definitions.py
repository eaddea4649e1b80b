"""Every kind of definition: the one list to which an area adds its own."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.common.definitions import Kind
from domain.people.authority import AUTHORITY_MATRIX

_KINDS: tuple[Kind[Any], ...] = (AUTHORITY_MATRIX,)

KINDS: Final[Mapping[str, Kind[Any]]] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""The kinds by name."""
