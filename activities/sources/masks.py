"""What the audit of an enquiry may show of its request and of its answer.

Everything is hidden but what is listed here: codes, verdicts and figures are shown, numbers of
people and cards by their ends, texts and pictures by their length. Fields that are never sent
(`exclude=True`) are left out.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

_ENDS: Final[Mapping[str, tuple[int, int]]] = {
    "identity_number": (6, 4),
    "document_number": (6, 4),
    "registration_number": (6, 4),
    "card_number": (6, 4),
    "bank_card": (6, 4),
    "mobile": (3, 4),
}
"""By field: how many characters are shown at the beginning and at the end."""

_SHOWN: Final = frozenset(
    {
        "verdict",
        "outcome",
        "reasons",
        "status",
        "kind",
        "categories",
        "actions",
        "relation",
        "country",
    }
    | {"currency", "bank_code", "bank_name", "card_type"}
)
_COUNTED: Final = frozenset({"address_book"})
"""Lists of people whom nobody asked: not even their masks are kept."""

_MIN_HIDDEN: Final = 4
_MAX_ITEMS: Final = 16
_MAX_FIGURE: Final = 10**9
"""Smaller than any mobile number."""


def masked(message: BaseModel) -> dict[str, Any]:
    """Return `message` by field, without anything that tells who it is about."""
    return {
        name: _masked(name, getattr(message, name))
        for name, field in type(message).model_fields.items()
        if not field.exclude
    }


def _masked(name: str, value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case Enum():
            return _masked(name, value.value)
        case BaseModel():
            return masked(value)
        case int() | float():
            return value if abs(value) < _MAX_FIGURE else "*"
        case str():
            return _text(name, value)
        case bytes():
            return {"bytes": len(value)}
        case list() | tuple() if name in _COUNTED:
            return {"entries": len(value)}
        case list() | tuple():
            return [_masked(name, item) for item in value[:_MAX_ITEMS]]
        case Mapping():
            # The other side chose the keys.
            return {"entries": len(value)}
    return "*"


def _text(name: str, text: str) -> str | dict[str, int]:
    if name in _SHOWN:
        return text
    if name not in _ENDS:
        return {"characters": len(text)}
    head, tail = _ENDS[name]
    hidden = len(text) - head - tail
    if hidden < _MIN_HIDDEN:
        return "*" * len(text)
    return f"{text[:head]}{'*' * hidden}{text[-tail:]}"
