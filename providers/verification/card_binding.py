"""Card binding: four factors and a code by text message bind a debit card for later debits.

Limits of the source: a code again after 60 seconds, five codes a day for a mobile. They are told in
the response (`delivery`), not as an error: the user waits, nothing failed.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.sources import Capability
from providers.http.requests import SourceRequest
from providers.http.verdict import (
    AssessableResponse,
    Assessment,
    Verdict,
    VerificationResponse,
)
from providers.http.wire import CodeText, Received
from providers.verification.data_import import CodeResponse, CodeStatus, Currency, Key, Minor
from providers.verification.factors import BankCode, BankName, FourFactorRequest


class BindingCode(VerificationResponse):
    """A match says that the four factors agree and what became of the code.

    A `delivery` other than `sent` sent none; `retry_after_seconds` may come with it. `reference`,
    bank and card type come with a match. Reasons: `card_invalid`, `card_not_owned`,
    `name_mismatch`, `mobile_mismatch`, `not_a_debit_card`, `bank_not_supported`;
    `source_maintenance` (unavailable).
    """

    given_with_match = ("delivery", "reference", "bank_code", "bank_name", "card_type")

    binding_no: Key
    delivery: CodeText | None = None
    reference: Key | None = None
    bank_code: BankCode | None = None
    bank_name: BankName | None = None
    card_type: CodeText | None = None
    retry_after_seconds: Annotated[int, Field(ge=0)] | None = None


class Binding(CodeResponse):
    """Whether the code was right; an accepted one binds the card under `agreement_no`."""

    binding_no: Key
    agreement_no: Key | None = None

    @model_validator(mode="after")
    def _an_accepted_code_binds(self) -> Self:
        if self.status is CodeStatus.ACCEPTED and self.agreement_no is None:
            raise ValueError("an accepted code binds under an agreement")
        return self


class SupportedBank(Received):
    """A bank whose debit cards can be bound, with the most a debit and a day may take."""

    bank_code: BankCode
    bank_name: BankName
    single_limit: Minor
    daily_limit: Minor
    currency: Currency


class SupportedBanks(AssessableResponse):
    """The list of banks."""

    banks: Annotated[tuple[SupportedBank, ...], Field(max_length=5_000)]

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
