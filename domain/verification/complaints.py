"""Plain words for what a form refuses: the limit or the form that is asked for, never the value.

pydantic's own messages name Python's types, print patterns, and some repeat what was sent.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from domain.common.kinds import UNKNOWN_KIND
from domain.verification.pictures import PictureFault

_CHARACTERS: Final[Mapping[str, str]] = {
    "A-Za-z": "letters",
    "A-Z": "capital letters",
    "a-z": "small letters",
    "0-9": "digits",
    "_": "underscores",
    ".": "points",
    ":": "colons",
    "\\-": "hyphens",
    "-": "hyphens",
}
"""What a pattern's character class is made of, in words; the longer before their beginnings."""
_CLASS_PARTS: Final = re.compile("|".join(map(re.escape, _CHARACTERS)))
# One class that is repeated, and perhaps another one for the first character.
_PATTERN: Final = re.compile(
    r"\^(?P<first>\[[^]^]+\])?\[(?P<characters>[^]^]+)\]\{(?P<min>\d+)(,(?P<max>\d+))?\}\$"
)
_OTHER_PATTERNS: Final[Mapping[str, str]] = {
    r"^quo_[0-9a-z]{26}$": "must be the id of a quote, quo_ and 26 characters",
    r"^loa_[0-9a-z]{26}$": "must be the id of a loan, loa_ and 26 characters",
    r"^doc_[0-9a-z]{26}$": "must be the id of a document asked for, doc_ and 26 characters",
    r"^[a-z]{2}(-[A-Z]{2})?$": "must be a language, such as zh or pt-BR",
    r"^R[0-9]{2}$": "must be a reject code, such as R05",
    r"^[0-9a-f]{64}$": "must be 64 hexadecimal digits in small letters",
    r"^[a-z_]{1,40}(:[a-z0-9_-]{1,32})?$": (
        "must be an account, such as cash, or one of its parts, such as cash:icbc"
    ),
    r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$": "must be an e-mail address, such as a@example.com",
}

_TYPES: Final[Mapping[str, str]] = {
    "extra_forbidden": "no such field",
    "missing": "is required",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_type bytes_type": "must be a text",
    "bytes_too_short": "must have at least {min_length} bytes",
    "bytes_too_long": "must have at most {max_length} bytes",
    "too_short": "must have at least {min_length} {unit}",
    "too_long": "must have at most {max_length} {unit}",
    "int_type int_parsing int_from_float": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "bool_type bool_parsing": "must be true or false",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "decimal_type decimal_parsing": "must be a decimal number as text",
    "finite_number": "must be a finite number",
    "decimal_max_digits": "must have at most {max_digits} digits",
    "decimal_max_places": "must have at most {decimal_places} digits after the point",
    "decimal_whole_digits": "must have at most {whole_digits} digits before the point",
    "date_type date_parsing date_from_datetime_parsing date_from_datetime_inexact": (
        "must be a date in the form YYYY-MM-DD"
    ),
    "datetime_type datetime_parsing datetime_from_date_parsing datetime_object_invalid": (
        "must be an instant such as 2026-01-31T08:00:00Z"
    ),
    "timezone_aware": "must say its offset from UTC, or Z",
    "tuple_type list_type": "must be a list",
    "model_type model_attributes_type dict_type": "must be an object",
    "none_required": "must be null",
    "json_invalid": "is not JSON",
    "base64": "must be standard base64: letters, digits, + and /, padded with =",
    "missing_here": "is required with this occupation",
    "surplus_here": "is not asked with this occupation",
}
_WORDS: Final = {kind: words for kinds, words in _TYPES.items() for kind in kinds.split()}
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_QUOTED: Final = re.compile(r"'([^']*)'")
_UNSAID: Final = "is not in the form that is asked for"
_LISTS: Final = frozenset(("Tuple", "List", "Set", "Frozenset", "Dictionary"))
_CHOSEN: Final = frozenset(("literal_error", "enum"))
_OUR_OWN: Final = frozenset(
    ("value_error", "assertion_error", UNKNOWN_KIND, *(fault.value for fault in PictureFault))
)


def plain_message(complaint: Mapping[str, Any]) -> str:
    """Return what is to be told of one of pydantic's complaints."""
    kind, limits = str(complaint["type"]), dict(complaint.get("ctx", {}))
    if kind in _CHOSEN:
        return f"must be one of {', '.join(_QUOTED.findall(str(limits['expected'])))}"
    if kind == "string_pattern_mismatch":
        return _pattern_in_words(str(limits["pattern"]))
    if kind in _OUR_OWN:
        return str(complaint["msg"]).removeprefix("Value error, ")
    # pydantic counts the bytes of a picture under the same names as the entries of a list.
    limits["unit"] = "entries" if limits.get("field_type") in _LISTS else "bytes"
    if limits.get("min_length") == 1:
        return "must not be empty"
    return _WORDS.get(kind, _UNSAID).format_map(limits)


def _pattern_in_words(pattern: str) -> str:
    """Return what a pattern of our forms asks for."""
    found = _PATTERN.fullmatch(pattern)
    parts = _CLASS_PARTS.findall(found["characters"]) if found else []
    if pattern in _OTHER_PATTERNS or found is None or "".join(parts) != found["characters"]:
        return _OTHER_PATTERNS.get(pattern, _UNSAID)
    first = found["first"] or ""
    least, most = (int(found[name] or found["min"]) + bool(first) for name in ("min", "max"))
    count = f"at most {most}" if least == 0 else f"{least} to {most}" if least < most else f"{most}"
    *others, last = (_CHARACTERS[part] for part in parts)
    characters = f"{', '.join(others)} and {last}" if others else last
    begin = "" if not first else ", no sign first" if "0-9" in first else ", a letter first"
    return f"must be {count} {characters}{begin}"


def innermost(complaints: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out complaints about a whole whose parts are complained about: they follow from them.

    A list of one invalid item, for one, counts as too short besides.
    """
    places = [tuple(complaint["loc"]) for complaint in complaints]
    wholes = {place[:length] for place in set(places) for length in range(len(place))}
    return [
        complaint
        for complaint, place in zip(complaints, places, strict=True)
        if place not in wholes
    ]


def _is_tag(parts: Sequence[str], index: int) -> bool:
    """Say whether a part is where a union's tag can stand: first of a body, or behind a number."""
    return parts[index - 1].isdigit() if index else len(parts) > 1


def place_of(loc: Sequence[int | str], tags: Collection[str]) -> list[str]:
    """Return the place without a union's tag; a name that the sender made up is not repeated."""
    parts = [str(part) for part in loc]
    return [
        part if _PLAIN_NAME.fullmatch(part) else "?"
        for index, part in enumerate(parts)
        if not (part in tags and _is_tag(parts, index))
    ]
