"""Elements are judged by their third party, once, and never by its absence."""

import asyncio
from dataclasses import replace
from datetime import date
from itertools import count

import pytest
from stdnum.cn import ric
from temporalio.exceptions import ApplicationError

from domain.people.consents import Purpose
from domain.verification import elements
from domain.verification.elements import ElementKind, Verdict
from messages import calls, ids
from runtime.clock import utc_now
from sandbox import pictures
from sandbox.personas import Person, person
from storage.common.outbox import OutboxRepository
from storage.people.applicants import ApplicantRepository
from storage.people.consents import ConsentRepository
from storage.sources import EnquiryRepository
from storage.verification.elements import ElementRepository
from tests.integration.conftest import Arm
from tests.integration.story import (
    Applicant,
    Bench,
    Given,
    applicant,
    bank_card,
    identity_card,
    liveness,
    operator,
    personal_information,
    real_name,
)

_others = count()


async def test_all_six_elements_of_an_honest_applicant_match(bench: Bench) -> None:
    someone = person("approved", 101)
    known = await applicant(bench, someone)
    cards = identity_card(pictures.card_front(someone), pictures.card_back(someone))
    for data in (
        real_name(someone),
        operator(someone),
        personal_information(someone),
        cards,
        liveness(someone),
        bank_card(someone),
    ):
        outcome = await known.verify(data)
        assert (outcome.kind, outcome.verdict, outcome.reason) == (data.kind, Verdict.MATCH, None)
    async with bench.database.read() as tx:
        personal = await ApplicantRepository(tx).personal(known.start.applicant_id)
    assert (personal.name, personal.identity_number) == (someone.name, someone.identity_number)
    assert (personal.mobile, personal.bank_card) == (someone.mobile, someone.card_number)
    assert someone.name not in repr(personal)


@pytest.mark.parametrize(
    "kind",
    [
        ElementKind.OPERATOR,
        ElementKind.PERSONAL_INFORMATION,
        ElementKind.IDENTITY_CARD,
        ElementKind.LIVENESS,
        ElementKind.BANK_CARD,
        ElementKind.CREDIT_CARD,
        ElementKind.GUARANTOR,
        ElementKind.CARD_TRANSACTION,
    ],
)
async def test_nobody_is_asked_before_the_real_name_is_verified(
    bench: Bench, kind: ElementKind
) -> None:
    known = await applicant(bench, person("name_mismatch", 103))
    for verified in (False, True):
        if verified:
            denied = await known.verify(real_name(known.person))
            assert denied.verdict is Verdict.MISMATCH
        element_id = await known.provide(_honest(known, kind))
        for _ in range(2):
            outcome = await bench.perform(calls.VERIFY_ELEMENT, known.request(element_id, kind))
            assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, "real_name_required")
        assert await bench.simulators.calls(request_id=element_id) == []
    async with bench.database.read() as tx:
        status = {
            one.kind: one for one in await ElementRepository(tx).latest(known.start.application_id)
        }
    assert status[kind].verdict is Verdict.UNAVAILABLE
    assert status[kind].mismatches == 0


async def test_contacts_need_the_applicants_own_mobile(bench: Bench) -> None:
    someone = person("approved", 104)
    known = await applicant(bench, someone)
    await known.verify(real_name(someone))
    outcome = await known.verify(personal_information(someone))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, "operator_required")


def _honest(known: Applicant, kind: ElementKind) -> Given:
    someone = known.person
    cards = identity_card(pictures.card_front(someone), pictures.card_back(someone))
    honest: dict[ElementKind, Given] = {
        ElementKind.REAL_NAME: real_name(someone),
        ElementKind.OPERATOR: operator(someone),
        ElementKind.PERSONAL_INFORMATION: personal_information(someone),
        ElementKind.IDENTITY_CARD: cards,
        ElementKind.LIVENESS: liveness(someone),
        ElementKind.BANK_CARD: bank_card(someone),
        ElementKind.CREDIT_CARD: credit_card(someone),
        ElementKind.GUARANTOR: guarantor(person("approved", 140)),
        ElementKind.CARD_TRANSACTION: card_transaction(someone),
    }
    return honest[kind]


def card_transaction(
    someone: Person, on: date = date(2026, 1, 5), card: str | None = None
) -> elements.CardTransaction:
    return elements.CardTransaction(
        card_number=card or someone.card_number, paid_on=on, amount=2_120_000, place="上海"
    )


