"""Bank card: do name, identity number, card and the bank's reserved mobile agree (four factors)."""

from typing import Literal, Protocol, Self

from pydantic import Field, model_validator

from providers.http.client import ProviderClient
from providers.http.verdict import Answer
from providers.http.wire import PersonalWire


class CardVerification(Answer):
    """The verdict, the issuing bank and the kind of card (both given with a match).

    Reasons: `card_invalid`, `card_not_owned`, `name_mismatch`, `mobile_mismatch`. A credit card
    that matches is a match here; whether the product takes it is for the caller.
    """

    bank_code: str | None = Field(default=None, pattern=r"^[A-Z]{2,12}$")
    bank_name: str | None = Field(default=None, min_length=1, max_length=64)
    card_type: Literal["debit", "credit"] | None = None

    @model_validator(mode="after")
    def _a_match_names_bank_and_type(self) -> Self:
        if self.passed and None in (self.bank_code, self.bank_name, self.card_type):
            raise ValueError("a match names the bank and the type of card")
        return self


class BankCard(Protocol):
    """The banks' verification of cards."""

    async def verify(
        self, *, request_id: str, name: str, identity_number: str, card_number: str, mobile: str
    ) -> CardVerification:
        """Return the bank's verdict; raises ProviderUnavailable or ProviderRejected."""


class BankCardRequest(PersonalWire):
    """Four factors, as sent."""

    name: str
    identity_number: str
    card_number: str
    mobile: str


class HttpBankCard:
    """BankCard over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def verify(
        self, *, request_id: str, name: str, identity_number: str, card_number: str, mobile: str
    ) -> CardVerification:
        """See BankCard.verify."""
        request = BankCardRequest(
            name=name, identity_number=identity_number, card_number=card_number, mobile=mobile
        )
        return await self._client.call("bank_card", "verify", request, CardVerification, request_id)
