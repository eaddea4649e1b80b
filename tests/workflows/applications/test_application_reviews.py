"""Reviews on cases: two people, claims that end, reviews that are late, and signals by hand.

Sources: issue 12 (two stages by two people, a claim of 15 minutes, time that stands still during a
supplement, signals with the same checks and the same filter on reasons); the 30 minutes of the
shipped products (`review_within`) and of the shipped strategy (`final_within`).
"""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowUpdateStage

from domain.applications.application import ApplicationState, InvalidReview, ReviewClosed
from domain.cases.cases import CaseClaimed, CaseOutcome, LogEntry, SecondReviewerNeeded, Stage
from domain.cases.strategy import SecondPersonReason
from domain.people.authority import NotAuthorised
from domain.verification.elements import ElementKind
from messages.applications import ReviewCommand
from storage.applications.offers import OfferRepository
from storage.cases import CaseLogRepository
from storage.common.audit import AuditRepository, AuditRow
from storage.people.staff import StaffRepository
from tests.workflows.applying import Applying, in_review, reviewer, six_elements
from tests.workflows.lender import Lender, eventually, refused

_ACCEPTED = WorkflowUpdateStage.ACCEPTED
CARD = ElementKind.IDENTITY_CARD
MINUTE = timedelta(minutes=1)
IDENTITY_NUMBER = "110105199003071234"


async def person_id(lender: Lender, handle: str) -> str:
    async with lender.database.read() as tx:
        row = await StaffRepository(tx).of_handle(handle)
    assert row is not None
    return row.id


async def audit(applying: Applying) -> list[AuditRow]:
    async with applying.lender.database.read() as tx:
        return await AuditRepository(tx).of(applying.workflow_id)


async def logged(applying: Applying) -> list[LogEntry]:
    case = await applying.case()
    async with applying.lender.database.read() as tx:
        return [one.entry for one in await CaseLogRepository(tx).of(case.id)]


async def needs_two(lender: Lender) -> Applying:
    """Return an application whose referring rule no single person may override."""
    applying = await in_review(lender)
    async with lender.database.transaction() as tx:
        await tx.connection.execute(
            "update cases set rules = '{blacklist}' where subject = $1", applying.id
        )
    return applying


async def claimed_by(applying: Applying, handle: str, minutes: int) -> None:
    """Let somebody hold the case for some minutes of the process's clock."""
    lender = applying.lender
    until = await lender.clock(applying.workflow_id) + minutes * MINUTE
    async with lender.database.transaction() as tx:
        await tx.connection.execute(
            "update cases set claimed_by = $2, claimed_until = $3 where subject = $1",
            applying.id,
            await person_id(lender, handle),
            until,
        )


async def test_two_people_approve_and_the_second_ones_word_makes_the_offer(
    lender: Lender,
) -> None:
    rita, rolf = await reviewer(lender), await reviewer(lender)
    applying = await needs_two(lender)

    # Nobody who does not say who it is can be one of two people.
    with refused(SecondReviewerNeeded):
        await applying.review("approve", by="reviewer")
    passed_on = await applying.review("approve", by=rita, amount=600_000)

    assert (passed_on.state, passed_on.offer_id) == (ApplicationState.IN_REVIEW, None)
    case = await applying.case()
    assert (case.stage, case.second_reason) == (Stage.FINAL, SecondPersonReason.RULE)
    for same in (rita, "reviewer"):
        with refused(SecondReviewerNeeded):
            await applying.review("approve", by=same)

    approved = await applying.review("approve", by=rolf)

    assert approved.state is ApplicationState.OFFERED
    async with lender.database.read() as tx:
        offer = await OfferRepository(tx).of_application(applying.id)
    assert offer is not None
    assert offer.amount == 600_000, "what the first person approved, less than what was asked for"
    assert (await applying.case()).outcome is CaseOutcome.APPROVED
    assert [(row.action, row.outcome) for row in await audit(applying)] == [
        ("approve", "refused"),
        ("approve", "accepted"),
        ("approve", "refused"),
        ("approve", "refused"),
        ("approve", "accepted"),
    ]


async def test_a_claim_keeps_others_away_and_ends_by_itself(lender: Lender) -> None:
    """A reviewer who is gone in the middle of a decision delays nobody for longer than that."""
    rita, rolf = await reviewer(lender), await reviewer(lender)
    applying = await in_review(lender)
    await claimed_by(applying, rita, 15)

    with refused(CaseClaimed):
        await applying.review("approve", by=rolf)
    await lender.pass_time(applying.workflow_id, 16 * MINUTE)

    assert (await applying.review("approve", by=rolf)).state is ApplicationState.OFFERED
    with refused(ReviewClosed):
        await applying.review("reject", by=rita)
    assert [row.outcome for row in await audit(applying)] == ["refused", "accepted", "refused"]


async def test_a_review_that_is_late_goes_to_senior_people_once(lender: Lender) -> None:
    applying = await in_review(lender)
    await lender.pass_time(applying.workflow_id, 29 * MINUTE)
    assert (await applying.case()).escalated_at is None

    await lender.pass_time(applying.workflow_id, 2 * MINUTE)

    late = await applying.case()
    assert (late.escalated_at is not None, late.skill) == (True, "senior")
    await lender.pass_time(applying.workflow_id, timedelta(days=2))
    assert (await logged(applying)).count(LogEntry.ESCALATED) == 1
    assert (await applying.review("approve")).state is ApplicationState.OFFERED


