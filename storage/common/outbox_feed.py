"""One reader of the outbox for all who follow something in this process.

Each of a thousand event streams with a poll of its own would keep every connection busy. Here what
several of them ask for at one moment is one statement, and so is the slow poll for all of them.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Self

import structlog

from storage.common.outbox import OutboxListener, OutboxRepository, OutboxRow, Position
from storage.common.repository import Transaction

_log = structlog.stdlib.get_logger(__name__)

PAGE: Final = 100
"""So many events are read of one aggregate at a time."""
_TOGETHER: Final = 200
"""So many positions are read in one statement."""
_POLL_SECONDS: Final = 5.0

Read = Callable[[], AbstractAsyncContextManager[Transaction]]


@dataclass(eq=False)
class Follower:
    """Somebody who follows an aggregate, and how far they have read."""

    aggregate: str
    after_id: int
    update_received: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there may be more to read."""

    @property
    def position(self) -> Position:
        """Where the follower goes on."""
        return self.aggregate, self.after_id


class OutboxFeed:
    """Reads for its followers, all that want something together; `read` opens a connection."""

    def __init__(self, read: Read, listener: OutboxListener) -> None:
        self._read = read
        self._listener = listener
        self._followers: set[Follower] = set()
        self._asked: dict[Follower, asyncio.Future[list[OutboxRow]]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @contextmanager
    def follow(self, aggregate: str, after_id: int) -> Iterator[Follower]:
        """Yield a follower of what commits about `aggregate` behind `after_id`."""
        self._start()
        with self._listener.watch(aggregate) as update_received:
            follower = Follower(aggregate, after_id, update_received)
            self._followers.add(follower)
            try:
                yield follower
            finally:
                self._followers.discard(follower)
                self._asked.pop(follower, None)

    async def more(self, follower: Follower) -> list[OutboxRow]:
        """Return the next events of a follower, at most `PAGE`, perhaps none.

        Raises what reading them raises.
        """
        answer: asyncio.Future[list[OutboxRow]] = asyncio.get_running_loop().create_future()
        self._asked[follower] = answer
        self._start()
        self._wake.set()
        rows = await answer
        if rows:
            follower.after_id = rows[-1].id
        return rows

    def _start(self) -> None:
        """Start the reader, again if something ended it."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                await self._poll()
            self._wake.clear()
            await self._answer()

    async def _answer(self) -> None:
        while self._asked:
            asked = [self._asked.popitem() for _ in range(min(_TOGETHER, len(self._asked)))]
            try:
                found = await self._rows([follower.position for follower, _ in asked], PAGE)
            except Exception as error:  # noqa: BLE001 -- whoever waits hears of it, or waits for ever
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
                return
            for (_, answer), rows in zip(asked, found, strict=True):
                if not answer.done():
                    answer.set_result(rows)

    async def _poll(self) -> None:
        """Say to followers what a lost notice did not."""
        waiting = list(self._followers)
        for begin in range(0, len(waiting), _TOGETHER):
            part = waiting[begin : begin + _TOGETHER]
            try:
                found = await self._rows([follower.position for follower in part], 1)
            except Exception as error:  # noqa: BLE001 -- the next poll may succeed
                _log.warning("outbox_poll_failed", error=type(error).__name__)
                return
            for follower, rows in zip(part, found, strict=True):
                if rows:
                    follower.update_received.set()

    async def _rows(self, positions: Sequence[Position], limit: int) -> list[list[OutboxRow]]:
        async with self._read() as tx:
            return await OutboxRepository(tx).since_each(positions, limit)
