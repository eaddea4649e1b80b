"""How much a JSON text may hold, counted before anything is built from it.

A few bytes of JSON become an object of a hundred, and each value may be complained about: the work
that a body makes grows with what it holds, not with its length. So what it holds is bounded first,
by a few passes of regular expressions over the text, which build nothing.
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
_TEXT: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?"?', re.DOTALL)
_SIGNS: Final = b"[]{},"
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in _SIGNS)
_INNERMOST: Final = re.compile(rb"\[,*+\]|\{,*+\}")


class TooMuch(Exception):
    """The text holds more than it may; the message says of what, for a person."""


def check_shape(raw: bytes, limits: Shape = LIMITS) -> None:
    """Raise `TooMuch` unless a JSON text keeps within `limits`; no JSON is not refused here."""
    few = min(limits.items, limits.names, limits.levels, limits.values)
    if _count(raw) < few:
        return
    signs = _TEXT.sub(b"", raw).translate(None, _OTHERS)
    if _count(signs) > limits.values:
        raise TooMuch(f"The body holds more than {limits.values:,} values.")
    longest_list = re.compile(rb"\[,{%d}" % limits.items)
    longest_object = re.compile(rb"\{,{%d}" % limits.names)
    taken = 0
    # From the innermost lists and objects outwards: each is taken out once it has been measured.
    for _ in range(limits.levels):
        if longest_list.search(signs):
            raise TooMuch(f"A list of the body has more than {limits.items:,} items.")
        if longest_object.search(signs):
            raise TooMuch(f"An object of the body has more than {limits.names} fields.")
        signs, taken = _INNERMOST.subn(b"", signs)
        if not taken:
            break
    if signs.count(b"[") + signs.count(b"{") > (0 if taken else limits.levels):
        raise TooMuch(f"The body nests more than {limits.levels} levels.")


def _count(signs: bytes) -> int:
    """Return about how many values there are: one for each comma, list and object."""
    return signs.count(b",") + signs.count(b"[") + signs.count(b"{")
