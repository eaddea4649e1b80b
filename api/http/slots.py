"""Slots for what runs at once: callers are served in rotation, and none waits too long."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_MAX_WAITING: Final = 2_000
"""So many wait in all, whoever they are: more could not be served before they give up."""


class Overloaded(Exception):
    """There was no slot in time; nothing was done."""


class Slots:
    """So many at once. Who waits is served in rotation with other callers, and for a while only.

    One caller who asks for much waits for itself: each other one is next but one.
    """

    def __init__(self, count: int, queued: int, seconds: float) -> None:
        self._free = count
        self._queued = queued
        self._seconds = seconds
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._total = 0

    async def take(self, caller: str) -> None:
        """Take a slot; raises `Overloaded` when too many wait, or when it takes too long."""
        if self._free:
            self._free -= 1
            return
        queue = self._waiting.get(caller)
        if self._total >= _MAX_WAITING or (0 if queue is None else len(queue)) >= self._queued:
            raise Overloaded
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(waiter)
        self._total += 1
        try:
            async with asyncio.timeout(self._seconds):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                # The slot came at the same moment: somebody else has use for it.
                self.give_back()
            else:
                self._leave(caller, waiter)
            if isinstance(error, TimeoutError):
                raise Overloaded from None
            raise

    def give_back(self) -> None:
        """Hand the slot to the caller who waits the longest."""
        while self._waiting:
            caller = next(iter(self._waiting))
            queue = self._waiting.pop(caller)
            waiter = queue.popleft()
            self._total -= 1
            if queue:
                self._waiting[caller] = queue
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def _leave(self, caller: str, waiter: asyncio.Future[None]) -> None:
        queue = self._waiting.get(caller)
        if queue is None or waiter not in queue:
            return
        queue.remove(waiter)
        self._total -= 1
        if not queue:
            del self._waiting[caller]


class Slot:
    """One request's slot: taken, lent while the request waits for its sender, given back once."""

    def __init__(self, slots: Slots, caller: str) -> None:
        self._slots = slots
        self._caller = caller
        self._held = False

    async def take(self) -> None:
        """Take the slot; raises `Overloaded`."""
        await self._slots.take(self._caller)
        self._held = True

    def release(self) -> None:
        """Give the slot back, if it is held."""
        if self._held:
            self._held = False
            self._slots.give_back()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """Let others have the slot while the block runs; raises `Overloaded` at its end."""
        self.release()
        yield
        await self.take()
