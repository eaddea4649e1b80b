"""JSON that every reader understands alike."""

import json
import math
from typing import Any, Final

from domain.common.errors import DomainError

_DEEPEST: Final = 32
_LONGEST_NUMBER: Final = 20


class InvalidJson(DomainError):
    """Bytes that are no JSON, or JSON that is read differently somewhere."""


def parse_strictly(raw: bytes) -> Any:
    """Parse UTF-8 JSON; raises `InvalidJson`.

    Refused are duplicate names, NaN and Infinity, numbers past 20 characters, more than 32 levels,
    NUL characters and lone surrogates: each is read differently somewhere, or cannot be stored.
    """
    try:
        parsed = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise InvalidJson("The body is not UTF-8.") from None
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise InvalidJson(f"{error.msg} at character {error.pos}.") from None
    _check_within(parsed)
    return parsed


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
    for _ in range(_DEEPEST):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise _too_deep()


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
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidJson("A text contains half of a surrogate pair.")


def _too_deep() -> InvalidJson:
    return InvalidJson(f"The body nests more than {_DEEPEST} levels.")
