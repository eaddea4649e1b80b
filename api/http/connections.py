"""Connections that bring no request are closed: they would keep those out that do."""

import asyncio
import resource
from collections import OrderedDict
from typing import Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from runtime import metrics

HEAD_SECONDS: Final = 10.0
"""How long the first line and the headers of a request may take, from when a connection is made."""
AWAITED: Final = 256
"""So many heads are waited for in one process; of more, the one that takes longest is given up."""
_OPEN_FILES: Final = 8_192


class PatientProtocol(H11Protocol):
    """uvicorn's own, which waits for a request only so long; it has no time limit for heads."""

    _all: Final[OrderedDict["PatientProtocol", None]] = OrderedDict()
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take what came; a request that is under way has time limits of its own."""
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            self._await_head()
        else:
            self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._settle()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the next request as uvicorn does, which closes a connection that is idle."""
        self._settle()
        super().on_response_complete()

    def _await_head(self) -> None:
        if self._deadline is not None:
            return
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)
        self._all[self] = None
        if len(self._all) > AWAITED:
            next(iter(self._all))._give_up()

    def _settle(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self._all.pop(self, None)

    def _give_up(self) -> None:
        self._settle()
        metrics.connection_given_up()
        # Not `close`, which would wait for a reader who may read nothing either.
        self.transport.abort()


def http_protocol() -> type[asyncio.Protocol]:
    """Return the protocol that the API is served by."""
    return cast("type[asyncio.Protocol]", PatientProtocol)


def raise_file_limit() -> None:
    """Let the process have as many connections open as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
