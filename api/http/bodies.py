"""Reading a body: never more than allowed, and only JSON that every reader understands alike."""

from typing import Any, Final

from fastapi import Request

from api.http.access import Rule
from api.http.errors import Problem
from services.common.strict_json import parse_strictly

DRAINED: Final = 16 * 1024 * 1024
"""Bytes of a body that is too large which are read and thrown away: a client that is cut off while
sending never reads why."""


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
