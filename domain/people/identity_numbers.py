"""Numbers that name a person, a company, a card or a line: their form and their check digits.

Parsing cleans what people paste (`domain.common.typed_text`) and returns the normal form; what is
wrong raises `InvalidNumber`, which quotes no number. python-stdnum and phonenumbers do the
arithmetic where they are right; where they are not, the function says what it guards against
(python-stdnum 2.2, phonenumbers 9.0). A right check digit says that nobody mistyped, not that the
number was ever issued. Documents of identity are in `domain.people.identity_documents`.
"""

import re
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv6Address
from typing import Final, Literal

import phonenumbers
from stdnum.br import cnpj, cpf

from domain.common.typed_text import packed, visible

Part = Literal[
    "characters",
    "length",
    "region",
    "country",
    "birth_date",
    "check_digit",
    "repeated",
    "mask",
    "range",
]

_WORDS: Final[Mapping[tuple[str, Part], str]] = {
    ("identity number", "characters"): (
        "has characters that no identity document has in its number: write it as on the document"
    ),
    ("identity number", "length"): (
        "has too many or too few characters: an identity card has 18, a permanent residence card"
        " 18 or 15, a travel permit 8 or a letter and 8; before a passport's number write the"
        " three letters of its country, such as USA"
    ),
    ("identity number", "region"): (
        "begins with digits that no document begins with: compare the first two with the document"
    ),
    ("identity number", "country"): (
        "holds a code that no country has: compare it with the document"
    ),
    ("identity number", "birth_date"): (
        "holds a date that cannot be the birth date: compare it with the document"
    ),
    ("identity number", "check_digit"): (
        "is mistyped somewhere: compare it with the document, digit by digit"
    ),
    ("mobile number", "characters"): (
        "has letters or signs in it: write the 11 digits of one mobile number"
    ),
    ("mobile number", "range"): (
        "is not a mobile number of mainland China: it has 11 digits and begins with 13 to 19"
    ),
    ("card number", "characters"): "has letters or signs in it: write the digits on the card",
    ("card number", "length"): (
        "has too many or too few digits: a card has 13 to 19, compare it with the card"
    ),
    ("CPF", "mask"): "must have the form 000.000.000-00, or be 11 digits",
    ("CPF", "repeated"): "has one digit only, repeated: nobody has such a CPF",
    ("CPF", "check_digit"): "is mistyped somewhere: compare it with the document",
    ("CNPJ", "mask"): "must have the form 00.000.000/0000-00, or be 14 characters",
    ("CNPJ", "repeated"): "has one digit only, repeated: no company has such a CNPJ",
    ("CNPJ", "check_digit"): "is mistyped somewhere: compare it with the document",
    ("IP address", "characters"): "must be an IPv4 or IPv6 address, such as 203.0.113.7",
    ("IP address", "range"): "has a part above 255: an IPv4 address is such as 203.0.113.7",
}
"""What an ordinary person is told to do, by kind and part."""

_CPF_MASK: Final = re.compile(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}")
_CNPJ_MASK: Final = re.compile(r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}")
_OCTET: Final = re.compile(r"[0-9]{1,3}")
_LONGEST: Final = 200
"""So much of a text is read as a number: room for marks that nobody sees."""


class InvalidNumber(ValueError):
    """A number is not what it should be; `part` says which part of it is wrong."""

    def __init__(self, kind: str, part: Part) -> None:
        super().__init__(_WORDS[kind, part])
        self.kind = kind
        self.part = part


def parse_mobile(text: str) -> str:
    """Return a mobile number of mainland China as eleven digits.

    phonenumbers removes 86 and the trunk 0. Guarded: it also reads letters as digits, drops an
    extension silently, and takes land lines. Its table of prefixes is not asked: it lags behind
    assignments, and since numbers are ported a prefix does not name the operator.
    """
    plain = re.sub(r"^\+?00", "+", packed(text[:_LONGEST]))
    if not re.fullmatch(r"\+?[0-9]+", plain):
        raise InvalidNumber("mobile number", "characters")
    try:
        parsed = phonenumbers.parse(plain, "CN")
    except phonenumbers.NumberParseException:
        parsed = phonenumbers.PhoneNumber()
    # After the country's code people write the trunk 0 that only calls within the country take.
    national = str(parsed.national_number)
    if parsed.country_code != 86 or not re.fullmatch(r"1[3-9][0-9]{9}", national):
        raise InvalidNumber("mobile number", "range")
    return national