async def test_a_payment_with_the_own_card_speaks_for_the_applicant(bench: Bench) -> None:
    known = await _with_real_name(bench, "approved", 160)
    assert (await known.verify(card_transaction(known.person))).verdict is Verdict.MATCH
    future = card_transaction(known.person, date(2999, 1, 1))
    assert (await known.verify(future)).reason == "payment_in_the_future"


async def test_a_payment_that_nobody_confirms_is_no_match(bench: Bench) -> None:
    denied = await _with_real_name(bench, "low_score", 161)
    outcome = await denied.verify(card_transaction(denied.person))
    assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, "transaction_mismatch")
    unknown = await _with_real_name(bench, "approved", 162)
    await bench.simulators.fault("fireeye", fireeye="0003", operation="transaction_authentication")
    outcome = await unknown.verify(card_transaction(unknown.person))
    assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, "transaction_not_found")


def credit_card(someone: Person, number: str | None = None) -> elements.CreditCard:
    return elements.CreditCard(
        card_number=number or someone.credit_card_number, mobile=someone.mobile
    )


def guarantor(someone: Person) -> elements.Guarantor:
    return elements.Guarantor(
        name=someone.name,
        identity_number=someone.identity_number,
        mobile=someone.mobile,
        relation="sibling",
    )


async def _with_real_name(bench: Bench, key: str, index: int) -> Applicant:
    known = await applicant(bench, person(key, index))
    outcome = await known.verify(real_name(known.person))
    assert outcome.verdict is Verdict.MATCH
    await known.verify(operator(known.person))
    return known


async def _with_card(bench: Bench, key: str, index: int) -> Applicant:
    known = await _with_real_name(bench, key, index)
    cards = identity_card(pictures.card_front(known.person), pictures.card_back(known.person))
    assert (await known.verify(cards)).verdict is Verdict.MATCH
    return known


async def test_what_a_third_party_denies_is_a_mismatch_with_its_reason(bench: Bench) -> None:
    impostor = await applicant(bench, person("name_mismatch", 105))
    assert (await impostor.verify(real_name(impostor.person))).reason == "name_mismatch"
    known = await _with_real_name(bench, "mobile_mismatch", 106)
    assert (await known.verify(operator(known.person))).reason == "mobile_mismatch"
    known = await _with_real_name(bench, "approved", 107)
    own = personal_information(known.person, known.person.mobile, "13900139000")
    assert (await known.verify(own)).reason == "contact_is_applicant"


async def test_a_credit_card_is_a_true_answer_and_still_no_use(bench: Bench) -> None:
    known = await _with_real_name(bench, "credit_card", 108)
    assert (await known.verify(bank_card(known.person))).reason == "not_a_debit_card"
    async with bench.database.read() as tx:
        assert (await ApplicantRepository(tx).personal(known.start.applicant_id)).bank_card is None


async def test_a_credit_card_is_one_of_the_applicants_own(bench: Bench) -> None:
    known = await _with_real_name(bench, "approved", 141)
    assert (await known.verify(credit_card(known.person))).verdict is Verdict.MATCH
    debit = credit_card(known.person, known.person.card_number)
    assert (await known.verify(debit)).reason == "not_a_credit_card"
    other = credit_card(known.person, person("approved", 142).credit_card_number)
    assert (await known.verify(other)).verdict is Verdict.MISMATCH


async def test_a_guarantor_is_a_real_person_and_another_one(bench: Bench) -> None:
    known = await _with_real_name(bench, "approved", 143)
    own = await known.verify(guarantor(known.person))
    assert (own.verdict, own.reason) == (Verdict.MISMATCH, "guarantor_is_applicant")
    assert (await known.verify(guarantor(person("story", 144)))).verdict is Verdict.MATCH
    false = await known.verify(guarantor(person("name_mismatch", 145)))
    assert (false.verdict, false.reason) == (Verdict.MISMATCH, "name_mismatch")
    async with bench.database.read() as tx:
        personal = await ApplicantRepository(tx).personal(known.start.applicant_id)
    assert personal.identity_number == known.person.identity_number


