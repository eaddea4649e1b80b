"""Who stands in a proposal: persons and companies, with their addresses and telephones.

Source of fields, masks and enums: the shared objects of the API. Amounts are whole centavos.
Everything here is personal data: it is shown by no `repr` and quoted by no error.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from domain.common.typed_text import Typed, cleaned, packed, visible
from domain.credit_analysis.fields import BusinessDate, Cnpj, Cpf, Email, Minor, lower_case

MAX_SHAREHOLDERS: Final = 50
MAX_PHONES: Final = 10

_BRAZIL: Final = "BRA"
_POSTAL_CODE: Final = re.compile(r"[0-9]{5}-[0-9]{3}")
_STATES: Final = frozenset({
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS",
    "MT", "PA", "PB", "PE", "PI", "PR", "RJ", "RN", "RO", "RR", "RS", "SC",
    "SE", "SP", "TO",
})  # fmt: skip

Name = Annotated[Typed, StringConstraints(min_length=1, max_length=255)]
ShortText = Annotated[Typed, StringConstraints(min_length=1, max_length=64)]
Plain = Annotated[str, cleaned(visible)]
Digits = Annotated[str, cleaned(lambda text: packed(text).removeprefix("+"))]
Country = Annotated[Plain, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 3166-1 alpha-3."""


class PersonKind(StrEnum):
    """What is analysed. The value is the last part of the endpoint's path."""

    LEGAL = "legal_person"
    NATURAL = "natural_person"


class ConstitutionType(StrEnum):
    """The form of a company. The documents write LLC, their example llc: case does not matter."""

    LLC = "llc"
    CORP = "corp"


class PhoneType(StrEnum):
    """The kind of a telephone line."""

    RESIDENTIAL = "residential"
    COMMERCIAL = "commercial"
    MOBILE = "mobile"


class Gender(StrEnum):
    """As the person's papers say."""

    FEMALE = "female"
    MALE = "male"
    UNDEFINED = "undefined"


class Part(BaseModel):
    """Exact fields; neither `repr` nor errors show a value.

    Not strict as a whole: that would refuse the enums and lists of JSON once a discriminator has
    looked at them. Numbers are strict each by itself.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        return ()


class Address(Part):
    """A postal address; state and postal code are checked inside Brazil only."""

    country: Country
    street: Name
    number: Annotated[Typed, StringConstraints(min_length=1, max_length=16)]
    complement: Annotated[Typed, StringConstraints(max_length=128)] | None = None
    neighborhood: Name
    city: Name
    uf: Annotated[Plain, StringConstraints(min_length=1, max_length=32)]
    postal_code: Annotated[Plain, StringConstraints(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _brazilian(self) -> "Address":
        if self.country != _BRAZIL:
            return self
        if self.uf not in _STATES:
            raise ValueError("uf: must be a Brazilian state in two capital letters")
        if not _POSTAL_CODE.fullmatch(self.postal_code):
            raise ValueError("postal_code: must have the form 00000-000")
        return self


class PhoneNumber(Part):
    """A telephone number in its three parts, digits only; what people write between them goes."""

    international_dial_code: Annotated[Digits, StringConstraints(pattern=r"^[0-9]{1,3}$")]
    area_code: Annotated[Digits, StringConstraints(pattern=r"^[0-9]{1,4}$")]
    number: Annotated[Digits, StringConstraints(pattern=r"^[0-9]{4,12}$")]


class Phone(PhoneNumber):
    """A telephone number and its kind."""

    type: PhoneType


Phones = Annotated[tuple[Phone, ...], Field(max_length=MAX_PHONES)]


class _Paper(Part):
    """A paper of a person as their shared objects have it; fields that they add are kept."""

    model_config = ConfigDict(extra="allow")

    issuer_state: Annotated[Plain, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    issuance_date: BusinessDate | None = None
    validation_type: ShortText | None = None


class DrivingLicence(_Paper):
    """The CNH, by its register number or by the key of a reading that they made of it."""

    register_number: ShortText | None = None
    first_issuance_date: BusinessDate | None = None
    expiration_date: BusinessDate | None = None
    category: ShortText | None = None
    ocr_key: ShortText | None = None


class IdentityCard(_Paper):
    """The RG, by its number."""

    number: ShortText | None = None
    issuer: ShortText | None = None


class Documents(Part):
    """A person's papers: what the second request of a challenge brings, for one."""

    cnh: DrivingLicence | None = None
    rg: IdentityCard | None = None


class NaturalPerson(Part):
    """A person: an applicant, a shareholder or a guarantor. Amounts in centavos."""

    name: Name
    document_number: Cpf
    birthdate: BusinessDate
    email: Email | None = None
    nationality: Country | None = None
    mother_name: Name | None = None
    father_name: Name | None = None
    monthly_income: Minor | None = None
    declared_assets: Minor | None = None
    occupation: ShortText | None = None
    gender: Gender | None = None
    documents: Documents | None = None
    address: Address | None = None
    phones: Phones = ()


class LegalPerson(Part):
    """A company: an applicant or a guarantor. Revenue in centavos a month."""

    legal_name: Name
    trading_name: Name | None = None
    document_number: Cnpj
    constitution_date: BusinessDate
    constitution_type: Annotated[ConstitutionType, BeforeValidator(lower_case)] | None = None
    email: Email | None = None
    monthly_revenue: Minor | None = None
    address: Address | None = None
    phones: Phones = ()
    shareholders: Annotated[tuple[NaturalPerson, ...], Field(max_length=MAX_SHAREHOLDERS)] = ()


def _kind_of_guarantor(given: Any) -> str:
    """Tell a company from a person: the documents name no discriminator."""
    if isinstance(given, LegalPerson | NaturalPerson):
        return PersonKind.LEGAL if isinstance(given, LegalPerson) else PersonKind.NATURAL
    if not isinstance(given, dict):
        return PersonKind.NATURAL
    number = given.get("document_number")
    length = len(re.sub(r"[./-]", "", number)) if isinstance(number, str) else 0
    if length == 14 or (length != 11 and "legal_name" in given):
        return PersonKind.LEGAL
    return PersonKind.NATURAL


Guarantor = Annotated[
    Annotated[LegalPerson, Tag(PersonKind.LEGAL)]
    | Annotated[NaturalPerson, Tag(PersonKind.NATURAL)],
    Discriminator(_kind_of_guarantor),
]
