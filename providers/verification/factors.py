"""Do the things that a person says of themselves belong together: two, three and four factors."""

from typing import Annotated, Generic

from pydantic import Field

from domain.sources import Capability
from providers.http.requests import SourceRequest, SourceResponseT
from providers.http.verdict import VerificationResponse
from providers.http.wire import CodeText

BankCode = CodeText
BankName = Annotated[str, Field(min_length=1, max_length=64)]


class TwoFactorRequest(SourceRequest[SourceResponseT], Generic[SourceResponseT]):
    """A name and an identity number."""

    name: str
    identity_number: str


class ThreeFactorRequest(TwoFactorRequest[SourceResponseT], Generic[SourceResponseT]):
    """The same with a mobile."""

    mobile: str


class FourFactorRequest(ThreeFactorRequest[SourceResponseT], Generic[SourceResponseT]):
    """The same with a card, whose bank has the mobile on its files."""

    card_number: str


class RealNameRequest(TwoFactorRequest[VerificationResponse]):
    """Ask the registry of citizens.

    Reasons: `name_mismatch`, `not_in_registry` (unavailable), `source_maintenance`.
    """

    capability = Capability.REAL_NAME
    operation = "verify"


class OperatorRequest(ThreeFactorRequest[VerificationResponse]):
    """Ask the mobile operators' real-name register.

    Reasons: `mobile_mismatch`, `name_mismatch`, `not_in_registry` (unavailable).
    """

    capability = Capability.OPERATOR
    operation = "verify"


class CardVerification(VerificationResponse):
    """The verdict, the issuing bank and the kind of card (both given with a match).

    Reasons: `card_invalid`, `card_not_owned`, `name_mismatch`, `mobile_mismatch`. A credit card
    that matches is a match here; whether the product takes it is for the caller.
    """

    given_with_match = ("bank_code", "bank_name", "card_type")

    bank_code: BankCode | None = None
    bank_name: BankName | None = None
    card_type: CodeText | None = None


class BankCardRequest(FourFactorRequest[CardVerification]):
    """Ask the banks about a card."""

    capability = Capability.BANK_CARD
    operation = "verify"


class CreditCardVerification(VerificationResponse):
    """The verdict, and the issuing bank with a match.

    Reasons: `card_invalid`, `card_not_owned`, `name_mismatch`, `mobile_mismatch`,
    `not_a_credit_card`; `source_maintenance` (unavailable).
    """

    given_with_match = ("bank_code", "bank_name")

    bank_code: BankCode | None = None
    bank_name: BankName | None = None


class CreditCardRequest(FourFactorRequest[CreditCardVerification]):
    """Ask the banks about a credit card."""

    capability = Capability.CREDIT_CARD
    operation = "verify"
