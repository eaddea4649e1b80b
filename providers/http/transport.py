"""One HTTP exchange with a third party: connections, limits, the classes of what can go wrong.

Shared by the clients of every wire format. Errors are raised outside of `except`, and so carry no
chain that could quote a URL or a body.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
from structlog.stdlib import BoundLogger

from providers.http.connection_pool import ConnectionPool
from providers.http.errors import ProviderError, ProviderUnavailable

CONNECT_SECONDS = 3.0
RESPONSE_LIMIT = 1024 * 1024
REPORT_LIMIT = 4 * RESPONSE_LIMIT
"""For what a source collected: ten thousand calls and as many messages have room, and not more."""
MAX_CALLS = 200
RETRY_AFTER_LIMIT = timedelta(hours=1)

OnCall = Callable[[str, str, float], None]
"""A hook for metrics: provider, outcome (`ok`, `rejected`, `unavailable`, `cancelled`), seconds."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9_:.\-]{1,128}")
_QUERY = "loanflow_query"


@dataclass(frozen=True)
class RawResponse:
    """What came back: the status, the bytes within the limit, and the wish to wait, if any."""

    status: int
    content: bytes = field(repr=False)
    retry_after: timedelta | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the status is one of success (2xx)."""
        return 200 <= self.status < 300


def open_pool(read_seconds: float) -> httpx.AsyncClient:
    """Return a client with a pool of its own, to be closed by the caller.

    `read_seconds` is the longest wait for an answer, unless a request has limits of its own.
    Certificates are verified, redirects not followed, and proxies of the environment not used: they
    would see applicants' personal data.
    """
    return httpx.AsyncClient(
        timeout=httpx.Timeout(read_seconds, connect=CONNECT_SECONDS),
        transport=_HiddenQueries(ConnectionPool(MAX_CALLS)),
        trust_env=False,
    )


async def exchange(
    http: httpx.AsyncClient,
    provider: str,
    total_seconds: float,
    request: httpx.Request,
    query: bytes | None = None,
    limit: int = RESPONSE_LIMIT,
) -> RawResponse:
    """Send `request` and return the whole answer of at most `limit` bytes, whatever its status.

    `query` is joined to the URL below everything that logs one. Raises ProviderUnavailable with
    `connect_failed`, `timeout`, `connection_lost` or `invalid_response` (unreadable or too large).
    """
    if query is not None:
        request.extensions[_QUERY] = query
    failure: str
    try:
        async with asyncio.timeout(total_seconds):
            return await _send(http, request, limit)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        failure = "connect_failed"
    except (httpx.TimeoutException, TimeoutError):
        failure = "timeout"
    except httpx.TransportError:
        failure = "connection_lost"
    except (httpx.DecodingError, _ResponseTooLargeError):
        failure = "invalid_response"
    raise ProviderUnavailable(provider, failure)


def raise_if_unavailable(provider: str, answer: RawResponse) -> None:
    """Raise ProviderUnavailable for a status that says nothing of the request: not 2xx or 4xx.

    408 and 429 are of the provider's making and so belong here as well.
    """
    status = answer.status
    if status == 429:
        raise ProviderUnavailable(provider, "rate_limited", answer.retry_after)
    if status >= 500:
        raise ProviderUnavailable(provider, "server_error", answer.retry_after)
    if status == 408:
        raise ProviderUnavailable(provider, "timeout")
    if not answer.succeeded and not 400 <= status < 500:
        raise ProviderUnavailable(provider, "invalid_response")


def check_request_id(request_id: str) -> None:
    """Raise ValueError for a request id that is no opaque key; it ends in logs."""
    if not _REQUEST_ID.fullmatch(request_id):
        raise ValueError("a request id is 1 to 128 letters, digits, and _ : . -")


@contextmanager
def reported(
    log: BoundLogger, on_call: OnCall | None, provider: str, operation: str, request_id: str
) -> Iterator[None]:
    """Log one call and tell the metrics of it, however the block ends."""
    started = time.monotonic()
    outcome = "cancelled"
    reason: str | None = None
    try:
        yield
        outcome = "ok"
    except ProviderError as error:
        outcome = "unavailable" if isinstance(error, ProviderUnavailable) else "rejected"
        reason = error.code
        raise
    finally:
        seconds = time.monotonic() - started
        log.info(
            "provider_call",
            provider=provider,
            operation=operation,
            outcome=outcome,
            reason=reason,
            milliseconds=round(seconds * 1000, 1),
            request_id=request_id,
        )
        if on_call is not None:
            on_call(provider, outcome, seconds)


class _ResponseTooLargeError(Exception):
    """The answer exceeds its limit."""


class _HiddenQueries(httpx.AsyncBaseTransport):
    """Joins a query to the URL at the last moment: httpx logs every URL that it is given."""

    def __init__(self, below: httpx.AsyncBaseTransport) -> None:
        self._below = below

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request with its query."""
        query = request.extensions.pop(_QUERY, None)
        if query is not None:
            request = httpx.Request(
                request.method,
                request.url.copy_with(query=query),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        return await self._below.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._below.aclose()


async def _send(http: httpx.AsyncClient, request: httpx.Request, limit: int) -> RawResponse:
    content = bytearray()
    response = await http.send(request, stream=True)
    try:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > limit:
                raise _ResponseTooLargeError
    finally:
        await response.aclose()
    return RawResponse(response.status_code, bytes(content), _retry_after(response))


def _retry_after(response: httpx.Response) -> timedelta | None:
    """Return the wish in whole seconds, capped; its date form is not part of any contract."""
    value = response.headers.get("Retry-After", "")
    if not re.fullmatch(r"[0-9]{1,9}", value):
        return None
    return min(timedelta(seconds=int(value)), RETRY_AFTER_LIMIT)