def parse_card_number(text: str) -> str:
    """Return a bank card's number, 13 to 19 digits.

    No check digit is asked for (Luhn, ISO/IEC 7812-1): sample cards of real gateways and some
    issued cards have a wrong one, so that only the bank can say whether there is such a card.
    """
    digits = packed(text[:_LONGEST])
    if not re.fullmatch(r"[0-9]+", digits):
        raise InvalidNumber("card number", "characters")
    if not 13 <= len(digits) <= 19:
        raise InvalidNumber("card number", "length")
    return digits


def parse_cpf(text: str, *, masked: bool = False) -> str:
    """Return a CPF as eleven digits; `masked` demands exactly ###.###.###-##.

    Otherwise the mask or the bare digits are taken. Guarded: python-stdnum takes eleven equal
    digits, and separators in any place.
    """
    digits = _unmasked("CPF", text, _CPF_MASK, r"[0-9]{11}", masked=masked)
    if len(set(digits)) == 1:
        raise InvalidNumber("CPF", "repeated")
    if not cpf.is_valid(digits):
        raise InvalidNumber("CPF", "check_digit")
    return digits


def parse_cnpj(text: str, *, masked: bool = False) -> str:
    """Return a CNPJ as fourteen characters; `masked` demands exactly ##.###.###/####-##.

    Otherwise the mask or the bare characters are taken, small letters too. The first twelve may be
    letters: new inscriptions get them since July 2026, a new branch of an old company among them,
    so that a company's age says nothing of it (IN RFB 2.229/2024). Guarded: python-stdnum takes
    separators in any place.
    """
    number = _unmasked("CNPJ", text, _CNPJ_MASK, r"[0-9A-Z]{12}[0-9]{2}", masked=masked)
    if len(set(number)) == 1:
        raise InvalidNumber("CNPJ", "repeated")
    if not cnpj.is_valid(number):
        raise InvalidNumber("CNPJ", "check_digit")
    return number


def clean_mask(text: str) -> str:
    """Return a CPF or CNPJ as it is meant, with the mask that it came with."""
    return visible(text[:_LONGEST]).upper()


def has_cpf_mask(text: str) -> bool:
    """Say whether `text` looks like a masked CPF; all that a relay of others' numbers may ask."""
    return _CPF_MASK.fullmatch(text) is not None


def has_cnpj_mask(text: str, *, alphanumeric: bool = True) -> bool:
    """Say whether `text` looks like a masked CNPJ, of digits alone unless `alphanumeric`."""
    letters = re.search("[A-Z]", text) is not None
    return _CNPJ_MASK.fullmatch(text) is not None and (alphanumeric or not letters)


def parse_ip(text: str) -> str:
    """Return an IPv4 address without leading zeros, or an IPv6 address in its short form.

    `192.168.001.010` is read as decimal. Guarded: Python's `ipaddress` refuses leading zeros, and
    some C libraries read them as octal. A zone (`%eth0`) says nothing outside its own machine.
    """
    plain = visible(text[:_LONGEST]).strip("[]")
    if ":" in plain:
        try:
            address = IPv6Address(plain)
        except AddressValueError:
            raise InvalidNumber("IP address", "characters") from None
        if address.scope_id is not None:
            raise InvalidNumber("IP address", "characters")
        return str(address)
    octets = plain.split(".")
    if len(octets) != 4 or not all(_OCTET.fullmatch(octet) for octet in octets):
        raise InvalidNumber("IP address", "characters")
    if any(int(octet) > 255 for octet in octets):
        raise InvalidNumber("IP address", "range")
    return ".".join(str(int(octet)) for octet in octets)


def _unmasked(kind: str, text: str, mask: re.Pattern[str], bare: str, *, masked: bool) -> str:
    """Return the characters between the mask's separators; one form or the other, no mixture."""
    plain = clean_mask(text)
    if not mask.fullmatch(plain) and (masked or not re.fullmatch(bare, plain)):
        raise InvalidNumber(kind, "mask")
    return re.sub(r"[./\-]", "", plain)
