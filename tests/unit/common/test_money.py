from decimal import ROUND_HALF_UP, Decimal
from itertools import product

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.common.errors import InvalidAmount, UnknownCurrency
from domain.common.money import Amount, Percent, format_amount, half_up, parse_amount


def test_half_up_rounds_as_the_decimal_module_does(subtests: pytest.Subtests) -> None:
    for numerator, denominator in product(range(-25, 26), (1, 2, 4, 5, 8)):
        with subtests.test(numerator=numerator, denominator=denominator):
            exact = Decimal(numerator) / denominator
            assert half_up(numerator, denominator) == exact.quantize(Decimal(1), ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1_000_000, "CNY", "10,000.00"),
        (94_555, "CNY", "945.55"),
        (5, "CNY", "0.05"),
        (0, "CNY", "0.00"),
        (-94_560, "CNY", "-945.60"),
        (-5, "CNY", "-0.05"),
        (12_345, "JPY", "12,345"),
    ],
)
def test_amounts_are_written_for_people(amount: int, currency: str, text: str) -> None:
    assert format_amount(amount, currency) == text


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("10000.00", "CNY", 1_000_000),
        ("945.6", "CNY", 94_560),
        ("7", "CNY", 700),
        ("0.05", "CNY", 5),
        ("12345", "JPY", 12_345),
    ],
)
def test_amounts_are_read_exactly(text: str, currency: str, amount: int) -> None:
    assert parse_amount(text, currency) == amount


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "1,000", "1e3", "1.", ".5", "0x1", "01", "1.005", "١", "1\n", " 1", "9" * 16],
)
def test_anything_but_plain_digits_is_refused(text: str) -> None:
    with pytest.raises(InvalidAmount) as refused:
        parse_amount(text, "CNY")
    assert refused.value.message in (
        "write the amount in digits, such as 1.23",
        "CNY has 2 digits after the point",
    )


def test_a_currency_without_minor_unit_takes_no_point() -> None:
    with pytest.raises(InvalidAmount, match="JPY has 0 digits"):
        parse_amount("1.0", "JPY")


def test_an_unknown_currency_is_named() -> None:
    with pytest.raises(UnknownCurrency) as refused:
        format_amount(1, "XXX")
    assert refused.value.message == (
        "'XXX' is no currency of ISO 4217: write its three capital letters, such as CNY"
    )


@pytest.mark.parametrize("value", [1.0, "1", True, -1])
def test_an_amount_is_a_whole_number_of_minor_units(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Amount).validate_python(value)


def test_a_rate_is_never_a_float() -> None:
    with pytest.raises(
        ValidationError, match=r"Value error, a rate is a decimal or its text, never a float \["
    ):
        TypeAdapter(Percent).validate_python(24.0)


@pytest.mark.parametrize("text", ["", "a", "1,5", "1e999", " 1", "0x1", "NaN", "Infinity"])
def test_a_rate_is_written_in_digits(text: str) -> None:
    with pytest.raises(ValidationError, match=r"a rate is written in digits, such as 23\.5"):
        TypeAdapter(Percent).validate_python(text)


@pytest.mark.parametrize("spelling", ["24", "24.00", "2.4E1"])
def test_equal_rates_have_one_spelling(spelling: str) -> None:
    assert str(TypeAdapter(Percent).validate_python(spelling)) == "24"
