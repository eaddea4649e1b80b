"""A bank card that is bound with a code by text message, as the revolving line asks for it."""

import asyncio

import pytest
from temporalio.exceptions import ApplicationError

from domain.verification.elements import ElementKind, Verdict
from sandbox.data_imports import RIGHT_CODE
from sandbox.personas import Person, person
from storage.people.applicants import ApplicantRepository
from storage.verification.elements import ElementRepository
from tests.integration import story
from tests.integration.sources.test_data_sources_binding import an_earlier_time
from tests.integration.story import Bench, applicant
from tests.integration.verification.test_data_imports_audited import enquiries, recorded
from tests.integration.verification.test_elements import Importing
from tests.products import CASH, REVOLVING

WRONG_CODE = "000000"


async def binding(bench: Bench, who: Person) -> Importing:
    """Return the bank card of someone whose name is verified."""
    of = await applicant(bench, who, product="revolving")
    await of.verify(story.real_name(who))
    return await again(Importing(of, "", ElementKind.BANK_CARD))


async def again(card: Importing) -> Importing:
    """Return the same card provided once more."""
    element_id = await card.of.provide(story.bank_card(card.of.person))
    return Importing(card.of, element_id, ElementKind.BANK_CARD)


async def remembered(card: Importing) -> str | None:
    async with card.of.bench.database.read() as tx:
        return (await ApplicantRepository(tx).personal(card.of.start.applicant_id)).bank_card


async def test_the_right_code_binds_a_debit_card_and_it_is_remembered(bench: Bench) -> None:
    card = await binding(bench, person("approved", 6101))
    for _ in range(2):
        assert (await card.start()).verdict is Verdict.AWAITING_CODE
    assert await remembered(card) is None
    wrong = await card.confirm(await card.enter(WRONG_CODE))
    assert (wrong.verdict, wrong.reason) == (Verdict.AWAITING_CODE, "wrong_code")
    code_id = await card.enter(RIGHT_CODE)
    found = await asyncio.gather(*(card.confirm(code_id) for _ in range(3)))

    assert {progress.verdict for progress in found} == {Verdict.MATCH}
    assert await remembered(card) == card.of.person.card_number
    assert (await recorded(card)).source == "card_binding"
    async with bench.database.read() as tx:
        verified = await ElementRepository(tx).verification(card.element_id)
    assert verified is not None
    assert (verified.facts["bank_code"], verified.provider) == ("DEMO", "card_binding")
    assert str(verified.facts["agreement_no"]).startswith("agr_")
    assert card.of.person.card_number not in str(verified.facts)
    # The code was texted and paid once.
    rows = await enquiries(card, "card_binding")
    sent = [row.cost for row in rows if row.operation == "send_code" and row.outcome == "match"]
    assert sent == [60]
    assert sum(row.cost for row in rows) == 60


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("credit_card", "not_a_debit_card"),
        ("bank_unsupported", "bank_not_supported"),
    ],
)
async def test_what_cannot_be_debited_is_a_mismatch_at_once(
    bench: Bench, key: str, reason: str
) -> None:
    card = await binding(bench, person(key, 6102))
    progress = await card.start()
    assert (progress.verdict, progress.reason) == (Verdict.MISMATCH, reason)
    assert await remembered(card) is None


async def test_three_wrong_codes_are_a_mismatch(bench: Bench) -> None:
    card = await binding(bench, person("approved", 6103))
    await card.start()
    for _ in range(2):
        progress = await card.confirm(await card.enter(WRONG_CODE))
        assert progress.verdict is Verdict.AWAITING_CODE
    last = await card.confirm(await card.enter(WRONG_CODE))
    assert (last.verdict, last.reason) == (Verdict.MISMATCH, "too_many_codes")
    late = await card.confirm(await card.enter(RIGHT_CODE))
    assert late.verdict is Verdict.MISMATCH
    assert await card.tries() == 3
    assert await remembered(card) is None


async def test_an_expired_code_may_be_asked_for_again_when_it_is_time(bench: Bench) -> None:
    card = await binding(bench, person("approved", 6104))
    await card.start()
    await bench.simulators.fault("card_binding", operation="confirm", expire_code=True, times=1)
    expired = await card.confirm(await card.enter(RIGHT_CODE))
    assert (expired.verdict, expired.reason) == (Verdict.UNAVAILABLE, "code_expired")

    second = await again(card)
    with pytest.raises(ApplicationError) as failure:
        await second.start()
    assert "too_soon" in str(failure.value)
    assert failure.value.next_retry_delay is not None
    assert 0 < failure.value.next_retry_delay.total_seconds() <= 60
    an_earlier_time(bench.simulators, card.element_id, 61)
    assert (await second.start()).verdict is Verdict.AWAITING_CODE
    assert (await second.confirm(await second.enter(RIGHT_CODE))).verdict is Verdict.MATCH
    assert await remembered(second) == card.of.person.card_number


async def test_a_source_that_is_down_is_tried_again_and_never_judged(bench: Bench) -> None:
    card = await binding(bench, person("approved", 6105))
    await bench.simulators.fault("card_binding", operation="banks", status=503, times=1)
    with pytest.raises(ApplicationError) as failure:
        await card.start()
    assert failure.value.type == "ProviderUnavailable"
    assert (await card.start()).verdict is Verdict.AWAITING_CODE
    await bench.simulators.fault("card_binding", operation="confirm", status=503, times=1)
    code_id = await card.enter(RIGHT_CODE)
    with pytest.raises(ApplicationError):
        await card.confirm(code_id)
    assert (await card.confirm(code_id)).verdict is Verdict.MATCH


def test_a_line_for_a_year_binds_its_card_and_a_single_loan_checks_it() -> None:
    imported = {p.code: p.policy_of(ElementKind.BANK_CARD).imported for p in (CASH, REVOLVING)}
    assert imported == {"cash": False, "revolving": True}
