"""So many requests at once and no more: what comes on top is told at once to come back.

Whoever is let in gets an answer in good time, also when far more is asked than the machine can do.
Reads and commands are counted apart: commands mostly wait for their process, and shall not keep
readers out while they do.
"""

import asyncio
from typing import Final

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.errors import later, problem_response
from runtime import metrics
from runtime.settings import Settings

EXEMPT: Final = frozenset({"/health", "/ready", "/metrics"})
"""What tells how the process fares has to answer when nothing else does."""


class Slots:
    """A number of slots, and a short queue of those who wait for one, first come, first served."""

    def __init__(self, count: int, queue: int) -> None:
        self._slots = asyncio.Semaphore(count)
        self._room = queue

    async def take(self) -> bool:
        """Take a slot, waiting in the queue if need be; False at once when the queue is full."""
        if not self._slots.locked():
            return await self._slots.acquire()
        if self._room == 0:
            return False
        self._room -= 1
        try:
            return await self._slots.acquire()
        finally:
            self._room += 1

    def give_back(self) -> None:
        """Hand the slot to the first in the queue."""
        self._slots.release()


class ConcurrencyLimit:
    """Answers 503 with `Retry-After` to requests for which neither slot nor queue has room."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._slots = {
            "read": Slots(settings.api_reads, settings.api_reads_queued),
            "command": Slots(settings.api_commands, settings.api_commands_queued),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or turn it away."""
        if scope["type"] != "http" or scope["path"] in EXEMPT:
            await self._app(scope, receive, send)
            return
        kind = "read" if _is_short_read(scope) else "command"
        slots = self._slots[kind]
        if not await slots.take():
            metrics.http_turned_away(kind)
            problem = later("overloaded", "Repeat the same request.")
            await problem_response(Request(scope), problem)(scope, receive, send)
            return
        slot = _Slot(slots)

        async def sender(message: Message) -> None:
            # An event stream lasts as long as its reader likes: it has its slot until it begins.
            if message["type"] == "http.response.start" and _is_stream(message):
                slot.release()
            await send(message)

        try:
            await self._app(scope, receive, sender)
        finally:
            slot.release()


class _Slot:
    """A slot that was taken; it is given back once, however often it is released."""

    def __init__(self, slots: Slots) -> None:
        self._slots: Slots | None = slots

    def release(self) -> None:
        if self._slots is not None:
            self._slots.give_back()
            self._slots = None


def _is_short_read(scope: Scope) -> bool:
    # What is read of the ledger may take long, in the database: it would keep all others out.
    return scope["method"] in ("GET", "HEAD") and not scope["path"].startswith("/v1/ledger/")


def _is_stream(message: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message["headers"]
    )
