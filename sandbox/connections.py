"""A way to cut a client's connection, which ASGI has none for."""

import asyncio
import socket
import struct

from starlette.types import Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_open: dict[tuple[str, int], asyncio.Transport] = {}


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP protocol that remembers the transport of each client's address."""

    def connection_made(  # type: ignore[override] # as narrowed by uvicorn itself
        self, transport: asyncio.Transport
    ) -> None:
        """Remember the transport."""
        super().connection_made(transport)
        if self.client is not None:
            _open[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport."""
        if self.client is not None:
            _open.pop(self.client, None)
        super().connection_lost(exc)


async def cut(scope: Scope, receive: Receive) -> None:
    """Reset the request's connection (TCP RST) and wait until the server has noticed."""
    transport = _open[tuple(scope["client"])]
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