@pytest.mark.parametrize(
    ("name", "number", "reason"),
    [
        ("Padaria Fictícia Ltda", "910000000000010034", None),
        ("Padaria Ltda", "910000000000010034", "legal_name_mismatch"),
        ("Moinho Parado Ltda", "91000000000002006L", "company_not_active"),
        ("Ninguém Ltda", "910000000000050044", "not_registered"),
    ],
)
async def test_a_company_is_registered_under_its_name_and_active(
    bench: Bench, name: str, number: str, reason: str | None
) -> None:
    known = await applicant(bench, person("approved", 146))
    firm = elements.Company(name=name, registration_number=number, position="shareholder")
    outcome = await known.verify(firm)
    assert (outcome.verdict is Verdict.MATCH, outcome.reason) == (reason is None, reason)


async def test_a_card_that_reads_well_must_agree_and_be_in_date(bench: Bench) -> None:
    known = await _with_real_name(bench, "story", 109)
    someone, other = known.person, person("story", 110)
    back = pictures.card_back(someone)

    async def reason(front: bytes, back: bytes) -> str | None:
        return (await known.verify(identity_card(front, back))).reason

    front = pictures.card_front(someone)
    assert await reason(pictures.card_front(someone, "blurred"), back) == "image_blurred"
    assert await reason(back, front) == "wrong_side"
    renamed = replace(someone, name="另一人")
    assert await reason(pictures.card_front(renamed), back) == "name_mismatch"
    assert await reason(pictures.card_front(other), back) == "identity_number_mismatch"
    born = replace(someone, birth_date=date(1970, 1, 1))
    assert await reason(pictures.card_front(born), back) == "card_inconsistent"
    expired = replace(someone, valid_until=date(2021, 1, 1))
    assert await reason(front, pictures.card_back(expired)) == "card_not_in_date"
    long_term = replace(someone, valid_until=None)
    assert await reason(front, pictures.card_back(long_term)) is None


async def test_a_name_read_with_another_interpunct_is_the_same_name(bench: Bench) -> None:
    """Keyboards and text recognition write the point of 阿迪力·买买提 in many ways."""
    someone = replace(
        person("approved", 163),
        name="阿迪力·买买提",
        identity_number="110108198802019650",
        birth_date=date(1988, 2, 1),
        sex="male",
    )
    known = await applicant(bench, someone)
    await known.verify(real_name(replace(someone, name="阿迪力•买买提")))
    back = pictures.card_back(someone)
    other = replace(someone, name="阿迪力・买买江")
    outcome = await known.verify(identity_card(pictures.card_front(other), back))
    assert outcome.reason == "name_mismatch"
    read = replace(someone, name="阿迪力 ･ 买买提")
    outcome = await known.verify(identity_card(pictures.card_front(read), back))
    assert (outcome.verdict, outcome.reason) == (Verdict.MATCH, None)


async def test_a_face_must_live(bench: Bench) -> None:
    known = await _with_card(bench, "not_live", 111)
    assert (await known.verify(liveness(known.person))).reason == "not_live"


async def test_another_action_than_asked_is_a_mismatch_that_nobody_is_asked_about(
    bench: Bench,
) -> None:
    known = await _with_card(bench, "approved", 150)
    async with bench.database.transaction() as tx:
        asked = await known.asked(tx)
    right = liveness(known.person).doing(*asked.actions)
    for wrong in (
        liveness(known.person).doing(*reversed(asked.actions)),
        liveness(known.person).doing(*asked.actions[1:]),
    ):
        element_id = await known.provide(wrong)
        outcome = await bench.perform(calls.VERIFY_ELEMENT, known.request(element_id, "liveness"))
        assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, "wrong_action")
        assert await bench.simulators.calls(request_id=element_id) == []
    # What was asked for the first attempt is old by the third, whatever that one is asked.
    async with bench.database.transaction() as tx:
        third = await known.asked(tx)
    assert third.attempt == 3
    outcome = await known.verify(right)
    assert (outcome.reason == "wrong_action") == (third.actions != asked.actions)


async def test_a_face_that_nothing_was_asked_of_proves_nothing(bench: Bench) -> None:
    """The API refuses it; should one be stored all the same, it is no match."""
    known = await _with_card(bench, "approved", 155)
    element_id = await known.provide(liveness(known.person).doing("blink", "nod"))
    outcome = await bench.perform(calls.VERIFY_ELEMENT, known.request(element_id, "liveness"))
    assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, "wrong_action")


