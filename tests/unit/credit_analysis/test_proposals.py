"""The object of a proposal: the published example, and every field and enum by its name."""

import copy
import json
from typing import Any

import pytest

from domain.credit_analysis.errors import InvalidProposal
from domain.credit_analysis.fields import DocumentRules
from domain.credit_analysis.parsing import read_proposal
from domain.credit_analysis.parties import ConstitutionType, LegalPerson, NaturalPerson, PersonKind
from domain.credit_analysis.proposal import LegalPersonProposal, parties_of, signers_of
from sandbox import registers
from tests.proposals import PERSONAL, at, legal_person, masked_cpf, natural_person, published, read

RECENT = {"credit_request_date": "2026-11-20T10:30:00-03:00", "client_since": None}


def refused(given: dict[str, Any], kind: PersonKind = PersonKind.LEGAL) -> set[str]:
    """Return the fields for which a proposal is refused."""
    with pytest.raises(InvalidProposal) as failure:
        read(given, kind)
    assert not any(text in str(failure.value) for text in PERSONAL)
    return {fault.field for fault in failure.value.faults}


def test_the_published_example_is_read_field_by_field() -> None:
    proposal = read(published())
    assert isinstance(proposal, LegalPersonProposal)
    assert proposal.financial.amount == 100_000
    assert str(proposal.financial.annual_interest_rate) == "2.32"
    assert proposal.credit_request_date.isoformat() == "2021-03-31T10:30:00-03:00"
    assert isinstance(proposal.guarantors[0], NaturalPerson)
    assert proposal.warrants[0].forced_selling_value == 60_000_000
    assert list(parties_of(proposal)) == ["subject", "shareholder:0", "guarantor:0"]


def test_nothing_of_it_is_shown() -> None:
    proposal = read(published())
    shown = f"{proposal!r} {proposal.guarantors!r} {proposal.source!r}"
    assert not any(text in shown for text in (*PERSONAL, "12345678"))


WRONG: tuple[tuple[str, object], ...] = (
    ("id", ""),
    ("id", "a b"),
    ("id", "x" * 65),
    ("id", 7),
    ("registration_id", "a/b"),
    ("credit_request_date", "2021-03-31"),
    ("credit_request_date", "2021-03-31T10:30:00"),
    ("credit_request_date", "2021-03-31T10:30:00.000Z"),
    ("credit_request_date", "2021-02-30T10:30:00Z"),
    ("credit_request_date", 1617193800),
    ("credit_request_date", "0001-01-01T00:00:00+14:00"),
    ("credit_request_date", "9999-12-31T23:59:59-12:00"),
    ("credit_type", "payday"),
    ("credit_type", "CLEAN"),
    ("legal_name", ""),
    ("legal_name", "x" * 256),
    ("trading_name", 5),
    ("document_number", "35472523000115"),
    ("document_number", "35.472.523/0001-16"),
    ("document_number", "35.472.523/0001-1"),
    ("document_number", "00.000.000/0000-00"),
    ("monthly_revenue", -1),
    ("monthly_revenue", 1.0),
    ("monthly_revenue", "50000000"),
    ("monthly_revenue", True),
    ("monthly_revenue", 10**15 + 1),
    ("client_category", ""),
    ("client_since", "11/02/2021"),
    ("client_since", "2021-13-01"),
    ("constitution_date", "2019-11-11T00:00:00Z"),
    ("constitution_date", "2021-04-01"),
    ("constitution_type", "guild"),
    ("email", "nobody"),
    ("email", "a@b"),
    ("address.country", "BR"),
    ("address.uf", "sp"),
    ("address.uf", "XX"),
    ("address.postal_code", "01452905"),
    ("address.street", ""),
    ("address.number", 2391),
    ("phones.0.type", "fax"),
    ("phones.0.international_dial_code", "+5555"),
    ("phones.0.area_code", ""),
    ("phones.0.number", "3223-x"),
    ("shareholders.0.document_number", "261.026.462-32"),
    ("shareholders.0.document_number", "111.111.111-11"),
    ("shareholders.0.birthdate", "22/08/1972"),
    ("shareholders.0.gender", "other"),
    ("shareholders.0.nationality", "bra"),
    ("shareholders.0.monthly_income", -5),
    ("shareholders.0.declared_assets", "x"),
    ("shareholders.0.occupation", ""),
    ("shareholders.0.address.postal_code", "1"),
    ("guarantors.0.document_number", "677.498.846-62"),
    ("guarantors.0.phones.0.type", "pigeon"),
    ("guarantors.0.name", None),
    ("financial.amount", 0),
    ("financial.amount", 1000.5),
    ("financial.amount", "1000"),
    ("financial.currency", "CNY"),
    ("financial.interest_type", "simple"),
    ("financial.annual_interest_rate", -1),
    ("financial.annual_interest_rate", "2.32"),
    ("financial.cdi_percentage", 1001),
    ("financial.number_of_installments", 0),
    ("financial.number_of_installments", 4.0),
    ("warrants.0.warrant_type", "vehicle"),
    ("warrants.0.property_type", ""),
    ("warrants.0.estimated_value", -1),
    ("warrants.0.forced_selling_value", 100_000_001),
    ("source.channel", "branch"),
    ("source.ip", "132.23.161"),
    ("source.ip", "132.23.161.256"),
    ("source.ip", "::1::"),
    ("source.ip", "fe80::1%eth0"),
    ("source.platform", "android"),
    ("id", "."),
    ("id", ".."),
    ("registration_id", "."),
    ("shareholders.0.documents", "rg"),
    ("source.session_id", "a b"),
    ("scr_parameters.signers", []),
    ("scr_parameters.signers.0.email", "x"),
    ("scr_parameters.signers.0.phone.number", "x"),
)


