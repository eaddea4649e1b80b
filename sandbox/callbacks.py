"""Sends the callbacks of what has ended: signed, repeated until taken, kept in the book."""

import asyncio
import json
import logging
from collections.abc import Callable, Container, Coroutine
from dataclasses import dataclass

import httpx

from sandbox import data_imports
from sandbox.book import Book
from sandbox.clock import now
from sandbox.config import SandboxConfig
from sandbox.faults import Fault, FaultProgramme
from sandbox.payments import settle, unsettled
from sandbox.signature import signature_of

RETRY_SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
FORGED_SECRET = "nobody-shares-this"  # noqa: S105 -- signs what must be refused

_log = logging.getLogger(__name__)


class Background:
    """Work that goes on beside the requests until it is closed."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Begin a piece of work."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop all work; the book keeps what is not delivered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass(frozen=True)
class Kind:
    """Callbacks of one kind: table and column that keep them, their name among faults, the wire.

    `headers` proves a body with a secret, and names the event; `taken` is the answer that ends it.
    """

    table: str
    column: str
    operation: str
    url: str
    headers: Callable[[str, bytes, str], dict[str, str]]
    taken: Container[int] = range(200, 300)
    method: str = "POST"


class Deliveries(Background):
    """Posts callbacks until they are taken, as the programme of faults wants it."""

    def __init__(self, book: Book, faults: FaultProgramme, secret: str) -> None:
        super().__init__()
        self._book = book
        self._faults = faults
        self._secret = secret
        self._http = httpx.AsyncClient(timeout=10.0, trust_env=False)

    async def close(self) -> None:
        """See Background.close."""
        await super().close()
        await self._http.aclose()

    def resume(self, kind: Kind) -> None:
        """Take up what an earlier process left undelivered."""
        undelivered = f"SELECT {kind.column} FROM {kind.table} WHERE delivered_at IS NULL"  # noqa: S608 -- own names
        for row in self._book.all(undelivered):
            self.send(kind, str(row[kind.column]))

    def send(self, kind: Kind, event_id: str, *, copies: int = 1, forged: bool = False) -> None:
        """Send a callback that the book has, with as many further copies as a fault asks for."""
        fault = self._faults.take("callbacks", kind.operation)
        for _ in range(copies + fault.duplicates):
            self.start(self._deliver(kind, event_id, fault, forged or fault.forge_signature))

    async def _deliver(self, kind: Kind, event_id: str, fault: Fault, forged: bool) -> None:
        (callback,) = self._book.select(kind.table, kind.column, {kind.column: event_id}, 1)
        body = json.dumps(fault.changed(json.loads(str(callback["body"])))).encode()
        for pause in (fault.latency_seconds, *RETRY_SECONDS):
            await asyncio.sleep(pause)
            secret = FORGED_SECRET if forged else self._secret
            taken = await self._post(kind, event_id, body, secret)
            # What was taken under a forged signature was never really delivered.
            if taken and not forged:
                delivered = {"delivered_at": now().isoformat()}
                self._book.update(kind.table, {kind.column: event_id}, delivered)
                return
            forged = False
        _log.warning("callback %s was not taken; it is sent again after a restart", event_id)

    async def _post(self, kind: Kind, event_id: str, body: bytes, secret: str) -> bool:
        attempt = f"UPDATE {kind.table} SET attempts = attempts + 1 WHERE {kind.column} = ?"  # noqa: S608 -- own names
        self._book.execute(attempt, event_id)
        headers = {"Content-Type": "application/json", **kind.headers(secret, body, event_id)}
        try:
            response = await self._http.request(
                kind.method, kind.url, content=body, headers=headers
            )
        except httpx.HTTPError:
            return False
        return response.status_code in kind.taken


class CallbackSender(Background):
    """Ends orders and data imports after a while and has their callbacks delivered."""

    def __init__(self, config: SandboxConfig, book: Book, deliveries: Deliveries) -> None:
        super().__init__()
        self._seconds = config.settle_seconds
        self._book = book
        self._deliveries = deliveries

        def headers(secret: str, body: bytes, event_id: str) -> dict[str, str]:
            return {
                "Authorization": f"Bearer {config.api_key}",
                "X-Signature": signature_of(secret, body, now()),
                "X-Request-Id": event_id,
            }

        self._settlements = Kind(
            "callbacks", "event_id", "settlement", config.callback_url, headers
        )
        self._notices = Kind("notices", "event_id", "report", config.report_url, headers)

    def resume(self) -> None:
        """Take up what an earlier process left: what has not ended and what was not delivered."""
        for order_no in unsettled(self._book):
            self.settle_later(order_no)
        for capture_no in data_imports.running(self._book):
            self.finish_later(capture_no)
        for kind in (self._settlements, self._notices):
            self._deliveries.resume(kind)

    def settle_later(self, order_no: str) -> None:
        """Settle an order with success after the configured time."""
        self.start(self._settle(order_no))

    def finish_later(self, capture_no: str) -> None:
        """End a data import when its time has come."""
        self.start(self._finish(capture_no))

    def deliver(self, event_id: str) -> None:
        """Send an order's callback."""
        self._deliveries.send(self._settlements, event_id)

    def announce(self, event_id: str) -> None:
        """Send a data import's notice."""
        self._deliveries.send(self._notices, event_id)

    async def _settle(self, order_no: str) -> None:
        await asyncio.sleep(self._seconds)
        if order_no in unsettled(self._book):
            self.deliver(settle(self._book, order_no, None))

    async def _finish(self, capture_no: str) -> None:
        await asyncio.sleep(data_imports.seconds_left(self._book, capture_no, self._seconds))
        if capture_no in data_imports.running(self._book):
            self.announce(data_imports.finish(self._book, capture_no))
