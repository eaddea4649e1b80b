"""Opening a case, handing it out, and what becomes of one that is late."""

from dataclasses import dataclass
from datetime import datetime

from domain.cases.cases import SYSTEM, CaseKind, LogEntry, Stage
from domain.cases.strategy import ReviewQueue, ReviewStrategy
from messages.ids import case_of
from services.cases.finding import found_case, strategy_in_force
from storage.cases import CaseCreate, CaseLogRepository, CaseRepository, CaseRow
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.people.staff import StaffRepository


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a review is of: an application, and why a person has to look at it.

    `amount` is in minor units of `currency`. `score` is the bureau's, `rules` are those that
    referred it, `overridden_by` are people who set something aside for the applicant.
    """

    application_id: str
    product: str
    channel: str
    currency: str
    amount: int
    instalments: int
    score: int | None = None
    rules: tuple[str, ...] = ()
    overridden_by: tuple[str, ...] = ()


async def open_review(
    tx: Transaction, reviewed: Reviewed, opened_at: datetime, due_at: datetime
) -> None:
    """Open the case of an application that a person decides; a repeat changes nothing.

    The case of an application that had one before begins anew.
    """
    key = f"{case_of(reviewed.application_id)}:opened:{opened_at.isoformat()}"
    if await CaseLogRepository(tx).find(key) is not None:
        return
    strategy = await strategy_in_force(tx)
    queue = strategy.content.queue_of(Stage.INITIAL, reviewed.product, reviewed.channel)
    new = CaseCreate(
        id=case_of(reviewed.application_id),
        kind=CaseKind.REVIEW,
        subject=reviewed.application_id,
        channel=reviewed.channel,
        product=reviewed.product,
        currency=reviewed.currency,
        amount=reviewed.amount,
        instalments=reviewed.instalments,
        score=reviewed.score,
        rules=reviewed.rules,
        overridden_by=reviewed.overridden_by,
        queue=queue.code,
        skill=queue.skill,
        strategy=str(strategy.ref),
        opened_at=opened_at,
        due_at=due_at,
        assigned_to=await assignee(tx, strategy.content, queue),
    )
    await CaseRepository(tx).reopen(new)
    case = found_case(await CaseRepository(tx).of_subject(new.kind, new.subject), new.subject)
    await CaseLogRepository(tx).add(
        case.id,
        LogEntry.OPENED,
        actor=SYSTEM,
        at=opened_at,
        key=key,
        detail={"queue": new.queue, "assigned_to": new.assigned_to},
    )


async def assignee(
    tx: Transaction,
    strategy: ReviewStrategy,
    queue: ReviewQueue,
    *,
    but_not: tuple[str | None, ...] = (),
) -> str | None:
    """Return whom a new case of a queue is assigned to: who has the fewest, None where they pull.

    None too when everybody who may has as many as they can have.
    """
    if strategy.assignment == "pull":
        return None
    people = await StaffRepository(tx).active_with("reviewer", queue.skill)
    load = await CaseRepository(tx).open_by_person()
    free = [
        (load.get(person, 0), person)
        for person in people
        if load.get(person, 0) < strategy.max_open and person not in but_not
    ]
    return min(free)[1] if free else None


async def escalate_late(tx: Transaction, case: CaseRow, due_at: datetime, at: datetime) -> bool:
    """Leave a case that was due at `due_at` to senior people; False if it was not late any more."""
    skill = (await strategy_in_force(tx)).content.escalation_skill
    if not await CaseRepository(tx).escalate(case.id, skill, due_at, at):
        return False
    key = f"{case.id}:late:{due_at.isoformat()}"
    detail = {"why": "late", "due_at": due_at.isoformat(), "skill": skill}
    await CaseLogRepository(tx).add(
        case.id, LogEntry.ESCALATED, actor=SYSTEM, at=at, key=key, detail=detail
    )
    await OutboxRepository(tx).add(f"case:{case.id}", "case_escalated", key, detail)
    return True
