"""Numbers that name a person, a company, a card or a line: their form and their check digits.

Parsing returns the normal form; what is wrong raises `InvalidNumber`, which quotes no number.
python-stdnum and phonenumbers do the arithmetic where they are right; where they are not, the
function says what it guards against (python-stdnum 2.2, phonenumbers 9.0). A right check digit says
that nobody mistyped, not that the number was ever issued.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import phonenumbers
from stdnum import luhn
from stdnum.br import cnpj, cpf
from stdnum.cn import ric

ALPHANUMERIC_CNPJ_FROM = date(2026, 7, 1)
"""From when new registrations may get letters: IN RFB 2.229/2024. Numbers issued before stay."""

Part = Literal[
    "characters", "length", "province", "birth_date", "check_digit", "repeated", "mask", "range"
]

# 81 to 83 are residence permits of people from Hong Kong, Macao and Taiwan.
_PROVINCE = re.compile(r"1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_FULL_WIDTH = {ord("０") + digit: str(digit) for digit in range(10)} | {
    ord("Ｘ"): "X",
    ord("ｘ"): "X",
    ord("x"): "X",
}
_CPF_MASK = re.compile(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}")
_CNPJ_MASK = re.compile(r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}")
_OCTET = re.compile(r"[0-9]{1,3}")


class InvalidNumber(ValueError):
    """A number is not what it should be; `part` says which part of it is wrong."""

    def __init__(self, kind: str, part: Part) -> None:
        super().__init__(f"not a valid {kind}: {part}")
        self.kind = kind
        self.part = part


@dataclass(frozen=True)
class CitizenNumber:
    """A valid citizen's number and what it says: county code, birth date, sex."""

    number: str = field(repr=False)
    region: str
    birth_date: date = field(repr=False)
    sex: Literal["male", "female"]


def parse_citizen_number(text: str, as_of: date) -> CitizenNumber:
    """Return a PRC citizen's number (GB 11643-1999), born on a real day not after `as_of`.

    Full-width digits and a small x are taken as meant; 15 digits ceased to be valid in 2013. The
    check digit is python-stdnum's. Its `validate` is not used: its table of counties makes it
    refuse issued numbers (counties re-drawn since, births before 1900, permits 81 to 83), raises
    KeyError for a county without a name, and it knows no day after which nobody was born.
    """
    normal = text.strip().translate(_FULL_WIDTH)
    if len(normal) != 18:
        raise InvalidNumber("identity number", "length")
    if not re.fullmatch(r"[0-9]{17}[0-9X]", normal):
        raise InvalidNumber("identity number", "characters")
    if not _PROVINCE.fullmatch(normal[:2]):
        raise InvalidNumber("identity number", "province")
    born = _birth_date(normal[6:14])
    if born is None or not 1800 <= born.year < 2100 or born > as_of:
        raise InvalidNumber("identity number", "birth_date")
    if ric.calc_check_digit(normal) != normal[-1]:
        raise InvalidNumber("identity number", "check_digit")
    return CitizenNumber(normal, normal[:6], born, "male" if int(normal[16]) % 2 else "female")


def parse_mobile(text: str) -> str:
    """Return a mobile number of mainland China as eleven digits.

    phonenumbers removes 86 and the trunk 0. Guarded: it also reads letters as digits, drops an
    extension silently, and takes land lines. Its table of prefixes is not asked: it lags behind
    assignments, and since numbers are ported a prefix does not name the operator.
    """
    plain = text.strip().translate(_FULL_WIDTH)
    if not re.fullmatch(r"\+?[0-9]+(?:[ \-][0-9]+)*", plain):
        raise InvalidNumber("mobile number", "characters")
    try:
        parsed = phonenumbers.parse(plain, "CN")
    except phonenumbers.NumberParseException:
        parsed = phonenumbers.PhoneNumber()
    national = str(parsed.national_number)
    if parsed.country_code != 86 or not re.fullmatch(r"1[3-9][0-9]{9}", national):
        raise InvalidNumber("mobile number", "range")
    return national


