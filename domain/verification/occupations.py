"""What is asked of an applicant's occupation: another set of fields for each, as in the application
forms that Chinese loan platforms push to lenders (a public channel API book of 2019).

An applicant says it and no source confirms it; no rule of a decision reads it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from domain.common.typed_text import cleaned, telephone

Occupation = Literal["employee", "self_employed", "business_owner", "freelance", "student", "none"]
EmployedFor = Literal[
    "under_6_months", "6_to_11_months", "1_to_3_years", "3_to_7_years", "over_7_years"
]
# The sections of the national classification, GB/T 4754-2017, A to T.
Industry = Literal[
    "agriculture",
    "mining",
    "manufacturing",
    "utilities",
    "construction",
    "trade",
    "transport",
    "hospitality",
    "information_technology",
    "finance",
    "real_estate",
    "business_services",
    "research",
    "public_facilities",
    "household_services",
    "education",
    "health",
    "culture_and_sport",
    "public_administration",
    "international_organisations",
]

ASKED_WITH: Final[Mapping[str, tuple[str, ...]]] = {
    "employee": (
        "employer",
        "industry",
        "employer_telephone",
        "employer_address",
        "employed_for",
        "salary_by_card",
        "social_security",
    ),
    "self_employed": ("industry", "operating_years", "monthly_turnover"),
    "business_owner": ("business_name", "industry", "operating_years", "monthly_turnover"),
    "freelance": ("industry",),
    "student": ("school",),
    "none": (),
}
"""The fields that are required with each occupation; with others they are refused."""

OCCUPATIONAL: Final = tuple(dict.fromkeys(name for some in ASKED_WITH.values() for name in some))


def check_asked(occupation: str, field: str, value: Any) -> None:
    """Raise pydantic's error for `field` where it is missing with `occupation`, or surplus."""
    asked = field in ASKED_WITH[occupation]
    if asked and value is None:
        raise PydanticCustomError("missing_here", "missing")
    if not asked and value is not None:
        raise PydanticCustomError("surplus_here", "surplus")


def _telephone(number: str) -> str:
    digits = sum(character.isdigit() for character in number)
    plain = number.isascii() and set(number) <= set("+0123456789 -")
    if not plain or not 7 <= digits <= 15 or "+" in number[1:]:
        raise ValueError("a telephone number has 7 to 15 digits: leave out letters and other signs")
    return number


Telephone = Annotated[str, cleaned(telephone), Field(max_length=24), AfterValidator(_telephone)]
"""Any telephone, land lines too; the number is not dialled and not looked up."""
