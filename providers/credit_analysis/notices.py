"""Notices to the clients of our credit analysis, signed as the API that we serve documents it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import httpx
import structlog
from pydantic import SecretStr

from domain.credit_analysis.parties import PersonKind
from providers.credit_analysis.qitech import SIGNATURE, webhook_signature
from providers.http.errors import ProviderUnavailable
from providers.http.transport import CONNECT_SECONDS, OnCall, exchange, reported

PROVIDER: Final = "analysis_webhook"
READ_SECONDS: Final = 10.0

NO_ENDPOINT: Final = "no_endpoint"
"""The client reads for itself: it gave no URL."""

UNKNOWN_CLIENT: Final = "unknown_client"
"""The client is not known *here*, as where a process runs that is older than the client: another
process, or this one after its restart, may know it."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Endpoint:
    """Where a client takes notices, and the key that signs them."""

    url: str
    signature_key: SecretStr


@dataclass(frozen=True)
class AnalysisAccess:
    """What QI Tech gave us, and where the clients of our own analysis take their notices.

    `endpoints` has every client that is known here: None for one that reads for itself.
    """

    qitech_key: SecretStr
    endpoints: Mapping[str, Endpoint | None] = field(default_factory=dict)
    allow_alphanumeric_cnpj: bool = False


@dataclass(frozen=True, repr=False)
class Notice:
    """What is told. `proposal_id` is the client's own id; `event_date` is an aware instant."""

    notice_id: str
    kind: PersonKind
    proposal_id: str
    analysis_status: str
    reason: str
    event_date: datetime


class AnalysisWebhooks:
    """Delivers notices over HTTP. Redirects are not followed; any 2xx takes a notice."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        endpoints: Mapping[str, Endpoint | None],
        on_call: OnCall | None = None,
    ) -> None:
        self._http = http
        self._endpoints = endpoints
        self._on_call = on_call

    async def deliver(self, client: str, notice: Notice) -> str:
        """Send a notice once and return what it came to: `ok`, or a code of why it was not taken.

        Nothing is raised: whether and when to try again is the caller's matter.
        """
        if client not in self._endpoints:
            _log.error("notice_to_unknown_client", client=client, notice_id=notice.notice_id)
            if self._on_call is not None:
                self._on_call(PROVIDER, UNKNOWN_CLIENT, 0.0)
            return UNKNOWN_CLIENT
        endpoint = self._endpoints[client]
        if endpoint is None:
            return NO_ENDPOINT
        body = _body(notice)
        key = endpoint.signature_key.get_secret_value()
        headers = {
            SIGNATURE: webhook_signature(key, endpoint.url, "POST", body),
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
        }
        request = self._http.build_request("POST", endpoint.url, content=body, headers=headers)
        try:
            with reported(_log, self._on_call, PROVIDER, "deliver", notice.notice_id):
                total = CONNECT_SECONDS + READ_SECONDS
                raw = await exchange(self._http, PROVIDER, total, request)
        except ProviderUnavailable as error:
            return error.code
        return "ok" if raw.succeeded else f"http_{raw.status}"


def _body(notice: Notice) -> bytes:
    """Return the JSON; the id stands under every name that clients of this API look for."""
    content = {
        "id": notice.proposal_id,
        f"{notice.kind.value}_id": notice.proposal_id,
        f"credit_proposal_{notice.kind.value}_id": notice.proposal_id,
        "analysis_status": notice.analysis_status,
        "reason": notice.reason,
        # In UTC and without milliseconds, as the documents have it.
        "event_date": f"{notice.event_date.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    return json.dumps(content, separators=(",", ":")).encode()
