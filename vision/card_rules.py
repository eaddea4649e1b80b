"""What the numbers on an identity card must satisfy (GB 11643-1999)."""

import re
from datetime import date
from typing import Final, Literal

Sex = Literal["male", "female"]

_FORM: Final = re.compile(r"[1-9][0-9]{16}[0-9X]")
_RUN: Final = re.compile(r"(?<![0-9])[1-9][0-9]{16}[0-9X](?![0-9])")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_FULL_WIDTH: Final = str.maketrans("０１２３４５６７８９Ｘｘx×", "0123456789XXXX")


def numbers_in(text: str) -> list[str]:
    """Return the identity numbers in a text whose check digit and birth date are right.

    A number that fails is never returned: a digit was misread, or the card is no card.
    """
    packed = re.sub(r"\s", "", text).translate(_FULL_WIDTH)
    return [run for run in _RUN.findall(packed) if is_right(run)]


def is_right(number: str) -> bool:
    """Say whether a number's form, check digit (ISO 7064 MOD 11-2) and birth date are right."""
    if not _FORM.fullmatch(number):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    if "10X98765432"[total % 11] != number[17]:
        return False
    return day(number[6:10], number[10:12], number[12:14]) is not None


def birth_date_of(number: str) -> date:
    """Return the birth date inside a right number."""
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def sex_of(number: str) -> Sex:
    """Return the sex inside a right number: the sequence is odd for men."""
    return "male" if int(number[16]) % 2 else "female"


def day(year: str, month: str, of_month: str) -> date | None:
    """Return a date of the calendar, None if there is none such."""
    try:
        found = date(int(year), int(month), int(of_month))
    except ValueError:
        return None
    return found if 1800 <= found.year <= 2200 else None
