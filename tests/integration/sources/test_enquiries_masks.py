"""What the audit of an enquiry shows of people: the ends of numbers, and lengths."""

import json
from datetime import date

import pytest

from activities.sources.masks import masked
from providers.http.verdict import Verdict
from providers.sources.registers import PersonRequest
from providers.verification.contacts import Contact, ContactsRequest
from providers.verification.factors import BankCardRequest, CardVerification
from providers.verification.identity_card import CardFields, CardReading, CardReadRequest
from providers.verification.operator_report import OperatorReportQuery
from sandbox.personas import person

WHO = person("approved", 9)


def test_numbers_keep_their_ends_and_names_their_length() -> None:
    shown = masked(
        BankCardRequest(
            name="林小雨",
            identity_number="130100198501019000",
            card_number="6299010000000006",
            mobile="19901000000",
        )
    )
    assert shown == {
        "name": {"characters": 3},
        "identity_number": "130100********9000",
        "card_number": "629901******0006",
        "mobile": "199****0000",
    }


@pytest.mark.parametrize("number", ["", "1", "13010019850", "12345678909"])
def test_a_number_too_short_to_hide_enough_is_hidden_whole(number: str) -> None:
    request = PersonRequest.model_construct(
        country="BR", document_number=number, name="x", birth_date=None
    )
    assert masked(request)["document_number"] == "*" * len(number)


def test_pictures_lists_and_nested_messages_are_masked_too() -> None:
    assert masked(CardReadRequest(front=b"x" * 70, back=b"y" * 80)) == {
        "front": {"bytes": 70},
        "back": {"bytes": 80},
    }
    contact = Contact(name=WHO.name, relation="parent", mobile=WHO.mobile)
    shown = masked(
        ContactsRequest(identity_number=WHO.identity_number, mobile=WHO.mobile, contacts=[contact])
    )
    assert shown["contacts"][0]["relation"] == "parent"
    assert WHO.mobile not in json.dumps(shown)


def test_of_an_answer_the_verdict_the_codes_and_figures_are_shown() -> None:
    answer = CardVerification(
        verdict=Verdict.MATCH, bank_code="ICBC", bank_name="示例银行", card_type="debit"
    )
    assert masked(answer) == {
        "verdict": "match",
        "reasons": [],
        "bank_code": "ICBC",
        "bank_name": "示例银行",
        "card_type": "debit",
    }


def test_what_was_read_from_a_card_is_not_shown_nor_keys_that_others_chose() -> None:
    fields = CardFields(
        name=WHO.name,
        identity_number=WHO.identity_number,
        sex="female",
        birth_date=WHO.birth_date,
        address=WHO.address,
        issuer=WHO.issuer,
        valid_from=date(2020, 1, 1),
        valid_until=None,
    )
    reading = CardReading(verdict=Verdict.MATCH, fields=fields, scores={WHO.name: 0.9})
    shown = json.dumps(masked(reading), ensure_ascii=False)
    private = (WHO.name, WHO.identity_number, WHO.address, WHO.birth_date.isoformat(), "female")
    assert not [text for text in private if text in shown]
    assert masked(reading)["scores"] == {"entries": 1}


def test_what_stays_here_is_not_in_the_audit() -> None:
    query = OperatorReportQuery(
        capture_no="elt_1", reference="ref_1", emergency_mobiles=frozenset({WHO.mobile})
    )
    assert set(masked(query)) == {"capture_no", "reference"}
    assert WHO.mobile not in query.model_dump_json()
