"""The forms of single fields of a credit proposal: masks, dates, amounts and rates.

How strictly a document number is checked is told by the validation's context (`DocumentRules`):
what clients send us must have right check digits, what we relay to an external analyst need only
have the mask that they ask for.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
)

from domain.common.typed_text import cleaned, email, visible
from domain.people.identity_numbers import (
    InvalidNumber,
    clean_mask,
    has_cnpj_mask,
    has_cpf_mask,
    parse_cnpj,
    parse_cpf,
    parse_ip,
)

_MASK: Final = str.maketrans("", "", "./-")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2199
"""Far enough from the ends of the calendar for every offset."""
_MAX_MINOR: Final = 10**15
_KEY: Final = "document_rules"


@dataclass(frozen=True)
class DocumentRules:
    """How document numbers are checked besides their mask."""

    check_digits: bool = True
    allow_alphanumeric_cnpj: bool = True

    def as_context(self) -> Mapping[str, "DocumentRules"]:
        """Return the context to validate with."""
        return {_KEY: self}


def _rules(info: ValidationInfo) -> DocumentRules:
    found = (info.context or {}).get(_KEY)
    return found if isinstance(found, DocumentRules) else DocumentRules()


def unmasked(number: str) -> str:
    """Return a CPF or CNPJ without its mask."""
    return number.translate(_MASK)


def _cpf(text: str, info: ValidationInfo) -> str:
    number = clean_mask(text)
    if not has_cpf_mask(number):
        raise ValueError("must be a CPF in the form 000.000.000-00")
    if _rules(info).check_digits:
        try:
            parse_cpf(number, masked=True)
        except InvalidNumber:
            raise ValueError("is not a CPF: its check digits are wrong") from None
    return number


def _cnpj(text: str, info: ValidationInfo) -> str:
    rules = _rules(info)
    number = clean_mask(text)
    if not has_cnpj_mask(number):
        raise ValueError("must be a CNPJ in the form 00.000.000/0000-00")
    if not has_cnpj_mask(number, alphanumeric=rules.allow_alphanumeric_cnpj):
        raise ValueError("must be a CNPJ of digits only")
    if rules.check_digits:
        try:
            parse_cnpj(number, masked=True)
        except InvalidNumber:
            raise ValueError("is not a CNPJ: its check digits are wrong") from None
    return number


def _date(given: Any) -> Any:
    if isinstance(given, str) and _DATE.fullmatch(given):
        with suppress(ValueError):
            return date.fromisoformat(given)
    raise ValueError("must be a date in the form YYYY-MM-DD")


def _instant(given: Any) -> Any:
    if isinstance(given, str) and _INSTANT.fullmatch(given):
        with suppress(ValueError):
            instant = datetime.fromisoformat(given)
            if _FIRST_YEAR <= instant.year <= _LAST_YEAR:
                return instant
    raise ValueError("must be an instant in the form YYYY-MM-DDThh:mm:ss with offset or Z")


def _number(given: Any) -> Any:
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal):
        raise ValueError("must be a number")
    return Decimal(str(given))


def _ip(text: str) -> str:
    try:
        parse_ip(text)
    except InvalidNumber:
        raise ValueError("must be an IPv4 or IPv6 address") from None
    return visible(text)


def lower_case(given: Any) -> Any:
    """Return text in lower case, for an enum whose case does not matter."""
    return given.lower() if isinstance(given, str) else given


Cpf = Annotated[str, AfterValidator(_cpf)]
Cnpj = Annotated[str, AfterValidator(_cnpj)]
BusinessDate = Annotated[date, BeforeValidator(_date)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Minor = Annotated[int, Field(ge=0, le=_MAX_MINOR, strict=True)]
Percent = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(ge=0, le=1000),
    PlainSerializer(float, when_used="json"),
]
IpAddress = Annotated[str, AfterValidator(_ip)]
"""As it was written, with leading zeros where it has some."""
Email = Annotated[
    str,
    cleaned(email),
    StringConstraints(max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$"),
]
