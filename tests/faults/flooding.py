"""One flood of requests, in a process of its own.

`python -m tests.faults.flooding KIND PORT TOKEN STREAM` prints a line when it is under way, goes on
until its standard input is closed, and prints how often which status was answered.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from types import MappingProxyType
from typing import Final

HOST: Final = "127.0.0.1"
_numbers = count()
_statuses: Counter[str] = Counter()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield reader, writer
    finally:
        writer.close()


def request(method: str, path: str, token: str, body: bytes = b"", length: int = -1) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {HOST}",
        "Content-Type: application/json",
        f"Content-Length: {len(body) if length < 0 else length}",
        f"Idempotency-Key: flood-{next(_numbers)}",
        "X-Signature: t=1,v1=" + 64 * "0",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def asked(port: int, sent: bytes) -> None:
    with suppress(ConnectionError, TimeoutError):
        async with connected(port) as (reader, writer), asyncio.timeout(30):
            writer.write(sent)
            await writer.drain()
            head = await reader.readline()
            _statuses[head.split(b" ")[1].decode() if head else "closed"] += 1


async def held(port: int, sent: bytes) -> None:
    """Send something that is no whole request, and wait for what happens."""
    with suppress(ConnectionError, TimeoutError):
        async with connected(port) as (reader, writer):
            writer.write(sent)
            await writer.drain()
            head = await reader.readline()
            _statuses[head.split(b" ")[1].decode() if head else "closed"] += 1
            while await reader.read(65_536):
                pass


async def for_ever(width: int, once: Callable[[], Awaitable[None]]) -> None:
    async def again() -> None:
        while True:
            await once()
            await asyncio.sleep(0)

    await asyncio.gather(*(again() for _ in range(width)))


UNKNOWN: Final = json.dumps({f"u{number}": number for number in range(450)} | {"x": [7] * 3_000})
WRONG: Final = json.dumps({"elements": [{"kind": "x"}] * 3_000, "consents": [{}] * 3_000})
EMPTY: Final = b'{"elements": [' + b",".join([b"{}"] * 400_000) + b"]}"
LINK: Final = "/credit_analysis/consents/" + "x" * 43
ELEMENTS: Final = "/v1/applications/app_06h1ybdvrz067zw0seeqc17xs3/elements"
PREVIEW: Final = "/v1/plans/preview"

Flood = Callable[[int, str, str], Awaitable[None]]

FLOODS: Final[Mapping[str, Flood]] = MappingProxyType(
    {
        "unknown fields": lambda port, token, _: for_ever(
            16, lambda: asked(port, request("POST", PREVIEW, token, UNKNOWN.encode()))
        ),
        "wrong items": lambda port, token, _: for_ever(
            16, lambda: asked(port, request("POST", ELEMENTS, token, WRONG.encode()))
        ),
        "empty objects": lambda port, token, _: for_ever(
            4, lambda: asked(port, request("POST", ELEMENTS, token, EMPTY))
        ),
        "anonymous bodies": lambda port, _, __: for_ever(
            16, lambda: asked(port, request("POST", LINK, "", UNKNOWN.encode()))
        ),
        "wrong tokens": lambda port, _, __: for_ever(
            32, lambda: asked(port, request("GET", "/v1/loans", f"wrong-{next(_numbers)}"))
        ),
        "reads": lambda port, token, _: for_ever(
            100, lambda: asked(port, request("GET", "/v1/applications?limit=20", token))
        ),
        "half-sent bodies": lambda port, token, _: for_ever(
            300, lambda: held(port, request("POST", PREVIEW, token, b'{"a": ', length=1_000))
        ),
        "half-sent heads": lambda port, _, __: for_ever(
            300, lambda: held(port, b"GET /v1/loans HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        ),
        "event streams": lambda port, token, stream: for_ever(
            300, lambda: held(port, request("GET", stream, token))
        ),
    }
)


async def main(kind: str, port: int, token: str, stream: str) -> None:
    flood = asyncio.ensure_future(FLOODS[kind](port, token, stream))
    await asyncio.sleep(1)
    sys.stdout.write("under way\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    flood.cancel()
    with suppress(asyncio.CancelledError):
        await flood
    sys.stdout.write(json.dumps(_statuses) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
