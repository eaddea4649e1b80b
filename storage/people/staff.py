# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""The staff directory: people with roles, teams, skills and deputies. Names are encrypted."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from domain.people.principals import StaffRole
from domain.people.staff import Deputyship, PersonState
from messages.ids import is_id
from storage.common.repository import Repository
from storage.common.rows import Cursor, Row

_SELECT: Final = (
    "select id, handle, state, lender, branch, created_at, left_at,"
    " array(select role from staff_roles r where r.person_id = staff.id order by role) as roles,"
    " array(select team from team_members t where t.person_id = staff.id order by team) as teams,"
    " array(select skill from staff_skills k where k.person_id = staff.id order by skill) as skills"
    " from staff"
)
_DEPUTIES: Final = (
    "select id, person_id, deputy_id, first_day, last_day from deputies where withdrawn_at is null"
)
_LOCK: Final = "staff"
_NAME: Final = "staff.name"


class StaffRow(Row):
    """A person of the staff, without the name; roles, teams and skills sorted."""

    id: str
    handle: str
    state: PersonState
    lender: str
    branch: str
    created_at: datetime
    left_at: datetime | None
    roles: tuple[StaffRole, ...]
    teams: tuple[str, ...]
    skills: tuple[str, ...]


class TeamRow(Row):
    """A team."""

    code: str
    name: str


class DeputyshipRow(Row, Deputyship):
    """A deputyship that was not withdrawn."""


class StaffRepository(Repository):
    """The people of the staff."""

    async def lock(self) -> None:
        """Let other changes of the directory wait for this transaction."""
        await self._connection.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))", _LOCK
        )

    async def insert(
        self, person_id: str, handle: str, name: str, *, lender: str, branch: str
    ) -> bool:
        """Record a new person without roles; False if the id or the handle is taken."""
        return await self._insert(
            "staff",
            id=person_id,
            handle=handle,
            name_enc=self._encrypt(_NAME, person_id, name),
            lender=lender,
            branch=branch,
        )

    async def get(self, person_id: str) -> StaffRow | None:
        """Return the person, None if unknown."""
        return await self._one(StaffRow, f"{_SELECT} where id = $1", person_id)

    async def of_handle(self, handle: str) -> StaffRow | None:
        """Return the person of a handle, None if unknown."""
        return await self._one(StaffRow, f"{_SELECT} where handle = $1", handle)

    async def page(self, after: Cursor | None, limit: int) -> list[StaffRow]:
        """Return a page of the people, those who have left too, the newest first."""
        return await self._page(StaffRow, _SELECT, after=after, limit=limit)

    async def names(self, person_ids: Collection[str]) -> dict[str, str]:
        """Return the names of people by id."""
        records = await self._connection.fetch(
            "select id, name_enc from staff where id = any($1::text[])", list(person_ids)
        )
        return {
            record["id"]: self._decrypt(_NAME, record["id"], record["name_enc"])
            for record in records
        }

    async def handles(self, actors: Iterable[str | None]) -> Mapping[str, str]:
        """Return the handles by id of those actors that are people of the directory."""
        known = sorted({actor for actor in actors if actor is not None and is_id(actor, "stf")})
        if not known:
            return {}
        records = await self._connection.fetch(
            "select id, handle from staff where id = any($1::text[])", known
        )
        return {record["id"]: record["handle"] for record in records}

    async def holders(self, role: StaffRole) -> list[str]:
        """Return the ids of the active people who hold a role themselves."""
        records = await self._connection.fetch(
            "select person_id from staff_roles r join staff s on s.id = r.person_id"
            " where r.role = $1 and s.state = 'active' order by person_id",
            role,
        )
        return [record["person_id"] for record in records]

    async def active_with(self, role: StaffRole, skill: str | None) -> list[str]:
        """Return the ids of the active people who hold a role, and have a skill if one is named."""
        records = await self._connection.fetch(
            "select person_id from staff_roles r join staff s on s.id = r.person_id"
            " where r.role = $1 and s.state = 'active' and ($2::text is null or exists"
            " (select from staff_skills k where k.person_id = s.id and k.skill = $2))"
            " order by person_id",
            role,
            skill,
        )
        return [record["person_id"] for record in records]

    async def stood_in_for(self, deputy_id: str, day: date) -> list[StaffRow]:
        """Return the active people for whom somebody stands in on a day."""
        return await self._all(
            StaffRow,
            f"{_SELECT} where state = 'active' and id in (select person_id from deputies"
            " where deputy_id = $1 and withdrawn_at is null and $2 between first_day and last_day)",
            deputy_id,
            day,
        )

    async def give_role(self, person_id: str, role: StaffRole, given_by: str) -> bool:
        """Record that a person holds a role; False if they do already."""
        return await self._insert("staff_roles", person_id=person_id, role=role, given_by=given_by)

    async def take_role(self, person_id: str, role: StaffRole) -> bool:
        """Record that a person holds a role no more; False if they do not."""
        return await self._changed(
            "delete from staff_roles where person_id = $1 and role = $2",
            person_id,
            role,
        )

    async def set_skills(self, person_id: str, skills: Sequence[str]) -> None:
        """Record what a person can do, in place of what was recorded."""
        await self._connection.execute(
            "delete from staff_skills where person_id = $1 and skill <> all($2::text[])",
            person_id,
            list(skills),
        )
        await self._connection.execute(
            "insert into staff_skills (person_id, skill) select $1, unnest($2::text[])"
            " on conflict do nothing",
            person_id,
            list(skills),
        )

    async def leave(self, person_id: str) -> None:
        """Record that a person works here no more: no role, no team."""
        await self._connection.execute(
            "update staff set state = 'left', left_at = now() where id = $1", person_id
        )
        for table in ("staff_roles", "team_members"):
            await self._connection.execute(f"delete from {table} where person_id = $1", person_id)


class TeamRepository(Repository):
    """The teams and who is in them."""

    async def insert(self, code: str, name: str) -> bool:
        """Record a new team; False if the code is taken."""
        return await self._insert("teams", code=code, name=name)

    async def get(self, code: str) -> TeamRow | None:
        """Return the team, None if unknown."""
        return await self._one(TeamRow, "select code, name from teams where code = $1", code)

    async def all(self) -> list[TeamRow]:
        """Return every team by code."""
        return await self._all(TeamRow, "select code, name from teams order by code")

    async def join(self, code: str, person_id: str) -> bool:
        """Record that a person is in a team; False if they are already."""
        return await self._insert("team_members", team=code, person_id=person_id)

    async def part(self, code: str, person_id: str) -> bool:
        """Record that a person is in a team no more; False if they are not."""
        return await self._changed(
            "delete from team_members where team = $1 and person_id = $2",
            code,
            person_id,
        )


class DeputyRepository(Repository):
    """Who deputises for whom."""

    async def insert(self, named: Deputyship, named_by: str) -> bool:
        """Record a deputyship; False if it is recorded."""
        return await self._insert("deputies", **dict(named), named_by=named_by)

    async def of(self, person_id: str) -> list[DeputyshipRow]:
        """Return who stands, stood or will stand in for a person, the first day first."""
        return await self._all(
            DeputyshipRow, f"{_DEPUTIES} and person_id = $1 order by first_day, id", person_id
        )

    async def withdraw(self, person_id: str, deputyship_id: str) -> bool:
        """Record that a deputyship of a person counts no more; False if there is none."""
        return await self._changed(
            "update deputies set withdrawn_at = now()"
            " where id = $2 and person_id = $1 and withdrawn_at is null",
            person_id,
            deputyship_id,
        )
