"""Every field that people type or paste, with every kind of dirt that comes with it.

The dirt is what was seen: telephones wrap a number from the address book in marks of writing
direction, input methods write full-width digits, web pages and spreadsheets bring spaces that do
not break, byte order marks, soft hyphens and dashes of print.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.http.schemas import Reason
from api.v1.people.staff_schemas import Name as StaffName
from api.v1.verification.schemas import CodeEntry
from domain.credit_analysis.parties import Address, NaturalPerson, PhoneNumber
from domain.credit_analysis.proposal import Signer, Source
from domain.verification.complaints import plain_message
from domain.verification.elements import (
    AddressBookEntry,
    BankCard,
    BankFlows,
    CardTransaction,
    Company,
    CreditCard,
    EmergencyContact,
    Guarantor,
    OnlineBanking,
    Operator,
    OperatorReport,
    PersonalInformation,
    RealName,
)
from domain.verification.occupations import Telephone

INVISIBLE = (
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
    "\u00ad\u061c\u180e\ufe0f"
)
SPACES = " \t\n\u00a0\u1680\u2000\u2003\u2007\u2009\u200a\u202f\u205f\u3000"
HYPHENS = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
BRACKETS = ("()", "（）", "[]", "【】", "「」", "<>", "{}")

FULL_WIDTH = {ord("!") + step: ord("！") + step for step in range(94)}


Dirt = Callable[[str], str]


def wrapped(first: str, last: str, inside: int | None = None) -> Dirt:
    """Return what puts two signs around a text, or around its first characters."""
    return lambda text: f"{first}{text[:inside]}{last}{text[inside:] if inside else ''}"


def between(sign: str, *, every: int) -> Dirt:
    return lambda text: sign.join(text[at : at + every] for at in range(0, len(text), every))


AROUND: Mapping[str, Dirt] = {
    **{f"wrapped in U+{ord(mark):04X}": wrapped(mark, mark) for mark in INVISIBLE},
    **{f"between U+{ord(mark):04X}": between(mark, every=1) for mark in INVISIBLE},
    **{f"padded by U+{ord(one):04X}": wrapped(one, one) for one in SPACES},
    "as of an address book": wrapped("\u202d", "\u202c"),
    "full-width": lambda text: text.translate(FULL_WIDTH),
}
"""What is dirt in any field."""

WITHIN: Mapping[str, Dirt] = {
    **{f"grouped by U+{ord(one):04X}": between(one, every=4) for one in SPACES + HYPHENS + "."},
    **{f"in {pair}": wrapped(pair[0], pair[1]) for pair in BRACKETS},
    **{f"begun in {pair}": wrapped(pair[0], pair[1], 3) for pair in BRACKETS},
}
"""What is dirt within a number besides."""

PREFIXES = (
    *("+86", "86", "0086", "(+86)", "（+86）", "+86-", "+86 ", "＋86 ", "+(86)", "0", "+86 (0)"),
)


def form(model: type[BaseModel], field: str, **others: Any) -> Callable[[str], Any]:
    """Return what reads a text as one field of a form; the others are as they should be."""
    return lambda text: getattr(model.model_validate(others | {field: text}), field)


CONTACT = {"name": "林大树", "relation": "parent", "mobile": "13800138001"}
PERSONAL: dict[str, Any] = {
    "education": "bachelor",
    "marital_status": "single",
    "occupation": "freelance",
    "industry": "education",
    "monthly_income": 1,
    "address": "北京市朝阳区",
    "contacts": [CONTACT, CONTACT],
}
ADDRESS = {
    "country": "BRA",
    "street": "Rua Curitiba",
    "number": "150",
    "neighborhood": "Centro",
    "city": "São Paulo",
    "uf": "SP",
    "postal_code": "04005-030",
}
MOBILE, CARD, NUMBER = "13812345678", "6212262308004359191", "11010519491231002X"
PHONE = {"international_dial_code": "55", "area_code": "11", "number": "991722315"}
BRAZILIAN = {"name": "Ana", "document_number": "199.208.915-92", "birthdate": "1990-01-01"}
SIGNER = {"document_number": "372.989.950-30", "name": "Ana", "email": "a@b.com", "phone": PHONE}

NUMBERS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "operator.mobile": (form(Operator, "mobile"), MOBILE),
    "bank_card.mobile": (form(BankCard, "mobile", card_number=CARD), MOBILE),
    "bank_card.card_number": (form(BankCard, "card_number", mobile=MOBILE), CARD),
    "credit_card.card_number": (form(CreditCard, "card_number", mobile=MOBILE), CARD),
    "operator_report.mobile": (form(OperatorReport, "mobile"), MOBILE),
    "contact.mobile": (form(EmergencyContact, "mobile", name="林大树", relation="parent"), MOBILE),
    "address_book.mobile": (form(AddressBookEntry, "mobile", name="妈妈"), MOBILE),
    "card_transaction.card_number": (
        form(CardTransaction, "card_number", paid_on="2026-01-01", amount=1),
        CARD,
    ),
    "real_name.identity_number": (form(RealName, "identity_number", name="张伟"), NUMBER),
    "real_name of a foreigner": (
        form(RealName, "identity_number", name="Ana Lima"),
        "CAN310067080206",
    ),
    "guarantor.identity_number": (
        form(Guarantor, "identity_number", name="张伟", mobile=MOBILE, relation="friend"),
        NUMBER,
    ),
    "company.registration_number": (
        form(Company, "registration_number", name="某某公司", position="employee"),
        "91110000600037341L",
    ),
    "online_banking.bank_code": (form(OnlineBanking, "bank_code"), "DEMO"),
    "bank_flows.bank_code": (form(BankFlows, "bank_code"), "DEMO"),
    "code of a source": (form(CodeEntry, "code"), "123456"),
    "phone.number": (form(PhoneNumber, "number", **PHONE), "991722315"),
}
TEXTS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "real_name.name": (form(RealName, "name", identity_number=NUMBER), "阿迪力·买买提"),
    "a Latin name": (form(RealName, "name", identity_number=NUMBER), "Anna-Maria O'Neill"),
    "contact.name": (form(EmergencyContact, "name", relation="parent", mobile=MOBILE), "林大树"),
    "document_number": (
        form(
            NaturalPerson,
            "document_number",
            **BRAZILIAN,
        ),
        "199.208.915-92",
    ),
    "email": (form(NaturalPerson, "email", **BRAZILIAN), "ana.lima@sample.com"),
    "signer.email": (
        form(Signer, "email", **SIGNER),
        "a@b.com",
    ),
    "postal_code": (
        form(Address, "postal_code", **ADDRESS),
        "04005-030",
    ),
    "source.ip": (form(Source, "ip", channel="app"), "203.0.113.7"),
    "employer_telephone": (TypeAdapter(Telephone).validate_python, "010-88886666"),
}
"""Texts whose spaces and hyphens count, so that only what is around and unseen is dirt."""

FREE: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "address": (
        form(PersonalInformation, "address", **PERSONAL),
        "北京市朝阳区建国路一号（甲）",
    ),
    "company.name": (
        form(Company, "name", registration_number="91110000600037341L", position="employee"),
        "示例（北京）有限公司",
    ),
    "a Brazilian name": (
        form(NaturalPerson, "name", document_number="199.208.915-92", birthdate="1990-01-01"),
        "Ana da Silva",
    ),
    "street": (
        form(Address, "street", **ADDRESS),
        "Rua Curitiba",
    ),
    "name of staff": (TypeAdapter(StaffName).validate_python, "Rita Example"),
    "reason": (TypeAdapter(Reason).validate_python, "income confirmed by phone"),
}
"""Free text, whose letters stay as they are."""


@pytest.mark.parametrize("dirt", [*AROUND, *WITHIN])
@pytest.mark.parametrize("field", NUMBERS)
def test_a_number_is_cleaned_of_whatever_came_with_it(field: str, dirt: str) -> None:
    read, clean = NUMBERS[field]
    dirty = {**AROUND, **WITHIN}[dirt](clean)
    assert read(dirty) == clean
    assert read(clean) == clean


@pytest.mark.parametrize("dirt", AROUND)
@pytest.mark.parametrize("field", TEXTS)
def test_a_text_is_cleaned_of_what_cannot_be_seen(field: str, dirt: str) -> None:
    read, clean = TEXTS[field]
    assert read(AROUND[dirt](clean)) == clean


@pytest.mark.parametrize("dirt", [name for name in AROUND if name != "full-width"])
@pytest.mark.parametrize("field", FREE)
def test_free_text_keeps_its_letters(field: str, dirt: str) -> None:
    read, clean = FREE[field]
    assert read(AROUND[dirt](clean)) == clean


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("field", [name for name in NUMBERS if name.endswith("mobile")])
def test_a_mobile_loses_the_prefix_of_its_country(field: str, prefix: str) -> None:
    read, clean = NUMBERS[field]
    assert read(f"{prefix}{clean}") == clean
    assert read(f"\u202d{prefix}{clean}\u202c") == clean


@pytest.mark.parametrize("last", "xX×ХⅩ✕")
def test_the_x_of_an_identity_number_may_be_any_keyboards(last: str) -> None:
    assert NUMBERS["real_name.identity_number"][0](f"11010519491231002{last}") == NUMBER


@pytest.mark.parametrize(
    "pasted", ["<a@b.com>", "mailto:a@b.com", "a＠b。com", " a@b.com\u200b", '"a@b.com"']
)
def test_an_address_of_mail_is_taken_out_of_its_link(pasted: str) -> None:
    assert TEXTS["email"][0](pasted) == "a@b.com"


def test_an_address_book_keeps_what_is_no_mobile() -> None:
    read = NUMBERS["address_book.mobile"][0]
    assert read("\u202d95588\u202c") == "95588"
    assert read("+852 5123 4567") == "+852 5123 4567"


def test_a_number_that_hides_in_a_reason_is_found() -> None:
    for hidden in (
        f"call \u202d{MOBILE}\u202c",
        MOBILE.translate(FULL_WIDTH),
        "138\u00a01234\u00a05678",
    ):
        with pytest.raises(ValidationError):
            TypeAdapter(Reason).validate_python(hidden)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("real_name.identity_number", "11010519491231002"),
        ("real_name.identity_number", "110105194912310021"),
        ("real_name.identity_number", "990105194912310021"),
        ("real_name.identity_number", "11010519490231002X"),
        ("real_name.identity_number", "#" * 18),
        ("operator.mobile", "12345"),
        ("operator.mobile", "138abc"),
        ("bank_card.card_number", "62"),
        ("bank_card.card_number", "62x"),
        ("company.registration_number", "91110000"),
        ("code of a source", "12a"),
        ("phone.number", "x"),
    ],
)
def test_what_is_refused_tells_an_ordinary_person_what_to_do(field: str, wrong: str) -> None:
    with pytest.raises(ValidationError) as caught:
        NUMBERS[field][0](wrong)
    (complaint,) = caught.value.errors(include_url=False)
    told = plain_message(complaint)
    assert len(told.split()) > 5 or told.startswith("must be")
    assert wrong not in told
    assert not {"length", "province", "check_digit", "pattern", "regex"} & set(told.split())
