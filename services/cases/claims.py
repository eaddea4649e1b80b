"""Claims: who works on a case. A claim ends by itself: no case waits for somebody who is gone.

Every claim is a compare-and-set in the database: of two who want one case, one gets it.
"""

from datetime import datetime

from domain.cases.cases import (
    CaseClaimed,
    CaseClosed,
    CaseState,
    CaseWaits,
    LogEntry,
    SecondReviewerNeeded,
    Stage,
    check_free,
    check_held,
)
from domain.common.errors import NotFound
from domain.people.authority import Action, NotAuthorised
from domain.people.principals import Principal
from domain.people.staff import PersonState
from runtime.clock import utc_now
from services.cases.finding import find_case, lock_case, skills_of, strategy_in_force
from services.people.authority import authority_of
from storage.cases import CaseLogRepository, CaseRepository, CaseRow
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.people.staff import StaffRepository


async def require_claim(tx: Transaction, case_id: str, caller: Principal) -> CaseRow:
    """Return a case that the caller holds now.

    Raises `NotFound`, `CaseClosed`, `CaseClaimed` and `ClaimNeeded`.
    """
    case = await find_case(tx, case_id)
    _check_open(case)
    check_held(case.claim, caller.actor, utc_now())
    return case


async def claim_case(tx: Transaction, caller: Principal, case_id: str, key: str) -> CaseRow:
    """Have the caller hold a case for the time of a claim; their own claim begins anew.

    Raises `NotFound`, `CaseClosed`, `CaseWaits`, `CaseClaimed` and `SecondReviewerNeeded`.
    """
    at = utc_now()
    case = await lock_case(tx, case_id)
    _check_open(case)
    if case.paused_at is not None:
        raise CaseWaits("the case waits for its applicant")
    check_free(case.claim, caller.actor, at)
    check_second_person(case, caller.actor)
    until = at + (await strategy_in_force(tx)).content.claim_for
    if not await CaseRepository(tx).claim(case_id, caller.actor, at, until):
        raise CaseClaimed("somebody else was faster")
    await _log_claim(tx, case_id, caller, at, until, key)
    return await find_case(tx, case_id)


async def take_next(
    tx: Transaction, caller: Principal, key: str, *, queue: str | None = None
) -> CaseRow | None:
    """Have the caller hold the free case with the least time left, None if there is none for them.

    What is assigned to them comes first. A queue's skill has to be theirs. A repeat under the same
    `key` returns the case that was taken first, also a repeat at the same instant.
    """
    log = CaseLogRepository(tx)
    taken = await log.case_of(key)
    if taken is not None:
        return await find_case(tx, taken)
    at = utc_now()
    until = at + (await strategy_in_force(tx)).content.claim_for
    case = await CaseRepository(tx).take_next(
        caller.actor, at, until, skills=await skills_of(tx, caller.actor), queue=queue
    )
    if case is None or await _log_claim(tx, case.id, caller, at, until, key):
        return case
    await CaseRepository(tx).release(case.id, caller.actor)
    taken = await log.case_of(key)
    return None if taken is None else await find_case(tx, taken)


async def renew_claim(tx: Transaction, caller: Principal, case_id: str) -> CaseRow:
    """Let the caller's claim end later; a screen that is open calls this.

    Raises `NotFound`, `CaseClosed`, `CaseClaimed`, and `ClaimNeeded` once it has run out.
    """
    at = utc_now()
    case = await lock_case(tx, case_id)
    _check_open(case)
    check_held(case.claim, caller.actor, at)
    until = at + (await strategy_in_force(tx)).content.claim_for
    await CaseRepository(tx).claim(case_id, caller.actor, at, until)
    return await find_case(tx, case_id)


async def release_claim(tx: Transaction, caller: Principal, case_id: str, key: str) -> CaseRow:
    """End the caller's claim; one that is over already stays so. Raises `NotFound`."""
    await lock_case(tx, case_id)
    if await CaseRepository(tx).release(case_id, caller.actor):
        await CaseLogRepository(tx).add(
            case_id, LogEntry.RELEASED, actor=caller.actor, at=utc_now(), key=key
        )
    return await find_case(tx, case_id)


async def reassign_case(
    tx: Transaction, caller: Principal, case_id: str, handle: str, reason: str, key: str
) -> CaseRow:
    """Give a case to somebody else, whoever holds it.

    Raises `NotFound` (of the person too), `CaseClosed`, `NotAuthorised` unless the authority matrix
    lets the caller, and `SecondReviewerNeeded`.
    """
    skills = await skills_of(tx, caller.actor)
    authority = await authority_of(tx, caller, Action.REASSIGN_CASE, None, skills=skills)
    if not authority.allowed or authority.second_person_needed:
        raise NotAuthorised(authority.why)
    case = await lock_case(tx, case_id)
    _check_open(case)
    person = await StaffRepository(tx).of_handle(handle)
    if person is None or person.state is PersonState.LEFT or "reviewer" not in person.roles:
        raise NotFound("reviewer")
    check_second_person(case, person.id)
    await CaseRepository(tx).assign(case_id, person.id)
    detail = {"to": person.id, "reason": reason}
    await CaseLogRepository(tx).add(
        case_id, LogEntry.ASSIGNED, actor=caller.actor, at=utc_now(), key=key, detail=detail
    )
    await AuditRepository(tx).add_by(
        caller, "reassign_case", f"case:{case_id}", detail=detail, key=key
    )
    return await find_case(tx, case_id)


def check_second_person(case: CaseRow, person: str) -> None:
    """Raise `SecondReviewerNeeded` for whoever may not decide the final stage of a case."""
    if case.stage is not Stage.FINAL:
        return
    if person == case.initial_by:
        raise SecondReviewerNeeded("you decided the initial stage: somebody else has the final one")
    if person in case.overridden_by:
        raise SecondReviewerNeeded(
            "you set a rule aside for this applicant: somebody else has the final stage"
        )


def _check_open(case: CaseRow) -> None:
    if case.state is CaseState.CLOSED:
        raise CaseClosed(f"the case is {case.outcome} already")


async def _log_claim(
    tx: Transaction, case_id: str, caller: Principal, at: datetime, until: datetime, key: str
) -> bool:
    return await CaseLogRepository(tx).add(
        case_id,
        LogEntry.CLAIMED,
        actor=caller.actor,
        at=at,
        key=key,
        detail={"until": until.isoformat()},
    )
