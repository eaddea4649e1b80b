"""What an applicant provides: the kinds of element and the form of each.

The fields are personal data: they are validated here, stored encrypted, and never enter a workflow.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    Base64Encoder,
    BaseModel,
    ConfigDict,
    EncodedBytes,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError as NumberError

from domain.common.calendar import Day
from domain.common.data import ExactData
from domain.common.kinds import NamesItsKinds
from domain.common.typed_text import Typed, cleaned, packed, telephone
from domain.people.identity_documents import identity_number
from domain.people.identity_numbers import InvalidNumber, parse_card_number, parse_mobile
from domain.people.names import person_name
from domain.verification.liveness_challenge import Shown
from domain.verification.occupations import (
    OCCUPATIONAL,
    EmployedFor,
    Industry,
    Occupation,
    Telephone,
    check_asked,
)
from domain.verification.pictures import MAX_BYTES, BadPicture, check


class ElementKind(StrEnum):
    """The elements that a product can ask for."""

    REAL_NAME = "real_name"
    OPERATOR = "operator"
    PERSONAL_INFORMATION = "personal_information"
    IDENTITY_CARD = "identity_card"
    LIVENESS = "liveness"
    BANK_CARD = "bank_card"
    OPERATOR_REPORT = "operator_report"
    CREDIT_CARD = "credit_card"
    ONLINE_BANKING = "online_banking"
    ECOMMERCE = "ecommerce"
    COMPANY = "company"
    GUARANTOR = "guarantor"
    CARD_TRANSACTION = "card_transaction"
    BANK_FLOWS = "bank_flows"
    BUREAU_REPORT = "bureau_report"


class Verdict(StrEnum):
    """What is known of an element: never a pass unless a provider said so.

    `awaiting_code`: the source sent the applicant a code and waits for it. `unavailable`: the
    source said nothing within its time, so the element may be provided again.
    """

    PENDING = "pending"
    AWAITING_CODE = "awaiting_code"
    MATCH = "match"
    MISMATCH = "mismatch"
    UNAVAILABLE = "unavailable"

    @property
    def is_open(self) -> bool:
        """Say whether an answer is still to come."""
        return self in (Verdict.PENDING, Verdict.AWAITING_CODE)


def company_number(text: str) -> str:
    """Return a unified social credit code (GB 32100-2015) in normal form, or raise ValueError."""
    try:
        return str(uscc.validate(packed(text)))
    except NumberError:
        raise ValueError(
            "is not a unified social credit code: it has 18 characters, and one of these is"
            " mistyped; compare it with the business licence"
        ) from None


def _dialled(text: str) -> str:
    """Return an address book's number as a mobile where it is one, else as it is dialled."""
    try:
        return parse_mobile(text)
    except InvalidNumber:
        return telephone(text)


def _picture(content: bytes) -> bytes:
    """Refuse what is no picture by its header; a fault's code is the error's type."""
    try:
        check(content)
    except BadPicture as error:
        raise PydanticCustomError(error.fault.value, str(error)) from None
    return content


PersonName = Annotated[str, AfterValidator(person_name)]
IdentityNumber = Annotated[str, AfterValidator(identity_number)]
Mobile = Annotated[str, AfterValidator(parse_mobile)]
CardNumber = Annotated[str, AfterValidator(parse_card_number)]
CompanyNumber = Annotated[str, AfterValidator(company_number)]
Relation = Literal["parent", "spouse", "sibling", "child", "colleague", "friend"]


class StandardBase64(Base64Encoder):
    """Base64 that says the same when it is written again; what skips the rest decodes anything."""

    @classmethod
    def decode(cls, data: bytes) -> bytes:
        """Return what is encoded; raises the pydantic error `base64`."""
        with suppress(ValueError):
            decoded = b64decode(data, validate=True)
            if b64encode(decoded) == data:
                return decoded
        raise PydanticCustomError("base64", "not standard base64")


Image = Annotated[
    bytes,
    EncodedBytes(encoder=StandardBase64),
    Field(min_length=64, max_length=MAX_BYTES),
    AfterValidator(_picture),
]
"""A picture of at most 2 MB; `domain.verification.pictures.clean` makes what is stored of it."""


