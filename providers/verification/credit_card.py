"""Credit card: do name, identity number, card and the bank's reserved mobile agree."""

from typing import Protocol, Self

from pydantic import Field, model_validator

from providers.http.client import ProviderClient
from providers.http.verdict import Answer
from providers.http.wire import PersonalWire


class CreditCardVerification(Answer):
    """The verdict, and the issuing bank with a match.

    Reasons: `card_invalid`, `card_not_owned`, `name_mismatch`, `mobile_mismatch`,
    `not_a_credit_card`; `source_maintenance` (unavailable).
    """

    bank_code: str | None = Field(default=None, pattern=r"^[A-Z]{2,12}$")
    bank_name: str | None = Field(default=None, min_length=1, max_length=64)

    @model_validator(mode="after")
    def _a_match_names_the_bank(self) -> Self:
        if any((fact is not None) != self.passed for fact in (self.bank_code, self.bank_name)):
            raise ValueError("the bank is named exactly with a match")
        return self


class CreditCard(Protocol):
    """The banks' verification of credit cards."""

    async def verify(
        self, *, request_id: str, name: str, identity_number: str, card_number: str, mobile: str
    ) -> CreditCardVerification:
        """Return the bank's verdict; raises ProviderUnavailable or ProviderRejected."""


class CreditCardRequest(PersonalWire):
    """Four factors, as sent."""

    name: str
    identity_number: str
    card_number: str
    mobile: str


class HttpCreditCard:
    """CreditCard over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def verify(
        self, *, request_id: str, name: str, identity_number: str, card_number: str, mobile: str
    ) -> CreditCardVerification:
        """See CreditCard.verify."""
        request = CreditCardRequest(
            name=name, identity_number=identity_number, card_number=card_number, mobile=mobile
        )
        return await self._client.call(
            "credit_card", "verify", request, CreditCardVerification, request_id
        )
