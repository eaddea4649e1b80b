"""All providers of a process behind one object with one connection pool."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache

import httpx
from pydantic import SecretStr

from domain.data_sources import SOURCES
from providers.analysis_webhooks import AnalysisAccess, AnalysisWebhooks, HttpAnalysisWebhooks
from providers.bank_card import BankCard, HttpBankCard
from providers.blacklist import Blacklist, HttpBlacklist
from providers.bureau import Bureau, HttpBureau
from providers.card_binding import CardBinding, HttpCardBinding
from providers.client import Credentials, ProviderClient
from providers.company import Company, HttpCompany
from providers.contacts import Contacts, HttpContacts
from providers.credit_card import CreditCard, HttpCreditCard
from providers.ecommerce import Ecommerce, HttpEcommerce
from providers.identity_card import HttpIdentityCard, IdentityCard
from providers.liveness import HttpLiveness, Liveness
from providers.messaging import HttpMessaging, Messaging
from providers.mobile_operator import HttpOperator, Operator
from providers.multi_lender import HttpMultiLender, MultiLender
from providers.online_banking import HttpOnlineBanking, OnlineBanking
from providers.operator_report import HttpOperatorReport, OperatorReport
from providers.payments import HttpPayments, Payments
from providers.person import HttpPersonRegister, PersonRegister
from providers.qitech import HttpQiTech, QiTech
from providers.real_name import HttpRealName, RealName
from providers.signing import HttpSigning, Signing
from providers.transport import OnCall, open_pool


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
    company: Company
    person: PersonRegister
    payments: Payments
    signing: Signing
    messaging: Messaging
    qitech: QiTech
    analysis_webhooks: AnalysisWebhooks
    elsewhere: Callable[[str], "Providers"] = field(repr=False)

    def of(self, source: str) -> "Providers":
        """Return the providers to ask as `source`: a shipped one's are these."""
        if source == "bureau_second":
            return replace(self, bureau=self.bureau_second)
        return self if source in SOURCES else self.elsewhere(source)

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
    ) -> AsyncIterator["Providers"]:
        """Open the pool and yield the providers.

        `urls` gives a provider's or another source's base URL by its name, `timeout_seconds` is the
        longest wait for an answer, `on_call` is told provider, outcome and seconds of every call.
        `analysis` holds what QI Tech and the clients of our credit analysis agreed with us.
        """
        credentials = Credentials(api_key, signing_secret)
        async with open_pool(timeout_seconds) as http:
            connection = _Connection(http, credentials, timeout_seconds, on_call)
            analysts = _analysts(connection, urls, analysis or AnalysisAccess(api_key))

            @cache
            def elsewhere(source: str) -> Providers:
                return _providers(
                    connection.client(lambda _: urls(source), source), elsewhere, analysts
                )

            yield _providers(connection.client(urls), elsewhere, analysts)


@dataclass(frozen=True)
class _Connection:
    """What the clients of one process share."""

    http: httpx.AsyncClient
    credentials: Credentials
    timeout_seconds: float
    on_call: OnCall | None

    def client(self, urls: Callable[[str], str], source: str | None = None) -> ProviderClient:
        """Return a client of our contract; calls are counted under `source` if it is given."""
        on_call = self.on_call
        if on_call is not None and source is not None:
            on_call = _counted_as(source, on_call)
        return ProviderClient(self.http, urls, self.credentials, self.timeout_seconds, on_call)


def _counted_as(source: str, on_call: OnCall) -> OnCall:
    return lambda _, outcome, seconds: on_call(source, outcome, seconds)


def _analysts(
    connection: _Connection, urls: Callable[[str], str], access: AnalysisAccess
) -> tuple[QiTech, AnalysisWebhooks]:
    qitech = HttpQiTech(
        connection.http,
        f"{urls('qitech').rstrip('/')}/credit_analysis",
        access.qitech_key,
        connection.timeout_seconds,
        connection.on_call,
        allow_alphanumeric_cnpj=access.allow_alphanumeric_cnpj,
    )
    return qitech, HttpAnalysisWebhooks(connection.http, access.endpoints, connection.on_call)


def _providers(
    client: ProviderClient,
    elsewhere: Callable[[str], Providers],
    analysts: tuple[QiTech, AnalysisWebhooks],
) -> Providers:
    return Providers(
        real_name=HttpRealName(client),
        operator=HttpOperator(client),
        contacts=HttpContacts(client),
        identity_card=HttpIdentityCard(client),
        liveness=HttpLiveness(client),
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
        company=HttpCompany(client),
        person=HttpPersonRegister(client),
        payments=HttpPayments(client),
        signing=HttpSigning(client),
        messaging=HttpMessaging(client),
        qitech=analysts[0],
        analysis_webhooks=analysts[1],
        elsewhere=elsewhere,
    )
