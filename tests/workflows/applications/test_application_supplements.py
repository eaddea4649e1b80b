"""A reviewer asks for elements again: what is reopened, who waits, and how often it may happen."""

from datetime import timedelta

from domain.applications.application import (
    ApplicationState,
    ElementRefused,
    ElementsMissing,
    ReviewClosed,
    SupplementRefused,
    Waiting,
)
from domain.cases.cases import CaseOutcome, CaseState
from domain.verification.elements import ElementKind, Verdict
from messages import search_attributes as attributes
from messages.verification import SupplementRequest
from storage.applications.supplements import SupplementRepository
from storage.cases import CaseRepository
from storage.common.audit import AuditRepository
from storage.decisioning.decisions import DecisionRepository
from storage.people.staff import StaffRepository
from tests.integration import story
from tests.products import CASH
from tests.workflows.applying import Applying, apply, in_review, reviewer, six_elements
from tests.workflows.lender import Lender, eventually, person, refused

CARD = ElementKind.IDENTITY_CARD
WEEK = timedelta(days=7)
MOMENT = timedelta(minutes=1)


async def queued(lender: Lender) -> set[str]:
    async with lender.database.read() as tx:
        return {row.subject for row in await CaseRepository(tx).page(None, 1000)}


async def test_a_supplement_reopens_one_element_and_comes_back_to_who_asked(
    lender: Lender,
) -> None:
    applying = await in_review(lender)
    due_before = (await applying.case()).due_at

    handle = await reviewer(lender)
    view = await applying.ask_again(CARD, by=handle)

    assert (view.state, view.waiting) == (ApplicationState.COLLECTING, Waiting.APPLICANT)
    assert applying.id not in await queued(lender)
    assert await lender.search_attribute(applying.workflow_id, attributes.NEEDS_HUMAN) is False
    with refused(ElementRefused):
        await applying.provide(story.real_name(applying.applicant.person))
    with refused(ElementsMissing):
        await applying.submit()
    with refused(ReviewClosed):
        await applying.review("approve", by="rolf")
    await lender.pass_time(applying.workflow_id, timedelta(hours=3))
    card = six_elements(applying.applicant.person)[3]
    given = await applying.provide(card)

    assert given.outcomes[0].verdict is Verdict.MATCH
    assert given.application.state is ApplicationState.IN_REVIEW
    task = await applying.case()
    assert task.state is CaseState.OPEN
    async with lender.database.read() as tx:
        asker = await StaffRepository(tx).of_handle(handle)
    assert asker is not None
    assert task.assigned_to == asker.id
    assert task.due_at - due_before >= timedelta(hours=3)
    assert applying.id in await queued(lender)
    assert (await applying.review("approve", by=handle)).state is ApplicationState.OFFERED
    async with lender.database.read() as tx:
        assert len(await DecisionRepository(tx).of(applying.id)) == 2
        rounds = await SupplementRepository(tx).of(applying.id)
        told = [row.action for row in await AuditRepository(tx).of(applying.workflow_id)]
    assert [(row.round, row.kinds) for row in rounds] == [(1, (CARD,))]
    assert rounds[0].completed_at is not None
    assert told == ["request_supplement", "approve", "approve"]


async def test_elements_are_asked_for_again_twice_at_most(lender: Lender) -> None:
    applying = await in_review(lender)
    applicant = applying.applicant.person
    for _ in range(CASH.content.supplement_rounds):
        await applying.ask_again(ElementKind.OPERATOR)
        given = await applying.provide(story.operator(applicant))
        assert given.application.state is ApplicationState.IN_REVIEW

    with refused(SupplementRefused):
        await applying.ask_again(ElementKind.OPERATOR)
    assert (await applying.review("reject")).state is ApplicationState.REJECTED


async def test_what_the_product_does_not_take_cannot_be_asked_for(lender: Lender) -> None:
    applying = await in_review(lender)
    with refused(SupplementRefused):
        await applying.ask_again(ElementKind.GUARANTOR)
    with refused(SupplementRefused):
        await applying.ask_again()
    assert (await applying.row()).state is ApplicationState.IN_REVIEW


async def test_a_supplement_that_does_not_come_in_a_week_expires(lender: Lender) -> None:
    applying = await in_review(lender)
    await applying.ask_again(CARD)

    await lender.pass_time(applying.workflow_id, WEEK - MOMENT)
    assert (await applying.row()).state is ApplicationState.COLLECTING
    await lender.pass_time(applying.workflow_id, 2 * MOMENT)

    assert (await applying.result()).state is ApplicationState.EXPIRED
    assert (await applying.case()).outcome is CaseOutcome.ABANDONED


async def test_an_element_that_is_wrong_again_waits_for_a_right_one(lender: Lender) -> None:
    applying = await in_review(lender)
    await applying.ask_again(ElementKind.OPERATOR, ElementKind.BANK_CARD)

    wrong = await applying.provide(story.operator(person()))
    assert wrong.outcomes[0].verdict is Verdict.MISMATCH
    right = await applying.provide(story.operator(applying.applicant.person), submit=True)
    assert right.application.state is ApplicationState.COLLECTING
    last = await applying.provide(story.bank_card(applying.applicant.person))
    assert last.application.state is ApplicationState.IN_REVIEW


async def test_the_signal_asks_too_and_one_that_does_not_fit_changes_nothing(
    lender: Lender,
) -> None:
    applying = await in_review(lender)
    request = SupplementRequest(kinds=(CARD,), reason="blurred")
    await applying.handle.signal("request_supplement", request)
    await eventually(applying.row, lambda row: row.state is ApplicationState.COLLECTING)
    # Not in review any more: nothing happens.
    await applying.handle.signal("request_supplement", request)
    given = await applying.provide(six_elements(applying.applicant.person)[3])
    assert given.application.state is ApplicationState.IN_REVIEW
    async with lender.database.read() as tx:
        assert len(await SupplementRepository(tx).of(applying.id)) == 1


async def test_nothing_is_asked_for_again_before_a_review(lender: Lender) -> None:
    applying: Applying = await apply(lender, person())
    with refused(ReviewClosed):
        await applying.ask_again(CARD)
