"""What tests need to talk to the simulators over real HTTP and to receive their callbacks."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from providers import Providers
from sandbox.app import listening, serving
from sandbox.config import SandboxConfig

READ_SECONDS = 1.0
_ORDER_SECONDS = 10.0


@dataclass(frozen=True)
class Simulators:
    """Running simulators: providers connected to them, and their console."""

    url: str
    config: SandboxConfig
    providers: Providers
    console: httpx.AsyncClient

    async def fault(self, provider: str, **fault: object) -> None:
        """Program a fault."""
        response = await self.console.put("/sandbox/faults", json={"provider": provider, **fault})
        response.raise_for_status()

    async def repair(self) -> None:
        """Forget all faults."""
        response = await self.console.delete("/sandbox/faults")
        response.raise_for_status()

    async def book(self, **wanted: str) -> dict[str, Any]:
        """Read the payment book."""
        response = await self.console.get("/sandbox/book", params=wanted)
        book: dict[str, Any] = response.raise_for_status().json()
        return book

    async def calls(self, **wanted: str) -> list[dict[str, Any]]:
        """Read the record of calls."""
        response = await self.console.get("/sandbox/calls", params=wanted)
        calls: list[dict[str, Any]] = response.raise_for_status().json()
        return calls

    async def settle(self, order_no: str, **settlement: str) -> str:
        """Settle an order, once it has come, and return its callback's event id."""
        deadline = monotonic() + _ORDER_SECONDS
        while True:
            response = await self.console.post(f"/sandbox/settle/{order_no}", json=settlement)
            if response.status_code != HTTPStatus.NOT_FOUND or monotonic() > deadline:
                break
            await asyncio.sleep(0.05)
        return str(response.raise_for_status().json()["event_id"])


@asynccontextmanager
async def connected(config: SandboxConfig) -> AsyncIterator[Simulators]:
    """Serve simulators and connect providers to them."""
    async with serving(config) as url:
        connection = Providers.connect(
            lambda _: url,
            SecretStr(config.api_key),
            SecretStr(config.signing_secret),
            READ_SECONDS,
        )
        async with connection as providers, httpx.AsyncClient(base_url=url) as console:
            yield Simulators(url, config, providers, console)


@dataclass
class Callbacks:
    """A receiver of callbacks: what came, and the statuses to answer with (200 when used up)."""

    url: str
    received: asyncio.Queue[tuple[Mapping[str, str], bytes]]
    statuses: list[int]

    async def next(self) -> tuple[Mapping[str, str], bytes]:
        """Wait for the next callback and return its headers (lower case) and body."""
        return await asyncio.wait_for(self.received.get(), 5)


def sandbox_config(folder: Path, callback_url: str = "http://127.0.0.1:9/nobody") -> SandboxConfig:
    """Simulators on a free port with a book in `folder` that settle orders almost at once."""
    return SandboxConfig(
        port=0,
        database=folder / "book.sqlite3",
        callback_url=callback_url,
        settle_seconds=0.05,
    )


@asynccontextmanager
async def receiving() -> AsyncIterator[Callbacks]:
    """Serve a receiver of callbacks."""
    listener = listening("127.0.0.1")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/callbacks"
    receiver = Callbacks(url, asyncio.Queue(), [])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status = receiver.statuses.pop(0) if receiver.statuses else 200
        await receiver.received.put((headers, message["body"]))
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield receiver
    finally:
        server.should_exit = True
        await task