def parse_card_number(text: str) -> str:
    """Return a bank card's number, 13 to 19 digits, without asking for its check digit.

    Documented sample cards of real gateways have wrong ones, and so have some issued cards: whether
    `has_luhn_digit` must hold is for the caller, who knows if a person typed the number.
    """
    digits = re.sub(r"[ -]", "", text.strip().translate(_FULL_WIDTH))
    if not re.fullmatch(r"[0-9]+", digits):
        raise InvalidNumber("card number", "characters")
    if not 13 <= len(digits) <= 19:
        raise InvalidNumber("card number", "length")
    return digits


def has_luhn_digit(number: str) -> bool:
    """Say whether the last digit of a normal card number is right (Luhn, ISO/IEC 7812-1)."""
    return luhn.is_valid(number)


def parse_cpf(text: str, *, masked: bool = False) -> str:
    """Return a CPF as eleven digits; `masked` demands exactly ###.###.###-##.

    Otherwise the mask or the bare digits are taken. Guarded: python-stdnum takes eleven equal
    digits, separators in any place, and full-width digits.
    """
    digits = _unmasked("CPF", text, _CPF_MASK, r"[0-9]{11}", masked=masked)
    if len(set(digits)) == 1:
        raise InvalidNumber("CPF", "repeated")
    if not cpf.is_valid(digits):
        raise InvalidNumber("CPF", "check_digit")
    return digits


def parse_cnpj(text: str, as_of: date, *, masked: bool = False) -> str:
    """Return a CNPJ as fourteen characters; `masked` demands exactly ##.###.###/####-##.

    Otherwise the mask or the bare characters are taken, small letters too. Letters are valid in the
    first twelve places from `ALPHANUMERIC_CNPJ_FROM`; `as_of` is the company's registration if that
    is known, else the day of asking. Guarded: python-stdnum takes separators in any place,
    full-width and other digits of Unicode, and does not know the date.
    """
    plain = text if masked else text.strip().upper() if text.isascii() else text
    number = _unmasked("CNPJ", plain, _CNPJ_MASK, r"[0-9A-Z]{12}[0-9]{2}", masked=masked)
    if not number.isdigit() and as_of < ALPHANUMERIC_CNPJ_FROM:
        raise InvalidNumber("CNPJ", "characters")
    if len(set(number)) == 1:
        raise InvalidNumber("CNPJ", "repeated")
    if not cnpj.is_valid(number):
        raise InvalidNumber("CNPJ", "check_digit")
    return number


def has_cpf_mask(text: str) -> bool:
    """Say whether `text` looks like a masked CPF; all that a relay of others' numbers may ask."""
    return _CPF_MASK.fullmatch(text) is not None


def has_cnpj_mask(text: str, *, alphanumeric: bool = True) -> bool:
    """Say whether `text` looks like a masked CNPJ, of digits alone unless `alphanumeric`."""
    letters = re.search("[A-Z]", text) is not None
    return _CNPJ_MASK.fullmatch(text) is not None and (alphanumeric or not letters)


def parse_ipv4(text: str) -> str:
    """Return an IPv4 address without leading zeros; `192.168.001.010` is read as decimal.

    Guarded: Python's `ipaddress` refuses leading zeros, and some C libraries read them as octal.
    """
    octets = text.split(".")
    if len(octets) != 4 or not all(_OCTET.fullmatch(octet) for octet in octets):
        raise InvalidNumber("IPv4 address", "characters")
    if any(int(octet) > 255 for octet in octets):
        raise InvalidNumber("IPv4 address", "range")
    return ".".join(str(int(octet)) for octet in octets)


def _birth_date(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _unmasked(kind: str, text: str, mask: re.Pattern[str], bare: str, *, masked: bool) -> str:
    """Return the characters between the mask's separators; one form or the other, no mixture."""
    if mask.fullmatch(text):
        return re.sub(r"[./\-]", "", text)
    plain = text.strip()
    if masked or not (re.fullmatch(bare, plain) or mask.fullmatch(plain)):
        raise InvalidNumber(kind, "mask")
    return re.sub(r"[./\-]", "", plain)
