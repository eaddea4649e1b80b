"""The client of all providers that speak our own contract: signing and reading of answers.

The contract: `POST {base}/{provider}/{operation}` with a JSON body and the headers `Authorization`
(bearer), `X-Signature` (see `providers.http.signature`) and `X-Request-Id`, the business key by
which the other side recognises a repeat. 2xx carries an answer, 4xx `{"code": ...}`. Connections,
limits and classes of failure are `providers.http.transport`'s.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self, TypeVar

import httpx
import structlog
from pydantic import BaseModel, SecretStr, ValidationError

from providers.http.breaker import REFUSES_US
from providers.http.errors import ProviderRejected, ProviderUnavailable
from providers.http.signature import HEADER, sign
from providers.http.transport import (
    CONNECT_SECONDS,
    RESPONSE_LIMIT,
    OnCall,
    RawAnswer,
    check_request_id,
    exchange,
    open_pool,
    raise_if_unavailable,
    reported,
)
from runtime.clock import utc_now

_CODE = re.compile(r"[a-z][a-z_]{0,39}")

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
        timeouts: Mapping[str, float] | None = None,
    ) -> None:
        self._http = http
        self._urls = urls
        self._credentials = credentials
        self._timeout_seconds = timeout_seconds
        self._on_call = on_call
        self._timeouts = timeouts or {}

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        urls: Callable[[str], str],
        credentials: Credentials,
        timeout_seconds: float,
        on_call: OnCall | None = None,
        timeouts: Mapping[str, float] | None = None,
    ) -> AsyncIterator[Self]:
        """Open the connection pool; `timeout_seconds` is the longest wait for an answer.

        `timeouts` gives providers a limit of their own, by name.
        """
        async with open_pool(timeout_seconds) as http:
            yield cls(http, urls, credentials, timeout_seconds, on_call, timeouts)

    async def call(
        self,
        provider: str,
        operation: str,
        request: BaseModel,
        answer: type[Response],
        request_id: str,
        limit: int = RESPONSE_LIMIT,
    ) -> Response:
        """Send `request` and return the answer, of at most `limit` bytes.

        Raises ProviderUnavailable (may be sent again) or ProviderRejected (may not), and ValueError
        for a `request_id` that is no opaque key.
        """
        check_request_id(request_id)
        with reported(_log, self._on_call, provider, operation, request_id):
            body = request.model_dump_json().encode()
            url = f"{self._urls(provider).rstrip('/')}/{provider}/{operation}"
            seconds = self._timeouts.get(provider, self._timeout_seconds)
            signed = self._signed(url, body, request_id, seconds)
            total = CONNECT_SECONDS + seconds
            raw = await exchange(self._http, provider, total, signed, limit=limit)
            return _read(provider, raw, answer)

    def _signed(self, url: str, body: bytes, request_id: str, seconds: float) -> httpx.Request:
        headers = {
            "Authorization": f"Bearer {self._credentials.api_key.get_secret_value()}",
            HEADER: sign(self._credentials.signing_secret.get_secret_value(), body, utc_now()),
            "X-Request-Id": request_id,
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
        }
        limits = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        return self._http.build_request("POST", url, content=body, headers=headers, timeout=limits)


def _read(provider: str, raw: RawAnswer, answer: type[Response]) -> Response:
    """Return the validated answer, or raise what the status or a wrong answer calls for."""
    raise_if_unavailable(provider, raw)
    if not raw.succeeded:
        raise ProviderRejected(provider, _rejection_code(raw))
    try:
        return answer.model_validate_json(raw.content)
    except ValidationError:
        pass  # raised below: a chained error could quote what the provider wrote
    raise ProviderUnavailable(provider, "invalid_response")


class _Rejection(BaseModel):
    code: str


def _rejection_code(raw: RawAnswer) -> str:
    """Return the provider's code if it has the form of one, else `http_<status>`.

    Of a status that speaks of our access no code makes a refusal of this one request.
    """
    status = f"http_{raw.status}"
    try:
        code = _Rejection.model_validate_json(raw.content).code
    except ValidationError:
        return status
    if not _CODE.fullmatch(code) or (status in REFUSES_US and code not in REFUSES_US):
        return status
    return code
