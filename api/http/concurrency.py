"""So many requests at once, each caller in turn: what finds no slot in time is told to come back.

Whoever is let in gets an answer in good time, also when far more is asked than the machine can do.
Reads and commands are counted apart: commands mostly wait for their process, and shall not keep
readers out while they do. A request whose body is on its way lends its slot to others.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.callers import Callers
from api.http.errors import Problem, later, problem_response
from api.http.slots import Overloaded, Slot, Slots
from runtime import metrics
from runtime.settings import Settings

EXEMPT: Final = frozenset({"/health", "/ready", "/metrics"})
"""What tells how the process fares has to answer when nothing else does."""

_READER_SECONDS: Final = 30.0
_SLOT: Final = "loanflow.slot"


class ConcurrencyLimit:
    """Answers 503 with `Retry-After` to requests that have no slot in time."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._callers = Callers(settings)
        seconds = settings.api_wait_seconds
        self._slots = {
            "read": Slots(settings.api_reads, settings.api_reads_queued, seconds),
            "command": Slots(settings.api_commands, settings.api_commands_queued, seconds),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or turn it away."""
        if scope["type"] != "http" or scope["path"] in EXEMPT:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        kind = "read" if _is_short_read(scope) else "command"
        slot = scope[_SLOT] = Slot(self._slots[kind], self._callers.name_of(request))
        try:
            await slot.take()
        except Overloaded:
            await problem_response(request, _overloaded(kind))(scope, receive, send)
            return

        async def sender(message: Message) -> None:
            # An event stream lasts as long as its reader likes: it has its slot until it begins.
            if message["type"] == "http.response.start" and _is_stream(message):
                slot.release()
            # A reader who takes nothing of a long answer would keep its slot for ever.
            async with asyncio.timeout(_READER_SECONDS):
                await send(message)

        try:
            await self._app(scope, receive, sender)
        finally:
            slot.release()


@asynccontextmanager
async def slot_lent(request: Request) -> AsyncIterator[None]:
    """Let others have the request's slot while the block waits for its sender.

    Raises the problem 503 at the end of the block when the slot cannot be had again in time.
    """
    slot: Slot | None = request.scope.get(_SLOT)
    if slot is None:
        yield
        return
    try:
        async with slot.lent():
            yield
    except Overloaded:
        raise _overloaded("command") from None


def _overloaded(kind: str) -> Problem:
    metrics.http_turned_away(kind)
    return later("overloaded", "Repeat the same request.")


def _is_short_read(scope: Scope) -> bool:
    # What is read of the ledger may take long, in the database: it would keep all others out.
    return scope["method"] in ("GET", "HEAD") and not scope["path"].startswith("/v1/ledger/")


def _is_stream(message: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message["headers"]
    )