@pytest.mark.parametrize(("path", "value"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_field_is_named(path: str, value: object) -> None:
    assert refused(at(published(), path, value)) == {path}


@pytest.mark.parametrize(
    "place",
    ["", "address", "phones.0", "shareholders.0", "guarantors.0", "financial", "warrants.0",
     "source", "guarantors.0.address", "scr_parameters.signers.0"],
)  # fmt: skip
def test_an_unknown_field_is_named(place: str) -> None:
    path = f"{place}.surprise" if place else "surprise"
    assert refused(at(published(), path, 1)) == {path}


@pytest.mark.parametrize(
    "path",
    ["id", "credit_request_date", "credit_type", "legal_name", "document_number",
     "constitution_date", "monthly_revenue", "financial", "financial.amount", "financial.currency",
     "address.street", "shareholders.0.name", "warrants.0.estimated_value", "source.channel"],
)  # fmt: skip
def test_a_missing_field_is_named(path: str) -> None:
    given = published()
    *parents, last = path.split(".")
    place: Any = given
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    del place[last]
    with pytest.raises(InvalidProposal) as failure:
        read(given)
    assert [(fault.field, fault.code) for fault in failure.value.faults] == [
        (path, "missing_field")
    ]


def test_lists_have_limits() -> None:
    given = published()
    persons = [{"document_number": masked_cpf(registers.cpf("person_ok", n))} for n in range(51)]
    flat = given["warrants"][0]["address"]
    flats = [{"address": flat | {"complement": f"apt {n}"}} for n in range(21)]
    for path, most, unlike in (
        ("shareholders", 50, persons),
        ("guarantors", 20, persons),
        ("warrants", 20, flats),
        ("phones", 10, [{}] * 11),
    ):
        items = [given[path][0] | one for one in unlike[: most + 1]]
        read(at(given, path, items[:most]))
        assert refused(at(given, path, items)) == {path}


@pytest.mark.parametrize("spelt", ["llc", "LLC", "Llc"])
def test_the_form_of_a_company_is_read_in_either_case(spelt: str) -> None:
    proposal = read(legal_person(constitution_type=spelt))
    assert isinstance(proposal, LegalPersonProposal)
    assert proposal.constitution_type is ConstitutionType.LLC


@pytest.mark.parametrize(
    ("number", "constituted"),
    [
        ("35.472.523/0001-15", "2019-11-11"),
        ("11.222.333/0001-81", "2026-08-03"),
        ("12.ABC.345/01DE-35", "2026-07-01"),
    ],
)
def test_both_kinds_of_cnpj_are_taken(number: str, constituted: str) -> None:
    given = legal_person(document_number=number, constitution_date=constituted) | RECENT
    assert read(given).document_number == number


@pytest.mark.parametrize("constituted", ["1998-03-02", "2019-11-11", "2026-06-30", "2026-07-01"])
def test_letters_follow_the_inscription_and_not_the_company(constituted: str) -> None:
    """IN RFB 2.229/2024: a new branch of an old company gets letters like anybody new."""
    lettered = {"document_number": "12.ABC.345/01DE-35", "constitution_date": constituted}
    read(legal_person(**lettered) | RECENT)
    read(legal_person(guarantors=[lettered | {"legal_name": "Fiadora Ltda"}]) | RECENT)
    # A branch 0A1B of the company whose first number had none.
    branch = {"document_number": "35.472.523/0A1B-69", "constitution_date": constituted}
    assert read(legal_person(**branch) | RECENT).document_number == branch["document_number"]


def test_guarantors_are_told_apart_by_their_number_or_their_name() -> None:
    given = published()
    company = {
        name: given[name] for name in ("legal_name", "constitution_date", "email", "address")
    } | {"document_number": "11.222.333/0001-81"}
    young = {"document_number": "12.ABC.345/01DE-35", "constitution_date": "2026-07-01"}
    guarantors = [company, given["guarantors"][0], company | young]
    proposal = read(at(given | RECENT, "guarantors", guarantors))
    kinds = [type(guarantor) for guarantor in proposal.guarantors]
    assert kinds == [LegalPerson, NaturalPerson, LegalPerson]
    wrong = company | {"document_number": "1"}
    assert refused(at(given, "guarantors", [wrong])) == {"guarantors.0.document_number"}
    assert "guarantors.0.name" in refused(at(given, "guarantors", [{}]))
    assert refused(at(given, "guarantors", ["nobody"])) == {"guarantors.0"}


def test_what_may_be_left_out() -> None:
    given = published()
    needed = ("id", "credit_request_date", "credit_type", "legal_name", "document_number",
              "constitution_date", "monthly_revenue", "financial")  # fmt: skip
    read({name: given[name] for name in needed})
    read(given | {"client_since": None, "warrants": [], "guarantors": [], "shareholders": []})


def test_outside_of_brazil_states_and_postal_codes_are_free() -> None:
    address = published()["address"] | {"country": "USA", "uf": "California", "postal_code": "9021"}
    read(legal_person(address=address))


def test_addresses_of_the_net_may_have_leading_zeros() -> None:
    read(at(published(), "source.ip", "132.023.161.075"))


def test_a_proof_of_consent_stands_in_for_signers() -> None:
    read(legal_person(scr_parameters={"consent_url": "x", "signed_at": "2021-03-01"}))
    read({k: v for k, v in legal_person().items() if k != "scr_parameters"})
    assert refused(legal_person(scr_parameters={})) == {"scr_parameters.signers"}
    both = copy.deepcopy(published()["scr_parameters"]) | {"proof": "x"}
    assert refused(legal_person(scr_parameters=both)) == {"scr_parameters.signers"}


EVIDENCE = {
    "ip_address": "2001:db8::7",
    "session_id": "2bb684f9-6c00",
    "access_token": "eyJ...",
    "additional_data": {"browser": "any"},
    "signed_term": {"raw_text": "I agree that my data be queried."},
}


def test_signers_with_the_evidence_of_their_signatures_are_waited_for_no_more() -> None:
    """Their page on the SCR: a company that collected the consents itself sends both."""
    signers = published()["scr_parameters"]["signers"]
    waiting = read(legal_person(scr_parameters={"signers": signers}))
    assert len(signers_of(waiting)) == 1
    signed = read(legal_person(scr_parameters={"signers": signers, "signature_evidence": EVIDENCE}))
    assert signers_of(signed) == ()
    person = natural_person(scr_parameters={"signature_evidence": EVIDENCE})
    assert signers_of(read(person, PersonKind.NATURAL)) == ()


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        EVIDENCE | {"signed_term": {}},
        EVIDENCE | {"signed_term": {"raw_text": ""}},
        EVIDENCE | {"ip_address": "somewhere"},
        EVIDENCE | {"additional_data": "x" * 200_000},
    ],
)
def test_evidence_without_the_text_that_was_signed_is_none(evidence: dict[str, Any]) -> None:
    signers = published()["scr_parameters"]["signers"]
    given = legal_person(scr_parameters={"signers": signers, "signature_evidence": evidence})
    assert all(path.startswith("scr_parameters") for path in refused(given))


