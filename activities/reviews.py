"""Reviews: a reviewer's word, supplements, and reviews that are late."""

from dataclasses import dataclass

from activities.applications import enter_state, rejection_of
from activities.common.performing import performs
from domain.applications.application import ApplicationState, Rejection, Waiting
from domain.cases.cases import SYSTEM, CaseKind
from domain.common.definitions import DefinitionRef
from domain.common.errors import DomainError
from domain.decisioning.decision import Decision, Outcome
from messages import calls, ids
from messages.applications import EscalateReview, RecordedReview, RecordReview, ReviewDue
from messages.verification import RecordSupplement, ResumeReview
from runtime import metrics
from services.applications.judging import (
    Ruling,
    authorise_supplement,
    check_reason,
    judge_review,
    reviewer_who_decides,
)
from services.applications.notices import offer_notices, supplement_notice
from services.cases.finding import found_case
from services.cases.opening import escalate_late
from services.cases.stages import pause_case, resume_case
from services.decisioning.rules import rules_in_force
from services.messaging.outbox import tell
from services.products.agreed import product_of_application
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.applications.supplements import SupplementRepository
from storage.cases import CaseRepository
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.decisioning.decisions import DecisionRepository


@dataclass(frozen=True)
class Reviews:
    """Judges what reviewers say, and writes what follows."""

    database: Database

    @performs(calls.RECORD_REVIEW)
    async def record_review(self, request: RecordReview) -> RecordedReview:
        """Judge a word and write its effect; a word that does not count is audited and refused."""
        aggregate = ids.application_workflow(request.application_id)
        key = f"{aggregate}:review:{request.at.isoformat()}:{request.number}"
        entered = None
        try:
            async with self.database.transaction() as tx:
                ruling = await judge_review(tx, request, key)
                recorded, entered = await _take_effect(tx, request, ruling)
                await _audit_review(tx, request, ruling.reviewer, "accepted", key)
        except DomainError as error:
            async with self.database.transaction() as tx:
                reviewer = request.command.reviewer
                await _audit_review(tx, request, reviewer, "refused", f"{key}:refused", error)
            raise
        if entered:
            state = ApplicationState.OFFERED if request.approve else ApplicationState.REJECTED
            metrics.application_entered(state, entered.channel)
        return recorded

    @performs(calls.RECORD_SUPPLEMENT)
    async def record_supplement(self, request: RecordSupplement) -> None:
        """Write what a reviewer asks to be provided again; the case waits for it."""
        asked = request.supplement
        key = f"{ids.application_workflow(request.application_id)}:supplement:{asked.round}"
        entered = None
        try:
            async with self.database.transaction() as tx:
                if await SupplementRepository(tx).open(request.application_id, asked, request.at):
                    entered = await _supplement(tx, request, key)
        except DomainError as error:
            async with self.database.transaction() as tx:
                await AuditRepository(tx).add(
                    actor=asked.requested_by,
                    role="reviewer",
                    action="request_supplement",
                    subject=ids.application_workflow(request.application_id),
                    outcome="refused",
                    detail={"why": error.code, "at": request.at.isoformat()},
                    key=f"{key}:refused:{request.at.isoformat()}",
                )
            raise
        if entered:
            metrics.application_entered(request.state, entered.channel)

    @performs(calls.RESUME_REVIEW)
    async def resume_review(self, request: ResumeReview) -> None:
        """Write that everything was provided; the case is back with who asked for it."""
        key = f"{ids.application_workflow(request.application_id)}:resumed:{request.round}"
        async with self.database.transaction() as tx:
            entered = await enter_state(
                tx,
                request.application_id,
                request.state,
                request.waiting,
                request.state_seq,
                request.at,
            )
            completed = await SupplementRepository(tx).complete(
                request.application_id, request.round, request.at
            )
            case = await CaseRepository(tx).lock_of_subject(CaseKind.REVIEW, request.application_id)
            if completed:
                case = found_case(case, request.application_id)
                await resume_case(tx, case, SYSTEM, request.at, key)
        if entered:
            metrics.application_entered(request.state, entered.channel)

    @performs(calls.ESCALATE_REVIEW)
    async def escalate_review(self, request: EscalateReview) -> ReviewDue:
        """Leave a late review to senior people; return when it is due if it is not late."""
        async with self.database.transaction() as tx:
            case = found_case(
                await CaseRepository(tx).lock_of_subject(CaseKind.REVIEW, request.application_id),
                request.application_id,
            )
            if case.due_at > request.at:
                return ReviewDue(due_at=case.due_at)
            await escalate_late(tx, case, case.due_at, request.at)
        return ReviewDue(due_at=None)