async def test_a_face_is_not_looked_at_before_the_card_was_found_to_be_the_applicants(
    bench: Bench,
) -> None:
    known = await _with_real_name(bench, "approved", 153)
    others = pictures.card_front(person("approved", 152))
    for card in (None, identity_card(others, pictures.card_back(known.person))):
        if card is not None:
            assert (await known.verify(card)).verdict is Verdict.MISMATCH
        face_id = await known.provide(liveness(known.person))
        outcome = await bench.perform(calls.VERIFY_ELEMENT, known.request(face_id, "liveness"))
        assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, "identity_card_required")
        assert await bench.simulators.calls(request_id=face_id) == []


async def test_an_applicant_stays_the_person_that_was_verified(bench: Bench) -> None:
    known = await _with_real_name(bench, "approved", 114)
    outcome = await known.verify(real_name(person("approved", 115)))
    assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, "identity_changed")


async def test_what_a_source_cannot_say_ends_without_a_verdict_and_is_asked_once(
    bench: Bench,
) -> None:
    known = await applicant(bench, person("not_in_registry", 116))
    element_id = await known.provide(real_name(known.person))
    for _ in range(2):
        request = known.request(element_id, "real_name")
        outcome = await bench.perform(calls.VERIFY_ELEMENT, request)
        assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, "not_in_registry")
    assert len(await bench.simulators.calls(request_id=element_id)) == 1
    async with bench.database.read() as tx:
        assert await ElementRepository(tx).verification(element_id) is None
        asked = await EnquiryRepository(tx).of_application(known.start.application_id)
    assert [row.request_id for row in asked] == [element_id]


async def test_a_source_under_maintenance_will_be_able_to_say(bench: Bench) -> None:
    known = await applicant(bench, person("approved", 117))
    silent = elements.Company(
        name="Porta Fechada Ltda", registration_number="91000000000006007L", position="employee"
    )
    request = known.request(await known.provide(silent), "company")
    for _ in range(2):
        with pytest.raises(ApplicationError) as refused:
            await bench.perform(calls.VERIFY_ELEMENT, request)
        assert (refused.value.type, refused.value.non_retryable) == ("ProviderUnavailable", False)
        assert refused.value.message == "company: source_maintenance"


async def test_a_question_that_its_source_refuses_ends_without_a_verdict(bench: Bench) -> None:
    known = await applicant(bench, person("approved", 121))
    element_id = await known.provide(real_name(known.person))
    await bench.simulators.fault("real_name", times=1, status=422)
    outcome = await bench.perform(calls.VERIFY_ELEMENT, known.request(element_id, "real_name"))
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, "refused_by_source")
    assert (await known.verify(real_name(known.person))).verdict is Verdict.MATCH


async def test_a_consent_that_is_withdrawn_meanwhile_ends_the_question(bench: Bench) -> None:
    known = await _with_real_name(bench, "approved", 122)
    element_id = await known.provide(bank_card(known.person))
    request = known.request(element_id, "bank_card")
    await bench.simulators.fault("bank_card", times=1, status=503)
    with pytest.raises(ApplicationError):
        await bench.perform(calls.VERIFY_ELEMENT, request)
    async with bench.database.transaction() as tx:
        purpose = Purpose.BANK_CARD_VERIFICATION
        await ConsentRepository(tx).revoke(
            known.start.applicant_id, purpose, revoked_by="test", at=utc_now()
        )
    outcome = await bench.perform(calls.VERIFY_ELEMENT, request)
    assert (outcome.verdict, outcome.reason) == (Verdict.UNAVAILABLE, "not_allowed")
    assert len(await bench.simulators.calls(request_id=element_id)) == 1


async def test_every_question_about_an_applicant_names_their_consent(bench: Bench) -> None:
    known = await _with_real_name(bench, "approved", 123)
    cards = identity_card(pictures.card_front(known.person), pictures.card_back(known.person))
    for given in (cards, liveness(known.person), bank_card(known.person)):
        assert (await known.verify(given)).verdict is Verdict.MATCH
    async with bench.database.read() as tx:
        asked = await EnquiryRepository(tx).of_application(known.start.application_id)
    assert len(asked) >= 7
    assert all(row.consent_id is not None for row in asked)


