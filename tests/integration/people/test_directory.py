"""The staff directory on a real PostgreSQL: who may change it, and what holds when two try."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import date, timedelta
from typing import Final

import pytest

from domain.common.calendar import business_date
from domain.people.principals import Principal, StaffRole
from domain.people.staff import (
    Deputyship,
    DirectoryNotEmpty,
    HandleTaken,
    InvalidDeputy,
    LastOps,
    OwnRoles,
    PersonLeft,
    PersonState,
    RoleNotHeld,
    TeamTaken,
    UnknownPerson,
    UnknownTeam,
)
from messages.ids import new_id
from runtime.clock import utc_now
from services.people import directory
from services.people.acting import DirectoryPrincipals
from storage.common.audit import AuditRepository, AuditRow
from storage.common.repository import Transaction
from storage.database import Database
from storage.people.staff import StaffRepository, StaffRow

ZONE = "Asia/Shanghai"
OTTO, OLGA = "otto", "olga"
OPS: Final[StaffRole] = "ops"
STAFF: Final[tuple[tuple[str, StaffRole], ...]] = (
    (OLGA, OPS),
    ("rita", "reviewer"),
    ("carl", "collector"),
)


@pytest.fixture
async def people(database: Database) -> Database:
    """A directory of its own: otto and olga are ops, rita reviews, carl collects."""
    await _empty(database)
    async with database.transaction() as tx:
        otto = await directory.add_first_person(tx, new_person(OTTO, name="Otto Canary"))
        caller = Principal("ops", OTTO, otto.id)
        for handle, role in STAFF:
            await _add(tx, caller, handle, role)
    return database


async def _empty(database: Database) -> None:
    async with database.transaction() as tx:
        for table in ("deputies", "staff_roles", "staff_skills", "team_members", "teams", "staff"):
            await tx.connection.execute(f"delete from {table}")  # noqa: S608 -- our own names


def new_person(
    handle: str,
    *,
    name: str = "",
    person_id: str | None = None,
    roles: Collection[StaffRole] = (),
) -> directory.PersonCreate:
    return directory.PersonCreate(
        person_id=person_id or new_id("stf"),
        handle=handle,
        name=name or f"{handle} Canary",
        roles=roles,
        lender="own",
    )


async def _add(tx: Transaction, caller: Principal, handle: str, role: StaffRole) -> StaffRow:
    return await directory.add_person(
        tx,
        caller,
        new_person(handle, roles=(role,)),
    )


async def person(database: Database, handle: str) -> StaffRow:
    async with database.read() as tx:
        row = await StaffRepository(tx).of_handle(handle)
    assert row is not None
    return row


async def acting(database: Database, handle: str, role: StaffRole = "ops") -> Principal:
    return Principal(role, handle, (await person(database, handle)).id)


async def change(database: Database, act: Callable[[Transaction], Awaitable[StaffRow]]) -> StaffRow:
    async with database.transaction() as tx:
        return await act(tx)


async def history(database: Database, handle: str) -> list[AuditRow]:
    row = await person(database, handle)
    async with database.read() as tx:
        return await AuditRepository(tx).of(f"staff:{row.id}")


async def test_roles_come_and_go_and_are_remembered(people: Database) -> None:
    otto = await acting(people, OTTO)
    rita = (await person(people, "rita")).id
    given = await change(people, lambda tx: directory.give_role(tx, otto, rita, "analyst"))
    assert given.roles == ("analyst", "reviewer")
    await change(people, lambda tx: directory.give_role(tx, otto, rita, "analyst"))
    taken = await change(people, lambda tx: directory.take_role(tx, otto, rita, "reviewer"))
    assert taken.roles == ("analyst",)
    told = [
        (row.action, row.actor, row.detail.get("role")) for row in await history(people, "rita")
    ]
    assert told == [
        ("add_person", otto.person_id, None),
        ("give_role", otto.person_id, "analyst"),  # what changed nothing is no history
        ("take_role", otto.person_id, "reviewer"),
    ]


async def test_names_are_stored_encrypted_and_nowhere_else(people: Database) -> None:
    row = await person(people, "rita")
    async with people.read() as tx:
        assert await StaffRepository(tx).names([row.id]) == {row.id: "rita Canary"}
        stored = await tx.connection.fetchval("select staff::text from staff where id = $1", row.id)
        audit = await tx.connection.fetch("select audit::text as entry from audit")
    assert "Canary" not in stored
    assert b"Canary".hex() not in stored
    assert not any("Canary" in entry["entry"] for entry in audit)


async def test_a_name_does_not_open_in_another_persons_row(people: Database) -> None:
    rita, carl = await person(people, "rita"), await person(people, "carl")
    async with people.transaction() as tx:
        await tx.connection.execute(
            "update staff set name_enc = (select name_enc from staff where id = $1) where id = $2",
            carl.id,
            rita.id,
        )
        with pytest.raises(Exception, match="cannot be decrypted"):
            await StaffRepository(tx).names([rita.id])


async def test_only_who_holds_ops_changes_the_directory(people: Database) -> None:
    carl = (await person(people, "carl")).id
    for caller in (
        await acting(people, "rita", "reviewer"),
        await acting(people, "rita", "ops"),  # says so, and is not
        Principal("partner", "acme"),
    ):
        with pytest.raises(RoleNotHeld):
            await change(
                people,
                lambda tx, caller=caller: directory.give_role(tx, caller, carl, "ops"),  # type: ignore[misc]
            )
    assert (await person(people, "carl")).roles == ("collector",)


async def test_nobody_changes_their_own_roles(people: Database) -> None:
    otto = await acting(people, OTTO)
    assert otto.person_id is not None
    own, rita = otto.person_id, (await person(people, "rita")).id
    today = business_date(utc_now(), ZONE)
    named = Deputyship(
        id=new_id("dep"), person_id=rita, deputy_id=own, first_day=today, last_day=today
    )
    for act in (
        lambda tx: directory.give_role(tx, otto, own, "reviewer"),
        lambda tx: directory.take_role(tx, otto, own, "ops"),
        lambda tx: directory.name_deputy(tx, otto, named, today),
    ):
        with pytest.raises(OwnRoles):
            await change(people, act)
    assert (await person(people, OTTO)).roles == ("ops",)


async def test_two_who_take_the_role_from_each_other_leave_one(people: Database) -> None:
    for _ in range(5):
        otto, olga = await acting(people, OTTO), await acting(people, OLGA)
        results = await asyncio.gather(
            change(people, lambda tx: directory.take_role(tx, otto, str(olga.person_id), "ops")),  # noqa: B023 -- awaited in the loop
            change(people, lambda tx: directory.take_role(tx, olga, str(otto.person_id), "ops")),  # noqa: B023
            return_exceptions=True,
        )
        assert sorted(type(result).__name__ for result in results) == ["RoleNotHeld", "StaffRow"]
        async with people.read() as tx:
            [left] = await StaffRepository(tx).holders("ops")
        who, other = (otto, olga) if left == otto.person_id else (olga, otto)
        await change(
            people,
            lambda tx: directory.give_role(tx, who, str(other.person_id), "ops"),  # noqa: B023
        )


async def test_two_who_leave_at_once_leave_one(people: Database) -> None:
    otto, olga = await acting(people, OTTO), await acting(people, OLGA)
    results = await asyncio.gather(
        change(people, lambda tx: directory.leave(tx, otto, str(otto.person_id))),
        change(people, lambda tx: directory.leave(tx, olga, str(olga.person_id))),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["LastOps", "StaffRow"]
    async with people.read() as tx:
        assert len(await StaffRepository(tx).holders("ops")) == 1


async def test_the_last_with_the_role_ops_stays(people: Database) -> None:
    otto, olga = await acting(people, OTTO), await acting(people, OLGA)
    await change(people, lambda tx: directory.leave(tx, otto, str(olga.person_id)))
    with pytest.raises(LastOps):
        await change(people, lambda tx: directory.leave(tx, otto, str(otto.person_id)))
    assert (await person(people, OTTO)).state is PersonState.ACTIVE


async def test_many_changes_at_once_all_count(people: Database) -> None:
    otto, rita = await acting(people, OTTO), (await person(people, "rita")).id
    roles: tuple[StaffRole, ...] = ("analyst", "collector", "ops")
    await asyncio.gather(
        *(
            change(people, lambda tx, role=role: directory.give_role(tx, otto, rita, role))  # type: ignore[misc]
            for role in roles * 2
        )
    )
    assert (await person(people, "rita")).roles == ("analyst", "collector", "ops", "reviewer")
    assert [row.action for row in await history(people, "rita")].count("give_role") == 3


async def test_who_left_has_nothing_and_gets_nothing(people: Database) -> None:
    otto, rita = await acting(people, OTTO), (await person(people, "rita")).id
    async with people.transaction() as tx:
        await directory.add_team(tx, otto, "desk", "Review desk")
    await change(people, lambda tx: directory.join_team(tx, otto, rita, "desk"))
    left = await change(people, lambda tx: directory.leave(tx, otto, rita))
    assert (left.state, left.roles, left.teams) == (PersonState.LEFT, (), ())
    again = await change(people, lambda tx: directory.leave(tx, otto, rita))
    assert again == left
    with pytest.raises(PersonLeft):
        await change(people, lambda tx: directory.give_role(tx, otto, rita, "reviewer"))
    with pytest.raises(HandleTaken):
        await change(people, lambda tx: _add(tx, otto, "rita", "reviewer"))
    assert (await history(people, "rita"))[-1].detail == {"roles": ["reviewer"], "teams": ["desk"]}


async def test_adding_the_same_person_again_changes_nothing(people: Database) -> None:
    otto, row = await acting(people, OTTO), await person(people, "rita")
    again = await change(
        people,
        lambda tx: directory.add_person(
            tx, otto, new_person("rita", person_id=row.id, roles={OPS})
        ),
    )
    assert again == row
    assert len(await history(people, "rita")) == 1


async def test_there_is_one_first_person(people: Database) -> None:
    async with people.transaction() as tx:
        with pytest.raises(DirectoryNotEmpty):
            await directory.add_first_person(tx, new_person("eve"))
    await _empty(people)

    async def first(handle: str) -> StaffRow:
        return await change(
            people,
            lambda tx: directory.add_first_person(tx, new_person(handle)),
        )

    results = await asyncio.gather(first("one"), first("two"), return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == ["DirectoryNotEmpty", "StaffRow"]


async def test_teams_and_skills(people: Database) -> None:
    otto, rita = await acting(people, OTTO), (await person(people, "rita")).id
    async with people.transaction() as tx:
        await directory.add_team(tx, otto, "fraud", "Fraud desk")
        await directory.add_team(tx, otto, "fraud", "Fraud desk")
        with pytest.raises(TeamTaken):
            await directory.add_team(tx, otto, "fraud", "Another")
    with pytest.raises(UnknownTeam):
        await change(people, lambda tx: directory.join_team(tx, otto, rita, "nowhere"))
    joined = await change(people, lambda tx: directory.join_team(tx, otto, rita, "fraud"))
    assert joined.teams == ("fraud",)
    skilled = await change(
        people, lambda tx: directory.set_skills(tx, otto, rita, ("mandarin", "fraud"))
    )
    assert skilled.skills == ("fraud", "mandarin")
    fewer = await change(people, lambda tx: directory.set_skills(tx, otto, rita, ("fraud",)))
    assert fewer.skills == ("fraud",)
    parted = await change(people, lambda tx: directory.part_team(tx, otto, rita, "fraud"))
    assert parted.teams == ()


def standing_in(person_id: str, deputy_id: str, first: date, last: date) -> Deputyship:
    return Deputyship(
        id=new_id("dep"),
        person_id=person_id,
        deputy_id=deputy_id,
        first_day=first,
        last_day=last,
    )


async def test_a_deputy_acts_in_the_roles_of_another_for_some_days(people: Database) -> None:
    otto = await acting(people, OTTO)
    rita, carl = (await person(people, "rita")).id, (await person(people, "carl")).id
    today = business_date(utc_now(), ZONE)
    tomorrow = today + timedelta(days=1)

    async def carl_reviews() -> Principal:
        return await DirectoryPrincipals(people, ZONE).principal("carl", "reviewer")

    later = standing_in(rita, carl, tomorrow, tomorrow)
    await change(people, lambda tx: directory.name_deputy(tx, otto, later, today))
    with pytest.raises(RoleNotHeld):
        await carl_reviews()
    now = standing_in(rita, carl, today, today)
    await change(people, lambda tx: directory.name_deputy(tx, otto, now, today))
    assert await carl_reviews() == Principal("reviewer", "carl", carl)
    await change(people, lambda tx: directory.withdraw_deputy(tx, otto, rita, now.id))
    with pytest.raises(RoleNotHeld):
        await carl_reviews()


async def test_a_deputy_of_ops_does_not_change_the_directory(people: Database) -> None:
    otto = await acting(people, OTTO)
    olga, carl = (await person(people, OLGA)).id, (await person(people, "carl")).id
    today = business_date(utc_now(), ZONE)
    named = standing_in(olga, carl, today, today)
    await change(people, lambda tx: directory.name_deputy(tx, otto, named, today))
    caller = await DirectoryPrincipals(people, ZONE).principal("carl", "ops")
    with pytest.raises(RoleNotHeld):
        await change(people, lambda tx: _add(tx, caller, "mallory", "ops"))


async def test_nobody_acts_for_who_left(people: Database) -> None:
    otto = await acting(people, OTTO)
    rita, carl = (await person(people, "rita")).id, (await person(people, "carl")).id
    today = business_date(utc_now(), ZONE)
    named = standing_in(rita, carl, today, today)
    await change(people, lambda tx: directory.name_deputy(tx, otto, named, today))
    await change(people, lambda tx: directory.leave(tx, otto, rita))
    with pytest.raises(RoleNotHeld):
        await DirectoryPrincipals(people, ZONE).principal("carl", "reviewer")


async def test_deputies_that_make_no_sense(people: Database) -> None:
    otto = await acting(people, OTTO)
    rita, carl = (await person(people, "rita")).id, (await person(people, "carl")).id
    today = business_date(utc_now(), ZONE)
    yesterday = today - timedelta(days=1)
    for named, field in (
        (standing_in(rita, rita, today, today), "deputy_id"),
        (standing_in(rita, carl, today, yesterday), "last_day"),
        (standing_in(rita, carl, yesterday, yesterday), "last_day"),
    ):
        with pytest.raises(InvalidDeputy) as refused:
            await change(
                people,
                lambda tx, named=named: directory.name_deputy(tx, otto, named, today),  # type: ignore[misc]
            )
        assert refused.value.field == field
    stranger = standing_in(rita, new_id("stf"), today, today)
    with pytest.raises(UnknownPerson):
        await change(people, lambda tx: directory.name_deputy(tx, otto, stranger, today))
