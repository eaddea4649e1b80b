"""The table of currencies, beside what other lists of ISO 4217 say."""

import pycountry
import pytest

from domain.common.currencies import MINOR_DIGITS
from domain.common.money import format_amount, parse_amount

# ISO 4217 list one: bond market units, metals, the SDR, and codes for tests have no minor unit.
WITHOUT_MINOR_UNIT = {"XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU"} | {
    *("XTS", "XUA", "XXX")
}


def test_every_currency_in_use_is_known() -> None:
    listed = {currency.alpha_3 for currency in pycountry.currencies}
    assert set(MINOR_DIGITS) == listed - WITHOUT_MINOR_UNIT


@pytest.mark.parametrize(
    ("digits", "codes"),
    [
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    ],
)
def test_the_currencies_that_do_not_count_in_hundredths(digits: int, codes: str) -> None:
    # Wikipedia, "ISO 4217", table "active codes", column D; the same in Java's Currency class.
    assert {code for code, found in MINOR_DIGITS.items() if found == digits} == set(codes.split())


@pytest.mark.parametrize(
    ("currency", "amount", "text"),
    [
        ("KWD", 1_234_567, "1,234.567"),
        ("KRW", 1_234_567, "1,234,567"),
        ("IDR", 1_234_567, "12,345.67"),
        ("CLF", 1_234_567, "123.4567"),
    ],
)
def test_amounts_are_written_with_their_own_digits(currency: str, amount: int, text: str) -> None:
    assert format_amount(amount, currency) == text
    assert parse_amount(text.replace(",", ""), currency) == amount
