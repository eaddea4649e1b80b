"""What comes in: nobody of the future, nobody twice, no unknown code, no rate left unsaid."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.credit_analysis.errors import Fault, InvalidProposal
from domain.credit_analysis.parsing import read_proposal
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.proposal import AnyProposal
from domain.credit_analysis.receipt import COUNTRIES, receive_feedback, receive_proposal
from sandbox import registers
from tests.proposals import (
    NOW,
    PERSONAL,
    at,
    legal_person,
    masked_cpf,
    natural_person,
    published,
    read,
)

FIRM = {
    "legal_name": "Fiadora Ltda",
    "document_number": "11.222.333/0001-81",
    "constitution_date": "2012-03-01",
}


def faults(given: dict[str, Any], kind: PersonKind = PersonKind.LEGAL) -> tuple[Fault, ...]:
    with pytest.raises(InvalidProposal) as failure:
        read(given, kind)
    assert not any(text in str(failure.value) for text in PERSONAL)
    return failure.value.faults


def refused(given: dict[str, Any], kind: PersonKind = PersonKind.LEGAL) -> list[str]:
    return [fault.field for fault in faults(given, kind)]


def test_the_published_example_comes_in_as_it_is() -> None:
    assert receive_proposal(PersonKind.LEGAL, json.dumps(published()), NOW).id == "12345678"


@pytest.mark.parametrize(
    "day", ["2035-01-01", "2999-01-01", "2021-04-01", "1800-01-01", "1899-12-31", "0001-01-01"]
)
def test_nobody_is_of_the_future_or_of_a_past_century(day: str) -> None:
    owned = FIRM | {"shareholders": published()["shareholders"]}
    given = at(published(), "guarantors", [published()["guarantors"][0], owned])
    for path in (
        "constitution_date",
        "shareholders.0.birthdate",
        "guarantors.0.birthdate",
        "guarantors.1.constitution_date",
        "guarantors.1.shareholders.0.birthdate",
    ):
        assert refused(at(given, path, day)) == [path]
    assert refused(natural_person(birthdate=day), PersonKind.NATURAL)[0] == "birthdate"


def test_the_day_of_the_request_and_the_year_1900_are_still_possible() -> None:
    for day in ("2021-03-31", "1900-01-01"):
        read(legal_person(constitution_date=day))
        read(at(legal_person(), "shareholders.0.birthdate", day))


def test_every_wrong_date_is_named_at_once() -> None:
    given = at(published(), "shareholders.0.birthdate", "2035-01-01")
    given = at(given, "guarantors.0.birthdate", "2999-01-01")
    assert refused(given) == ["shareholders.0.birthdate", "guarantors.0.birthdate"]


def test_nobody_is_a_client_before_being_born_or_after_asking() -> None:
    person = natural_person(birthdate="1990-01-01")
    kind = PersonKind.NATURAL
    assert refused(person | {"client_since": "1989-12-31"}, kind) == ["client_since"]
    assert refused(person | {"client_since": "2021-04-01"}, kind) == ["client_since"]
    read(person | {"client_since": "1990-01-01"}, kind)
    assert refused(legal_person(client_since="1899-12-31")) == ["client_since"]


def test_a_request_is_at_most_a_day_ahead_of_now() -> None:
    for ahead, allowed in ((timedelta(days=1), True), (timedelta(days=1, seconds=1), False)):
        given = legal_person(credit_request_date=(NOW + ahead).isoformat())
        if allowed:
            read(given)
        else:
            assert refused(given) == ["credit_request_date"]
    assert refused(legal_person(credit_request_date="2099-01-01T00:00:00Z")) == [
        "credit_request_date"
    ]


def test_nobody_is_listed_twice() -> None:
    given = published()
    guarantor = given["guarantors"][0]
    renamed = guarantor | {"name": "Outra Pessoa", "declared_assets": 1}
    assert refused(at(given, "guarantors", [guarantor, renamed, guarantor])) == [
        "guarantors.1.document_number",
        "guarantors.2.document_number",
    ]
    owner = given["shareholders"][0]
    assert refused(at(given, "shareholders", [owner, copy.deepcopy(owner)])) == [
        "shareholders.1.document_number"
    ]
    owned = FIRM | {"shareholders": [owner, owner]}
    assert refused(at(given, "guarantors", [owned])) == [
        "guarantors.0.shareholders.1.document_number"
    ]


def test_a_shareholder_may_guarantee() -> None:
    given = published()
    read(at(given, "guarantors", [given["shareholders"][0]]))


def test_branches_of_a_company_are_the_company() -> None:
    # Two places of business of one company differ in the four characters before the check digits.
    branch = FIRM | {"document_number": "11.222.333/0002-62"}
    assert refused(legal_person(guarantors=[FIRM, branch])) == ["guarantors.1.document_number"]
    assert refused(legal_person(document_number=FIRM["document_number"], guarantors=[branch])) == [
        "guarantors.0.document_number"
    ]


def test_nobody_guarantees_for_himself() -> None:
    person = natural_person()
    same = copy.deepcopy(published()["guarantors"][0]) | {
        "document_number": person["document_number"]
    }
    assert refused(person | {"guarantors": [same]}, PersonKind.NATURAL) == [
        "guarantors.0.document_number"
    ]
    company = published()
    itself = FIRM | {"document_number": company["document_number"]}
    assert refused(at(company, "guarantors", [itself])) == ["guarantors.0.document_number"]


def test_a_property_is_pledged_once() -> None:
    given = published()
    first = given["warrants"][0]
    spelt = copy.deepcopy(first)
    spelt["address"]["street"] = " rua  CURITIBA"
    assert refused(at(given, "warrants", [first, spelt])) == ["warrants.1.address"]
    neighbour = at(first, "address.complement", "Bl 3 apt 123")
    read(at(given, "warrants", [first, neighbour]))


@pytest.mark.parametrize("code", ["ZZZ", "QQQ", "XKX", "YUG", "UKX"])
def test_a_country_is_one_of_iso_3166(code: str) -> None:
    given = published()
    elsewhere = given["address"] | {"country": code}
    for path in ("address", "shareholders.0.address", "guarantors.0.address", "warrants.0.address"):
        assert refused(at(given, path, elsewhere)) == [f"{path}.country"]
    for path in ("shareholders.0.nationality", "guarantors.0.nationality"):
        assert refused(at(given, path, code)) == [path]
    assert refused(natural_person(nationality=code), PersonKind.NATURAL) == ["nationality"]


def test_the_list_of_countries_is_whole() -> None:
    """The standard has 249 officially assigned codes."""
    assert len(COUNTRIES) == 249
    assert {"BRA", "CHN", "USA", "PRT", "TWN", "SSD", "ALA", "ESH"} <= COUNTRIES
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in COUNTRIES)


def of_warrant(proposal: AnyProposal) -> str:
    return proposal.warrants[0].property_type


def test_a_property_is_of_an_agreed_kind() -> None:
    """The four of the documents, one of them misspelt there."""
    for kind in ("house", "commercial_building", "office", "appartment"):
        assert of_warrant(read(at(published(), "warrants.0.property_type", kind))) == kind
    right = read(at(published(), "warrants.0.property_type", "apartment"))
    assert of_warrant(right) == "appartment"
    for kind in ("spaceship", "House", "land", "commercial"):
        assert refused(at(published(), "warrants.0.property_type", kind)) == [
            "warrants.0.property_type"
        ]


RATES = {
    "cdi_plus": "annual_interest_rate",
    "cdi_percentage": "cdi_percentage",
    "price": "annual_interest_rate",
    "pre_fixed": "annual_interest_rate",
}


@pytest.mark.parametrize("interest_type", RATES)
@pytest.mark.parametrize("absent", ["left out", "null"])
def test_the_rate_of_the_interest_type_is_needed(interest_type: str, absent: str) -> None:
    given = at(published(), "financial.interest_type", interest_type)
    rate = RATES[interest_type]
    given["financial"][rate] = None
    if absent == "left out":
        del given["financial"][rate]
    [fault] = faults(given)
    assert (fault.field, fault.code) == (f"financial.{rate}", "missing_field")
    assert interest_type in fault.message
    read(at(given, f"financial.{rate}", 0))


def test_the_number_of_instalments_is_needed_but_for_a_limit() -> None:
    given = published()
    del given["financial"]["number_of_installments"]
    assert refused(given) == ["financial.number_of_installments"]
    limit = given | {"credit_type": "credit_card_limit"}
    read(limit)
    assert refused(at(limit, "financial.interest_type", "price")) == [
        "financial.number_of_installments"
    ]
    bare = at(given, "financial", {"amount": 1, "currency": "BRL", "interest_type": "price"})
    assert refused(bare) == ["financial.annual_interest_rate", "financial.number_of_installments"]


def test_many_faults_are_told_up_to_a_limit() -> None:
    item = published()["shareholders"][0] | {"birthdate": "2035-01-01", "nationality": "ZZZ"}
    persons = [
        item | {"document_number": masked_cpf(registers.cpf("person_ok", n))} for n in range(50)
    ]
    assert len(refused(legal_person(shareholders=persons))) == 50


def test_what_is_on_record_is_read_without() -> None:
    given = at(published(), "shareholders.0.birthdate", "2035-01-01")
    given = at(given, "address.country", "ZZZ")
    assert read_proposal(PersonKind.LEGAL, json.dumps(given)).id == "12345678"


def test_an_event_is_reported_once_it_has_happened() -> None:
    def report(at_instant: datetime) -> str:
        return json.dumps({"credit_proposal_status": "paid", "event_date": at_instant.isoformat()})

    assert receive_feedback(report(NOW + timedelta(days=1)), NOW).credit_proposal_status == "paid"
    for late in (NOW + timedelta(days=1, seconds=1), datetime(2199, 1, 1, tzinfo=UTC)):
        with pytest.raises(InvalidProposal) as failure:
            receive_feedback(report(late), NOW)
        assert [fault.field for fault in failure.value.faults] == ["event_date"]
    with pytest.raises(InvalidProposal, match="credit_proposal_status"):
        receive_feedback("{}", NOW)
