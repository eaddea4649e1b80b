"""Elements that one activity verifies: each has its own outcome, whatever becomes of the others."""

import asyncio
import itertools
from collections.abc import Callable

import pytest
from temporalio.exceptions import ApplicationError

from activities.verification import identity
from domain.verification.elements import ElementKind, Verdict
from messages import calls, ids
from messages.verification import ElementOutcome, VerifyElement, VerifyElements
from sandbox import pictures
from sandbox.personas import person
from storage.common.outbox import OutboxRepository
from storage.people.applicants import ApplicantRepository
from tests.integration.story import (
    Applicant,
    Bench,
    applicant,
    bank_card,
    identity_card,
    liveness,
    operator,
    personal_information,
    real_name,
)

Arm = Callable[[str], None]

ALL = (
    ElementKind.REAL_NAME,
    ElementKind.OPERATOR,
    ElementKind.PERSONAL_INFORMATION,
    ElementKind.IDENTITY_CARD,
    ElementKind.LIVENESS,
    ElementKind.BANK_CARD,
)
NEEDED_BY_ALL = ElementKind.REAL_NAME

_others = itertools.count(700)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine leaves nothing out: only what a test makes fail or slow is."""
    monkeypatch.setattr(identity, "TOGETHER_SECONDS", 30.0)


async def given(bench: Bench, persona: str = "approved") -> tuple[Applicant, list[VerifyElement]]:
    """An applicant who gave everything; each a person of its own, as answers are reused."""
    known = await applicant(bench, person(persona, next(_others)))
    someone = known.person
    data = (
        real_name(someone),
        operator(someone),
        personal_information(someone),
        identity_card(pictures.card_front(someone), pictures.card_back(someone)),
        liveness(someone),
        bank_card(someone),
    )
    return known, [known.request(await known.provide(one), one.kind) for one in data]


async def together(
    bench: Bench, requests: list[VerifyElement]
) -> dict[ElementKind, ElementOutcome]:
    verified = await bench.perform(calls.VERIFY_ELEMENTS, VerifyElements(elements=tuple(requests)))
    return {outcome.kind: outcome for outcome in verified.outcomes}


async def told(bench: Bench, known: Applicant) -> list[str]:
    aggregate = ids.application_workflow(known.start.application_id)
    async with bench.database.read() as tx:
        facts = await OutboxRepository(tx).since(aggregate, 0)
    return [fact.payload["kind"] for fact in facts if fact.kind == "element_verified"]


async def test_all_of_a_person_are_verified_each_after_what_it_needs(bench: Bench) -> None:
    known, requests = await given(bench)
    # In whatever order they come.
    found = await together(bench, requests[::-1])
    assert {kind: one.verdict for kind, one in found.items()} == dict.fromkeys(ALL, Verdict.MATCH)
    assert sorted(await told(bench, known)) == sorted(ALL)
    async with bench.database.read() as tx:
        personal = await ApplicantRepository(tx).personal(known.start.applicant_id)
    someone = known.person
    assert (personal.name, personal.identity_number) == (someone.name, someone.identity_number)
    assert (personal.mobile, personal.bank_card) == (someone.mobile, someone.card_number)


async def test_a_repeat_and_a_racing_attempt_find_the_first_verdicts(bench: Bench) -> None:
    known, requests = await given(bench)
    raced = await asyncio.gather(*(together(bench, requests) for _ in range(3)))
    await bench.simulators.fault("operator", status=500)
    repeated = await together(bench, requests)
    assert all(one == repeated for one in raced)
    assert sorted(await told(bench, known)) == sorted(ALL)
    for request in requests:
        asked = await bench.simulators.calls(request_id=request.element_id)
        assert len(asked) == 1


async def test_what_rests_on_a_wrong_element_is_unavailable(bench: Bench) -> None:
    _, requests = await given(bench, "name_mismatch")
    found = await together(bench, requests)
    assert found.pop(NEEDED_BY_ALL).verdict is Verdict.MISMATCH
    assert {one.verdict for one in found.values()} == {Verdict.UNAVAILABLE}
    assert {one.reason for one in found.values()} == {"real_name_required"}


def resting_on(kind: ElementKind, known: Applicant) -> set[ElementKind]:
    """The kinds that wait for the answer about `kind`, itself among them, as the product says."""
    product, found = known.start.product, {kind}
    while more := {one for one in ALL if found & {*product.needs_of(one)}} - found:
        found |= more
    return found


@pytest.mark.parametrize("source", ["bank_card", "operator", "identity_card", "real_name"])
@pytest.mark.parametrize("fault", [{"status": 503}, {"latency_seconds": 30}, {"reset": True}])
async def test_what_fails_or_is_slow_neither_fails_nor_delays_the_rest(
    bench: Bench, source: str, fault: dict[str, object]
) -> None:
    known, requests = await given(bench)
    await bench.simulators.fault(source, **fault)
    found = await together(bench, requests)
    assert found.keys() == set(ALL) - resting_on(ElementKind(source), known)
    assert all(one.verdict is Verdict.MATCH for one in found.values())
    await bench.simulators.repair()


async def test_a_slow_answer_is_on_record_for_who_asks_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "TOGETHER_SECONDS", 0.3)
    _, requests = await given(bench)
    slow = next(one for one in requests if one.kind is NEEDED_BY_ALL)
    await bench.simulators.fault("real_name", times=1, latency_seconds=0.7)
    assert await together(bench, requests) == {}
    outcome = await bench.perform(calls.VERIFY_ELEMENT, slow)
    assert outcome.verdict is Verdict.MATCH
    assert len(await bench.simulators.calls(request_id=slow.element_id)) == 1


@pytest.mark.parametrize("point", ["after_calls", "after_record"])
async def test_an_attempt_that_dies_on_its_way_is_made_good(
    bench: Bench, arm: Arm, point: str
) -> None:
    known, requests = await given(bench)
    arm(f"verify_elements.{point}=raise")
    with pytest.raises(ApplicationError):
        await together(bench, requests)
    found = await together(bench, requests)
    assert {kind: one.verdict for kind, one in found.items()} == dict.fromkeys(ALL, Verdict.MATCH)
    assert sorted(await told(bench, known)) == sorted(ALL)
    for request in requests:
        assert len(await bench.simulators.calls(request_id=request.element_id)) == 1
