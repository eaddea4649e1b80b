"""Levels of customers: worked out by the rules in force, or set by a person for a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from domain.common.calendar import business_date, instant_at
from domain.decisioning.customer_levels import (
    CUSTOMER_LEVELS,
    STANDARD_LEVELS,
    Held,
    Level,
    check_override,
    compute_again_on,
    next_level,
)
from domain.people.principals import Principal
from runtime.clock import utc_now
from services.common.commands import Command
from services.people.handles import with_handles
from services.people.ownership import find_applicant
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.decisioning.levels import LevelChangeRow, LevelRepository
from storage.definitions import DefinitionRepository

_SHOWN: Final = 100
"""So many of the last changes of a level are shown."""


@dataclass(frozen=True)
class WorkedOut:
    """How many customers were looked at, and how many got another level or other labels."""

    looked_at: int
    changed: int


async def work_out_levels(tx: Transaction, at: datetime, limit: int) -> WorkedOut:
    """Work out the levels of some customers who are due; done twice it changes nothing."""
    rules = await DefinitionRepository(tx).in_force(CUSTOMER_LEVELS, STANDARD_LEVELS)
    levels, on = rules.content, business_date(at, rules.content.zone)
    repository = LevelRepository(tx)
    due = await repository.due(rules.ref, at, limit)
    histories = await repository.histories([row.id for row in due], at) if due else {}
    changed: list[tuple[str, Level]] = []
    again: list[tuple[str, datetime]] = []
    for row in due:
        held, history = row.held, histories[row.id]
        level = next_level(held, history, levels, on)
        if (level.level, level.labels) != (held.level, held.labels):
            changed.append((row.id, level))
            since = held.since if level.level == held.level else on
            held = Held(level.level, level.labels, since, None)
        day = compute_again_on(held, history, levels, on)
        again.append((row.id, instant_at(day, time.min, levels.zone)))
    if changed:
        await repository.give(changed, rules.ref, on, at)
    if again:
        await repository.worked_out(again, rules.ref, on)
    return WorkedOut(len(due), len(changed))


async def set_level(
    tx: Transaction,
    caller: Principal,
    command: Command,
    applicant_id: str,
    level: Level,
    *,
    until: date,
    reason: str,
) -> Level:
    """Set how a customer is known until the end of a day, and return it, each label once.

    It goes before the rules as long as it lasts. The same again changes nothing. Raises `NotFound`
    and `LevelOverrideTooLong`.
    """
    applicant = await find_applicant(tx, caller, applicant_id)
    rules = await DefinitionRepository(tx).in_force(CUSTOMER_LEVELS, STANDARD_LEVELS)
    now = utc_now()
    check_override(until, rules.content, business_date(now, rules.content.zone))
    wanted = Level(level.level, tuple(dict.fromkeys(level.labels)), None)
    held = await LevelRepository(tx).hold(applicant.id)
    if held is not None and held.held == Held(wanted.level, wanted.labels, None, until):
        return wanted
    ends = instant_at(until + timedelta(days=1), time.min, rules.content.zone)
    await LevelRepository(tx).override(
        applicant.id,
        wanted.level,
        wanted.labels,
        until=until,
        due_at=ends,
        reason=reason,
        by=caller.actor,
        at=now,
    )
    await AuditRepository(tx).add_by(
        caller,
        "set_level",
        f"user:{applicant.id}",
        detail={
            "level": wanted.level,
            "labels": list(wanted.labels),
            "until": until.isoformat(),
            "reason": reason,
        },
        key=command.new_id("act", "level"),
    )
    return wanted


async def level_changes(
    tx: Transaction, caller: Principal, applicant_id: str
) -> Sequence[LevelChangeRow]:
    """Return the last changes of a customer's level, the newest first; raises `NotFound`."""
    applicant = await find_applicant(tx, caller, applicant_id)
    rows = await LevelRepository(tx).changes(applicant.id, _SHOWN)
    return await with_handles(tx, rows, "changed_by")
