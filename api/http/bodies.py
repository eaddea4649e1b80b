"""Reading a body: never more than allowed, and only JSON that every reader understands alike."""

import asyncio
from collections import OrderedDict
from typing import Any, Final

from fastapi import Request

from api.http.access import Rule
from api.http.concurrency import slot_lent
from api.http.errors import Problem
from services.common.strict_json import parse_strictly

DRAINED: Final = 16 * 1024 * 1024
"""Bytes of a body that is too large which are read and thrown away: a client that is cut off while
sending never reads why."""

_JSON: Final = "application/json"
BEGINS_SECONDS: Final = 10.0
_SLOWEST: Final = 16 * 1024
"""Bytes a second that a body has to come with, after a while that any body may take."""
_AWAITED: Final = 256
"""So many bodies are waited for in one process; of more, the one that takes longest is given up."""


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
    """Read the body within the rule's limits; raises the problems 400, 408, 413, 415 and 503."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media_type == _JSON
    raw = await _Arriving(request).read(rule.body_limit if is_json else rule.other_limit)
    if not rule.json or (not raw and not media_type):
        return CheckedRequest(request, raw, None)
    if not is_json:
        raise Problem("unsupported_media_type", "Send the body as application/json.")
    return CheckedRequest(request, raw, parse_strictly(raw, rule.most_values) if raw else None)


class _Arriving:
    """A body on its way: what came of it, and until when the next part is waited for."""

    _all: Final[OrderedDict[int, asyncio.Timeout]] = OrderedDict()

    def __init__(self, request: Request) -> None:
        self._request = request
        self._length = 0

    async def read(self, limit: int) -> bytes:
        """Return the body; raises the problems 408, 413 and 503."""
        declared = self._request.headers.get("content-length", "")
        if declared.isdecimal() and len(declared) < 20 and int(declared) > DRAINED:
            raise _too_large(limit, cut_off=True)
        if declared == "0":
            return b""
        read = bytearray()
        try:
            async with slot_lent(self._request), asyncio.timeout(BEGINS_SECONDS) as patience:
                await self._read_into(read, limit, patience)
        except TimeoutError:
            raise Problem(
                "body_too_slow",
                f"The body came too slowly: send at least {_SLOWEST // 1024} kB a second.",
                headers=_CUT_OFF,
            ) from None
        if self._length > limit:
            raise _too_large(limit)
        return bytes(read)

    async def _read_into(self, read: bytearray, limit: int, patience: asyncio.Timeout) -> None:
        began = asyncio.get_running_loop().time()
        self._all[id(self)] = patience
        if len(self._all) > _AWAITED:
            _, longest = self._all.popitem(last=False)
            longest.reschedule(began)
        try:
            async for part in self._request.stream():
                self._length += len(part)
                if self._length > DRAINED:
                    raise _too_large(limit, cut_off=True)
                if self._length <= limit:
                    read += part
                patience.reschedule(began + BEGINS_SECONDS + self._length / _SLOWEST)
        finally:
            self._all.pop(id(self), None)


# What was not read stays in the connection: it cannot be used again.
_CUT_OFF: Final = {"Connection": "close"}


def _too_large(limit: int, *, cut_off: bool = False) -> Problem:
    return Problem(
        "body_too_large",
        f"The body of this route has at most {limit} bytes.",
        headers=_CUT_OFF if cut_off else {},
    )
