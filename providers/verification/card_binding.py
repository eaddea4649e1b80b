"""Card binding: four factors and a code by text message bind a debit card for later debits.

Limits of the source: a code again after 60 seconds, five codes a day for a mobile. They are told in
the answer (`delivery`), not as an error: the user waits, nothing failed.
"""

from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, model_validator

from providers.http.client import ProviderClient
from providers.http.errors import ProviderUnavailable
from providers.http.verdict import Answer
from providers.http.wire import PersonalWire, Wire
from providers.verification.capture import CodeStatus, Currency, Key, Minor, TriesLeft

Delivery = Literal["sent", "too_soon", "daily_limit"]


class BindingCode(Answer):
    """A match says that the four factors agree and what became of the code.

    `retry_after_seconds` comes with everything but `sent`; `reference`, bank and card type come
    with a match. Reasons: `card_invalid`, `card_not_owned`, `name_mismatch`, `mobile_mismatch`,
    `not_a_debit_card`, `bank_not_supported`; `source_maintenance` (unavailable).
    """

    binding_no: Key
    delivery: Delivery | None = None
    reference: Key | None = None
    bank_code: str | None = Field(default=None, pattern=r"^[A-Z]{2,12}$")
    bank_name: str | None = Field(default=None, min_length=1, max_length=64)
    card_type: Literal["debit"] | None = None
    retry_after_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None

    @model_validator(mode="after")
    def _a_match_tells_everything(self) -> Self:
        told = (self.delivery, self.reference, self.bank_code, self.bank_name, self.card_type)
        if any((fact is not None) != self.passed for fact in told):
            raise ValueError("delivery, reference, bank and card type come exactly with a match")
        waits = self.delivery in ("too_soon", "daily_limit")
        if waits != (self.retry_after_seconds is not None):
            raise ValueError("a wait is given exactly when no code was sent")
        return self


class Binding(Wire):
    """Whether the code was right; an accepted one binds the card under `agreement_no`."""

    binding_no: Key
    status: Annotated[CodeStatus, Field(strict=False)]
    agreement_no: Key | None = None
    tries_left: TriesLeft | None = None

    @model_validator(mode="after")
    def _each_status_has_its_field(self) -> Self:
        if (self.status is CodeStatus.ACCEPTED) != (self.agreement_no is not None):
            raise ValueError("an agreement is given exactly when the code was accepted")
        if (self.status is CodeStatus.WRONG_CODE) != (self.tries_left is not None):
            raise ValueError("the tries left are given exactly with a wrong code")
        return self


class SupportedBank(Wire):
    """A bank whose debit cards can be bound, with the most a debit and a day may take."""

    bank_code: str = Field(pattern=r"^[A-Z]{2,12}$")
    bank_name: str = Field(min_length=1, max_length=64)
    single_limit: Minor
    daily_limit: Minor
    currency: Currency

    @model_validator(mode="after")
    def _a_day_holds_one_debit(self) -> Self:
        if self.daily_limit < self.single_limit:
            raise ValueError("the limit of a day is at least that of one debit")
        return self


class SupportedBanks(Wire):
    """The list of banks, one entry a bank."""

    banks: Annotated[tuple[SupportedBank, ...], Field(strict=False, max_length=500)]

    @model_validator(mode="after")
    def _a_bank_is_listed_once(self) -> Self:
        if len({bank.bank_code for bank in self.banks}) < len(self.banks):
            raise ValueError("a bank is listed once")
        return self


class CardBinding(Protocol):
    """A channel that binds cards. All raise ProviderUnavailable or ProviderRejected.

    Rejections worth telling apart: `binding_not_found`, `binding_conflict` (the number is taken by
    another card or person), `request_conflict` (the request id by another content).
    """

    async def send_code(
        self,
        *,
        request_id: str,
        binding_no: str,
        name: str,
        identity_number: str,
        card_number: str,
        mobile: str,
    ) -> BindingCode:
        """Check the four factors and text a code; a new code takes a new `request_id`."""

    async def confirm(
        self, *, request_id: str, binding_no: str, reference: str, code: str
    ) -> Binding:
        """Hand the code back; each try has a `request_id` of its own, a repeat is no new try."""

    async def banks(self, *, request_id: str) -> SupportedBanks:
        """Return the banks whose cards can be bound."""


class BindingCodeRequest(PersonalWire):
    """Four factors and the binding's number, as sent."""

    binding_no: Key
    name: str
    identity_number: str
    card_number: str
    mobile: str


class BindingCodeEntry(PersonalWire):
    """The code that the user received, as sent."""

    binding_no: Key
    reference: Key
    code: str = Field(pattern=r"^[0-9]{4,8}$")


class BanksRequest(Wire):
    """A question without a parameter, as sent."""


class HttpCardBinding:
    """CardBinding over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def send_code(
        self,
        *,
        request_id: str,
        binding_no: str,
        name: str,
        identity_number: str,
        card_number: str,
        mobile: str,
    ) -> BindingCode:
        """See CardBinding.send_code."""
        request = BindingCodeRequest(
            binding_no=binding_no,
            name=name,
            identity_number=identity_number,
            card_number=card_number,
            mobile=mobile,
        )
        answer = await self._client.call(
            "card_binding", "send_code", request, BindingCode, request_id
        )
        if answer.binding_no != binding_no:
            raise ProviderUnavailable("card_binding", "invalid_response")
        return answer

    async def confirm(
        self, *, request_id: str, binding_no: str, reference: str, code: str
    ) -> Binding:
        """See CardBinding.confirm."""
        request = BindingCodeEntry(binding_no=binding_no, reference=reference, code=code)
        answer = await self._client.call("card_binding", "confirm", request, Binding, request_id)
        if answer.binding_no != binding_no:
            raise ProviderUnavailable("card_binding", "invalid_response")
        return answer

    async def banks(self, *, request_id: str) -> SupportedBanks:
        """See CardBinding.banks."""
        return await self._client.call(
            "card_binding", "banks", BanksRequest(), SupportedBanks, request_id
        )