def test_an_app_names_its_platform_and_a_challenge_is_answered_with_papers() -> None:
    papers = {
        "cnh": {"register_number": "05163811694", "issuer_state": "PR", "category": "AB",
                "first_issuance_date": "2011-03-21", "expiration_date": "2021-06-25",
                "validation_type": "zaig_sdk", "ocr_key": "a5cf9c8f-2f66"},
        "rg": {"number": "4.366.477-8", "issuer": "II", "issuer_state": "PR",
               "issuance_date": "2002-01-12", "a_field_of_tomorrow": 1},
    }  # fmt: skip
    source = {"channel": "app", "platform": "android", "ip": "2001:db8::7"}
    person = natural_person(documents=papers, gender="undefined", source=source)
    found = read(person, PersonKind.NATURAL)
    assert json.loads(found.model_dump_json(exclude_unset=True)) == person
    read(legal_person(guarantors=[published()["guarantors"][0] | {"documents": papers}]))


def test_what_is_relayed_is_what_was_sent_but_for_the_dirt() -> None:
    sent = published()
    assert json.loads(read(sent).model_dump_json(exclude_unset=True)) == sent
    dirty = at(sent, "document_number", "\u202d35.472.523／0001‑15\u202c")
    assert json.loads(read(dirty).model_dump_json(exclude_unset=True)) == sent


