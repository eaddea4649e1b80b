"""How much a JSON text may hold, counted before anything is built from it.

A few bytes of JSON become an object of a hundred, and each value may be complained about: the work
that a body makes grows with what it holds, not with its length. So what it holds is bounded first,
in one pass over the text that builds nothing.
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Shape:
    """What a text may hold: values in all, items of one list, names of one object, levels."""

    values: int
    items: int
    names: int
    levels: int


LIMITS: Final = Shape(values=50_000, items=10_000, names=500, levels=32)
"""An address book of 5,000 entries holds 15,000 values; the widest object of ours has 60 names.

How many values a route takes is its own rule: `api.http.access`.
"""

# A text that is not closed ends where the input does. Possessive: no character is read twice.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?"?|[\[\]{},]', re.DOTALL)

_LIST: Final = ord("[")
_COMMA: Final = ord(",")
_TOKENS_A_VALUE: Final = 4
"""Its name, its text, and two signs around it."""
_OPENING: Final = frozenset(b"[{")
_CLOSING: Final = frozenset(b"]}")


class TooMuch(Exception):
    """The text holds more than it may; the message says of what, for a person."""


def check_shape(raw: bytes, limits: Shape = LIMITS) -> None:
    """Raise `TooMuch` unless a JSON text keeps within `limits`; no JSON is not refused here."""
    open_lists: list[bool] = []
    counts: list[int] = []
    values = 0
    for number, found in enumerate(_TOKEN.finditer(raw)):
        if values > limits.values or number > _TOKENS_A_VALUE * limits.values:
            raise TooMuch(f"The body holds more than {limits.values:,} values.")
        token = raw[found.start()]
        if token in _OPENING:
            if len(counts) == limits.levels:
                raise TooMuch(f"The body nests more than {limits.levels} levels.")
            open_lists.append(token == _LIST)
            counts.append(1)
            values += 1
        elif token in _CLOSING:
            if not counts:
                return  # no JSON: its parser says where
            counts.pop()
            open_lists.pop()
        elif token == _COMMA:
            if not counts:
                return
            values += 1
            counts[-1] += 1
            _check_length(counts[-1], limits, in_list=open_lists[-1])


def _check_length(count: int, limits: Shape, *, in_list: bool) -> None:
    if in_list and count > limits.items:
        raise TooMuch(f"A list of the body has more than {limits.items:,} items.")
    if not in_list and count > limits.names:
        raise TooMuch(f"An object of the body has more than {limits.names} fields.")
