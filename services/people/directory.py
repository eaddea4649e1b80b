"""The staff directory, changed by who holds the role ops and never by people for themselves.

Changes wait for each other: what one of them checked still holds when it commits. Each is audited
under `staff:{person_id}`, which is also the history of a person's roles.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from domain.people.principals import Principal, StaffRole
from domain.people.staff import (
    Deputyship,
    DirectoryNotEmpty,
    HandleTaken,
    PersonLeft,
    PersonState,
    TeamTaken,
    UnknownPerson,
    UnknownTeam,
    check_deputyship,
    check_may_direct,
    check_not_own,
    check_others_hold_ops,
)
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.common.tenants import MAIN_BRANCH
from storage.people.staff import DeputyRepository, StaffRepository, StaffRow, TeamRepository

OPS: Final[StaffRole] = "ops"
SET_UP: Final = "system:set_up"
"""Who added the first person."""


@dataclass(frozen=True, kw_only=True)
class PersonCreate:
    """A person to add; the name is stored encrypted, roles and skills count once each."""

    person_id: str
    handle: str
    name: str = field(repr=False)
    roles: Collection[StaffRole] = ()
    skills: Collection[str] = ()
    lender: str
    branch: str = MAIN_BRANCH


async def add_person(tx: Transaction, caller: Principal, new: PersonCreate) -> StaffRow:
    """Add a person; the same `person_id` again changes nothing.

    Raises `HandleTaken`, and `RoleNotHeld` for a caller who may not change the directory.
    """
    await _begin(tx, caller)
    return await _add(tx, caller.actor, caller.role, new, new.roles)


async def add_first_person(tx: Transaction, new: PersonCreate) -> StaffRow:
    """Add the person who adds the others, with the role for it.

    Raises `DirectoryNotEmpty` when somebody can already.
    """
    await StaffRepository(tx).lock()
    if await StaffRepository(tx).holders(OPS):
        raise DirectoryNotEmpty("there is somebody with the role ops, who adds people")
    return await _add(tx, SET_UP, "system", new, {OPS, *new.roles})


async def give_role(
    tx: Transaction, caller: Principal, person_id: str, role: StaffRole
) -> StaffRow:
    """Give an active person a role; one that they hold is no error."""
    await _begin(tx, caller)
    check_not_own(caller, person_id)
    await _active(tx, person_id)
    if await StaffRepository(tx).give_role(person_id, role, caller.actor):
        await _changed(tx, caller, "give_role", person_id, role=role)
    return await _person(tx, person_id)


async def take_role(
    tx: Transaction, caller: Principal, person_id: str, role: StaffRole
) -> StaffRow:
    """Take a role from a person; one that they do not hold is no error.

    The last role ops stays: whoever takes one from somebody else holds it themself.
    """
    await _begin(tx, caller)
    check_not_own(caller, person_id)
    await _person(tx, person_id)
    if await StaffRepository(tx).take_role(person_id, role):
        await _changed(tx, caller, "take_role", person_id, role=role)
    return await _person(tx, person_id)


async def set_skills(
    tx: Transaction, caller: Principal, person_id: str, skills: Collection[str]
) -> StaffRow:
    """Set what an active person can do, in place of what was recorded."""
    await _begin(tx, caller)
    before = await _active(tx, person_id)
    wanted = sorted(set(skills))
    if wanted != list(before.skills):
        await StaffRepository(tx).set_skills(person_id, wanted)
        await _changed(tx, caller, "set_skills", person_id, skills=wanted)
    return await _person(tx, person_id)


async def add_team(tx: Transaction, caller: Principal, code: str, name: str) -> None:
    """Add a team; raises `TeamTaken` when the code is a team of another name."""
    await _begin(tx, caller)
    if await TeamRepository(tx).insert(code, name):
        await AuditRepository(tx).add_by(caller, "add_team", f"team:{code}")
        return
    known = await TeamRepository(tx).get(code)
    if known is None or known.name != name:
        raise TeamTaken(f"there is a team {code} of another name")


async def join_team(tx: Transaction, caller: Principal, person_id: str, team: str) -> StaffRow:
    """Put an active person in a team; raises `UnknownTeam`."""
    await _begin(tx, caller)
    await _active(tx, person_id)
    if await TeamRepository(tx).get(team) is None:
        raise UnknownTeam(f"there is no team {team}")
    if await TeamRepository(tx).join(team, person_id):
        await _changed(tx, caller, "join_team", person_id, team=team)
    return await _person(tx, person_id)


async def part_team(tx: Transaction, caller: Principal, person_id: str, team: str) -> StaffRow:
    """Take a person out of a team; one that they are not in is no error."""
    await _begin(tx, caller)
    await _person(tx, person_id)
    if await TeamRepository(tx).part(team, person_id):
        await _changed(tx, caller, "part_team", person_id, team=team)
    return await _person(tx, person_id)


async def name_deputy(
    tx: Transaction, caller: Principal, named: Deputyship, today: date
) -> StaffRow:
    """Let somebody act in a person's roles for some days; the same id again changes nothing.

    Raises `InvalidDeputy`, and `OwnRoles` when the caller would stand in themself.
    """
    await _begin(tx, caller)
    check_not_own(caller, named.deputy_id)
    check_deputyship(named, today)
    await _active(tx, named.person_id)
    await _active(tx, named.deputy_id)
    if await DeputyRepository(tx).insert(named, caller.actor):
        await _changed(
            tx,
            caller,
            "name_deputy",
            named.person_id,
            deputyship=named.id,
            deputy=named.deputy_id,
            first_day=str(named.first_day),
            last_day=str(named.last_day),
        )
    return await _person(tx, named.person_id)


async def withdraw_deputy(
    tx: Transaction, caller: Principal, person_id: str, deputyship_id: str
) -> StaffRow:
    """End a deputyship of a person at once; one that is over or unknown is no error."""
    await _begin(tx, caller)
    await _person(tx, person_id)
    if await DeputyRepository(tx).withdraw(person_id, deputyship_id):
        await _changed(tx, caller, "withdraw_deputy", person_id, deputyship=deputyship_id)
    return await _person(tx, person_id)


async def leave(tx: Transaction, caller: Principal, person_id: str) -> StaffRow:
    """Record that a person works here no more; raises `LastOps` when nobody else holds ops."""
    await _begin(tx, caller)
    before = await _person(tx, person_id)
    if before.state is PersonState.LEFT:
        return before
    check_others_hold_ops(person_id, await StaffRepository(tx).holders(OPS))
    await StaffRepository(tx).leave(person_id)
    await _changed(
        tx, caller, "leave", person_id, roles=list(before.roles), teams=list(before.teams)
    )
    return await _person(tx, person_id)


async def _begin(tx: Transaction, caller: Principal) -> None:
    await StaffRepository(tx).lock()
    check_may_direct(caller, await StaffRepository(tx).holders(OPS))


async def _add(
    tx: Transaction, actor: str, role: str, new: PersonCreate, roles: Collection[StaffRole]
) -> StaffRow:
    repository = StaffRepository(tx)
    if not await repository.insert(
        new.person_id, new.handle, new.name, lender=new.lender, branch=new.branch
    ):
        known = await repository.get(new.person_id)
        if known is None or known.handle != new.handle:
            raise HandleTaken(f"the handle {new.handle} is or was another person's")
        return known
    for one in sorted(set(roles)):
        await repository.give_role(new.person_id, one, actor)
    await repository.set_skills(new.person_id, sorted(set(new.skills)))
    await AuditRepository(tx).add(
        actor=actor,
        role=role,
        action="add_person",
        subject=f"staff:{new.person_id}",
        outcome="accepted",
        detail={
            "handle": new.handle,
            "roles": sorted(set(roles)),
            "skills": sorted(set(new.skills)),
        },
    )
    return await _person(tx, new.person_id)


async def _person(tx: Transaction, person_id: str) -> StaffRow:
    row = await StaffRepository(tx).get(person_id)
    if row is None:
        raise UnknownPerson("there is no such person")
    return row


async def _active(tx: Transaction, person_id: str) -> StaffRow:
    row = await _person(tx, person_id)
    if row.state is PersonState.LEFT:
        raise PersonLeft(f"{row.handle} works here no more")
    return row


async def _changed(
    tx: Transaction, caller: Principal, action: str, person_id: str, **detail: Any
) -> None:
    await AuditRepository(tx).add_by(caller, action, f"staff:{person_id}", detail=detail)
