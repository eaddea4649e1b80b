"""All providers of a process behind one object with one connection pool."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from pydantic import SecretStr

from providers.bank_card import BankCard, HttpBankCard
from providers.bureau import Bureau, HttpBureau
from providers.client import Credentials, OnCall, ProviderClient
from providers.contacts import Contacts, HttpContacts
from providers.identity_card import HttpIdentityCard, IdentityCard
from providers.liveness import HttpLiveness, Liveness
from providers.messaging import HttpMessaging, Messaging
from providers.mobile_operator import HttpOperator, Operator
from providers.payments import HttpPayments, Payments
from providers.real_name import HttpRealName, RealName
from providers.signing import HttpSigning, Signing


@dataclass(frozen=True)
class Providers:
    """One attribute a provider, named as in settings."""

    real_name: RealName
    operator: Operator
    contacts: Contacts
    identity_card: IdentityCard
    liveness: Liveness
    bank_card: BankCard
    bureau: Bureau
    payments: Payments
    signing: Signing
    messaging: Messaging

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        urls: Callable[[str], str],
        api_key: SecretStr,
        signing_secret: SecretStr,
        timeout_seconds: float,
        on_call: OnCall | None = None,
    ) -> AsyncIterator[Self]:
        """Open the pool and yield the providers.

        `urls` gives a provider's base URL by its name, `timeout_seconds` is the longest wait for an
        answer, `on_call` is told provider, outcome and seconds of every call.
        """
        credentials = Credentials(api_key, signing_secret)
        async with ProviderClient.connect(urls, credentials, timeout_seconds, on_call) as client:
            yield cls(
                real_name=HttpRealName(client),
                operator=HttpOperator(client),
                contacts=HttpContacts(client),
                identity_card=HttpIdentityCard(client),
                liveness=HttpLiveness(client),
                bank_card=HttpBankCard(client),
                bureau=HttpBureau(client),
                payments=HttpPayments(client),
                signing=HttpSigning(client),
                messaging=HttpMessaging(client),
            )
