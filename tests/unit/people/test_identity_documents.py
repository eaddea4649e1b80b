"""Numbers of identity documents: their checks, what they say, and where the library is wrong."""

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric
from stdnum.exceptions import InvalidComponent

from domain.people.identity_documents import (
    DOCUMENTS,
    DocumentType,
    birth_date_in,
    document_type,
    identity_number,
    read_document,
)
from domain.people.identity_numbers import InvalidNumber

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("number", "born", "sex"),
    [
        ("11010519491231002X", date(1949, 12, 31), "female"),
        ("440524188001010014", date(1880, 1, 1), "male"),
        ("411524198810280019", date(1988, 10, 28), "male"),
        ("53010219200508011X", date(1920, 5, 8), "male"),
        ("110108198802019650", date(1988, 2, 1), "male"),
    ],
)
def test_a_citizen_number_says_birth_and_sex(number: str, born: date, sex: str) -> None:
    citizen = read_document(number, TODAY)
    assert (citizen.type, citizen.number) == (DocumentType.CITIZEN_CARD, number)
    assert (citizen.birth_date, citizen.sex, citizen.nationality) == (born, sex, "CHN")


def with_check_digit(body: str) -> str:
    """GB 11643-1999 by its weights, written apart from the code under test."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


@pytest.mark.parametrize("province", ["71", "46", "54", "65"])
def test_every_province_is_taken(province: str) -> None:
    number = with_check_digit(f"{province}000019900101001")
    assert read_document(number, TODAY).type is DocumentType.CITIZEN_CARD


@pytest.mark.parametrize("province", ["10", "16", "24", "38", "47", "55", "66", "72", "80", "84"])
def test_a_province_that_does_not_exist_is_refused(province: str) -> None:
    with pytest.raises(InvalidNumber) as caught:
        read_document(with_check_digit(f"{province}000019900101001"), TODAY)
    assert caught.value.part == "region"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("141202200010061530", "check_digit"),
        ("11010519491231002", "length"),
        ("110105491231002", "length"),
        ("110105194912310021X", "length"),
        ("", "length"),
        ("11010519491231", "length"),
        ("991010519491231002X", "length"),
        ("1101051949123100X2", "characters"),
        ("11010519491231002Y", "characters"),
        ("١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", "characters"),
        (with_check_digit("11010519490229002"), "birth_date"),
        (with_check_digit("11010519491301002"), "birth_date"),
        (with_check_digit("11010517991231002"), "birth_date"),
        (with_check_digit("11010521000101002"), "birth_date"),
        (with_check_digit("11010500000000002"), "birth_date"),
        (with_check_digit("11010520261122002"), "birth_date"),
    ],
)
def test_a_wrong_citizen_number_is_refused_without_being_quoted(text: str, part: str) -> None:
    with pytest.raises(InvalidNumber) as caught:
        read_document(text, TODAY)
    assert caught.value.part == part
    assert not text or text not in str(caught.value)


def test_who_is_born_today_has_a_number() -> None:
    assert read_document(with_check_digit("11010520261121002"), TODAY).birth_date == TODAY


@pytest.mark.parametrize(
    "text",
    [
        "11010519491231002x",
        " 11010519491231002X\n",
        "１１０１０５１９４９１２３１００２Ｘ",
        "１１０１０５１９４９１２３１００２ｘ",
    ],
)
def test_full_width_and_small_letters_are_taken_as_meant(text: str) -> None:
    assert read_document(text, TODAY).number == "11010519491231002X"


def test_a_citizen_number_does_not_show_itself() -> None:
    shown = repr(read_document("11010519491231002X", TODAY))
    assert "1949" not in shown


@given(st.integers(0, 16), st.integers(1, 9))
def test_any_one_wrong_digit_is_noticed(place: int, shift: int) -> None:
    number = "110108198802019650"
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    with pytest.raises(InvalidNumber):
        read_document(wrong, TODAY)


def test_the_library_refuses_citizens_whom_we_take() -> None:
    """If this fails the library has learnt, and the guard may go."""
    for number in ("440524188001010014", "411524198810280019", "53010219200508011X"):
        with pytest.raises(InvalidComponent):
            ric.validate(number)
    with pytest.raises(KeyError):
        ric.validate("141202200010061539")
    assert read_document("141202200010061539", TODAY).birth_date == date(2000, 10, 6)


@pytest.mark.parametrize(
    ("text", "number", "kind", "born", "sex", "nationality"),
    [
        # The specimen of the form of 2023, as the immigration administration showed it.
        (
            *("911124198108030024", "911124198108030024", "permanent_residence_card"),
            *(date(1981, 8, 3), "female", "CAN"),
        ),
        # The specimen of the older form.
        (
            *("CAN310067080206", "CAN310067080206", "permanent_residence_card"),
            *(date(1967, 8, 2), None, "CAN"),
        ),
        # The specimens of permits of the residents of Hong Kong and Taiwan.
        (
            *("810000199408230021", "810000199408230021", "residence_permit"),
            *(date(1994, 8, 23), "female", None),
        ),
        (
            *("830000199201300022", "830000199201300022", "residence_permit"),
            *(date(1992, 1, 30), "female", None),
        ),
        ("H12345678", "H12345678", "hong_kong_macao_permit", None, None, None),
        ("h12345678 01", "H12345678", "hong_kong_macao_permit", None, None, None),
        ("M87654321", "M87654321", "hong_kong_macao_permit", None, None, None),
        ("00112233", "00112233", "taiwan_permit", None, None, None),
        ("0011223301(B)", "00112233", "taiwan_permit", None, None, None),
        ("USA 123456789", "USA123456789", "passport", None, None, "USA"),
        ("CHN E12345678", "CHNE12345678", "passport", None, None, "CHN"),
    ],
)
def test_each_document_has_its_form_and_its_facts(
    text: str, number: str, kind: str, born: date | None, sex: str | None, nationality: str | None
) -> None:
    found = read_document(text, TODAY)
    assert (found.type, found.number) == (kind, number)
    assert (found.birth_date, found.sex, found.nationality) == (born, sex, nationality)
    assert read_document(found.number, TODAY) == found
    assert document_type(number) == kind
    assert birth_date_in(number, TODAY) == born


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("911124198108030025", "check_digit"),
        (with_check_digit("91199919810803002"), "country"),
        (with_check_digit("99912419810803002"), "region"),
        (with_check_digit("91112419810230002"), "birth_date"),
        (with_check_digit("91112420270803002"), "birth_date"),
        ("XYZ310067080206", "country"),
        ("CAN310067130206", "birth_date"),
        ("CAN31006708020", "length"),
        ("CAN3100670802066", "length"),
        (with_check_digit("81000019940230002"), "birth_date"),
        ("810000199408230022", "check_digit"),
        ("A12345678", "length"),
        ("H1234567", "length"),
        ("H123456789", "length"),
        ("1234567", "length"),
        ("E12345678", "length"),
        ("QQQ123456789", "country"),
        ("USAABCDEFGHI", "characters"),
    ],
)
def test_a_wrong_number_says_which_part_to_compare(text: str, part: str) -> None:
    with pytest.raises(InvalidNumber) as caught:
        read_document(text, TODAY)
    assert caught.value.part == part


def test_two_digits_of_a_year_are_the_latest_that_has_come() -> None:
    assert birth_date_in("CAN310026112006", TODAY) == date(2026, 11, 20)
    assert birth_date_in("CAN310026112206", TODAY) == date(1926, 11, 22)


def test_who_is_born_on_the_leap_day_of_2000_has_a_card() -> None:
    # 2000 is a leap year by the Gregorian rule (divisible by 400), 1900 and 9900 are not.
    number = "CAN310000022906"
    assert identity_number(number) == number
    assert document_type(number) == "permanent_residence_card"
    assert birth_date_in(number, TODAY) == date(2000, 2, 29)


@given(st.text("0123456789HMX", min_size=8, max_size=18))
def test_no_text_has_the_form_of_two_documents(text: str) -> None:
    forms = [form for some in DOCUMENTS.values() for form in some]
    assert sum(form.pattern.fullmatch(text) is not None for form in forms) <= 1


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidNumber):
        assert read_document(text, TODAY).number.isascii()