class RealName(ExactData):
    """Two factors: the name and the identity number."""

    kind: Literal["real_name"] = "real_name"
    name: PersonName
    identity_number: IdentityNumber


class Operator(ExactData):
    """The mobile number, which its operator must know under the same name and number."""

    kind: Literal["operator"] = "operator"
    mobile: Mobile


class EmergencyContact(ExactData):
    """A person who may be asked to relay a message when the borrower cannot be reached."""

    name: PersonName
    relation: Relation
    mobile: Mobile


class AddressBookEntry(ExactData):
    """One entry of the address book on the applicant's telephone."""

    name: Annotated[Typed, Field(max_length=100)]
    mobile: Annotated[str, cleaned(_dialled), Field(min_length=3, max_length=32)]


class PersonalInformation(ExactData):
    """What the applicant states about person and occupation, and two emergency contacts.

    `domain.verification.occupations.ASKED_WITH` says which fields come with which occupation. The
    address book is taken only by products that compare contacts with it, and never asked for.
    """

    model_config = ConfigDict(
        validate_default=True,
        json_schema_extra={
            "examples": [
                {
                    "kind": "personal_information",
                    "education": "bachelor",
                    "marital_status": "single",
                    "occupation": "freelance",
                    "industry": "culture_and_sport",
                    "monthly_income": 1200000,
                    "address": "北京市朝阳区建国路一号",
                    "contacts": [
                        {"name": "林大树", "relation": "parent", "mobile": "13800138001"},
                        {"name": "林小树", "relation": "friend", "mobile": "13800138002"},
                    ],
                }
            ]
        },
    )

    kind: Literal["personal_information"] = "personal_information"
    education: Literal["master", "bachelor", "college", "secondary"]
    marital_status: Literal["single", "married", "divorced", "widowed"]
    occupation: Occupation
    employer: Typed | None = Field(default=None, min_length=2, max_length=100)
    business_name: Typed | None = Field(default=None, min_length=2, max_length=100)
    school: Typed | None = Field(default=None, min_length=2, max_length=100)
    industry: Industry | None = None
    employer_telephone: Telephone | None = None
    employer_address: Typed | None = Field(default=None, min_length=4, max_length=200)
    employed_for: EmployedFor | None = None
    salary_by_card: bool | None = Field(default=None, strict=True)
    social_security: bool | None = Field(default=None, strict=True)
    operating_years: int | None = Field(default=None, strict=True, ge=0, le=100)
    monthly_turnover: int | None = Field(
        default=None, strict=True, ge=0, le=100_000_000_00, description="minor units"
    )
    monthly_income: int = Field(strict=True, ge=0, le=100_000_000, description="minor units")
    address: Typed = Field(min_length=4, max_length=200)
    contacts: tuple[EmergencyContact, ...] = Field(min_length=2, max_length=5)
    address_book: tuple[AddressBookEntry, ...] | None = Field(default=None, max_length=5_000)

    @field_validator(*OCCUPATIONAL)
    @classmethod
    def _comes_with_the_occupation(cls, value: object, info: ValidationInfo) -> object:
        # An occupation that was refused itself is no longer among the data.
        if info.field_name and "occupation" in info.data:
            check_asked(info.data["occupation"], info.field_name, value)
        return value


class IdentityCard(ExactData):
    """Both sides of the identity card."""

    kind: Literal["identity_card"] = "identity_card"
    front: Image
    back: Image

    @property
    def pictures(self) -> Mapping[str, bytes]:
        """The pictures by their place."""
        return {"front": self.front, "back": self.back}

    def with_pictures(self, pictures: Mapping[str, bytes]) -> Self:
        """Return the card with other files, by their place."""
        return self.model_copy(update={place: pictures[place] for place in self.pictures})


