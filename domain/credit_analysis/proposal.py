"""A credit proposal as clients of the credit-analysis API send it, field by field.

Source of fields, masks and enums: the published object of a legal person and the shared objects of
the same API. Money is whole centavos, rates are percent a year. Whatever the documents leave open
is settled in `docs/credit-analysis.md`. Everything here is personal data: it is shown by no `repr`
and quoted by no error.
"""

import json
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from domain.credit_analysis.fields import (
    BusinessDate,
    Cpf,
    Email,
    Instant,
    IpAddress,
    Minor,
    Percent,
)
from domain.credit_analysis.parties import (
    Address,
    Guarantor,
    LegalPerson,
    Name,
    NaturalPerson,
    Part,
    PhoneNumber,
    ShortText,
)

MAX_GUARANTORS: Final = 20
MAX_WARRANTS: Final = 20
MAX_SIGNERS: Final = 50
MAX_PROOF_FIELDS: Final = 50
MAX_PROOF_LENGTH: Final = 128 * 1024
"""Of the client's own proof of consent, as characters of JSON: room for a signed document."""


def _not_a_step(text: str) -> str:
    """Refuse what a path reads as "here" and "one up"."""
    if text in (".", ".."):
        raise ValueError("must not be . or .., which an address cannot hold: give it a letter")
    return text


Reference = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$"),
    AfterValidator(_not_a_step),
]
"""An identifier of the client's own system. It stands in URLs."""


class CreditType(StrEnum):
    """The kind of credit."""

    CLEAN = "clean"
    STUDENT_LOAN = "student_loan"
    CREDIT_CARD_LIMIT = "credit_card_limit"


class Currency(StrEnum):
    """The currency of the amount asked for."""

    BRL = "BRL"
    USD = "USD"
    EUR = "EUR"


class InterestType(StrEnum):
    """What the interest is measured by."""

    CDI_PLUS = "cdi_plus"
    CDI_PERCENTAGE = "cdi_percentage"
    PRICE = "price"
    PRE_FIXED = "pre_fixed"


class WarrantType(StrEnum):
    """The kind of collateral."""

    REAL_ESTATE = "real_estate"


class SalesChannel(StrEnum):
    """Where the credit was sold."""

    WEBSITE = "website"
    APP = "app"


class Financial(Part):
    """What is asked for. `amount` in minor units of `currency`, rates in percent a year."""

    amount: Annotated[Minor, Field(gt=0)]
    currency: Currency
    interest_type: InterestType
    annual_interest_rate: Percent | None = None
    cdi_percentage: Percent | None = None
    number_of_installments: Annotated[int, Field(ge=1, le=420, strict=True)] | None = None


def _property_type(given: Any) -> Any:
    """Return their spelling of an apartment for the right one."""
    return "appartment" if given == "apartment" else given


class Warrant(Part):
    """Collateral, valued in centavos."""

    warrant_type: WarrantType
    address: Address
    property_type: Annotated[ShortText, BeforeValidator(_property_type)]
    estimated_value: Minor
    forced_selling_value: Minor

    @model_validator(mode="after")
    def _forced_sale_brings_no_more(self) -> "Warrant":
        if self.forced_selling_value > self.estimated_value:
            raise ValueError("forced_selling_value: must not exceed estimated_value")
        return self


class Source(Part):
    """Where the proposal comes from."""

    channel: SalesChannel
    platform: ShortText | None = None
    ip: IpAddress | None = None
    session_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]{1,64}$")] | None = None

    @model_validator(mode="after")
    def _an_app_has_a_platform(self) -> "Source":
        if self.platform is not None and self.channel is not SalesChannel.APP:
            raise ValueError("platform: is given with the channel app only")
        return self


class SignedTerm(Part):
    """What was consented to, word by word."""

    model_config = ConfigDict(extra="allow")

    raw_text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_PROOF_LENGTH)]


class SignatureEvidence(Part):
    """The client's own proof of consent: the text that was shown, and where it was agreed to."""

    model_config = ConfigDict(extra="allow")

    ip_address: IpAddress | None = None
    session_id: Annotated[str, StringConstraints(max_length=1024)] | None = None
    access_token: Annotated[str, StringConstraints(max_length=8192)] | None = None
    additional_data: Any = None
    signed_term: SignedTerm


class Signer(Part):
    """Who has to sign the consent to a query of the central credit register."""

    document_number: Cpf
    name: Name
    email: Email
    phone: PhoneNumber


