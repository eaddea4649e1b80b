"""UnionPay Fireeye: does a transaction exist, and what does the model score a person.

Two facts for a decision. The wire is a profile's (`providers.sources.fireeye_profile`), since the
public page describes several; retries, breaker, cache and audit belong to the caller. A failure is
always an error, never a mismatch and never a pass.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Protocol, Self, TypeVar

import httpx
import structlog

from providers.http.errors import ProviderRejected
from providers.http.transport import (
    OnCall,
    check_request_id,
    exchange,
    open_pool,
    raise_if_unavailable,
    reported,
)
from providers.sources.fireeye_answers import (
    PROVIDER,
    ModelScore,
    TransactionAuthentication,
    read_authentication,
    read_score,
)
from providers.sources.fireeye_profile import FireeyeOperation, FireeyeProfile
from providers.sources.fireeye_requests import (
    Encoded,
    FireeyeCredentials,
    ScoreQuery,
    TransactionQuery,
    check_credentials,
    check_transacted,
    encode,
)

Answered = TypeVar("Answered")

_log = structlog.stdlib.get_logger(__name__)


class Fireeye(Protocol):
    """The two questions."""

    async def authenticate_transaction(
        self, *, request_id: str, query: TransactionQuery, today: date
    ) -> TransactionAuthentication:
        """Say whether the transaction exists.

        Raises ProviderUnavailable (nothing is known, may be asked again), ProviderRejected (our
        access is set up wrongly: `not_enabled`, `bad_credential`, `http_<status>`; tell operations,
        do not repeat) and ValueError for a transaction after `today`, the date in Shanghai.
        """

    async def model_score(self, *, request_id: str, query: ScoreQuery) -> ModelScore:
        """Return the person's score; raises ProviderUnavailable or ProviderRejected as above."""


class HttpFireeye:
    """Fireeye over HTTP as the profile says; `http` comes from `providers.http.transport`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        profile: FireeyeProfile,
        credentials: FireeyeCredentials | None,
        on_call: OnCall | None = None,
    ) -> None:
        check_credentials(profile, credentials)
        self._http = http
        self._profile = profile
        self._credentials = credentials
        self._on_call = on_call

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        profile: FireeyeProfile,
        credentials: FireeyeCredentials | None,
        on_call: OnCall | None = None,
    ) -> AsyncIterator[Self]:
        """Open a pool of its own and yield the client.

        Raises ValueError if the profile's envelope needs credentials and there are none.
        """
        async with open_pool(profile.read_seconds) as http:
            yield cls(http, profile, credentials, on_call)

    async def authenticate_transaction(
        self, *, request_id: str, query: TransactionQuery, today: date
    ) -> TransactionAuthentication:
        """See Fireeye.authenticate_transaction."""
        check_transacted(query, today)
        operation = FireeyeOperation.TRANSACTION_AUTHENTICATION
        fields = query.fields(self._profile.amount_unit)
        return await self._ask(operation, fields, read_authentication, request_id)

    async def model_score(self, *, request_id: str, query: ScoreQuery) -> ModelScore:
        """See Fireeye.model_score."""
        return await self._ask(FireeyeOperation.MODEL_SCORE, query.fields(), read_score, request_id)

    async def _ask(
        self,
        operation: FireeyeOperation,
        fields: dict[str, str],
        read: Callable[[bytes, str], Answered],
        request_id: str,
    ) -> Answered:
        check_request_id(request_id)
        wire = self._profile.wire(operation)
        with reported(_log, self._on_call, PROVIDER, operation, request_id):
            sent = encode(wire, fields, self._credentials)
            request = self._http.build_request(
                wire.method,
                wire.url,
                content=sent.body,
                headers=_headers(sent),
                timeout=_limits(self._profile),
            )
            raw = await exchange(
                self._http, PROVIDER, self._profile.total_seconds, request, sent.query
            )
            raise_if_unavailable(PROVIDER, raw)
            if not raw.succeeded:
                raise ProviderRejected(PROVIDER, f"http_{raw.status}")
            return read(raw.content, wire.charset)


def _limits(profile: FireeyeProfile) -> httpx.Timeout:
    """Return the profile's own limits: a pool may be shared with other providers."""
    return httpx.Timeout(profile.read_seconds, connect=profile.connect_seconds)


def _headers(sent: Encoded) -> dict[str, str]:
    return {
        "Content-Type": sent.content_type,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
    }
