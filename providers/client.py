"""The one HTTP client of all providers: signing, time limits, error classes, log and metrics.

The contract: `POST {base}/{provider}/{operation}` with a JSON body and the headers `Authorization`
(bearer), `X-Signature` (see `providers.signature`) and `X-Request-Id`, the business key by which
the other side recognises a repeat. 2xx carries an answer, 4xx `{"code": ...}`.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Self, TypeVar

import httpx
import structlog
from pydantic import BaseModel, SecretStr, ValidationError

from providers.errors import ProviderError, ProviderRejected, ProviderUnavailable
from providers.lanes import Lanes
from providers.signature import HEADER, sign
from runtime.clock import utc_now

CONNECT_SECONDS = 3.0
RESPONSE_LIMIT = 1024 * 1024
MOST_CALLS = 200
RETRY_AFTER_LIMIT = timedelta(hours=1)

_REQUEST_ID = re.compile(r"[A-Za-z0-9_:.\-]{1,128}")
_CODE = re.compile(r"[a-z][a-z_]{0,39}")

OnCall = Callable[[str, str, float], None]
"""A hook for metrics: provider, outcome (`ok`, `rejected`, `unavailable`, `cancelled`), seconds."""

Response = TypeVar("Response", bound=BaseModel)

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Credentials:
    """What proves to a provider who is calling."""

    api_key: SecretStr
    signing_secret: SecretStr


class ProviderClient:
    """Sends signed requests and returns validated answers or a classified error."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        urls: Callable[[str], str],
        credentials: Credentials,
        timeout_seconds: float,
        on_call: OnCall | None = None,
    ) -> None:
        self._http = http
        self._urls = urls
        self._credentials = credentials
        self._deadline = CONNECT_SECONDS + timeout_seconds
        self._on_call = on_call

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        urls: Callable[[str], str],
        credentials: Credentials,
        timeout_seconds: float,
        on_call: OnCall | None = None,
    ) -> AsyncIterator[Self]:
        """Open the connection pool; `timeout_seconds` is the longest wait for an answer in seconds.

        Proxies of the environment are not used: they would see applicants' personal data.
        """
        async with httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
            transport=Lanes(MOST_CALLS),
            trust_env=False,
        ) as http:
            yield cls(http, urls, credentials, timeout_seconds, on_call)

    async def call(
        self,
        provider: str,
        operation: str,
        request: BaseModel,
        answer: type[Response],
        request_id: str,
    ) -> Response:
        """Send `request` and return the answer.

        Raises ProviderUnavailable (may be sent again) or ProviderRejected (may not), and ValueError
        for a `request_id` that is no opaque key.
        """
        if not _REQUEST_ID.fullmatch(request_id):
            raise ValueError("a request id is 1 to 128 letters, digits, and _ : . -")
        started = time.monotonic()
        outcome = "cancelled"
        reason: str | None = None
        try:
            result = await self._exchange(provider, operation, request, answer, request_id)
            outcome = "ok"
        except ProviderError as error:
            outcome = "unavailable" if isinstance(error, ProviderUnavailable) else "rejected"
            reason = error.code
            raise
        finally:
            seconds = time.monotonic() - started
            self._report(provider, operation, outcome, reason, seconds, request_id)
        return result

    async def _exchange(
        self,
        provider: str,
        operation: str,
        request: BaseModel,
        answer: type[Response],
        request_id: str,
    ) -> Response:
        body = request.model_dump_json().encode()
        url = f"{self._urls(provider).rstrip('/')}/{provider}/{operation}"
        failure: str
        # The error is raised outside of `except`: a chained one could quote a URL or a body.
        try:
            async with asyncio.timeout(self._deadline):
                response, content = await self._send(url, body, request_id)
            return self._read(provider, response, content, answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            failure = "connect_failed"
        except (httpx.TimeoutException, TimeoutError):
            failure = "timeout"
        except httpx.TransportError:
            failure = "connection_lost"
        except (httpx.DecodingError, _ResponseTooLargeError, ValidationError):
            failure = "invalid_response"
        raise ProviderUnavailable(provider, failure)

    async def _send(self, url: str, body: bytes, request_id: str) -> tuple[httpx.Response, bytes]:
        headers = {
            "Authorization": f"Bearer {self._credentials.api_key.get_secret_value()}",
            HEADER: sign(self._credentials.signing_secret.get_secret_value(), body, utc_now()),
            "X-Request-Id": request_id,
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
        }
        content = bytearray()
        async with self._http.stream("POST", url, content=body, headers=headers) as response:
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > RESPONSE_LIMIT:
                    raise _ResponseTooLargeError
        return response, bytes(content)

    def _read(
        self, provider: str, response: httpx.Response, content: bytes, answer: type[Response]
    ) -> Response:
        status = response.status_code
        if 200 <= status < 300:
            return answer.model_validate_json(content)
        if status == 429:
            raise ProviderUnavailable(provider, "rate_limited", _retry_after(response))
        if status >= 500:
            raise ProviderUnavailable(provider, "server_error", _retry_after(response))
        if status == 408:
            raise ProviderUnavailable(provider, "timeout")
        if 400 <= status < 500:
            raise ProviderRejected(provider, _rejection_code(status, content))
        raise ProviderUnavailable(provider, "invalid_response")

    def _report(
        self,
        provider: str,
        operation: str,
        outcome: str,
        reason: str | None,
        seconds: float,
        request_id: str,
    ) -> None:
        _log.info(
            "provider_call",
            provider=provider,
            operation=operation,
            outcome=outcome,
            reason=reason,
            milliseconds=round(seconds * 1000, 1),
            request_id=request_id,
        )
        if self._on_call is not None:
            self._on_call(provider, outcome, seconds)


class _ResponseTooLargeError(Exception):
    """The answer exceeds `RESPONSE_LIMIT`."""


class _Rejection(BaseModel):
    code: str


def _rejection_code(status: int, content: bytes) -> str:
    """Return the provider's code if it has the form of one, else `http_<status>`."""
    try:
        code = _Rejection.model_validate_json(content).code
    except ValidationError:
        return f"http_{status}"
    return code if _CODE.fullmatch(code) else f"http_{status}"


def _retry_after(response: httpx.Response) -> timedelta | None:
    """Return the wish in whole seconds, capped; its date form is not part of the contract."""
    value = response.headers.get("Retry-After", "")
    if not re.fullmatch(r"[0-9]{1,9}", value):
        return None
    return min(timedelta(seconds=int(value)), RETRY_AFTER_LIMIT)