class ScrParameters(Part):
    """The consent to a query of the central credit register (SCR).

    Either the analyst collects it from `signers`, who all have to sign, or the client has it and
    sends its proof: `signature_evidence`, for a company beside the signers who gave it, or other
    fields, agreed with each client and kept as they come, within bounds.
    """

    model_config = ConfigDict(extra="allow")

    signature_evidence: SignatureEvidence | None = None

    signers: Annotated[tuple[Signer, ...], Field(min_length=1, max_length=MAX_SIGNERS)] | None = (
        None
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "ScrParameters":
        proof = dict(self.model_extra or {})
        if self.signature_evidence is None:
            if self.signers is None and not proof:
                raise ValueError("signers: give the signers, or the proof of consent")
            if self.signers is not None and proof:
                raise ValueError(
                    "signers: give the signers alone, or their proof of consent beside them as"
                    " signature_evidence"
                )
        else:
            proof |= self.signature_evidence.model_dump(mode="json")
        if len(proof) > MAX_PROOF_FIELDS or len(json.dumps(proof)) > MAX_PROOF_LENGTH:
            raise ValueError(
                f"the proof of consent has at most {MAX_PROOF_FIELDS} fields"
                f" and {MAX_PROOF_LENGTH} characters"
            )
        return self

    @model_validator(mode="after")
    def _each_signs_once(self) -> "ScrParameters":
        signers = self.signers or ()
        if len({signer.document_number for signer in signers}) < len(signers):
            raise ValueError("signers: name each person once")
        return self


class Proposal(Part):
    """What proposals of both kinds have in common."""

    id: Reference
    registration_id: Reference | None = None
    credit_request_date: Instant
    credit_type: CreditType
    client_category: ShortText | None = None
    client_since: BusinessDate | None = None
    guarantors: Annotated[tuple[Guarantor, ...], Field(max_length=MAX_GUARANTORS)] = ()
    financial: Financial
    warrants: Annotated[tuple[Warrant, ...], Field(max_length=MAX_WARRANTS)] = ()
    source: Source | None = None
    scr_parameters: ScrParameters | None = None


class LegalPersonProposal(Proposal, LegalPerson):
    """A company asks for credit."""

    monthly_revenue: Minor


class NaturalPersonProposal(Proposal, NaturalPerson):
    """A person asks for credit."""

    monthly_income: Minor


AnyProposal = LegalPersonProposal | NaturalPersonProposal

SUBJECT: Final = "subject"
"""The name of the one who asks for credit among the parties of a proposal."""


def missing_terms(proposal: Proposal) -> tuple[str, ...]:
    """Return the fields of `financial` without which the instalment cannot be known.

    A rate of zero is said, never left out. A card's limit has no number of instalments.
    """
    financial = proposal.financial
    by_share = financial.interest_type is InterestType.CDI_PERCENTAGE
    needed = ["cdi_percentage" if by_share else "annual_interest_rate"]
    if (
        financial.interest_type is InterestType.PRICE
        or proposal.credit_type is not CreditType.CREDIT_CARD_LIMIT
    ):
        needed.append("number_of_installments")
    return tuple(field for field in needed if getattr(financial, field) is None)


def parties_of(proposal: AnyProposal) -> dict[str, LegalPerson | NaturalPerson]:
    """Return everybody who is checked, by opaque names: `subject`, `shareholder:0`, ...

    The shareholders of a guaranteeing company are not parties: it is checked as a whole.
    """
    parties: dict[str, LegalPerson | NaturalPerson] = {SUBJECT: proposal}
    if isinstance(proposal, LegalPersonProposal):
        for place, shareholder in enumerate(proposal.shareholders):
            parties[f"shareholder:{place}"] = shareholder
    for place, guarantor in enumerate(proposal.guarantors):
        parties[f"guarantor:{place}"] = guarantor
    return parties


def signers_of(proposal: AnyProposal) -> tuple[Signer, ...]:
    """Return who has to consent before anybody else is asked; nobody where the client has proof."""
    scr = proposal.scr_parameters
    if scr is None or scr.signers is None or scr.signature_evidence is not None:
        return ()
    return scr.signers


# What became of the credit


class ProposalStatus(StrEnum):
    """What became of the credit on the client's side."""

    CREATED = "created"
    DISBURSED = "disbursed"
    PAID = "paid"
    DEFAULTED = "defaulted"


class Feedback(Part):
    """One report: what happened, and when."""

    credit_proposal_status: ProposalStatus
    event_date: Instant
