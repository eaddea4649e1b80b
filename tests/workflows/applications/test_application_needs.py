"""What an element rests on: nothing that was only typed, and nothing that was refused."""

import asyncio

from domain.applications.application import ApplicationState, ElementRefused, Waiting
from domain.people.consents import Purpose
from domain.verification.elements import ElementKind, Verdict
from runtime.clock import utc_now
from sandbox import pictures
from storage.people.applicants import ApplicantRepository
from storage.people.consents import ConsentRepository
from tests.integration import story
from tests.workflows.applying import Applying, apply, six_elements
from tests.workflows.lender import Lender, eventually, person, refused


async def personal(applying: Applying) -> tuple[str | None, str | None, str | None]:
    async with applying.lender.database.read() as tx:
        found = await ApplicantRepository(tx).personal(applying.applicant.start.applicant_id)
    return found.name, found.mobile, found.bank_card


async def test_elements_given_together_wait_for_what_they_need(lender: Lender) -> None:
    who = person()
    applying = await apply(lender, who)
    given = await applying.provide(*reversed(six_elements(who)), submit=True)
    assert {one.verdict for one in given.outcomes} == {Verdict.MATCH}
    assert given.application.state is ApplicationState.OFFERED


async def test_nobody_becomes_another_person_half_way(lender: Lender) -> None:
    """Everything but the name is the impostor's; then the name of somebody else is given."""
    impostor, victim = person("name_mismatch"), person()
    theirs = await apply(lender, victim)
    await theirs.provide(*six_elements(victim), submit=True)
    applying = await apply(lender, impostor)
    given = await applying.provide(*six_elements(impostor))
    assert {one.kind: one.verdict for one in given.outcomes} == {
        ElementKind.REAL_NAME: Verdict.MISMATCH
    } | {ElementKind(one.kind): Verdict.UNAVAILABLE for one in six_elements(impostor)[1:]}
    assert {one.reason for one in given.outcomes} == {"name_mismatch", "real_name_required"}

    taken = await applying.provide(story.real_name(victim), submit=True)

    assert taken.outcomes[0].verdict is Verdict.MATCH
    assert taken.application.state is ApplicationState.COLLECTING
    statuses = await applying.statuses()
    assert {kind for kind, one in statuses.items() if one.verdict is Verdict.MATCH} == {
        ElementKind.REAL_NAME
    }
    assert await personal(applying) == (victim.name, None, None)
    own = await applying.provide(story.operator(impostor))
    assert own.outcomes[0].verdict is Verdict.MISMATCH


async def test_ones_own_mobile_is_no_emergency_contact_whatever_was_typed_before(
    lender: Lender,
) -> None:
    who, other = person(), person()
    applying = await apply(lender, who)
    await applying.provide(story.real_name(who))
    own = story.personal_information(who, who.mobile, "13900139000")
    given = await applying.provide(story.operator(other), own)
    assert [one.verdict for one in given.outcomes] == [Verdict.MISMATCH, Verdict.UNAVAILABLE]
    with refused(ElementRefused):
        await applying.provide(own)
    given = await applying.provide(story.operator(who), own)
    assert [one.verdict for one in given.outcomes] == [Verdict.MATCH, Verdict.MISMATCH]
    assert given.outcomes[1].reason == "contact_is_applicant"


async def test_an_element_out_of_order_is_refused_and_counts_for_nothing(lender: Lender) -> None:
    who = person()
    applying = await apply(lender, who)
    for early in six_elements(who)[1:]:
        with refused(ElementRefused):
            await applying.provide(early)
    assert await lender.scheduled(applying.workflow_id, "verify_element") == []
    cards = story.identity_card(pictures.card_front(who), pictures.card_back(who))
    await applying.provide(story.real_name(who))
    with refused(ElementRefused):
        await applying.provide(story.liveness(who))
    given = await applying.provide(story.liveness(who), cards)
    assert {one.verdict for one in given.outcomes} == {Verdict.MATCH}


async def test_what_needs_a_source_that_is_down_is_verified_when_it_is_back(
    lender: Lender,
) -> None:
    who = person()
    applying = await apply(lender, who)
    await lender.simulators.fault("real_name", status=503)
    given = await applying.provide(*six_elements(who), submit=True)
    assert {one.verdict for one in given.outcomes} == {Verdict.PENDING}
    assert given.application.waiting is Waiting.PROVIDER

    await lender.simulators.repair()

    row = await eventually(applying.row, lambda row: row.state is ApplicationState.OFFERED)
    assert row.waiting is Waiting.APPLICANT


async def test_a_number_that_no_register_knows_is_asked_about_once_and_may_be_corrected(
    lender: Lender,
) -> None:
    who = person("not_in_registry")
    applying = await apply(lender, who)
    given = await applying.provide(story.real_name(who))
    assert (given.outcomes[0].verdict, given.outcomes[0].reason) == (
        Verdict.UNAVAILABLE,
        "not_in_registry",
    )
    assert given.application.waiting is Waiting.APPLICANT
    assert len(await lender.scheduled(applying.workflow_id, "verify_element")) == 1
    corrected = person()
    again = await applying.provide(story.real_name(corrected))
    assert again.outcomes[0].verdict is Verdict.MATCH


async def test_a_consent_withdrawn_while_its_source_is_down_ends_the_question(
    lender: Lender,
) -> None:
    who = person()
    applying = await apply(lender, who)
    await applying.provide(story.real_name(who))
    await lender.simulators.fault("operator", status=503)
    given = await applying.provide(story.operator(who))
    assert given.outcomes[0].verdict is Verdict.PENDING
    async with lender.database.transaction() as tx:
        await ConsentRepository(tx).revoke(
            applying.applicant.start.applicant_id,
            Purpose.OPERATOR_QUERY,
            revoked_by="test",
            at=utc_now(),
        )

    # The source stays down: a question that is under way as the consent goes is not answered.
    status = await eventually(
        applying.statuses,
        lambda found: found[ElementKind.OPERATOR].verdict is Verdict.UNAVAILABLE,
    )
    assert status[ElementKind.OPERATOR].reason == "not_allowed"
    row = await eventually(applying.row, lambda row: row.waiting is Waiting.APPLICANT)
    assert row.state is ApplicationState.COLLECTING


async def test_nobody_is_asked_about_an_application_that_ended_meanwhile(lender: Lender) -> None:
    who = person()
    applying = await apply(lender, who)
    await lender.simulators.fault("real_name", latency_seconds=3)
    giving = asyncio.create_task(applying.provide(*six_elements(who)))
    workflow_id = applying.workflow_id
    await eventually(lambda: lender.scheduled(workflow_id, "verify_elements"), bool)

    await applying.withdraw()

    given = await giving
    assert {one.verdict for one in given.outcomes} == {Verdict.PENDING}
    assert given.application.state is ApplicationState.WITHDRAWN
    assert await lender.scheduled(workflow_id, "verify_element") == []