def test_a_person_is_read_and_refused_by_name() -> None:
    read(natural_person(), PersonKind.NATURAL)
    for path, value in (
        ("document_number", "199.208.915-93"),
        ("birthdate", "2030-01-01"),
        ("monthly_income", None),
        ("legal_name", "x"),
    ):
        given = natural_person()
        assert refused(at(given, path, value), PersonKind.NATURAL) == {path}


def test_a_relay_asks_for_the_mask_only() -> None:
    """The analyst's own examples have wrong check digits."""
    rules = DocumentRules(check_digits=False, allow_alphanumeric_cnpj=False)
    for number in ("123.456.789-12", "321.987.543-23", "111.283.333-00"):
        person = natural_person(document_number=number)
        read_proposal(PersonKind.NATURAL, json.dumps(person), rules)
        assert refused(person, PersonKind.NATURAL) == {"document_number"}
    alphanumeric = json.dumps(legal_person(document_number="12.ABC.345/01DE-35"))
    read_proposal(PersonKind.LEGAL, alphanumeric)
    with pytest.raises(InvalidProposal, match="digits only"):
        read_proposal(PersonKind.LEGAL, alphanumeric, rules)


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"x"', "7"])
def test_what_is_no_object_is_refused(body: str) -> None:
    with pytest.raises(InvalidProposal, match="body"):
        read_proposal(PersonKind.LEGAL, body)
