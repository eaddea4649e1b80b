"""Reading a body: never more than allowed, and only JSON that every reader understands alike."""

import json
import math
from typing import Any, Final

from fastapi import Request

from api.http.access import Rule
from api.http.errors import Problem

_DEEPEST: Final = 32
_LONGEST_NUMBER: Final = 20
DRAINED: Final = 16 * 1024 * 1024
"""So much of a body that is too large is still read, and thrown away: who is cut off while he sends
never reads why."""


class CheckedRequest(Request):
    """A request whose body was read and parsed already."""

    def __init__(self, request: Request, raw: bytes, parsed: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._raw = raw
        self._parsed = parsed

    async def body(self) -> bytes:
        """Return the body as it was sent."""
        return self._raw

    async def json(self) -> Any:
        """Return the parsed body."""
        return self._parsed


async def read_checked(request: Request, rule: Rule) -> CheckedRequest:
    """Read the body within the rule's limits; raises the problems 400, 413 and 415."""
    raw = await _read(request, rule.body_limit)
    if not rule.json or not raw:
        return CheckedRequest(request, raw, None)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem("unsupported_media_type", "Send the body as application/json.")
    return CheckedRequest(request, raw, parse_strictly(raw))


async def _read(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > DRAINED:
        raise _too_large(limit, cut_off=True)
    read, length = bytearray(), 0
    async for part in request.stream():
        length += len(part)
        if length > DRAINED:
            raise _too_large(limit, cut_off=True)
        if length <= limit:
            read += part
    if length > limit:
        raise _too_large(limit)
    return bytes(read)


def _too_large(limit: int, *, cut_off: bool = False) -> Problem:
    # What was not read stays in the connection: it cannot be used again.
    headers = {"Connection": "close"} if cut_off else {}
    return Problem(
        "body_too_large", f"The body of this route has at most {limit} bytes.", headers=headers
    )


def parse_strictly(raw: bytes) -> Any:
    """Parse UTF-8 JSON; raises the problem `invalid_json`.

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
        raise Problem("invalid_json", "The body is not UTF-8.") from None
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise Problem("invalid_json", f"{error.msg} at character {error.pos}.") from None
    _check_within(parsed)
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Problem("invalid_json", "A name appears twice in one object.")
    return found


def _refuse_constant(name: str) -> Any:
    raise Problem("invalid_json", f"{name} is not a number of JSON.")


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise Problem("invalid_json", f"A number has at most {_LONGEST_NUMBER} digits.")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number) or len(text) > 2 * _LONGEST_NUMBER:
        raise Problem("invalid_json", "A number is out of range.")
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
        raise Problem("invalid_json", "A text contains a NUL character.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Problem("invalid_json", "A text contains half of a surrogate pair.")


def _too_deep() -> Problem:
    return Problem("invalid_json", f"The body nests more than {_DEEPEST} levels.")
