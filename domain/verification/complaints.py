"""Plain words for what a form refuses: the limit or the form that is asked for, never the value.

pydantic's own messages name Python's types, print patterns, and some repeat what was sent.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from domain.verification.pictures import PictureFault

_FORMS: Final[Mapping[str, str]] = {
    r"^[0-9]{4,8}$": "must be 4 to 8 digits",
    r"^[0-9]{13,19}$": "must be 13 to 19 digits",
    r"^[0-9]{1,3}$": "must be 1 to 3 digits",
    r"^[0-9]{1,4}$": "must be 1 to 4 digits",
    r"^[0-9]{4,12}$": "must be 4 to 12 digits",
    r"^[A-Z]{3}$": "must be 3 capital letters",
    r"^[A-Z0-9]{2,12}$": "must be 2 to 12 capital letters and digits",
    r"^quo_[0-9a-z]{26}$": "must be the id of a quote, quo_ and 26 characters",
    r"^loa_[0-9a-z]{26}$": "must be the id of a loan, loa_ and 26 characters",
    r"^[0-9a-f]{64}$": "must be 64 hexadecimal digits in small letters",
    r"^[a-z][a-z0-9_-]{0,63}$": (
        "must be a small letter and up to 63 small letters, digits, underscores and hyphens"
    ),
    r"^[a-z][a-z0-9_]{0,31}$": (
        "must be 1 to 32 small letters, digits and underscores, a letter first"
    ),
    r"^[a-z][a-z0-9_]{0,39}$": (
        "must be 1 to 40 small letters, digits and underscores, a letter first"
    ),
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": (
        "must be 1 to 64 letters, digits, points, underscores and hyphens, no sign first"
    ),
    r"^[a-z][a-z0-9_-]{0,39}$": (
        "must be 1 to 40 small letters, digits, underscores and hyphens, a letter first"
    ),
    r"^[a-z][a-z0-9-]{1,31}$": (
        "must be 2 to 32 small letters, digits and hyphens, a letter first"
    ),
    r"^[a-z0-9_-]{1,32}$": "must be 1 to 32 small letters, digits, underscores and hyphens",
    r"^[A-Za-z0-9_-]{1,64}$": "must be 1 to 64 letters, digits, underscores and hyphens",
    r"^[A-Za-z0-9_\-]{1,64}$": "must be 1 to 64 letters, digits, underscores and hyphens",
    r"^[A-Za-z0-9_-]{8,128}$": "must be 8 to 128 letters, digits, underscores and hyphens",
    r"^[A-Za-z0-9_.-]{1,32}$": ("must be 1 to 32 letters, digits, underscores, points and hyphens"),
    r"^[A-Za-z0-9_.:\-]{1,64}$": (
        "must be 1 to 64 letters, digits, underscores, points, colons and hyphens"
    ),
    r"^[A-Za-z0-9_:.\-]{1,128}$": (
        "must be 1 to 128 letters, digits, underscores, colons, points and hyphens"
    ),
    r"^[a-z][a-z_]{0,39}$": "must be 1 to 40 small letters and underscores, a letter first",
    r"^[a-z_]{1,64}$": "must be 1 to 64 small letters and underscores",
    r"^[A-Za-z0-9._:-]{0,64}$": (
        "must be at most 64 letters, digits, points, underscores, colons and hyphens"
    ),
    r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$": "must be an e-mail address, such as a@example.com",
}
"""The patterns of our forms in words."""

_WORDS: Final[Mapping[str, str]] = {
    "extra_forbidden": "no such field",
    "missing": "is required",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_type": "must be a text",
    "bytes_type": "must be a text",
    "bytes_too_short": "must have at least {min_length} bytes",
    "bytes_too_long": "must have at most {max_length} bytes",
    "too_short": "must have at least {min_length} {unit}",
    "too_long": "must have at most {max_length} {unit}",
    "int": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "bool": "must be true or false",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "decimal": "must be a decimal number as text",
    "finite_number": "must be a finite number",
    "decimal_max_digits": "must have at most {max_digits} digits",
    "decimal_max_places": "must have at most {decimal_places} digits after the point",
    "decimal_whole_digits": "must have at most {whole_digits} digits before the point",
    "date": "must be a date in the form YYYY-MM-DD",
    "datetime": "must be an instant such as 2026-01-31T08:00:00Z",
    "timezone_aware": "must say its offset from UTC, or Z",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "model": "must be an object",
    "dict_type": "must be an object",
    "none_required": "must be null",
    "json_invalid": "is not JSON",
    "base64": "must be standard base64: letters, digits, + and /, padded with =",
    "missing_here": "is required with this occupation",
    "surplus_here": "is not asked with this occupation",
}
"""What is told of each type of complaint, or of the family that its name begins with."""

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_QUOTED: Final = re.compile(r"'([^']*)'")
_UNSAID: Final = "is not in the form that is asked for"
_LISTS: Final = frozenset(("Tuple", "List", "Set", "Frozenset", "Dictionary"))
_CHOSEN: Final = frozenset(("literal_error", "enum"))
_OUR_OWN: Final = frozenset(
    ("value_error", "assertion_error", *(fault.value for fault in PictureFault))
)


def plain_message(complaint: Mapping[str, Any]) -> str:
    """Return what is to be told of one of pydantic's complaints."""
    kind, limits = str(complaint["type"]), dict(complaint.get("ctx", {}))
    if kind in _CHOSEN:
        return f"must be one of {', '.join(_QUOTED.findall(str(limits['expected'])))}"
    if kind == "string_pattern_mismatch":
        return _FORMS.get(str(limits["pattern"]), _UNSAID)
    if kind in _OUR_OWN:
        return str(complaint["msg"]).removeprefix("Value error, ")
    # pydantic counts the bytes of a picture under the same names as the entries of a list.
    limits["unit"] = "entries" if limits.get("field_type") in _LISTS else "bytes"
    if limits.get("min_length") == 1:
        return "must not be empty"
    words = _WORDS.get(kind) or _WORDS.get(kind.partition("_")[0], _UNSAID)
    return words.format_map(limits)


def innermost(complaints: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out complaints about a whole whose parts are complained about: they follow from them.

    A list of one invalid item, for one, counts as too short besides.
    """
    places = [tuple(complaint["loc"]) for complaint in complaints]
    return [
        complaint
        for complaint, place in zip(complaints, places, strict=True)
        if not any(len(other) > len(place) and other[: len(place)] == place for other in places)
    ]


def place_of(loc: Sequence[int | str], tags: Collection[str]) -> list[str]:
    """Return the place without a union's tag; a name that the sender made up is not repeated."""
    parts = [str(part) for part in loc]
    return [
        part if _PLAIN_NAME.fullmatch(part) else "?"
        for index, part in enumerate(parts)
        if not (part in tags and index and parts[index - 1].isdigit())
    ]
