"""Rounding of exact amounts to the units money is charged in."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import Field

from domain.common.errors import DomainError

ROUNDING_UNITS = (1, 5, 10, 50, 100, 500, 1000, 5000, 10000, 100000)
"""Minor units an amount may be a multiple of: 0.01, 0.05, 0.10, 0.50, 1, ... of most currencies.

Those without minor units round to 10 (KRW), 100 or 1,000 (VND) of their own.
"""


class InvalidRounding(DomainError):
    """A rounding unit that no product may use."""


class RoundingMode(StrEnum):
    """What becomes of an amount between two multiples of the unit.

    Nearest, halves away from zero (`half_up`) or to the even multiple (`half_even`); always away
    from zero (`up`); always towards zero (`down`). A debt and a credit of the same size round to
    the same size.
    """

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"


class Rounding(NamedTuple):
    """A unit in minor units and a mode; the default is half up to one minor unit."""

    unit: Annotated[int, Field(strict=True)] = 1
    mode: RoundingMode = RoundingMode.HALF_UP


def round_ratio(
    numerator: int, denominator: int, unit: int = 1, mode: RoundingMode = RoundingMode.HALF_UP
) -> int:
    """Return the multiple of `unit` that `mode` rounds `numerator / denominator` minor units to.

    `denominator` is positive. Raises `InvalidRounding` unless `unit` is one of `ROUNDING_UNITS`.
    """
    if unit not in ROUNDING_UNITS:
        raise InvalidRounding(f"amounts are rounded to multiples of {ROUNDING_UNITS} minor units")
    divisor = denominator * unit
    multiple, rest = divmod(abs(numerator), divisor)
    if _goes_up(multiple, rest, divisor, mode):
        multiple += 1
    return multiple * unit if numerator >= 0 else -multiple * unit


def percent_of(amount: int, percent: Decimal, rounding: Rounding) -> int:
    """Return a percentage of an amount in minor units, rounded once."""
    numerator, denominator = percent.as_integer_ratio()
    return round_ratio(amount * numerator, denominator * 100, *rounding)


def _goes_up(multiple: int, rest: int, divisor: int, mode: RoundingMode) -> bool:
    if mode is RoundingMode.HALF_UP:
        return 2 * rest >= divisor
    if mode is RoundingMode.HALF_EVEN:
        return 2 * rest > divisor or (2 * rest == divisor and multiple % 2 == 1)
    return mode is RoundingMode.UP and rest > 0