async def _take_effect(
    tx: Transaction, request: RecordReview, ruling: Ruling
) -> tuple[RecordedReview, ApplicationRow | None]:
    """Write the state that follows; return it, and whose application entered a new one."""
    if ruling.due_at is not None:
        return RecordedReview(due_at=ruling.due_at), None
    rejection = None
    if ruling.reject_code is not None:
        rejection = await rejection_of(tx, ruling.reject_code, request.business_date)
    entered = await enter_state(
        tx,
        request.application_id,
        ApplicationState.OFFERED if ruling.offer else ApplicationState.REJECTED,
        Waiting.APPLICANT if ruling.offer else Waiting.NOTHING,
        request.state_seq,
        request.at,
        rejection=rejection,
    )
    await DecisionRepository(tx).record(
        decision_id=ids.derived_id("dec", request.application_id, "review", "1"),
        application_id=request.application_id,
        stage="review",
        attempt=1,
        decision=Decision(
            outcome=Outcome.APPROVE if ruling.offer else Outcome.REJECT,
            policy=await _policy_reviewed(tx, request.application_id),
            score=None,
            reject_code=rejection.code if rejection else None,
            reapply_on=rejection.reapply_on if rejection else None,
            hits=(),
        ),
        facts={},
        decided_by=ruling.reviewer,
        decided_at=request.at,
    )
    if ruling.offer is not None and entered:
        await tell(tx, *offer_notices(entered, ruling.offer))
    recorded = await _rejection_on_record(tx, request.application_id)
    return RecordedReview(offer=ruling.offer, rejection=recorded), entered


async def _rejection_on_record(tx: Transaction, application_id: str) -> Rejection | None:
    """Return the rejection on record: at a repeat what was written first."""
    row = await ApplicationRepository(tx).get(application_id)
    return row.rejection if row else None


async def _policy_reviewed(tx: Transaction, application_id: str) -> DefinitionRef:
    """Return the policy of the decision that a review is of, or else the one in force."""
    decided = await DecisionRepository(tx).decision(application_id, "automatic", 1)
    if decided is not None:
        return decided.policy
    rules = await rules_in_force(tx, await product_of_application(tx, application_id))
    return rules.decision.ref


async def _audit_review(
    tx: Transaction,
    request: RecordReview,
    actor: str,
    outcome: str,
    key: str,
    error: DomainError | None = None,
) -> None:
    """Audit a word; a reason that must not be kept is left out."""
    detail = {"at": request.at.isoformat()}
    try:
        check_reason(request.command.reason)
        detail["reason"] = request.command.reason
    except DomainError:
        detail["reason"] = "left out"
    if error is not None:
        detail["why"] = error.code
    await AuditRepository(tx).add(
        actor=actor,
        role="reviewer",
        action="approve" if request.approve else "reject",
        subject=ids.application_workflow(request.application_id),
        outcome=outcome,
        detail=detail,
        key=key,
    )


async def _supplement(
    tx: Transaction, request: RecordSupplement, key: str
) -> ApplicationRow | None:
    asked, application_id = request.supplement, request.application_id
    aggregate = ids.application_workflow(application_id)
    check_reason(asked.reason)
    case, reviewer = await reviewer_who_decides(
        tx,
        await CaseRepository(tx).lock_of_subject(CaseKind.REVIEW, application_id),
        asked.requested_by,
        at=request.at,
        today=request.business_date,
    )
    await authorise_supplement(tx, case, reviewer)
    entered = await enter_state(
        tx, application_id, request.state, request.waiting, request.state_seq, request.at
    )
    await pause_case(tx, case, reviewer.actor, request.at, key, back_to=reviewer.person_id)
    await AuditRepository(tx).add(
        actor=reviewer.actor,
        role="reviewer",
        action="request_supplement",
        subject=aggregate,
        outcome="accepted",
        detail={
            "round": asked.round,
            "kinds": list(asked.kinds),
            "reason": asked.reason,
            "at": request.at.isoformat(),
        },
        key=key,
    )
    await OutboxRepository(tx).add(
        aggregate,
        "supplement_requested",
        f"{aggregate}:supplement_requested:{asked.round}",
        {"round": asked.round, "kinds": list(asked.kinds), "due_at": asked.due_at.isoformat()},
    )
    await tell(tx, supplement_notice(application_id, asked))
    return entered
