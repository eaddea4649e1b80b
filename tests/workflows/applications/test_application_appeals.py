"""A rejection that is appealed goes to a person: the process goes on where it had ended."""

from datetime import date, timedelta

import pytest

from domain.applications.appeals import AppealRefused
from domain.applications.application import ApplicationState, ElementsMissing, Waiting
from domain.cases.cases import CaseState
from domain.common.calendar import business_date
from domain.people.principals import Principal
from domain.verification.elements import ElementKind
from messages import search_attributes as attributes
from messages.applications import StartApplication
from runtime.clock import utc_now
from services.applications.appealing import appeal
from services.processes import start_of_process
from storage.applications.applications import ApplicationRepository
from tests.integration import story
from tests.products import CASH
from tests.workflows.applying import Applying, apply, approve_by_two, in_review, six_elements
from tests.workflows.lender import Lender, person, refused


def customer(applying: Applying) -> Principal:
    return Principal(role="partner", subject=applying.applicant.start.channel)


async def rejected(lender: Lender, key: str = "blacklisted") -> Applying:
    applicant = person(key)
    applying = await apply(lender, applicant)
    await applying.provide(*six_elements(applicant), submit=True)
    assert (await applying.result()).state is ApplicationState.REJECTED
    return applying


async def appealed(lender: Lender, applying: Applying, reason: str = "paid") -> StartApplication:
    async with lender.database.transaction() as tx:
        start = await appeal(tx, customer(applying), applying.id, reason, utc_now())
    assert start is not None
    return start


async def test_an_appeal_opens_a_review_that_may_end_in_an_offer(lender: Lender) -> None:
    applying = await rejected(lender)

    await lender.siblings.start_application(await appealed(lender, applying))

    row = await applying.row()
    assert (row.state, row.waiting) == (ApplicationState.IN_REVIEW, Waiting.REVIEWER)
    assert row.rejection is None
    assert (await applying.case()).state is CaseState.OPEN
    assert await lender.search_attribute(applying.workflow_id, attributes.NEEDS_HUMAN) is True
    # To override the rule of lists takes two people.
    view = await approve_by_two(applying, "the entry is of somebody else")
    assert view.state is ApplicationState.OFFERED
    assert view.offer_id is not None
    accepted = await applying.accept(view.offer_id)
    assert accepted.state is ApplicationState.ACCEPTED


async def test_the_reviewer_may_reject_it_again_and_that_is_the_end(lender: Lender) -> None:
    applying = await rejected(lender)
    await lender.siblings.start_application(await appealed(lender, applying))

    await applying.review("reject", by="rita", reason="the entry is right")

    view = await applying.result()
    assert view.rejection is not None
    assert view.rejection.code == "R13"
    with pytest.raises(AppealRefused, match="before"):
        await appealed(lender, applying, "once more")


async def test_a_person_is_kept_away_as_long_as_the_appeal_is_not_decided(lender: Lender) -> None:
    applying = await rejected(lender)
    await lender.siblings.start_application(await appealed(lender, applying))

    async with lender.database.read() as tx:
        lock = await ApplicationRepository(tx).lock_until(
            applying.applicant.person.identity_number, except_for="app_of_nobody"
        )
    assert lock is not None
    assert (lock.code, lock.reapply_on) == ("R05", today() + timedelta(days=180))


async def test_an_appeal_that_comes_twice_is_one(lender: Lender) -> None:
    applying = await rejected(lender)
    first = await appealed(lender, applying)
    again = await appealed(lender, applying)
    assert again == first
    await lender.siblings.start_application(first)
    await lender.siblings.start_application(again)
    await approve_by_two(applying)
    assert (await applying.row()).state is ApplicationState.OFFERED


async def test_what_a_person_rejected_is_not_appealed(lender: Lender) -> None:
    applying = await in_review(lender)
    await applying.review("reject", by="rolf", reason="no income")
    await applying.result()
    with pytest.raises(AppealRefused, match="person"):
        await appealed(lender, applying)


async def test_without_what_credit_rests_on_a_reviewer_asks_for_it_first(lender: Lender) -> None:
    applicant = person()
    applying = await apply(lender, applicant)
    await applying.provide(story.real_name(applicant))
    for _ in range(3):
        await applying.provide(story.bank_card(person()))
    assert (await applying.result()).rejection is not None
    await lender.siblings.start_application(await appealed(lender, applying))

    with refused(ElementsMissing):
        await applying.review("approve", by="rita")
    await applying.ask_again(ElementKind.BANK_CARD, by="rita")
    given = await applying.provide(*six_elements(applicant)[1:])
    assert given.application.state is ApplicationState.IN_REVIEW
    view = await applying.review("approve", by="rita")
    assert view.state is ApplicationState.OFFERED


async def test_a_lost_start_of_an_appealed_application_is_made_up_for(lender: Lender) -> None:
    applying = await rejected(lender)
    await appealed(lender, applying)

    assert not await lender.siblings.is_known(applying.workflow_id)
    async with lender.database.read() as tx:
        start = await start_of_process(tx, applying.workflow_id)
    assert start is not None
    await lender.siblings.start(start)

    assert (await approve_by_two(applying)).state is ApplicationState.OFFERED


def today() -> date:
    return business_date(utc_now(), CASH.zone)


async def test_who_has_applied_again_meanwhile_has_one_application_at_a_time(
    lender: Lender,
) -> None:
    """Two applications of a person for a product would end in two lines."""
    applying = await rejected(lender)
    who = applying.applicant.person
    again = await apply(lender, who)
    await again.provide(story.real_name(who), story.operator(who))

    with pytest.raises(AppealRefused, match="not over"):
        await appealed(lender, applying)
