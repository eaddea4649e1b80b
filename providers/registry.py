"""All providers of a process behind one object with one connection pool."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Final

import httpx
from pydantic import SecretStr

from providers.credit_analysis.notices import (
    AnalysisAccess,
    AnalysisWebhooks,
    HttpAnalysisWebhooks,
)
from providers.credit_analysis.qitech import HttpQiTech, QiTech
from providers.http.client import Credentials, ProviderClient
from providers.http.transport import OnCall, open_pool
from providers.messaging import HttpMessaging, Messaging
from providers.payments import HttpPayments, Payments
from providers.signing import HttpSigning, Signing
from providers.sources.blacklist import Blacklist, HttpBlacklist
from providers.sources.bureau import Bureau, HttpBureau
from providers.sources.company import Company, HttpCompany
from providers.sources.fireeye import Fireeye, HttpFireeye
from providers.sources.fireeye_profile import FireeyeProfile
from providers.sources.fireeye_requests import FireeyeCredentials
from providers.sources.multi_lender import HttpMultiLender, MultiLender
from providers.sources.person import HttpPersonRegister, PersonRegister
from providers.verification.bank_card import BankCard, HttpBankCard
from providers.verification.card_binding import CardBinding, HttpCardBinding
from providers.verification.contacts import Contacts, HttpContacts
from providers.verification.credit_card import CreditCard, HttpCreditCard
from providers.verification.ecommerce import Ecommerce, HttpEcommerce
from providers.verification.identity_card import HttpIdentityCard, IdentityCard
from providers.verification.liveness import HttpLiveness, Liveness
from providers.verification.mobile_operator import HttpOperator, Operator
from providers.verification.online_banking import HttpOnlineBanking, OnlineBanking
from providers.verification.operator_report import HttpOperatorReport, OperatorReport
from providers.verification.real_name import HttpRealName, RealName
from providers.verification.registered_photo import HttpRegisteredPhoto, RegisteredPhoto


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
    """One attribute a provider, named as in settings.

    `elsewhere` gives the same contracts as another source serves them, by the source's name.
    """

    real_name: RealName
    operator: Operator
    contacts: Contacts
    identity_card: IdentityCard
    liveness: Liveness
    registered_photo: RegisteredPhoto
    bank_card: BankCard
    operator_report: OperatorReport
    online_banking: OnlineBanking
    ecommerce: Ecommerce
    bureau: Bureau
    bureau_second: Bureau
    blacklist: Blacklist
    multi_lender: MultiLender
    credit_card: CreditCard
    card_binding: CardBinding
    fireeye: Fireeye
    company: Company
    person: PersonRegister
    payments: Payments
    signing: Signing
    messaging: Messaging
    qitech: QiTech
    analysis_webhooks: AnalysisWebhooks
    elsewhere: Callable[[str], "Providers"] = field(repr=False)

    def of(self, source: str) -> "Providers":
        """Return the providers to ask as `source`: those of `OWN_SOURCES` are these."""
        if source == "bureau_second":
            return replace(self, bureau=self.bureau_second)
        return self if source in OWN_SOURCES else self.elsewhere(source)

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
        credentials = Credentials(api_key, signing_secret)
        async with open_pool(timeout_seconds) as http:
            connection = _Connection(http, credentials, timeout_seconds, on_call, timeouts or {})
            analysts = _analysts(connection, urls, analysis or AnalysisAccess(api_key))
            unionpay = fireeye or FireeyeAccess()

            @cache
            def elsewhere(source: str) -> Providers:
                profile = FireeyeProfile.published(urls(source))
                return _providers(
                    connection.client(lambda _: urls(source), source),
                    connection.fireeye(profile, unionpay.credentials, source),
                    elsewhere,
                    analysts,
                )

            profile = unionpay.profile_at(urls("fireeye"))
            yield _providers(
                connection.client(urls),
                connection.fireeye(profile, unionpay.credentials),
                elsewhere,
                analysts,
            )


OWN_SOURCES: Final = frozenset(one.name for one in fields(Providers)) | {
    "face",
    "fireeye_transaction",
    "fireeye_score",
}
"""The sources that are reached as the provider of their name, or, of several facts of one provider,
as that; any other is asked at the URL of its own name."""


@dataclass(frozen=True)
class _Connection:
    """What the clients of one process share."""

    http: httpx.AsyncClient
    credentials: Credentials
    timeout_seconds: float
    on_call: OnCall | None
    timeouts: Mapping[str, float]

    def seconds_for(self, name: str) -> float:
        """Return how long a provider or another source may take to answer."""
        return self.timeouts.get(name, self.timeout_seconds)

    def client(self, urls: Callable[[str], str], source: str | None = None) -> ProviderClient:
        """Return a client of our contract; with `source` its calls are counted and limited so."""
        if source is None:
            return ProviderClient(
                self.http,
                urls,
                self.credentials,
                self.timeout_seconds,
                self.on_call,
                self.timeouts,
            )
        seconds, counted = self.seconds_for(source), self._counted(source)
        return ProviderClient(self.http, urls, self.credentials, seconds, counted)

    def fireeye(
        self, profile: FireeyeProfile, credentials: FireeyeCredentials, source: str | None = None
    ) -> HttpFireeye:
        """Return a client on Fireeye's wire, within the time limits of its profile."""
        return HttpFireeye(self.http, profile, credentials, self._counted(source))

    def _counted(self, source: str | None) -> OnCall | None:
        if self.on_call is None or source is None:
            return self.on_call
        return _counted_as(source, self.on_call)


def _counted_as(source: str, on_call: OnCall) -> OnCall:
    return lambda _, outcome, seconds: on_call(source, outcome, seconds)


def _analysts(
    connection: _Connection, urls: Callable[[str], str], access: AnalysisAccess
) -> tuple[QiTech, AnalysisWebhooks]:
    qitech = HttpQiTech(
        connection.http,
        f"{urls('qitech').rstrip('/')}/credit_analysis",
        access.qitech_key,
        connection.seconds_for("qitech"),
        connection.on_call,
        allow_alphanumeric_cnpj=access.allow_alphanumeric_cnpj,
    )
    return qitech, HttpAnalysisWebhooks(connection.http, access.endpoints, connection.on_call)


def _providers(
    client: ProviderClient,
    fireeye: Fireeye,
    elsewhere: Callable[[str], Providers],
    analysts: tuple[QiTech, AnalysisWebhooks],
) -> Providers:
    return Providers(
        real_name=HttpRealName(client),
        operator=HttpOperator(client),
        contacts=HttpContacts(client),
        identity_card=HttpIdentityCard(client),
        liveness=HttpLiveness(client),
        registered_photo=HttpRegisteredPhoto(client),
        bank_card=HttpBankCard(client),
        operator_report=HttpOperatorReport(client),
        online_banking=HttpOnlineBanking(client),
        ecommerce=HttpEcommerce(client),
        bureau=HttpBureau(client),
        bureau_second=HttpBureau(client, "bureau_second"),
        blacklist=HttpBlacklist(client),
        multi_lender=HttpMultiLender(client),
        credit_card=HttpCreditCard(client),
        card_binding=HttpCardBinding(client),
        fireeye=fireeye,
        company=HttpCompany(client),
        person=HttpPersonRegister(client),
        payments=HttpPayments(client),
        signing=HttpSigning(client),
        messaging=HttpMessaging(client),
        qitech=analysts[0],
        analysis_webhooks=analysts[1],
        elsewhere=elsewhere,
    )