async def test_nobody_is_born_tomorrow(bench: Bench) -> None:
    known = await _with_real_name(bench, "approved", 124)
    unborn = elements.RealName(name="未来人", identity_number=born_on("20990101"))
    fresh = await applicant(bench, person("approved", 125))
    outcome = await fresh.verify(unborn)
    assert (outcome.verdict, outcome.reason) == (Verdict.MISMATCH, "birth_date_in_the_future")
    friend = guarantor(person("approved", 126)).model_copy(
        update={"identity_number": unborn.identity_number}
    )
    assert (await known.verify(friend)).reason == "birth_date_in_the_future"


def born_on(day: str) -> str:
    """Return a number of Shanghai with the check digit of GB 11643-1999."""
    body = f"310101{day}001"
    return body + str(ric.calc_check_digit(f"{body}0"))


@pytest.mark.parametrize(
    ("fault", "type_", "code"),
    [
        ({"status": 503, "retry_after": 7}, "ProviderUnavailable", "server_error"),
        ({"garbage": "not_json"}, "ProviderUnavailable", "invalid_response"),
        ({"reset": True}, "ProviderUnavailable", "connection_lost"),
        ({"latency_seconds": 30}, "ProviderUnavailable", "timeout"),
    ],
)
async def test_a_provider_that_fails_or_refuses_us_is_tried_again_until_it_answers(
    bench: Bench, fault: dict[str, object], type_: str, code: str
) -> None:
    # Each a person of its own: what is known of one is not asked again.
    known = await applicant(bench, person("approved", 130 + next(_others)))
    request = known.request(await known.provide(real_name(known.person)), "real_name")
    await bench.simulators.fault("real_name", times=1, **fault)
    with pytest.raises(ApplicationError) as failed:
        await bench.perform(calls.VERIFY_ELEMENT, request)
    assert (failed.value.type, failed.value.non_retryable) == (type_, False)
    assert code in failed.value.message
    assert known.person.name not in str(failed.value)
    if "retry_after" in fault:
        assert failed.value.next_retry_delay is not None
        assert failed.value.next_retry_delay.total_seconds() == 7
    outcome = await bench.perform(calls.VERIFY_ELEMENT, request)
    assert outcome.verdict is Verdict.MATCH


async def test_a_repeat_and_a_racing_attempt_get_the_first_verdict(bench: Bench) -> None:
    known = await applicant(bench, person("approved", 118))
    request = known.request(await known.provide(real_name(known.person)), "real_name")
    raced = await asyncio.gather(*(bench.perform(calls.VERIFY_ELEMENT, request) for _ in range(5)))
    await bench.simulators.fault("real_name", status=500)
    repeated = await bench.perform(calls.VERIFY_ELEMENT, request)
    assert len({*raced, repeated}) == 1
    aggregate = ids.application_workflow(known.start.application_id)
    async with bench.database.read() as tx:
        facts = await OutboxRepository(tx).since(aggregate, 0)
    assert [fact.kind for fact in facts] == ["element_verified"]


@pytest.mark.parametrize("point", ["before_call", "after_call"])
async def test_an_attempt_that_dies_around_the_call_is_made_good(
    bench: Bench, arm: Arm, point: str
) -> None:
    known = await applicant(bench, person("approved", 119))
    request = known.request(await known.provide(real_name(known.person)), "real_name")
    arm(f"verify_element.{point}=raise")
    with pytest.raises(ApplicationError):
        await bench.perform(calls.VERIFY_ELEMENT, request)
    outcome = await bench.perform(calls.VERIFY_ELEMENT, request)
    assert outcome.verdict is Verdict.MATCH


async def test_nothing_personal_is_told_or_kept_in_plain(bench: Bench, database_url: str) -> None:
    someone = person("approved", 120)
    known = await applicant(bench, someone)
    await known.verify_identity()
    await known.verify(personal_information(someone))
    canaries = (
        someone.name,
        someone.identity_number,
        someone.mobile,
        someone.card_number,
        someone.address,
    )
    async with bench.database.read() as tx:
        for table in ("applicants", "elements", "verifications", "outbox", "enquiries"):
            rows = await tx.connection.fetch(f"select t::text as row from {table} t")  # noqa: S608 -- the names above
            text = "".join(row["row"] for row in rows)
            as_hex = [canary.encode().hex() for canary in canaries]
            assert not [canary for canary in (*canaries, *as_hex) if canary in text], table
