"""Document numbers against the vectors of their standards, and where the libraries are wrong."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.br import cnpj, cpf

from domain.people.identity_numbers import (
    InvalidNumber,
    has_cnpj_mask,
    has_cpf_mask,
    parse_card_number,
    parse_cnpj,
    parse_cpf,
    parse_ip,
    parse_mobile,
)


@pytest.mark.parametrize(
    "text",
    [
        "13888888888",
        "+8613888888888",
        "+86 138 8888 8888",
        "8613888888888",
        "86-138-8888-8888",
        "0086 138 8888 8888",
        "013888888888",
        " １３８８８８８８８８８ ",
        "138 8888  8888",
    ],
)
def test_a_mobile_is_eleven_digits(text: str) -> None:
    assert parse_mobile(text) == "13888888888"


@pytest.mark.parametrize(
    "prefix", ["134", "147", "149", "153", "162", "165", "166", "170", "171", "190", "192", "199"]
)
def test_no_table_of_prefixes_is_asked(prefix: str) -> None:
    assert parse_mobile(f"{prefix}12345678") == f"{prefix}12345678"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12888888888",
        "10012345678",
        "1388888888",
        "138888888888",
        "1064812345678",
        "1410000000000",
        "010-12345678",
        "+852 51234567",
        "+1 13888888888",
        "13888888888 ext 5",
        "13888888888;ext=5",
        "13888888888#5",
        "tel:13888888888",
        "138-8888-TEST",
        "13888888888,13999999999",
        "١٣٨٨٨٨٨٨٨٨٨",
        "9" * 300,
    ],
)
def test_what_is_no_mobile_is_refused(text: str) -> None:
    with pytest.raises(InvalidNumber):
        parse_mobile(text)


@pytest.mark.parametrize(
    "number",
    [
        "6212262308004359191",
        "6228480402564890018",
        # Sample cards of gateways, whose Luhn digit is wrong: only the bank can say.
        "6262320120123210",
        "6222022005001212723",
        "621226230800435123",
        "62252211445533655",
    ],
)
def test_no_card_is_refused_for_its_luhn_digit(number: str) -> None:
    assert parse_card_number(number) == number


def test_a_card_is_read_as_printed() -> None:
    assert parse_card_number(" 6212 2623-0800 4359 191") == "6212262308004359191"
    assert parse_card_number("６２１２２６２３０８００４３５９１９１") == "6212262308004359191"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("123456789012", "length"),
        ("12345678901234567890", "length"),
        ("", "characters"),
        ("621226230800435919X", "characters"),
        ("٦٢١٢٢٦٢٣٠٨٠٠٤٣٥٩١٩١", "characters"),
        ("6212262308004359191;", "characters"),
    ],
)
def test_what_is_no_card_is_refused(text: str, part: str) -> None:
    with pytest.raises(InvalidNumber) as caught:
        parse_card_number(text)
    assert caught.value.part == part


@pytest.mark.parametrize(
    "mask",
    [
        "261.026.462-31",
        "677.498.846-61",
        "199.208.915-92",
        "372.989.950-30",
        "440.896.050-08",
        "529.982.247-25",
        "111.444.777-35",
    ],
)
def test_a_cpf_is_read_masked_or_bare(mask: str) -> None:
    digits = mask.replace(".", "").replace("-", "")
    assert parse_cpf(mask) == parse_cpf(mask, masked=True) == parse_cpf(f" {digits}\n") == digits
    with pytest.raises(InvalidNumber) as caught:
        parse_cpf(digits, masked=True)
    assert caught.value.part == "mask"


@pytest.mark.parametrize("mask", ["123.456.789-12", "321.987.543-23", "111.283.333-00"])
def test_a_mask_alone_does_not_make_a_cpf(mask: str) -> None:
    assert has_cpf_mask(mask)
    with pytest.raises(InvalidNumber) as caught:
        parse_cpf(mask)
    assert caught.value.part == "check_digit"


@pytest.mark.parametrize("digit", "0123456789")
def test_equal_digits_are_no_cpf_though_the_library_takes_them(digit: str) -> None:
    assert cpf.is_valid(digit * 11) is (digit != "0")
    with pytest.raises(InvalidNumber) as caught:
        parse_cpf(digit * 11)
    assert caught.value.part == "repeated"


@pytest.mark.parametrize(
    ("text", "library"),
    [
        ("1114447773-5", True),
        ("529 982 247 25", True),
        ("52998224.725", True),
        ("5299822472", False),
        ("529.982.247-2X", False),
        ("", False),
    ],
)
def test_a_half_mask_is_no_mask(text: str, library: bool) -> None:
    assert cpf.is_valid(text) is library
    with pytest.raises(InvalidNumber) as caught:
        parse_cpf(text)
    assert caught.value.part == "mask"
    assert not has_cpf_mask(text)


CNPJ_MASKS = [
    "12.ABC.345/01DE-35",
    "35.472.523/0001-15",
    "11.222.333/0001-81",
    "32.402.502/0001-35",
]


@pytest.mark.parametrize("mask", CNPJ_MASKS)
def test_a_cnpj_is_read_masked_or_bare(mask: str) -> None:
    bare = mask.translate({ord(mark): None for mark in "./-"})
    assert parse_cnpj(mask) == parse_cnpj(mask, masked=True) == bare
    assert parse_cnpj(f" {bare.lower()} ") == bare
    assert has_cnpj_mask(mask)
    with pytest.raises(InvalidNumber):
        parse_cnpj(bare, masked=True)


def test_a_relay_may_ask_for_digits_only() -> None:
    assert not has_cnpj_mask("12.ABC.345/01DE-35", alphanumeric=False)
    assert has_cnpj_mask("35.472.523/0001-15", alphanumeric=False)


@pytest.mark.parametrize("letter", "IOQF")
def test_letters_that_look_like_digits_are_valid_too(letter: str) -> None:
    body = f"12{letter}BC34501DE"
    digits = cnpj_digits(body)
    assert parse_cnpj(body + digits) == body + digits


def cnpj_digits(body: str) -> str:
    """The rule of the Receita Federal, written apart from the code under test."""
    for weights in ((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)):
        rest = sum((ord(c) - 48) * weight for c, weight in zip(body, weights, strict=True)) % 11
        body += "0" if rest < 2 else str(11 - rest)
    return body[12:]


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=12, max_size=12))
def test_the_library_counts_as_the_rule_says(body: str) -> None:
    assert cnpj.calc_check_digits(body) == cnpj_digits(body)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("35.472.523/0001-16", "check_digit"),
        ("12.ABC.345/01DE-53", "check_digit"),
        ("00.000.000/0000-00", "repeated"),
        ("12.ABC.345/01DE-3A", "mask"),
        ("35472523/0001-15", "mask"),
        ("35-472-523-0001-15", "mask"),
        ("12.AbC.345/01DE-3", "mask"),
        ("", "mask"),
    ],
)
def test_what_is_no_cnpj_is_refused(text: str, part: str) -> None:
    with pytest.raises(InvalidNumber) as caught:
        parse_cnpj(text)
    assert caught.value.part == part


def test_the_library_takes_what_is_no_cnpj() -> None:
    """If this fails the library has learnt, and the guard may go."""
    assert cnpj.is_valid("１１２２２３３３０００１８１")
    assert cnpj.is_valid("35-472-523-0001-15")


def test_small_letters_and_full_width_digits_are_taken_as_meant() -> None:
    assert parse_cnpj("12.abc.345/01de-35") == "12ABC34501DE35"
    assert parse_cnpj("12.abc.345/01de-35", masked=True) == "12ABC34501DE35"
    assert parse_cnpj("１１２２２３３３０００１８１") == "11222333000181"
    assert parse_cpf("1114447773５") == "11144477735"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("192.168.1.10", "192.168.1.10"),
        ("192.168.001.010", "192.168.1.10"),
        ("010.000.000.001", "10.0.0.1"),
        ("255.255.255.255", "255.255.255.255"),
        ("::1", "::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:203.0.113.7", "::ffff:cb00:7107"),
    ],
)
def test_an_address_may_have_leading_zeros(text: str, normal: str) -> None:
    assert parse_ip(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.0004",
        "1.2.3.-4",
        "1.2.3. 4",
        "١.٢.٣.٤",
        ":",
        "1::2::3",
        "fe80::1%eth0",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidNumber):
        parse_ip(text)


@given(st.text(max_size=40))
@pytest.mark.parametrize(
    "parse",
    [
        parse_mobile,
        parse_card_number,
        parse_cpf,
        lambda text: parse_cnpj(text),
        parse_ip,
    ],
)
def test_any_text_is_read_or_refused(parse: Callable[[str], object], text: str) -> None:
    with contextlib.suppress(InvalidNumber):
        parse(text)
