"""The stages of a case: when its initial one hands it to a second person, and its pauses."""

from datetime import datetime

from domain.cases.cases import LogEntry, SecondReviewerNeeded, Stage, due_after_pause
from domain.cases.strategy import SecondPersonReason
from domain.people.principals import Principal
from runtime.clock import utc_now
from services.cases.claims import require_claim
from services.cases.finding import find_case, lock_case, strategy_in_force
from services.cases.opening import assignee
from storage.cases import CaseLogRepository, CaseRepository, CaseRow
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction


async def pass_on(
    tx: Transaction,
    case: CaseRow,
    *,
    by: str,
    why: SecondPersonReason,
    at: datetime,
    key: str,
    amount: int | None = None,
    instalments: int | None = None,
) -> datetime:
    """Move a case from its initial to its final stage; return when that is due.

    `amount` (minor units) and `instalments` are what the initial stage approved, if it did.
    """
    strategy = (await strategy_in_force(tx)).content
    queue = strategy.queue_of(Stage.FINAL, case.product, case.channel)
    senior = why in (SecondPersonReason.AUTHORITY, SecondPersonReason.ESCALATED)
    due_at = at + strategy.final_within
    await CaseRepository(tx).pass_on(
        case.id,
        by=by,
        why=why,
        amount=amount,
        instalments=instalments,
        queue=queue.code,
        skill=strategy.escalation_skill if senior else queue.skill,
        due_at=due_at,
    )
    person = await assignee(tx, strategy, queue, but_not=(by, *case.overridden_by))
    if person is not None:
        await CaseRepository(tx).assign(case.id, person)
    await CaseLogRepository(tx).add(
        case.id,
        LogEntry.ESCALATED if senior else LogEntry.PASSED_ON,
        actor=by,
        at=at,
        key=key,
        detail={
            "why": why,
            "amount": amount,
            "instalments": instalments,
            "assigned_to": person,
            "due_at": due_at.isoformat(),
        },
    )
    return due_at


async def escalate_case(
    tx: Transaction, caller: Principal, case_id: str, reason: str, key: str
) -> CaseRow:
    """Leave a case that the caller holds to somebody senior; a repeat changes nothing.

    Raises `SecondReviewerNeeded` at the final stage, which nobody can pass on, and what
    `require_claim` raises.
    """
    case = await lock_case(tx, case_id)
    if await CaseLogRepository(tx).find(key) is not None:
        return case
    await require_claim(tx, case_id, caller)
    if case.stage is Stage.FINAL:
        raise SecondReviewerNeeded("the case is at its final stage: release it for somebody else")
    await pass_on(
        tx, case, by=caller.actor, why=SecondPersonReason.ESCALATED, at=utc_now(), key=key
    )
    await AuditRepository(tx).add_by(
        caller, "escalate_case", f"case:{case_id}", detail={"reason": reason}, key=key
    )
    return await find_case(tx, case_id)


async def pause_case(
    tx: Transaction, case: CaseRow, by: str, at: datetime, key: str, *, back_to: str | None
) -> None:
    """Let a case wait for its applicant, its time stands still; it comes back to a person or all.

    `back_to` is the person's id.
    """
    await CaseRepository(tx).pause(case.id, at, back_to)
    await CaseLogRepository(tx).add(case.id, LogEntry.PAUSED, actor=by, at=at, key=key)


async def resume_case(tx: Transaction, case: CaseRow, actor: str, at: datetime, key: str) -> None:
    """Let a case go on; it is due later by as long as it waited."""
    if case.paused_at is None:
        return
    due_at = due_after_pause(case.due_at, case.paused_at, at)
    await CaseRepository(tx).resume(case.id, due_at)
    await CaseLogRepository(tx).add(
        case.id,
        LogEntry.RESUMED,
        actor=actor,
        at=at,
        key=key,
        detail={"due_at": due_at.isoformat()},
    )
