from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from fractions import Fraction
from itertools import product

import pytest

from domain.common.money import half_up
from domain.common.rounding import (
    ROUNDING_UNITS,
    InvalidRounding,
    Rounding,
    RoundingMode,
    round_ratio,
)

# The decimal module is the reference: it implements the General Decimal Arithmetic Specification.
REFERENCE = {
    RoundingMode.HALF_UP: ROUND_HALF_UP,
    RoundingMode.HALF_EVEN: ROUND_HALF_EVEN,
    RoundingMode.UP: ROUND_UP,
    RoundingMode.DOWN: ROUND_DOWN,
}


@pytest.mark.parametrize("mode", list(RoundingMode))
def test_every_mode_rounds_as_the_decimal_module_does(
    mode: RoundingMode, subtests: pytest.Subtests
) -> None:
    for unit, denominator in product(ROUNDING_UNITS, (1, 2, 3, 8)):
        with subtests.test(unit=unit, denominator=denominator):
            for numerator in range(-25 * unit, 25 * unit + 1, max(1, unit // 8)):
                exact = Decimal(numerator) / denominator / unit
                expected = int(exact.quantize(Decimal(1), REFERENCE[mode])) * unit
                assert round_ratio(numerator, denominator, unit, mode) == expected


@pytest.mark.parametrize(
    ("mode", "amounts"),
    [
        (RoundingMode.HALF_UP, [94560, 94565, 94565, 94570]),
        (RoundingMode.HALF_EVEN, [94560, 94560, 94565, 94570]),
        (RoundingMode.UP, [94560, 94565, 94565, 94570]),
        (RoundingMode.DOWN, [94560, 94560, 94560, 94565]),
    ],
)
def test_amounts_go_to_multiples_of_five_fen(mode: RoundingMode, amounts: list[int]) -> None:
    exact = [Fraction(94560), Fraction(189125, 2), Fraction(94563), Fraction(94568)]
    assert [round_ratio(*amount.as_integer_ratio(), 5, mode) for amount in exact] == amounts


def test_the_default_is_half_up_to_one_minor_unit() -> None:
    assert round_ratio(5, 2) == 3
    assert round_ratio(-5, 2) == -3
    assert Rounding() == (1, RoundingMode.HALF_UP)
    assert round_ratio(7, 1) == 7


def test_the_default_agrees_with_the_rounding_of_money() -> None:
    for numerator in range(-40, 41):
        assert round_ratio(numerator, 8) == half_up(numerator, 8)


@pytest.mark.parametrize("unit", [0, -1, 2, 7, 99, 1_000_000])
def test_other_units_are_refused(unit: int) -> None:
    with pytest.raises(InvalidRounding, match="multiples of") as refusal:
        round_ratio(1, 1, unit)
    assert refusal.value.code == "invalid_rounding"


def test_units_are_a_fen_five_fen_and_one_ten_and_a_hundred_yuan() -> None:
    assert ROUNDING_UNITS == (1, 5, 10, 50, 100, 500, 1000, 5000, 10000, 100000)