async def test_the_second_person_has_time_of_their_own(lender: Lender) -> None:
    rita, rolf = await reviewer(lender), await reviewer(lender)
    applying = await needs_two(lender)
    await lender.pass_time(applying.workflow_id, 20 * MINUTE)
    await applying.review("approve", by=rita)

    await lender.pass_time(applying.workflow_id, 25 * MINUTE)
    assert (await applying.case()).escalated_at is None
    await lender.pass_time(applying.workflow_id, 6 * MINUTE)

    assert (await applying.case()).escalated_at is not None
    assert (await applying.review("approve", by=rolf)).state is ApplicationState.OFFERED


async def test_a_case_left_to_a_colleague_becomes_late_at_its_own_time(lender: Lender) -> None:
    """The process knows the time of the first stage; the second may have had less, or more."""
    applying = await in_review(lender)
    async with lender.database.transaction() as tx:
        await tx.connection.execute(
            "update cases set stage = 'final', initial_by = 'rita', second_reason = 'escalated',"
            " due_at = due_at - interval '10 minutes'"
            " where subject = $1",
            applying.id,
        )

    await lender.pass_time(applying.workflow_id, 31 * MINUTE)

    assert (await applying.case()).escalated_at is not None


async def test_a_case_of_nobody_in_the_directory_comes_back_to_whoever_is_free(
    lender: Lender,
) -> None:
    applying = await in_review(lender)
    await applying.ask_again(CARD, by="reviewer")
    case = await applying.case()
    assert (case.paused_at is not None, case.assigned_to) == (True, None)


async def test_time_stands_still_during_a_supplement(lender: Lender) -> None:
    applying = await in_review(lender)
    await lender.pass_time(applying.workflow_id, 10 * MINUTE)
    await applying.ask_again(CARD)

    await lender.pass_time(applying.workflow_id, timedelta(hours=5))
    assert (await applying.case()).escalated_at is None
    await applying.provide(six_elements(applying.applicant.person)[3])
    await lender.pass_time(applying.workflow_id, 18 * MINUTE)
    assert (await applying.case()).escalated_at is None
    await lender.pass_time(applying.workflow_id, 4 * MINUTE)

    assert (await applying.case()).escalated_at is not None
    assert (await logged(applying))[1:] == [LogEntry.PAUSED, LogEntry.RESUMED, LogEntry.ESCALATED]


@pytest.mark.parametrize(
    ("word", "command", "error"),
    [
        ("approve", ReviewCommand(amount=1_000_001), InvalidReview),
        ("approve", ReviewCommand(amount=600_001), InvalidReview),
        ("approve", ReviewCommand(instalments=24), InvalidReview),
        ("approve", ReviewCommand(instalments=5), InvalidReview),
        ("reject", ReviewCommand(code="R99"), InvalidReview),
        ("reject", ReviewCommand(reason=f"id {IDENTITY_NUMBER}"), InvalidReview),
        ("reject", ReviewCommand(reason="x" * 201), InvalidReview),
    ],
)
async def test_what_a_reviewer_cannot_say_changes_nothing(
    lender: Lender, word: str, command: ReviewCommand, error: type[InvalidReview]
) -> None:
    applying = await in_review(lender)
    with refused(error):
        await applying.handle.execute_update(f"review_{word}", command)
    assert (await applying.row()).state is ApplicationState.IN_REVIEW
    [row] = await audit(applying)
    assert row.outcome == "refused"
    assert IDENTITY_NUMBER not in str(row.detail)


async def test_a_signal_is_checked_like_a_command(lender: Lender) -> None:
    """Who works here no more, and a reason with a number of a person, count by neither way."""
    gone, rita = await reviewer(lender), await reviewer(lender)
    async with lender.database.transaction() as tx:
        row = await StaffRepository(tx).of_handle(gone)
        assert row is not None
        await StaffRepository(tx).leave(row.id)
    applying = await in_review(lender)
    with refused(NotAuthorised):
        await applying.review("approve", by=gone)
    await applying.handle.signal("approve", ReviewCommand(reviewer=gone))
    said = ReviewCommand(reviewer=rita, reason=f"card {IDENTITY_NUMBER}")
    await applying.handle.signal("reject", said)
    rows = await eventually(lambda: audit(applying), lambda rows: len(rows) == 3)
    assert {row.outcome for row in rows} == {"refused"}
    assert (await applying.row()).state is ApplicationState.IN_REVIEW

    await applying.handle.signal("reject", ReviewCommand(reviewer=rita, code="R05"))
    await eventually(applying.row, lambda row: row.state is ApplicationState.REJECTED)
    assert (await applying.row()).reject_code == "R05"
    assert (await audit(applying))[-1].actor == await person_id(lender, rita)


async def test_an_application_that_is_withdrawn_while_a_word_is_judged_ends_once(
    lender: Lender,
) -> None:
    applying = await in_review(lender)
    command = ReviewCommand(reviewer="rita")
    approving = await applying.handle.start_update(
        "review_approve", command, wait_for_stage=_ACCEPTED
    )
    withdrawn = await applying.withdraw()
    await approving.result()
    assert withdrawn.state is ApplicationState.WITHDRAWN
    assert (await applying.row()).state is ApplicationState.WITHDRAWN
