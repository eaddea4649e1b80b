"""JSON that every reader understands alike."""

import json
import math
import re
import unicodedata
from dataclasses import replace
from typing import Any, Final

from domain.common.errors import DomainError
from services.common.json_shape import LIMITS, TooMuch, check_shape

_LONGEST_NUMBER: Final = 20
_MAX_MARKS: Final = 30
"""Combining marks behind one letter: the bound of Unicode's Stream-Safe Text Format (UAX 15)."""

_ESCAPED: Final = b"\\u"
"""Nothing else brings in what UTF-8 and JSON refuse as it is."""

_MARK: Final = b"\xef\xbb\xbf"
"""U+FEFF in UTF-8, which a parser of JSON may skip (RFC 8259, section 8.1)."""

# Marks are neither letters nor spaces, but for the two of Japanese in half width.
_NO_LETTERS: Final = re.compile(rf"(?:[^\w\s\x00-\x7f]|[\uff9e\uff9f]){{{_MAX_MARKS + 1}}}")


class InvalidJson(DomainError):
    """Bytes that are no JSON, or JSON that is read differently somewhere."""


def parse_strictly(raw: bytes, most_values: int = LIMITS.values) -> Any:
    """Parse UTF-8 JSON of at most so many values; raises `InvalidJson`.

    Refused are duplicate names, NaN and Infinity, numbers past 20 characters, NUL characters and
    lone surrogates: each is read differently somewhere, or cannot be stored. So is what would cost
    more work than its length is worth: see `services.common.json_shape`, and `_check_marks`.
    """
    try:
        check_shape(raw, replace(LIMITS, values=most_values))
        text = without_mark(raw).decode("utf-8")
        _check_marks(text)
        parsed = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise InvalidJson("The body is not UTF-8.") from None
    except TooMuch as error:
        raise InvalidJson(str(error)) from None
    except json.JSONDecodeError as error:
        raise InvalidJson(f"{error.msg} at character {error.pos}.") from None
    if _ESCAPED in raw:
        _check_within(parsed)
    return parsed


def without_mark(raw: bytes) -> bytes:
    """Return a body without the byte order mark that some editors begin a text with."""
    return raw.removeprefix(_MARK)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidJson("A name appears twice in one object.")
    return found


def _refuse_constant(name: str) -> Any:
    raise InvalidJson(f"{name} is not a number of JSON.")


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise InvalidJson(f"A number has at most {_LONGEST_NUMBER} digits.")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number) or len(text) > 2 * _LONGEST_NUMBER:
        raise InvalidJson("A number is out of range.")
    return number


def _check_within(parsed: Any) -> None:
    level = [parsed]
    while level:
        level = [inner for value in level for inner in _inside(value)]


def _inside(value: Any) -> list[Any]:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        return [*value.keys(), *value.values()]
    elif isinstance(value, list):
        return value
    return []


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise InvalidJson("A text contains a NUL character.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidJson("A text contains half of a surrogate pair.") from None
    _check_marks(text)


def _check_marks(text: str) -> None:
    """Whoever normalises a text sorts its marks, which takes the square of their number."""
    if text.isascii():
        return
    for run in _NO_LETTERS.finditer(text):
        if all(map(_is_mark, run[0])):
            raise InvalidJson(f"A letter of a text has more than {_MAX_MARKS} marks.")


def _is_mark(character: str) -> bool:
    return unicodedata.combining(unicodedata.normalize("NFKD", character)[0]) != 0
