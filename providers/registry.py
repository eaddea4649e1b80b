"""All providers of a process behind one object with one connection pool."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from pydantic import SecretStr

from domain.sources import Capability
from providers.credit_analysis.notices import AnalysisAccess, AnalysisWebhooks
from providers.credit_analysis.qitech import QiTechClient, QiTechRequest
from providers.http.client import Credentials, ProviderClient
from providers.http.requests import ProviderRequest, ResponseT
from providers.http.transport import OnCall, open_pool
from providers.sources.fireeye import FireeyeClient
from providers.sources.fireeye_profile import FireeyeProfile
from providers.sources.fireeye_requests import FireeyeCredentials, FireeyeRequest

_SECOND_BUREAU: Final = "bureau_second"
OWN_SOURCES: Final = frozenset(Capability) - {
    Capability.TRANSACTION_AUTHENTICATION,
    Capability.MODEL_SCORE,
    Capability.CREDIT_ANALYSIS,
} | {"fireeye", "fireeye_transaction", "fireeye_score", "qitech"}
"""The sources that are reached as the provider of their request; any other is asked at the URL of
its own name."""


def _sample_credentials() -> FireeyeCredentials:
    return FireeyeCredentials("username", SecretStr("password"))


@dataclass(frozen=True)
class FireeyeAccess:
    """What UnionPay agreed with us; by default what its page's samples show.

    Without a `profile` both questions go to the published paths below the provider's base URL.
    """

    credentials: FireeyeCredentials = field(default_factory=_sample_credentials)
    profile: FireeyeProfile | None = None

    def profile_at(self, base_url: str) -> FireeyeProfile:
        """Return the profile of a service at `base_url`."""
        return self.profile or FireeyeProfile.published(base_url)


@dataclass(frozen=True)
class Providers:
    """Takes every request to whoever answers it, on the wire that they speak."""

    contract: ProviderClient
    fireeye: Callable[[str | None], FireeyeClient] = field(repr=False)
    qitech: QiTechClient
    analysis_webhooks: AnalysisWebhooks

    async def call(
        self, request: ProviderRequest[ResponseT], *, request_id: str, source: str | None = None
    ) -> ResponseT:
        """See Client.call; `source` is the data source to ask, by default the provider itself."""
        other = None if source in OWN_SOURCES else source
        response: ResponseT
        match request:
            case FireeyeRequest():
                response = await self.fireeye(other).call(request, request_id=request_id)
            case QiTechRequest():
                response = await self.qitech.call(request, request_id=request_id)
            case _:
                response = await self._by_contract(other).call(request, request_id=request_id)
        return response

    def _by_contract(self, source: str | None) -> ProviderClient:
        """Return the client of our contract; the second bureau is at a path of its own."""
        service = source if source == _SECOND_BUREAU else None
        if source is None:
            return self.contract
        return replace(self.contract, source=source, service=service)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        urls: Callable[[str], str],
        api_key: SecretStr,
        signing_secret: SecretStr,
        timeout_seconds: float,
        on_call: OnCall | None = None,
        analysis: AnalysisAccess | None = None,
        fireeye: FireeyeAccess | None = None,
        timeouts: Mapping[str, float] | None = None,
    ) -> AsyncIterator["Providers"]:
        """Open the pool and yield the providers.

        `urls` gives a provider's or another source's base URL by its name, `timeout_seconds` is the
        longest wait for an answer, but `timeouts` where they have its name, `on_call` is told
        provider, outcome and seconds of every call.
        `analysis` holds what QI Tech and the clients of our credit analysis agreed with us,
        `fireeye` what UnionPay did; another source on Fireeye's wire has the published paths below
        its own base URL.
        """
        limits = timeouts or {}
        access = analysis or AnalysisAccess(api_key)
        unionpay = fireeye or FireeyeAccess()
        async with open_pool(timeout_seconds) as http:

            @cache
            def fireeye_at(source: str | None) -> FireeyeClient:
                if source is None:
                    profile, counted = unionpay.profile_at(urls("fireeye")), on_call
                else:
                    profile = FireeyeProfile.published(urls(source))
                    counted = None if on_call is None else _counted_as(source, on_call)
                return FireeyeClient(http, profile, unionpay.credentials, counted)

            fireeye_at(None)  # a wrong profile shows now, not at the first request
            credentials = Credentials(api_key, signing_secret)
            yield cls(
                ProviderClient(http, urls, credentials, timeout_seconds, on_call, limits),
                fireeye_at,
                QiTechClient(
                    http,
                    f"{urls('qitech').rstrip('/')}/credit_analysis",
                    access.qitech_key,
                    limits.get("qitech", timeout_seconds),
                    on_call,
                    allow_alphanumeric_cnpj=access.allow_alphanumeric_cnpj,
                ),
                AnalysisWebhooks(http, access.endpoints, on_call),
            )


def _counted_as(source: str, on_call: OnCall) -> OnCall:
    return lambda _, outcome, seconds: on_call(source, outcome, seconds)
