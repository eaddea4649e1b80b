"""States, decisions and reviews reach the record in their order and once."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from temporalio.exceptions import ApplicationError

from domain.applications.application import ApplicationState, Rejection, ReviewClosed, Waiting
from domain.cases.cases import CaseKind, CaseOutcome
from domain.decisioning.checking import RISK_POLICY
from domain.decisioning.decision import Decision, Outcome
from messages import calls, ids
from messages.applications import (
    Offer,
    RecordDecision,
    RecordReview,
    RecordState,
    ReviewCommand,
)
from sandbox.personas import person
from storage.applications.applications import ApplicationRepository
from storage.applications.offers import OfferRepository, OfferState
from storage.cases import CaseRepository
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.decisioning.decisions import DecisionRepository
from tests.definitions import ref
from tests.integration.story import Applicant, Bench, applicant, offer

AT = datetime(2026, 3, 2, 4, tzinfo=UTC)


def state(known: Applicant, to: ApplicationState, state_seq: int) -> RecordState:
    return RecordState(
        application_id=known.start.application_id,
        state=to,
        waiting=Waiting.NOTHING,
        state_seq=state_seq,
        at=AT,
        business_date=AT.date(),
    )


def decided(
    known: Applicant, outcome: Outcome, *, made: Offer | None = None, code: str | None = None
) -> RecordDecision:
    states = {
        Outcome.APPROVE: ApplicationState.OFFERED,
        Outcome.REJECT: ApplicationState.REJECTED,
        Outcome.REFER: ApplicationState.IN_REVIEW,
    }
    return RecordDecision(
        application_id=known.start.application_id,
        decision=Decision(
            outcome=outcome,
            policy=ref(RISK_POLICY, "cash"),
            score=600,
            reject_code=code,
            reapply_on=None,
            hits=(),
        ),
        state=states[outcome],
        waiting=Waiting.REVIEWER,
        state_seq=2,
        at=AT,
        review_due_at=AT + timedelta(minutes=30) if outcome is Outcome.REFER else None,
        offer=made,
    )


def word(
    known: Applicant, reviewer: str, *, approve: bool, number: int = 1, made: Offer | None = None
) -> RecordReview:
    return RecordReview(
        application_id=known.start.application_id,
        approve=approve,
        in_review=True,
        number=number,
        command=ReviewCommand(reviewer=reviewer, reason="as told"),
        at=AT,
        business_date=AT.date(),
        offer=made,
        state_seq=3,
    )


async def test_an_older_state_that_arrives_late_changes_nothing_and_is_not_told(
    bench: Bench,
) -> None:
    known = await applicant(bench, person("approved", 301))
    await bench.perform(calls.RECORD_STATE, state(known, ApplicationState.WITHDRAWN, 5))
    await bench.perform(calls.RECORD_STATE, state(known, ApplicationState.DECIDING, 4))
    await bench.perform(calls.RECORD_STATE, state(known, ApplicationState.WITHDRAWN, 5))
    async with bench.database.read() as tx:
        row = await ApplicationRepository(tx).get(known.start.application_id)
        facts = await OutboxRepository(tx).since(
            ids.application_workflow(known.start.application_id), 0
        )
    assert row is not None
    assert (row.state, row.state_seq) == (ApplicationState.WITHDRAWN, 5)
    assert [fact.payload["state_seq"] for fact in facts] == [5]


async def test_a_referred_application_enters_the_queue_once(bench: Bench) -> None:
    known = await applicant(bench, person("story", 302))
    request = decided(known, Outcome.REFER)
    await asyncio.gather(*(bench.perform(calls.RECORD_DECISION, request) for _ in range(3)))
    async with bench.database.read() as tx:
        queue = await CaseRepository(tx).page(None, 100)
    mine = [task for task in queue if task.subject == known.start.application_id]
    assert [task.due_at for task in mine] == [AT + timedelta(minutes=30)]
    assert mine[0].amount == 1_000_000


async def test_an_approved_application_has_one_offer(bench: Bench) -> None:
    known = await applicant(bench, person("approved", 303))
    made = offer()
    for _ in range(2):
        await bench.perform(calls.RECORD_DECISION, decided(known, Outcome.APPROVE, made=made))
    async with bench.database.read() as tx:
        row = await OfferRepository(tx).of_application(known.start.application_id)
    assert row is not None
    assert (row.id, row.state, row.annual_rate) == (made.offer_id, OfferState.OPEN, Decimal("24"))


async def test_a_rejection_is_on_record_with_its_code(bench: Bench) -> None:
    known = await applicant(bench, person("low_score", 304))
    await bench.perform(calls.RECORD_DECISION, decided(known, Outcome.REJECT, code="R08"))
    async with bench.database.read() as tx:
        row = await ApplicationRepository(tx).get(known.start.application_id)
    assert row is not None
    assert row.rejection == Rejection(code="R08", reapply_on=None)


async def test_two_reviewers_at_once_are_both_in_the_audit_and_one_counts(bench: Bench) -> None:
    known = await applicant(bench, person("story", 305))
    await bench.perform(calls.RECORD_DECISION, decided(known, Outcome.REFER))
    made = offer()
    first = word(known, "reviewer-1", approve=True, made=made)
    second = word(known, "reviewer-2", approve=False, number=2)
    answered = await bench.perform(calls.RECORD_REVIEW, first)
    assert answered.offer is not None
    # What a worker that died did not hear it is told at the repeat.
    assert await bench.perform(calls.RECORD_REVIEW, first) == answered
    for _ in range(2):
        with pytest.raises(ApplicationError) as refused:
            await bench.perform(calls.RECORD_REVIEW, second)
        assert refused.value.type == ReviewClosed.__name__
    application_id = known.start.application_id
    async with bench.database.read() as tx:
        row = await ApplicationRepository(tx).get(application_id)
        task = await CaseRepository(tx).of_subject(CaseKind.REVIEW, application_id)
        audit = await AuditRepository(tx).of(ids.application_workflow(application_id))
        decisions = await DecisionRepository(tx).of(application_id)
    assert row is not None
    assert row.state is ApplicationState.OFFERED
    assert task is not None
    assert (task.outcome, task.decided_by) == (CaseOutcome.APPROVED, "reviewer-1")
    assert sorted((entry.actor, entry.action, entry.outcome) for entry in audit) == [
        ("reviewer-1", "approve", "accepted"),
        ("reviewer-2", "reject", "refused"),
    ]
    assert [(made.stage, made.outcome) for made in decisions] == [("review", Outcome.APPROVE)]


async def test_of_two_reviewers_at_once_one_decides_200_times(bench: Bench) -> None:
    """One decision, one refusal, both audited, whoever comes first (issue 12)."""
    known = [await applicant(bench, person("story", 1_000 + number)) for number in range(200)]
    for one in known:
        await bench.perform(calls.RECORD_DECISION, decided(one, Outcome.REFER))

    async def said(one: Applicant, reviewer: str, *, approve: bool, number: int) -> bool:
        request = word(one, reviewer, approve=approve, number=number, made=offer())
        try:
            await bench.perform(calls.RECORD_REVIEW, request)
        except ApplicationError as error:
            if error.type != ReviewClosed.__name__:
                raise
            return False
        return True

    async def race(number: int, one: Applicant) -> None:
        words = (("rita", True, 1), ("rolf", number % 2 == 0, 2))
        counted = await asyncio.gather(
            *(said(one, by, approve=approve, number=n) for by, approve, n in words)
        )
        assert sum(counted) == 1
        application_id = one.start.application_id
        async with bench.database.read() as tx:
            audit = await AuditRepository(tx).of(ids.application_workflow(application_id))
            decisions = await DecisionRepository(tx).of(application_id)
            case = await CaseRepository(tx).of_subject(CaseKind.REVIEW, application_id)
        assert sorted(entry.outcome for entry in audit) == ["accepted", "refused"]
        assert {entry.actor for entry in audit} == {"rita", "rolf"}
        won = words[counted.index(True)]
        assert [made.outcome for made in decisions] == [
            Outcome.APPROVE if won[1] else Outcome.REJECT
        ]
        assert case is not None
        assert case.decided_by == won[0]

    for first in range(0, len(known), 10):
        await asyncio.gather(*(race(number, known[number]) for number in range(first, first + 10)))


async def test_a_reviewer_s_rejection_closes_the_application(bench: Bench) -> None:
    known = await applicant(bench, person("story", 306))
    await bench.perform(calls.RECORD_DECISION, decided(known, Outcome.REFER))
    await bench.perform(calls.RECORD_REVIEW, word(known, "reviewer-1", approve=False))
    async with bench.database.read() as tx:
        row = await ApplicationRepository(tx).get(known.start.application_id)
    assert row is not None
    assert (row.state, row.reject_code) == (ApplicationState.REJECTED, "R13")


async def test_an_application_that_ends_takes_its_task_or_its_offer_along(bench: Bench) -> None:
    reviewed = await applicant(bench, person("story", 307))
    await bench.perform(calls.RECORD_DECISION, decided(reviewed, Outcome.REFER))
    await bench.perform(calls.RECORD_STATE, state(reviewed, ApplicationState.WITHDRAWN, 3))
    offered = await applicant(bench, person("approved", 308))
    made = offer()
    await bench.perform(calls.RECORD_DECISION, decided(offered, Outcome.APPROVE, made=made))
    await bench.perform(calls.RECORD_STATE, state(offered, ApplicationState.EXPIRED, 3))
    async with bench.database.read() as tx:
        task = await CaseRepository(tx).of_subject(CaseKind.REVIEW, reviewed.start.application_id)
        row = await OfferRepository(tx).get(made.offer_id)
    assert task is not None
    assert row is not None
    assert (task.outcome, row.state) == (CaseOutcome.ABANDONED, OfferState.LAPSED)


async def test_what_a_lost_task_wrote_gives_way_to_what_the_process_went_on_with(
    bench: Bench,
) -> None:
    """The worker died after it wrote the offer; in the next try a withdrawal came first."""
    known = await applicant(bench, person("approved", 309))
    made = offer()
    await bench.perform(calls.RECORD_DECISION, decided(known, Outcome.APPROVE, made=made))
    await bench.perform(calls.RECORD_STATE, state(known, ApplicationState.WITHDRAWN, 2))
    await bench.perform(calls.RECORD_DECISION, decided(known, Outcome.APPROVE, made=made))
    async with bench.database.read() as tx:
        row = await ApplicationRepository(tx).get(known.start.application_id)
        lapsed = await OfferRepository(tx).get(made.offer_id)
    assert row is not None
    assert row.state is ApplicationState.WITHDRAWN
    assert lapsed is not None
    assert lapsed.state is OfferState.LAPSED
