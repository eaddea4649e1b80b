"""Money as integer minor units (fen) of an ISO 4217 currency; no float comes near it."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from domain.common.currencies import MINOR_DIGITS
from domain.common.errors import InvalidAmount, UnknownCurrency

_RATE = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,14})(?:\.([0-9]+))?", re.ASCII)


def _refuse_float(value: object) -> object:
    if isinstance(value, float):
        raise ValueError("a rate is a decimal or its text, never a float")
    if isinstance(value, str) and _RATE.fullmatch(value) is None:
        # A larger exponent could ask for a text of a million digits.
        raise ValueError("a rate is written in digits, such as 23.5")
    return value


def _plain(rate: Decimal) -> Decimal:
    """Give equal rates one spelling, so that 24 and 24.00 have one hash."""
    return Decimal(f"{rate.normalize():f}")


Amount = Annotated[int, Field(strict=True, ge=0)]
"""Minor units, zero or more."""

PositiveAmount = Annotated[int, Field(strict=True, gt=0)]
"""Minor units, at least one."""

Percent = Annotated[Decimal, BeforeValidator(_refuse_float), AfterValidator(_plain)]
"""A rate in percent a year: `Decimal("24")` is 24 %."""


def half_up(numerator: int, denominator: int) -> int:
    """Round a fraction to the nearest integer, halves away from zero; `denominator` is positive."""
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return rounded if numerator >= 0 else -rounded


def minor_digits(currency: str) -> int:
    """Return how many digits follow the point in `currency`; raise `UnknownCurrency`."""
    try:
        return MINOR_DIGITS[currency]
    except KeyError:
        raise UnknownCurrency(
            f"{currency!r} is no currency of ISO 4217: write its three capital letters, such as CNY"
        ) from None


def format_amount(amount: int, currency: str) -> str:
    """Write minor units for people: 1000000 fen is `10,000.00`; a debt is `-1.00`."""
    digits = minor_digits(currency)
    sign = "-" if amount < 0 else ""
    unit: int = 10**digits
    major, minor = divmod(abs(amount), unit)
    return f"{sign}{major:,}.{minor:0{digits}d}" if digits else f"{sign}{major:,}"


def plain_amount(amount: int, currency: str) -> str:
    """Write minor units for programs: 1000000 fen is `10000.00`; `parse_amount` reads it."""
    return format_amount(amount, currency).replace(",", "")


def money(amount: int, currency: str) -> str:
    """Write minor units for people, with their currency: `10,000.00 CNY`."""
    return f"{format_amount(amount, currency)} {currency}"


def parse_amount(text: str, currency: str) -> int:
    """Read an amount such as `10000.00` into minor units.

    Takes digits with an optional point; raises `InvalidAmount` on signs, separators, exponents and
    more digits after the point than the currency has.
    """
    digits = minor_digits(currency)
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise InvalidAmount(f"write the amount in digits, such as {format_amount(123, currency)}")
    major, minor = match.group(1), match.group(2) or ""
    if len(minor) > digits:
        raise InvalidAmount(f"{currency} has {digits} digits after the point")
    return int(major + minor.ljust(digits, "0"))
