"""A really started vision service with real models, and calls to it over real HTTP."""

import asyncio
import json
import os
import signal
import socket
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from local.vision import missing_libraries
from providers.http.signature import sign
from runtime.clock import utc_now

MISSING = missing_libraries()
collect_ignore_glob = ["test_*.py"] if MISSING else []


def pytest_report_header() -> str | None:
    """Say why these tests are left out on a machine where vision cannot run."""
    return f"tests/vision left out: vision needs {' and '.join(MISSING)}" if MISSING else None


KEY, SECRET = "vision-key", "vision-signing-secret"
START_SECONDS = 150


@dataclass
class Service:
    """`python -m vision` on a free port."""

    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.AsyncClient(base_url=self.url, timeout=120)
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it takes calls."""
        environment = os.environ | {
            "LOANFLOW_VISION_PORT": str(self.port),
            "LOANFLOW_VISION_WAIT_SECONDS": "100",
            "LOANFLOW_VISION_JOB_SECONDS": "100",
            "LOANFLOW_PROVIDERS__API_KEY": KEY,
            "LOANFLOW_PROVIDERS__SIGNING_SECRET": SECRET,
            **self.settings,
        }
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vision", env=environment
        )
        await self.workers()

    async def workers(self, other_than: list[int] | None = None) -> list[int]:
        """Wait until calls are taken by processes not in `other_than`, and return their ids."""
        async with asyncio.timeout(START_SECONDS):
            while True:
                try:
                    health = await self.http.get("/health")
                except httpx.TransportError:
                    health = None
                if health is not None and health.status_code == 200:
                    pids: list[int] = health.json()["processes"]
                    if not set(pids) & set(other_than or []):
                        return pids
                await asyncio.sleep(0.1)

    async def stop(self) -> int:
        """Send SIGTERM and wait for the end."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        await self.http.aclose()
        return await asyncio.wait_for(self.process.wait(), 60)

    async def send(self, operation: str, body: bytes, **headers: str | None) -> httpx.Response:
        """Send a body, signed unless `headers` say otherwise; None leaves a header out."""
        proven: dict[str, str | None] = {
            "Authorization": f"Bearer {KEY}",
            "X-Signature": sign(SECRET, body, utc_now()),
            "X-Request-Id": "el_1:card",
            "Content-Type": "application/json",
        }
        proven |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in proven.items() if value is not None}
        return await self.http.post(f"/{operation}", content=body, headers=given)

    async def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """Send a request with pictures as bytes and return the answer."""
        response = await self.send(operation, body_of(**request))
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def read(self, front: bytes, back: bytes) -> dict[str, Any]:
        """Call identity_card/read."""
        return await self.call("identity_card/read", front=front, back=back)

    async def check(self, frames: list[tuple[str, bytes]]) -> dict[str, Any]:
        """Call liveness/check with frames and the action that each belongs to."""
        return await self.call(
            "liveness/check",
            frames=[picture for _, picture in frames],
            actions=[action for action, _ in frames],
        )

    async def compare(self, face: bytes, reference: bytes | None) -> dict[str, Any]:
        """Call liveness/compare."""
        more = {} if reference is None else {"reference": reference}
        return await self.call("liveness/compare", face=face, identity_number="x" * 18, **more)


def body_of(**request: Any) -> bytes:
    """Return a request's body, pictures in base64."""

    def wired(value: Any) -> Any:
        if isinstance(value, list):
            return [wired(one) for one in value]
        return b64encode(value).decode() if isinstance(value, bytes) else value

    return json.dumps({name: wired(value) for name, value in request.items()}).encode()


@asynccontextmanager
async def running(**settings: str) -> AsyncIterator[Service]:
    """Run a service with settings of its own."""
    service = Service(settings)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


@pytest.fixture(scope="package")
async def service() -> AsyncIterator[Service]:
    async with running() as started:
        yield started
