"""Sends the callbacks of settled orders: signed, repeated until taken, kept in the book."""

import asyncio
import logging
from collections.abc import Coroutine

import httpx

from sandbox.book import Book
from sandbox.clock import now
from sandbox.config import SandboxConfig
from sandbox.faults import FaultProgramme
from sandbox.payments import settle, unsettled
from sandbox.signature import signature_of

RETRY_SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)

_log = logging.getLogger(__name__)


class CallbackSender:
    """Settles processing orders after a while and delivers their callbacks in the background."""

    def __init__(self, config: SandboxConfig, book: Book, faults: FaultProgramme) -> None:
        self._config = config
        self._book = book
        self._faults = faults
        self._http = httpx.AsyncClient(timeout=10.0, trust_env=False)
        self._tasks: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Take up what an earlier process left: unsettled orders and undelivered callbacks."""
        for order_no in unsettled(self._book):
            self.settle_later(order_no)
        for row in self._book.all("SELECT event_id FROM callbacks WHERE delivered_at IS NULL"):
            self.deliver(str(row["event_id"]))

    async def close(self) -> None:
        """Stop all background work; the book keeps what is not delivered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    def settle_later(self, order_no: str) -> None:
        """Settle an order with success after the configured time."""
        self._start(self._settle(order_no))

    def deliver(self, event_id: str) -> None:
        """Send a callback, with as many copies as the programme of faults asks for."""
        fault = self._faults.take("callbacks", "settlement")
        for _ in range(1 + fault.duplicates):
            self._start(self._deliver(event_id, fault.latency_seconds))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, order_no: str) -> None:
        await asyncio.sleep(self._config.settle_seconds)
        if order_no in unsettled(self._book):
            self.deliver(settle(self._book, order_no, None))

    async def _deliver(self, event_id: str, latency_seconds: float) -> None:
        callback = self._book.one("SELECT body FROM callbacks WHERE event_id = ?", event_id)
        if callback is None:
            return
        body = str(callback["body"]).encode()
        for pause in (latency_seconds, *RETRY_SECONDS):
            await asyncio.sleep(pause)
            if await self._post(event_id, body):
                self._book.execute(
                    "UPDATE callbacks SET delivered_at = ? WHERE event_id = ?",
                    *(now().isoformat(), event_id),
                )
                return
        _log.warning("callback %s was not taken; it is sent again after a restart", event_id)

    async def _post(self, event_id: str, body: bytes) -> bool:
        self._book.execute(
            "UPDATE callbacks SET attempts = attempts + 1 WHERE event_id = ?", event_id
        )
        headers = {
            "Authorization": f"Bearer {self._config.api_key}",
            "X-Signature": signature_of(self._config.callback_secret, body, now()),
            "X-Request-Id": event_id,
            "Content-Type": "application/json",
        }
        try:
            response = await self._http.post(
                self._config.callback_url, content=body, headers=headers
            )
        except httpx.HTTPError:
            return False
        return response.is_success
