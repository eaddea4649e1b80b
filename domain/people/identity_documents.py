"""Documents that show who somebody is: each with the form of its number and what the number says.

A number is known by its form alone, whatever document it is of: nobody is asked for the type. The
table `DOCUMENTS` has one entry a type; another document is an entry there, and a word in the
profiles of the sources that know it (`domain.sources`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, Literal

import pycountry
from stdnum.cn import ric

from domain.common.typed_text import packed
from domain.people.identity_numbers import InvalidNumber, Part

Sex = Literal["male", "female"]

DOCUMENT_NOT_SUPPORTED: Final = "document_not_supported"
"""The reason where nobody who could be asked knows the type of document: a person decides."""


class DocumentType(StrEnum):
    """What proves who somebody is, before a lender in mainland China."""

    CITIZEN_CARD = "citizen_card"
    RESIDENCE_PERMIT = "residence_permit"
    """Of residents of Hong Kong, Macao and Taiwan who live in the mainland (from 2018)."""
    PERMANENT_RESIDENCE_CARD = "permanent_residence_card"
    """Of foreigners, in the form of 2023 (18 digits) or the older one (15 characters)."""
    HONG_KONG_MACAO_PERMIT = "hong_kong_macao_permit"
    """The mainland travel permit of residents of Hong Kong and Macao."""
    TAIWAN_PERMIT = "taiwan_permit"
    """The mainland travel permit of residents of Taiwan."""
    PASSPORT = "passport"


@dataclass(frozen=True)
class IdentityDocument:
    """A right number and what it says of its bearer, None where it says nothing.

    `nationality` is a code of ISO 3166-1 alpha-3. A birth date with two digits for the year is the
    latest one that had come by the date on which the number was read.
    """

    type: DocumentType
    number: str = field(repr=False)
    birth_date: date | None = field(default=None, repr=False)
    sex: Sex | None = None
    nationality: str | None = None


Reading = Callable[[str, date], IdentityDocument]


@dataclass(frozen=True)
class DocumentForm:
    """The form of one type's numbers: `pattern` of the whole, `read` for its check and facts."""

    pattern: re.Pattern[str]
    read: Reading


_X_LIKE: Final = str.maketrans(dict.fromkeys("×ХХΧⅩ✕✖╳", "X"))
"""What keyboards offer beside the X that may stand at the end of a number."""
_REGION: Final = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71")
_LONGEST: Final = 200


def _wrong(part: Part) -> InvalidNumber:
    return InvalidNumber("identity number", part)


def _sex(number: str) -> Sex:
    return "male" if int(number[16]) % 2 else "female"


def _check_digit(number: str) -> None:
    """Raise unless the last of 18 characters is right (ISO 7064 MOD 11-2).

    The digit is python-stdnum's. Its `validate` is not used: its table of counties makes it refuse
    issued numbers (counties re-drawn since, births before 1900, permits 81 to 83), raises KeyError
    for a county without a name, and it knows no day after which nobody was born.
    """
    if ric.calc_check_digit(number) != number[-1]:
        raise _wrong("check_digit")


def _born(number: str) -> date:
    born = _day(int(number[6:10]), number[10:12], number[12:14])
    if born is None or not 1800 <= born.year < 2100:
        raise _wrong("birth_date")
    return born


def _day(year: int, month: str, day: str) -> date | None:
    try:
        return date(year, int(month), int(day))
    except ValueError:
        return None


def _citizen_card(number: str, _: date) -> IdentityDocument:
    """GB 11643-1999; the 15 digits of before ceased to be valid in 2013."""
    if not _REGION.fullmatch(number[:2]):
        raise _wrong("region")
    born = _born(number)
    _check_digit(number)
    return IdentityDocument(DocumentType.CITIZEN_CARD, number, born, _sex(number), "CHN")


def _residence_permit(number: str, _: date) -> IdentityDocument:
    """81 Hong Kong, 82 Macao, 83 Taiwan; the rest as GB 11643-1999 (State Council, 2018)."""
    born = _born(number)
    _check_digit(number)
    return IdentityDocument(DocumentType.RESIDENCE_PERMIT, number, born, _sex(number))


def _permanent_residence_card(number: str, _: date) -> IdentityDocument:
    """9, two digits of the region of issue, three of the country; the rest as GB 11643-1999.

    National Immigration Administration, form of 2023; the digits of the country are ISO 3166-1's.
    """
    country = pycountry.countries.get(numeric=number[3:6])
    if country is None:
        raise _wrong("country")
    if not _REGION.fullmatch(number[1:3]):
        raise _wrong("region")
    born = _born(number)
    _check_digit(number)
    return IdentityDocument(
        DocumentType.PERMANENT_RESIDENCE_CARD, number, born, _sex(number), str(country.alpha_3)
    )


