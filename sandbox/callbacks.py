"""Sends the callbacks of what has ended: signed, repeated until taken, kept in the book."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass

import httpx

from sandbox import captures
from sandbox.book import Book
from sandbox.clock import now
from sandbox.config import SandboxConfig
from sandbox.faults import Fault, FaultProgramme
from sandbox.payments import settle, unsettled
from sandbox.signature import signature_of

RETRY_SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
FORGED_SECRET = "nobody-shares-this"  # noqa: S105 -- signs what must be refused

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kind:
    """Callbacks of one kind: the table that keeps them, where they go, their name among faults."""

    table: str
    url: str
    operation: str


class CallbackSender:
    """Ends orders and captures after a while and delivers their callbacks in the background."""

    def __init__(self, config: SandboxConfig, book: Book, faults: FaultProgramme) -> None:
        self._config = config
        self._book = book
        self._faults = faults
        self._settlements = _Kind("callbacks", config.callback_url, "settlement")
        self._notices = _Kind("notices", config.report_url, "report")
        self._http = httpx.AsyncClient(timeout=10.0, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Take up what an earlier process left: what has not ended and what was not delivered."""
        for order_no in unsettled(self._book):
            self.settle_later(order_no)
        for capture_no in captures.running(self._book):
            self.finish_later(capture_no)
        for kind in (self._settlements, self._notices):
            undelivered = f"SELECT event_id FROM {kind.table} WHERE delivered_at IS NULL"  # noqa: S608 -- own names
            for row in self._book.all(undelivered):
                self._send(kind, str(row["event_id"]))

    async def close(self) -> None:
        """Stop all background work; the book keeps what is not delivered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    def settle_later(self, order_no: str) -> None:
        """Settle an order with success after the configured time."""
        self._start(self._settle(order_no))

    def finish_later(self, capture_no: str) -> None:
        """End a capture when its time has come."""
        self._start(self._finish(capture_no))

    def deliver(self, event_id: str) -> None:
        """Send an order's callback, with as many copies as the programme of faults asks for."""
        self._send(self._settlements, event_id)

    def announce(self, event_id: str) -> None:
        """Send a capture's notice, likewise."""
        self._send(self._notices, event_id)

    def _send(self, kind: _Kind, event_id: str) -> None:
        fault = self._faults.take("callbacks", kind.operation)
        for _ in range(1 + fault.duplicates):
            self._start(self._deliver(kind, event_id, fault))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, order_no: str) -> None:
        await asyncio.sleep(self._config.settle_seconds)
        if order_no in unsettled(self._book):
            self.deliver(settle(self._book, order_no, None))

    async def _finish(self, capture_no: str) -> None:
        await asyncio.sleep(
            captures.seconds_left(self._book, capture_no, self._config.settle_seconds)
        )
        if capture_no in captures.running(self._book):
            self.announce(captures.finish(self._book, capture_no))

    async def _deliver(self, kind: _Kind, event_id: str, fault: Fault) -> None:
        (callback,) = self._book.select(kind.table, "event_id", {"event_id": event_id}, 1)
        body = str(callback["body"]).encode()
        forged = fault.forge_signature
        for pause in (fault.latency_seconds, *RETRY_SECONDS):
            await asyncio.sleep(pause)
            taken = await self._post(kind, event_id, body, forged=forged)
            # What was taken under a forged signature was never really delivered.
            if taken and not forged:
                delivered = {"delivered_at": now().isoformat()}
                self._book.update(kind.table, {"event_id": event_id}, delivered)
                return
            forged = False
        _log.warning("callback %s was not taken; it is sent again after a restart", event_id)

    async def _post(self, kind: _Kind, event_id: str, body: bytes, *, forged: bool) -> bool:
        attempt = f"UPDATE {kind.table} SET attempts = attempts + 1 WHERE event_id = ?"  # noqa: S608 -- own names
        self._book.execute(attempt, event_id)
        secret = FORGED_SECRET if forged else self._config.callback_secret
        headers = {
            "Authorization": f"Bearer {self._config.api_key}",
            "X-Signature": signature_of(secret, body, now()),
            "X-Request-Id": event_id,
            "Content-Type": "application/json",
        }
        try:
            response = await self._http.post(kind.url, content=body, headers=headers)
        except httpx.HTTPError:
            return False
        return response.is_success