class Liveness(ExactData):
    """Frames of the applicant's face at rest and doing what was asked.

    `actions` says of each frame what it belongs to. The first one at rest is the face that is
    compared with the identity card.
    """

    kind: Literal["liveness"] = "liveness"
    actions: tuple[Shown, ...] = Field(min_length=2, max_length=20)
    frames: tuple[Image, ...] = Field(min_length=2, max_length=20)

    @model_validator(mode="after")
    def _frames_are_named_and_one_is_at_rest(self) -> Self:
        if len(self.actions) != len(self.frames):
            raise ValueError("one action a frame, and one frame an action")
        if "neutral" not in self.actions:
            raise ValueError("at least one frame is neutral: a face at rest, looking at the camera")
        return self

    @property
    def pictures(self) -> Mapping[str, bytes]:
        """The pictures by their place."""
        return {f"frames.{number}": frame for number, frame in enumerate(self.frames)}

    def with_pictures(self, pictures: Mapping[str, bytes]) -> Self:
        """Return the face with other files, by their place."""
        return self.model_copy(update={"frames": tuple(pictures[place] for place in self.pictures)})

    @property
    def face(self) -> bytes:
        """The first frame of the face at rest."""
        return self.frames[self.actions.index("neutral")]


class BankCard(ExactData):
    """The debit card that receives the money and that instalments are debited from."""

    kind: Literal["bank_card"] = "bank_card"
    card_number: CardNumber
    mobile: Mobile


class OperatorReport(ExactData):
    """The account at the mobile operator, read with a code that is sent to the mobile."""

    kind: Literal["operator_report"] = "operator_report"
    mobile: Mobile


class CreditCard(ExactData):
    """A credit card of the applicant's: four factors with the real name."""

    kind: Literal["credit_card"] = "credit_card"
    card_number: CardNumber
    mobile: Mobile


class OnlineBanking(ExactData):
    """The statements of credit cards, imported from a bank on whose page the applicant agrees."""

    kind: Literal["online_banking"] = "online_banking"
    bank_code: Annotated[str, cleaned(packed)] = Field(pattern=r"^[A-Z0-9]{2,12}$")


class Ecommerce(ExactData):
    """Orders at a platform, imported from it, on whose page the applicant agrees."""

    kind: Literal["ecommerce"] = "ecommerce"
    platform: Literal["taobao", "jd", "pinduoduo", "other"]


class BankFlows(ExactData):
    """The lines of a bank account, imported from a bank on whose page the applicant agrees."""

    kind: Literal["bank_flows"] = "bank_flows"
    bank_code: Annotated[str, cleaned(packed)] = Field(pattern=r"^[A-Z0-9]{2,12}$")
    months: int = Field(default=12, strict=True, ge=6, le=12, description="complete months")


class BureauReport(ExactData):
    """The applicant's whole file at the credit bureau, on whose page the applicant agrees."""

    kind: Literal["bureau_report"] = "bureau_report"
    bureau: Literal["pboc", "baihang", "pudao", "other"] = "pboc"


class Company(ExactData):
    """The company that the applicant owns or works for."""

    kind: Literal["company"] = "company"
    name: Typed = Field(min_length=2, max_length=100)
    registration_number: CompanyNumber
    position: Literal["legal_representative", "shareholder", "employee"]


class Guarantor(ExactData):
    """A person who answers for the credit."""

    kind: Literal["guarantor"] = "guarantor"
    name: PersonName
    identity_number: IdentityNumber
    mobile: Mobile
    relation: Relation


class CardTransaction(ExactData):
    """A payment by the applicant with an own card; `amount` in fen, the day in Shanghai."""

    kind: Literal["card_transaction"] = "card_transaction"
    card_number: CardNumber
    paid_on: Day
    amount: int = Field(strict=True, gt=0, le=100_000_000_00)
    place: Typed | None = Field(default=None, min_length=1, max_length=40)


Element = Annotated[
    RealName
    | Operator
    | PersonalInformation
    | IdentityCard
    | Liveness
    | BankCard
    | OperatorReport
    | CreditCard
    | OnlineBanking
    | Ecommerce
    | Company
    | Guarantor
    | CardTransaction
    | BankFlows
    | BureauReport,
    NamesItsKinds(),
    Field(discriminator="kind"),
]

FORMS: Final[Mapping[ElementKind, type[BaseModel]]] = {
    ElementKind(form.model_fields["kind"].default): form for form in get_args(get_args(Element)[0])
}
"""The form of each kind."""
