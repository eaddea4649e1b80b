"""UnionPay Fireeye: does a transaction exist, and what does the model score a person.

Two facts for a decision. The wire is a profile's (`providers.sources.fireeye_profile`), since the
public page describes several; retries, breaker, cache and audit belong to the caller. A failure is
always an error, never a mismatch and never a pass.
"""

import httpx
import structlog

from providers.http.errors import ProviderRejected
from providers.http.requests import SourceResponseT
from providers.http.transport import (
    OnCall,
    check_request_id,
    exchange,
    raise_if_unavailable,
    reported,
)
from providers.sources.fireeye_profile import FireeyeProfile
from providers.sources.fireeye_requests import (
    Encoded,
    FireeyeCredentials,
    FireeyeRequest,
    check_credentials,
    encode,
)
from providers.sources.fireeye_responses import PROVIDER, data_in

_log = structlog.stdlib.get_logger(__name__)


class FireeyeClient:
    """Fireeye over HTTP as the profile says; `http` comes from `providers.http.transport`.

    Raises ValueError if the profile's envelope needs credentials and there are none.
    """

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

    async def call(
        self, request: FireeyeRequest[SourceResponseT], *, request_id: str
    ) -> SourceResponseT:
        """Ask one of the two questions.

        Raises ProviderUnavailable (nothing is known, may be asked again) and ProviderRejected (our
        access is set up wrongly: `not_enabled`, `bad_credential`, `http_<status>`; tell operations,
        do not repeat).
        """
        check_request_id(request_id)
        wire = self._profile.wire(request.wired_as)
        with reported(_log, self._on_call, PROVIDER, request.wired_as, request_id):
            fields = request.sent(self._profile.amount_unit)
            sent = encode(wire, fields, self._credentials)
            http_request = self._http.build_request(
                wire.method,
                wire.url,
                content=sent.body,
                headers=_headers(sent),
                timeout=_limits(self._profile),
            )
            raw = await exchange(
                self._http, PROVIDER, self._profile.total_seconds, http_request, sent.query
            )
            raise_if_unavailable(PROVIDER, raw)
            if not raw.succeeded:
                raise ProviderRejected(PROVIDER, f"http_{raw.status}")
            return request.response_of(data_in(raw.content, wire.charset))


def _limits(profile: FireeyeProfile) -> httpx.Timeout:
    """Return the profile's own limits: a pool may be shared with other providers."""
    return httpx.Timeout(profile.read_seconds, connect=profile.connect_seconds)


def _headers(sent: Encoded) -> dict[str, str]:
    return {
        "Content-Type": sent.content_type,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
    }
