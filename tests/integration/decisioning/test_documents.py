"""Applicants with other documents than a citizen's card: asked of who knows them, else a person.

The specimens are those that the authorities published with each form of document.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count

import pytest

from domain.decisioning.decision import Outcome
from domain.people.identity_documents import DOCUMENT_NOT_SUPPORTED, read_document
from domain.verification import elements
from domain.verification.elements import Verdict
from messages import calls
from messages.applications import AssessApplication
from sandbox import pictures
from sandbox.personas import Person, person
from storage.decisioning.decisions import DecisionRepository
from storage.sources import EnquiryRepository
from tests.integration.story import (
    Applicant,
    Bench,
    applicant,
    bank_card,
    identity_card,
    liveness,
    operator,
    real_name,
)

ON = date(2026, 3, 2)
CARD_OF_NOBODY_KNOWN = "6228480402564890018"
_MOBILES = count(13_900_200_000)

FOREIGN = {
    "permanent residence, 18 digits": ("Ana Lima", "911124198108030024"),
    "permanent residence, 15 characters": ("Ana Lima", "CAN310087080206"),
    "residence permit, Hong Kong": ("陈大文", "810000199408230021"),
    "residence permit, Taiwan": ("陈大文", "830000199201300022"),
    "travel permit, Hong Kong": ("陈大文", "H12345678"),
    "travel permit, Macao": ("陈大文", "M87654321"),
    "travel permit, Taiwan": ("陈大文", "00112233"),
    "passport": ("John Kennedy", "USA123456789"),
}
WITHOUT_BIRTH_DATE = {"travel permit, Hong Kong", "travel permit, Macao", "travel permit, Taiwan"}


def bearer(name: str, number: str) -> Person:
    """Somebody with a document; no simulator knows them, so that their own data match."""
    known = person("approved", 4711)
    document = read_document(number, ON)
    return replace(
        known,
        birth_date=document.birth_date or known.birth_date,
        sex=document.sex or known.sex,
        name=name,
        identity_number=number,
        mobile=str(next(_MOBILES)),
        card_number=CARD_OF_NOBODY_KNOWN,
    )


async def asked(bench: Bench, known: Applicant) -> dict[str, str | None]:
    """Whom was asked anything for the application, and with what outcome."""
    async with bench.database.read() as tx:
        rows = await EnquiryRepository(tx).of_application(known.start.application_id)
    return {row.source: row.outcome for row in rows}


@pytest.mark.parametrize("document", FOREIGN)
async def test_each_document_is_asked_about_where_it_is_known_and_never_passes_unasked(
    bench: Bench, document: str
) -> None:
    who = bearer(*FOREIGN[document])
    known = await applicant(bench, who)
    for data in (real_name(who), operator(who), bank_card(who)):
        assert (await known.verify(data)).verdict is Verdict.MATCH
    card = await known.verify(identity_card(pictures.card_front(who), pictures.card_back(who)))
    face = await known.verify(liveness(who))
    read = document.startswith("residence permit")
    if not read:
        assert (card.verdict, card.reason) == (Verdict.UNAVAILABLE, DOCUMENT_NOT_SUPPORTED)
    # The registry of citizens keeps no photo of any of them.
    assert (face.verdict, face.reason) == (Verdict.UNAVAILABLE, DOCUMENT_NOT_SUPPORTED)

    request = AssessApplication(
        application_id=known.start.application_id,
        decided_at=datetime(2026, 3, 2, 4, tzinfo=UTC),
        business_date=ON,
    )
    decision = await bench.perform(calls.ASSESS_APPLICATION, request)
    assert decision.outcome is Outcome.REFER
    rules = {hit.rule for hit in decision.hits}
    assert {
        "shared_lists",
        "multi_lender_unsettled_loans",
        "model_score",
        "element_liveness",
    } <= rules
    assert ("element_identity_card" in rules) is not read
    assert ("age" in rules) is (document in WITHOUT_BIRTH_DATE or document == "passport")
    async with bench.database.read() as tx:
        (row,) = await DecisionRepository(tx).of(known.start.application_id)
    for source in ("blacklist", "multi_lender", "model_score"):
        assert row.facts["sources"][source] == {"missing": DOCUMENT_NOT_SUPPORTED}
    outcomes = await asked(bench, known)
    assert outcomes["entry_exit"] == "match"
    assert not {"real_name", "blacklist", "multi_lender", "registered_photo"} & outcomes.keys()
    assert not any(source.startswith("fireeye") for source in outcomes)


async def test_a_citizen_is_asked_about_at_the_registry_of_citizens(bench: Bench) -> None:
    known = await applicant(bench, person("approved", 4712))
    await known.verify_identity()
    assert "entry_exit" not in await asked(bench, known)


async def test_a_card_with_a_wrong_luhn_digit_is_a_question_for_the_bank(bench: Bench) -> None:
    """A person may have such a card: what is refused is refused by the bank, and counted so."""
    who = person("approved", 4713)
    known = await applicant(bench, who)
    for data in (real_name(who), operator(who)):
        assert (await known.verify(data)).verdict is Verdict.MATCH
    wrong = elements.BankCard(card_number="6222022005001212723", mobile=who.mobile)
    outcome = await known.verify(wrong)
    assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, "card_invalid")
    assert (await asked(bench, known))["bank_card"] == "mismatch"


async def test_an_older_card_tells_the_age_of_its_bearer(bench: Bench) -> None:
    """CAN31006708...: born in August 1967, so 58 in March 2026, which is above the limit of 55."""
    who = bearer("Ana Lima", "CAN310067080206")
    known = await applicant(bench, who)
    for data in (real_name(who), operator(who), bank_card(who)):
        assert (await known.verify(data)).verdict is Verdict.MATCH
    request = AssessApplication(
        application_id=known.start.application_id,
        decided_at=datetime(2026, 3, 2, 4, tzinfo=UTC),
        business_date=ON,
    )
    decision = await bench.perform(calls.ASSESS_APPLICATION, request)
    assert (decision.outcome, decision.reject_code) == (Outcome.REJECT, "R02")
