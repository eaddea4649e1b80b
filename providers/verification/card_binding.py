"""Card binding: four factors and a code by text message bind a debit card for later debits.

Limits of the source: a code again after 60 seconds, five codes a day for a mobile. They are told in
the response (`delivery`), not as an error: the user waits, nothing failed.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.sources import Capability
from providers.http.requests import SourceRequest
from providers.http.verdict import (
    AssessableResponse,
    Assessment,
    Verdict,
    VerificationResponse,
)
from providers.http.wire import Wire
from providers.verification.data_import import CodeResponse, CodeStatus, Currency, Key, Minor
from providers.verification.factors import BankCode, BankName, FourFactorRequest

Delivery = Literal["sent", "too_soon", "daily_limit"]


class BindingCode(VerificationResponse):
    """A match says that the four factors agree and what became of the code.

    `retry_after_seconds` comes with everything but `sent`; `reference`, bank and card type come
    with a match. Reasons: `card_invalid`, `card_not_owned`, `name_mismatch`, `mobile_mismatch`,
    `not_a_debit_card`, `bank_not_supported`; `source_maintenance` (unavailable).
    """

    binding_no: Key
    delivery: Delivery | None = None
    reference: Key | None = None
    bank_code: BankCode | None = None
    bank_name: BankName | None = None
    card_type: Literal["debit"] | None = None
    retry_after_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None

    @model_validator(mode="after")
    def _a_match_tells_everything(self) -> Self:
        facts = (self.delivery, self.reference, self.bank_code, self.bank_name, self.card_type)
        if any((fact is not None) != self.passed for fact in facts):
            raise ValueError("delivery, reference, bank and card type come exactly with a match")
        waits = self.delivery in ("too_soon", "daily_limit")
        if waits != (self.retry_after_seconds is not None):
            raise ValueError("a wait is given exactly when no code was sent")
        return self


class Binding(CodeResponse):
    """Whether the code was right; an accepted one binds the card under `agreement_no`."""

    binding_no: Key
    agreement_no: Key | None = None

    @model_validator(mode="after")
    def _an_accepted_code_binds(self) -> Self:
        if (self.status is CodeStatus.ACCEPTED) != (self.agreement_no is not None):
            raise ValueError("an agreement is given exactly when the code was accepted")
        return self


class SupportedBank(Wire):
    """A bank whose debit cards can be bound, with the most a debit and a day may take."""

    bank_code: BankCode
    bank_name: BankName
    single_limit: Minor
    daily_limit: Minor
    currency: Currency

    @model_validator(mode="after")
    def _a_day_holds_one_debit(self) -> Self:
        if self.daily_limit < self.single_limit:
            raise ValueError("the limit of a day is at least that of one debit")
        return self


class SupportedBanks(AssessableResponse):
    """The list of banks, one entry a bank."""

    banks: Annotated[tuple[SupportedBank, ...], Field(strict=False, max_length=500)]

    @model_validator(mode="after")
    def _a_bank_is_listed_once(self) -> Self:
        if len({bank.bank_code for bank in self.banks}) < len(self.banks):
            raise ValueError("a bank is listed once")
        return self

    @property
    def assessment(self) -> Assessment:
        """A list is conclusive, and read anew each time."""
        return Assessment(Verdict.MATCH, None, is_conclusive=True, cacheable=False)


class BindingCodeRequest(FourFactorRequest[BindingCode]):
    """Check the four factors and text a code; a new code takes a new request id.

    Refusals of this and of `BindingCodeEntry` worth telling apart: `binding_not_found`,
    `binding_conflict` (the number is taken by another card or person), `request_conflict` (the
    request id by another content).
    """

    capability = Capability.CARD_BINDING
    operation = "send_code"
    echoed = ("binding_no",)

    binding_no: Key


class BindingCodeEntry(SourceRequest[Binding]):
    """Hand back the code that the user received.

    Each try has a request id of its own; a repeat is no new try.
    """

    capability = Capability.CARD_BINDING
    operation = "confirm"
    billable = False
    echoed = ("binding_no",)

    binding_no: Key
    reference: Key
    code: str = Field(pattern=r"^[0-9]{4,8}$")


class BanksRequest(SourceRequest[SupportedBanks]):
    """List the banks whose cards can be bound."""

    capability = Capability.CARD_BINDING
    operation = "banks"
    billable = False
