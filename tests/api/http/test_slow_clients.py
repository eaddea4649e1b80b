"""Clients that begin a request and do not go on: they are given up, and keep nobody out.

Source: the fault list, S6: half-sent bodies kept open had no time limit.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI

from api.http import bodies, connections
from api.serving import Server
from runtime.settings import Settings
from tests.api.conftest import bearer, serving

SOON: Final = 0.4
APPLY: Final = (
    b"POST /v1/applications HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer token-of-applicant-alice\r\nIdempotency-Key: slow\r\n"
    b"Content-Length: 1000\r\n\r\n"
)


@contextlib.asynccontextmanager
async def served(app: FastAPI, settings: Settings) -> AsyncIterator[tuple[str, int]]:
    server = Server(app, settings.model_copy(update={"api_port": 0}))
    server.config.lifespan = "off"
    listener = socket.create_server(("127.0.0.1", 0))
    running = asyncio.create_task(server._serve([listener]))
    try:
        yield "127.0.0.1", listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def address(
    api_settings: Settings, absent_temporal: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[str, int]]:
    monkeypatch.setattr(connections, "HEAD_SECONDS", SOON)
    monkeypatch.setattr(bodies, "BEGINS_SECONDS", SOON)
    few = api_settings.model_copy(update={"api_commands": 2, "api_commands_queued": 2})
    async with serving(few, absent_temporal) as app, served(app, few) as at:
        yield at


async def answer_to(address: tuple[str, int], *parts: bytes, pause: float = 0.0) -> bytes:
    """Send parts and then nothing, and return what comes until the other side closes."""
    reader, writer = await asyncio.open_connection(*address)
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
    try:
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                return await reader.read()
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((), id="nothing"),
        pytest.param((b"GET /health HT",), id="half a line"),
        pytest.param((b"GET /health HTTP/1.1\r\nHost: a\r\nX: ",), id="half a head"),
        pytest.param(
            tuple(b"GET /health HTTP/1.1\r\nHost"[i : i + 1] for i in range(20)), id="drip"
        ),
    ],
)
async def test_who_sends_no_request_is_let_go(
    address: tuple[str, int], parts: tuple[bytes, ...]
) -> None:
    assert await answer_to(address, *parts, pause=0.05) == b""


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((APPLY,), id="no body"),
        pytest.param((APPLY, b'{"product": '), id="half a body"),
        pytest.param((APPLY, *[b" "] * 7), id="drip"),
    ],
)
async def test_a_body_that_does_not_come_is_waited_for_so_long(
    address: tuple[str, int], parts: tuple[bytes, ...]
) -> None:
    answer = await answer_to(address, *parts, pause=0.05)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_too_slow"' in answer


async def test_who_waits_for_bodies_keeps_no_command_out(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty half-sent bodies stand against two slots, and others' commands are served."""
    monkeypatch.setattr(bodies, "BEGINS_SECONDS", 30.0)
    writers = []
    for _ in range(30):
        _, writer = await asyncio.open_connection(*address)
        writer.write(APPLY + b"{")
        await writer.drain()
        writers.append(writer)
    host, port = address
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=5) as client:
        for _ in range(3):
            answer = await client.post(
                "/v1/plans/preview", headers=bearer("applicant", "bob"), json={}
            )
            assert answer.status_code == 422
    for writer in writers:
        writer.close()


async def test_a_connection_is_kept_between_requests(address: tuple[str, int]) -> None:
    host, port = address
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as client:
        for _ in range(3):
            assert (await client.get("/health")).status_code == 200
            await asyncio.sleep(2 * SOON)
        assert len(client._transport._pool.connections) == 1  # type: ignore[attr-defined]  # httpx tells it nowhere else


async def test_of_very_many_who_send_nothing_the_earliest_is_let_go(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 30.0)
    monkeypatch.setattr(connections, "AWAITED", 5)
    opened = []
    for _ in range(8):
        opened.append(await asyncio.open_connection(*address))
        await asyncio.sleep(0.01)
    for reader, _ in opened[:3]:
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
    host, port = address
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as client:
        assert (await client.get("/health")).status_code == 200
    for _, writer in opened:
        writer.close()