def _older_permanent_residence_card(number: str, as_of: date) -> IdentityDocument:
    """Three letters of the country, four digits of the region, birth in six, two more.

    How the last digit is computed is not published: it is not asked for.
    """
    nationality = _country(number)
    year, month, day = int(number[7:9]), number[9:11], number[11:13]
    first = as_of.year - as_of.year % 100
    days = [_day(century + year, month, day) for century in (first, first - 100)]
    born = next((one for one in days if one is not None and one <= as_of), None)
    if born is None:
        raise _wrong("birth_date")
    return IdentityDocument(
        DocumentType.PERMANENT_RESIDENCE_CARD, number, born, nationality=nationality
    )


def _hong_kong_macao_permit(number: str, _: date) -> IdentityDocument:
    """H or M and the eight digits that a person keeps; the older form counts the issues behind."""
    return IdentityDocument(DocumentType.HONG_KONG_MACAO_PERMIT, number[:9])


def _taiwan_permit(number: str, _: date) -> IdentityDocument:
    """The eight digits that a person keeps; the older form counts the issues behind."""
    return IdentityDocument(DocumentType.TAIWAN_PERMIT, number[:8])


def _passport(number: str, _: date) -> IdentityDocument:
    """The issuing country and its number of at most nine characters (ICAO Doc 9303).

    A number is one of its country: two passports of two countries may have the same.
    """
    if not any(character.isdigit() for character in number):
        raise _wrong("characters")
    return IdentityDocument(DocumentType.PASSPORT, number, nationality=_country(number))


def _country(number: str) -> str:
    country = pycountry.countries.get(alpha_3=number[:3])
    if country is None:
        raise _wrong("country")
    return str(country.alpha_3)


DOCUMENTS: Final[Mapping[DocumentType, tuple[DocumentForm, ...]]] = {
    DocumentType.CITIZEN_CARD: (
        DocumentForm(re.compile(r"[0-7][0-9]{16}[0-9X]|8[04-9][0-9]{15}[0-9X]"), _citizen_card),
    ),
    DocumentType.RESIDENCE_PERMIT: (
        DocumentForm(re.compile(r"8[123][0-9]{15}[0-9X]"), _residence_permit),
    ),
    DocumentType.PERMANENT_RESIDENCE_CARD: (
        DocumentForm(re.compile(r"9[0-9]{16}[0-9X]"), _permanent_residence_card),
        DocumentForm(re.compile(r"[A-Z]{3}[0-9]{12}"), _older_permanent_residence_card),
    ),
    DocumentType.HONG_KONG_MACAO_PERMIT: (
        DocumentForm(re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?"), _hong_kong_macao_permit),
    ),
    DocumentType.TAIWAN_PERMIT: (
        DocumentForm(re.compile(r"[0-9]{8}(?:[0-9]{2}[A-Z]?)?"), _taiwan_permit),
    ),
    DocumentType.PASSPORT: (DocumentForm(re.compile(r"[A-Z]{3}[A-Z0-9]{5,9}"), _passport),),
}
"""The forms of each type's numbers; no text has the form of two."""

_FORMS: Final = tuple(form for forms in DOCUMENTS.values() for form in forms)


_LAST_DAY: Final = date(2099, 12, 31)
"""Stands for any day: later would put two digits of a year into centuries nobody was born in."""


def read_document(text: str, as_of: date) -> IdentityDocument:
    """Return the document that a number is of, with what the number says; raises `InvalidNumber`.

    Spaces, brackets, full-width digits and a small x are taken as meant. `as_of` is the day on
    which it is read: nobody is born after it.
    """
    number = packed(text[:_LONGEST]).translate(_X_LIKE)
    if not re.fullmatch(r"[0-9A-Z]*", number):
        raise _wrong("characters")
    form = next((one for one in _FORMS if one.pattern.fullmatch(number)), None)
    if form is None:
        raise _wrong("characters" if len(number) == 18 else "length")
    document = form.read(number, as_of)
    if document.birth_date is not None and document.birth_date > as_of:
        raise _wrong("birth_date")
    return document


def identity_number(text: str) -> str:
    """Return the number of an identity document in its normal form, or raise ValueError.

    Whether its bearer is born yet, and old enough, is asked on the application's business date.
    """
    return read_document(text, _LAST_DAY).number


def document_type(number: str) -> DocumentType:
    """Return the type of document that a right number is of."""
    return read_document(number, _LAST_DAY).type


def birth_date_in(number: str, as_of: date) -> date | None:
    """Return the birth date in a right number as read on `as_of`; it may be a day after that.

    None for a number that holds none: a person has to look at the document.
    """
    try:
        return read_document(number, as_of).birth_date
    except InvalidNumber:
        return read_document(number, _LAST_DAY).birth_date
