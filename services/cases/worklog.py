"""The worklog of a case: notes, and calls to the people around it."""

from domain.cases.cases import CallResult, LogEntry, UnknownScript, check_may_call
from domain.people.principals import Principal
from runtime.clock import utc_now
from services.cases.claims import require_claim
from services.cases.finding import find_case, lock_case, strategy_in_force
from storage.cases import CaseLogRepository, LogRow
from storage.common.repository import Transaction


async def add_note(tx: Transaction, caller: Principal, case_id: str, text: str, key: str) -> None:
    """Add a note, which is stored encrypted; anybody of the desk may. Raises `NotFound`."""
    case = await find_case(tx, case_id)
    await CaseLogRepository(tx).add(
        case.id, LogEntry.NOTE, actor=caller.actor, at=utc_now(), key=key, text=text
    )


async def record_call(
    tx: Transaction,
    caller: Principal,
    case_id: str,
    *,
    who: str,
    script: str,
    result: CallResult,
    note: str | None,
    key: str,
) -> None:
    """Record a call that whoever holds the case made; a repeat changes nothing.

    Raises `UnknownScript`, `CallsExhausted` and `CallTooSoon` by the strategy in force, and what
    `require_claim` raises.
    """
    await lock_case(tx, case_id)
    log = CaseLogRepository(tx)
    if await log.find(key) is not None:
        return
    await require_claim(tx, case_id, caller)
    calls = (await strategy_in_force(tx)).content.calls
    if script not in calls.scripts:
        raise UnknownScript(f"must be one of {', '.join(calls.scripts)}", field="script")
    at = utc_now()
    earlier = await log.calls(case_id, who)
    check_may_call(len(earlier), earlier[0] if earlier else None, at, calls.most, calls.pause)
    await log.add(
        case_id,
        LogEntry.CALL,
        actor=caller.actor,
        at=at,
        key=key,
        detail={"who": who, "script": script, "result": result},
        text=note,
    )


async def worklog(tx: Transaction, case_id: str) -> list[LogRow]:
    """Return what was done on a case, the oldest entry first. Raises `NotFound`."""
    case = await find_case(tx, case_id)
    return await CaseLogRepository(tx).of(case.id)
