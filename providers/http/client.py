"""The client of all providers that speak our own contract: signing and reading of responses.

The contract: `POST {base}/{provider}/{operation}` with a JSON body and the headers `Authorization`
(bearer), `X-Signature` (see `providers.http.signature`) and `X-Request-Id`, the business key by
which the other side recognises a repeat. 2xx carries a response, 4xx `{"code": ...}`. Connections,
limits and classes of failure are `providers.http.transport`'s.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Protocol

import httpx
import structlog
from pydantic import BeforeValidator, SecretStr, ValidationError

from providers.http.breaker import REFUSES_US
from providers.http.errors import ProviderRejected, ProviderUnavailable
from providers.http.requests import ProviderRequest, ResponseT
from providers.http.signature import HEADER, sign
from providers.http.transport import (
    CONNECT_SECONDS,
    OnCall,
    RawResponse,
    check_request_id,
    exchange,
    raise_if_unavailable,
    reported,
)
from providers.http.wire import UNREADABLE, Received, read_code
from runtime.clock import utc_now

_log = structlog.stdlib.get_logger(__name__)


class Client(Protocol):
    """Whoever takes requests to third parties."""

    async def call(self, request: ProviderRequest[ResponseT], *, request_id: str) -> ResponseT:
        """Send `request` and return its response.

        `request_id` is the business key of the request, by which a provider knows a repeat. Raises
        ProviderUnavailable (may be sent again), ProviderRejected (may not), what the request makes
        of a failure, and ValueError for a `request_id` that is no opaque key.
        """


@dataclass(frozen=True)
class Credentials:
    """What proves to a provider who is calling."""

    api_key: SecretStr
    signing_secret: SecretStr


@dataclass(frozen=True)
class ProviderClient:
    """Sends signed requests and returns validated responses or a classified error.

    `urls` gives a base URL by name, `timeouts` the seconds of those that do not have
    `timeout_seconds` to answer. The name is the request's provider, or `source` where another
    one serves the same contract; `on_call` is told of calls under it. `service` stands in for the
    provider in the path.
    """

    http: httpx.AsyncClient
    urls: Callable[[str], str]
    credentials: Credentials
    timeout_seconds: float
    on_call: OnCall | None = None
    timeouts: Mapping[str, float] = field(default_factory=dict)
    source: str | None = None
    service: str | None = None

    async def call(self, request: ProviderRequest[ResponseT], *, request_id: str) -> ResponseT:
        """See Client.call."""
        failure: ProviderUnavailable
        try:
            return await self._call(request, request_id)
        except ProviderUnavailable as error:
            failure = error
        raise request.failure(failure)

    async def _call(self, request: ProviderRequest[ResponseT], request_id: str) -> ResponseT:
        check_request_id(request_id)
        name = self.source or request.provider
        with reported(_log, self.on_call, name, request.operation, request_id):
            service = self.service or request.provider
            url = f"{self.urls(name).rstrip('/')}/{service}/{request.operation}"
            seconds = self.timeouts.get(name, self.timeout_seconds)
            signed = self._signed(url, request.model_dump_json().encode(), request_id, seconds)
            total = CONNECT_SECONDS + seconds
            raw = await exchange(self.http, name, total, signed, limit=request.response_limit)
            raise_if_unavailable(name, raw)
            if not raw.succeeded:
                raise ProviderRejected(name, _rejection_code(raw))
            response = None
            with suppress(ValidationError):  # chained, it could quote what the provider wrote
                response = request.read(raw.content)
            if response is None:
                raise ProviderUnavailable(name, "invalid_response")
            return response

    def _signed(self, url: str, body: bytes, request_id: str, seconds: float) -> httpx.Request:
        headers = {
            "Authorization": f"Bearer {self.credentials.api_key.get_secret_value()}",
            HEADER: sign(self.credentials.signing_secret.get_secret_value(), body, utc_now()),
            "X-Request-Id": request_id,
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
        }
        limits = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        return self.http.build_request("POST", url, content=body, headers=headers, timeout=limits)


def _text_only(value: object) -> str | None:
    return read_code(value) if isinstance(value, str) else None


class _Rejection(Received):
    code: Annotated[str | None, BeforeValidator(_text_only)] = None


def _rejection_code(raw: RawResponse) -> str:
    """Return the provider's code if it has the form of one, else `http_<status>`.

    Of a status that speaks of our access no code makes a refusal of this one request.
    """
    status = f"http_{raw.status}"
    try:
        code = _Rejection.model_validate_json(raw.content).code
    except ValidationError:
        return status
    if code in (None, UNREADABLE) or (status in REFUSES_US and code not in REFUSES_US):
        return status
    return code or status
