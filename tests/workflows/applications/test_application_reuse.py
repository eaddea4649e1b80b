"""What a person had verified before counts again: in every channel, for nobody else."""

import pytest

from domain.applications.application import ApplicationState, ElementRefused
from domain.verification.elements import ElementKind, Verdict
from sandbox import pictures
from sandbox.personas import Person
from storage.common.audit import AuditRepository
from storage.decisioning.decisions import DecisionRepository
from storage.people.applicants import ApplicantRepository
from tests.integration import story
from tests.workflows.applying import Applying, apply, six_elements
from tests.workflows.lender import Lender, person, refused

REAL_NAME, LIVENESS = ElementKind.REAL_NAME, ElementKind.LIVENESS


pytestmark = pytest.mark.usefixtures("more_products")


def card_of(who: Person) -> story.Given:
    return story.identity_card(pictures.card_front(who), pictures.card_back(who))


async def reused(applying: Applying) -> set[ElementKind]:
    return {kind for kind, status in (await applying.statuses()).items() if status.reused}


async def test_the_same_customer_only_submits(lender: Lender) -> None:
    applicant = person()
    first = await apply(lender, applicant, reference=f"again-{applicant.index}")
    await first.provide(*six_elements(applicant))
    await first.withdraw()

    second = await apply(lender, applicant, reference=f"again-{applicant.index}")

    assert second.applicant.start.applicant_id == first.applicant.start.applicant_id
    assert await reused(second) == {ElementKind(item.kind) for item in six_elements(applicant)}
    assert (await second.submit()).state is ApplicationState.OFFERED
    earlier, now = await first.statuses(), await second.statuses()
    assert {kind: item.element_id for kind, item in earlier.items()} == {
        kind: item.element_id for kind, item in now.items()
    }
    assert all(item.counts_until and item.verified_at for item in now.values())
    async with lender.database.read() as tx:
        actions = [row.action for row in await AuditRepository(tx).of(second.workflow_id)]
    assert actions == ["reuse_element"] * 6


async def test_another_channel_counts_once_the_face_has_shown_who_it_is(lender: Lender) -> None:
    applicant = person()
    first = await apply(lender, applicant, channel="app")
    await first.provide(*six_elements(applicant))

    second = await apply(lender, applicant, channel="partner")
    assert await reused(second) == set()
    named = await second.provide(story.real_name(applicant))
    assert named.outcomes[0].verdict is Verdict.MATCH
    # A name and a number can be copied: nothing is taken over for knowing them.
    assert await reused(second) == set()
    seen = await second.provide(card_of(applicant), story.liveness(applicant))

    assert {outcome.verdict for outcome in seen.outcomes} == {Verdict.MATCH}
    assert await reused(second) == {
        ElementKind.OPERATOR,
        ElementKind.PERSONAL_INFORMATION,
        ElementKind.BANK_CARD,
    }
    async with lender.database.read() as tx:
        known = await ApplicantRepository(tx).personal(second.applicant.start.applicant_id)
    assert (known.mobile, known.bank_card) == (applicant.mobile, applicant.card_number)
    assert (await second.submit()).state is ApplicationState.OFFERED


async def test_a_different_person_gets_nothing(lender: Lender) -> None:
    applicant, other = person(), person()
    first = await apply(lender, applicant)
    await first.provide(*six_elements(applicant))

    second = await apply(lender, other, channel="partner")
    await second.provide(story.real_name(other), card_of(other), story.liveness(other))

    assert await reused(second) == set()


async def test_who_only_knows_name_and_number_gets_nothing(lender: Lender) -> None:
    applicant, thief = person(), person()
    first = await apply(lender, applicant)
    await first.provide(*six_elements(applicant))

    second = await apply(lender, thief, channel="partner")
    await second.provide(story.real_name(applicant))
    stolen = await second.provide(card_of(applicant), story.liveness(applicant, shown=thief))

    assert [one.verdict for one in stolen.outcomes] == [Verdict.MATCH, Verdict.MISMATCH]
    assert await reused(second) == set()
    async with lender.database.read() as tx:
        known = await ApplicantRepository(tx).personal(second.applicant.start.applicant_id)
    assert known.bank_card is None


async def test_what_was_taken_over_may_be_replaced(lender: Lender) -> None:
    applicant = person()
    first = await apply(lender, applicant, reference=f"other-card-{applicant.index}")
    await first.provide(*six_elements(applicant))
    await first.withdraw()
    second = await apply(lender, applicant, reference=f"other-card-{applicant.index}")

    given = await second.provide(story.operator(applicant))

    assert given.outcomes[0].verdict is Verdict.MATCH
    assert ElementKind.OPERATOR not in await reused(second)
    with refused(ElementRefused):
        await second.provide(story.operator(applicant))


async def test_a_mismatch_may_reject(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant, product="strict")
    await applying.provide(story.real_name(applicant))

    wrong = await applying.provide(story.operator(person()))

    assert wrong.application.state is ApplicationState.REJECTED
    view = await applying.result()
    assert view.rejection is not None
    assert view.rejection.code == "R08"
    assert (await applying.row()).rejection == view.rejection


async def test_a_mismatch_may_be_for_a_person_to_judge(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant, product="lenient")
    await applying.provide(story.real_name(applicant), story.operator(applicant))
    twice_the_same = story.personal_information(applicant, "13800138000", "13800138000")

    wrong = await applying.provide(twice_the_same, submit=True)

    assert (wrong.outcomes[0].verdict, wrong.outcomes[0].reason) == (
        Verdict.MISMATCH,
        "duplicate_contact",
    )
    # Nothing else is wrong with this applicant: the decision names the element, and it alone.
    assert wrong.application.state is ApplicationState.IN_REVIEW
    async with lender.database.read() as tx:
        decision = await DecisionRepository(tx).get(applying.id, "automatic", 1)
    assert decision is not None
    assert decision.outcome == "refer"
    assert [(hit.rule, hit.read) for hit in decision.rules] == [
        ("element_personal_information", "duplicate_contact")
    ]
    assert (await applying.review("approve")).state is ApplicationState.OFFERED


async def test_an_element_that_is_only_taken_rejects_nobody(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant, product="report")
    await applying.provide(story.real_name(applicant))
    for _ in range(3):
        wrong = await applying.provide(story.operator(person()))
        assert wrong.outcomes[0].verdict is Verdict.MISMATCH
        assert wrong.application.state is ApplicationState.COLLECTING
    with refused(ElementRefused):
        await applying.provide(story.operator(applicant))
