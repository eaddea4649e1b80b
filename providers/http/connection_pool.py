"""Connections to third parties whose cost does not grow with their number.

The pool of httpx looks at every open connection, with a system call each, whenever one is taken or
given back. Here each connection is a transport of its own, taken from and put back on a stack.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import httpx

# Below the usual five seconds of servers, so that a kept connection is rarely closed under a call.
KEEPALIVE_SECONDS = 4.0


class ConnectionPool(httpx.AsyncBaseTransport):
    """At most `max_calls` at once, each on a connection of its own; idle ones are kept by host."""

    def __init__(self, max_calls: int) -> None:
        self._slots = asyncio.Semaphore(max_calls)
        self._idle: defaultdict[str, list[httpx.AsyncHTTPTransport]] = defaultdict(list)
        self._verify = httpx.create_ssl_context(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send on an idle connection or a new one; raises httpx.PoolTimeout if all are busy."""
        await self._slot(request)
        idle = self._idle[f"{request.url.scheme}://{request.url.netloc.decode()}"]
        connection = idle.pop() if idle else self._new_connection()

        @asynccontextmanager
        async def given_up_on_failure() -> AsyncIterator[None]:
            # A connection that is cut off at the wrong moment is busy for ever: nobody gets it.
            try:
                yield
            except BaseException:
                self._slots.release()
                await connection.aclose()
                raise

        async def close(stream: httpx.AsyncByteStream) -> None:
            async with given_up_on_failure():
                await stream.aclose()
            idle.append(connection)
            self._slots.release()

        async with given_up_on_failure():
            response = await connection.handle_async_request(request)
        # httpx's own asynchronous transport never answers with a synchronous stream.
        response.stream = _PooledStream(cast(httpx.AsyncByteStream, response.stream), close)
        return response

    async def aclose(self) -> None:
        """Close the idle connections."""
        for connections in self._idle.values():
            for connection in connections:
                await connection.aclose()

    async def _slot(self, request: httpx.Request) -> None:
        try:
            async with asyncio.timeout(request.extensions["timeout"]["pool"]):
                await self._slots.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("all connections are busy", request=request) from None

    def _new_connection(self) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEPALIVE_SECONDS)
        return httpx.AsyncHTTPTransport(verify=self._verify, trust_env=False, limits=limits)


class _PooledStream(httpx.AsyncByteStream):
    """A response's body that gives its connection back when closed."""

    def __init__(
        self,
        stream: httpx.AsyncByteStream,
        close: Callable[[httpx.AsyncByteStream], Awaitable[None]],
    ) -> None:
        self._stream = stream
        self._close = close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        await self._close(self._stream)
