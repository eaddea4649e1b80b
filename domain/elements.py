"""What an applicant provides: the kinds of element and the form of each.

The fields are personal data: they are validated here, stored encrypted, and never enter a workflow.
"""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import phonenumbers
from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field
from stdnum import luhn
from stdnum.cn import ric
from stdnum.exceptions import ValidationError as NumberError


class ElementKind(StrEnum):
    """The elements that a product can ask for."""

    REAL_NAME = "real_name"
    OPERATOR = "operator"
    PERSONAL_INFORMATION = "personal_information"
    IDENTITY_CARD = "identity_card"
    LIVENESS = "liveness"
    BANK_CARD = "bank_card"


class Verdict(StrEnum):
    """What is known of an element: never a pass unless a provider said so."""

    PENDING = "pending"
    MATCH = "match"
    MISMATCH = "mismatch"


_IDENTITY_NUMBER = re.compile(
    r"(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{15}[0-9X]"
)
"""Province, county, birth date, sequence, check digit."""


def identity_number(text: str) -> str:
    """Return a citizen's identity number in its normal form (GB 11643-1999), or raise ValueError.

    Full-width digits and a lower-case x are taken as meant. python-stdnum's own `validate` is not
    used: it also demands that its table knew the county in the year of birth, and so refuses
    numbers that were issued (residence permits and re-drawn counties among them).
    """
    normal = text.strip().upper().translate({ord("０") + digit: str(digit) for digit in range(10)})
    try:
        right = (
            _IDENTITY_NUMBER.fullmatch(normal) is not None
            and ric.calc_check_digit(normal) == normal[-1]
            and ric.get_birth_date(normal) is not None
        )
    except NumberError:
        right = False
    if not right:
        raise ValueError("not a valid identity number: digits, date or check digit")
    return normal


def identity_birth_date(number: str) -> date:
    """Return the birth date inside a valid identity number."""
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def mobile_number(text: str) -> str:
    """Return a mainland mobile number as eleven digits, or raise ValueError."""
    try:
        parsed = phonenumbers.parse(text, "CN")
    except phonenumbers.NumberParseException as error:
        raise ValueError("not a mobile number of mainland China") from error
    national = str(parsed.national_number)
    if parsed.country_code != 86 or not re.fullmatch(r"1[3-9]\d{9}", national):
        raise ValueError("not a mobile number of mainland China")
    return national


def bank_card_number(text: str) -> str:
    """Return a card number of 13 to 19 digits with a right check digit, or raise ValueError."""
    digits = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"\d{13,19}", digits) or not luhn.is_valid(digits):
        raise ValueError("not a card number: 13 to 19 digits with a right check digit")
    return digits


def _person_name(text: str) -> str:
    name = text.strip()
    if not re.fullmatch(r"[\w·.\- ]{2,50}", name):
        raise ValueError("a name is 2 to 50 letters")
    return name


PersonName = Annotated[str, AfterValidator(_person_name)]
IdentityNumber = Annotated[str, AfterValidator(identity_number)]
Mobile = Annotated[str, AfterValidator(mobile_number)]
CardNumber = Annotated[str, AfterValidator(bank_card_number)]
Image = Annotated[Base64Bytes, Field(min_length=64, max_length=2_000_000)]


class _Element(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RealName(_Element):
    """Two factors: the name and the identity number."""

    kind: Literal["real_name"] = "real_name"
    name: PersonName
    identity_number: IdentityNumber


class Operator(_Element):
    """The mobile number, which its operator must know under the same name and number."""

    kind: Literal["operator"] = "operator"
    mobile: Mobile


class EmergencyContact(_Element):
    """A person who may be asked to relay a message when the borrower cannot be reached."""

    name: PersonName
    relation: Literal["parent", "spouse", "sibling", "child", "colleague", "friend"]
    mobile: Mobile


class PersonalInformation(_Element):
    """What the applicant says of himself, and two people to turn to."""

    kind: Literal["personal_information"] = "personal_information"
    education: Literal["master", "bachelor", "college", "secondary"]
    marital_status: Literal["single", "married", "divorced", "widowed"]
    occupation: Literal["employee", "self_employed", "business_owner", "student", "none"]
    employer: str | None = Field(default=None, max_length=100)
    monthly_income: int = Field(ge=0, le=100_000_000, description="minor units")
    address: str = Field(min_length=4, max_length=200)
    contacts: tuple[EmergencyContact, ...] = Field(min_length=2, max_length=5)


class IdentityCard(_Element):
    """Both sides of the identity card."""

    kind: Literal["identity_card"] = "identity_card"
    front: Image
    back: Image


class Liveness(_Element):
    """Frames of the applicant's face doing the asked actions."""

    kind: Literal["liveness"] = "liveness"
    actions: tuple[Literal["blink", "open_mouth", "nod", "shake"], ...] = Field(
        min_length=1, max_length=4
    )
    frames: tuple[Image, ...] = Field(min_length=1, max_length=8)


class BankCard(_Element):
    """The debit card that receives the money and that instalments are debited from."""

    kind: Literal["bank_card"] = "bank_card"
    card_number: CardNumber
    mobile: Mobile


Element = Annotated[
    RealName | Operator | PersonalInformation | IdentityCard | Liveness | BankCard,
    Field(discriminator="kind"),
]
