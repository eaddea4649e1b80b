"""The staff directory: who works here, in which roles and teams, and who stands in for whom."""

from collections.abc import Awaitable, Callable

from api.http.calls import Call, Called, Commanded
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page, whole
from api.v1.people.staff_schemas import (
    DeputyBody,
    DeputyResponse,
    PersonCreate,
    PersonResponse,
    PersonSummary,
    SkillsBody,
    TeamCreate,
    TeamResponse,
)
from domain.common.calendar import business_date
from domain.common.errors import NotFound
from domain.people.principals import StaffRole
from domain.people.staff import Deputyship, TeamCode
from runtime.clock import utc_now
from services.people import directory
from services.people.ownership import require_id
from storage.common.repository import Transaction
from storage.people.staff import DeputyRepository, StaffRepository, StaffRow, TeamRepository

router = authorised_router("", "staff")

Change = Callable[[Transaction], Awaitable[StaffRow]]


@router.get("/staff", summary="The people, the newest first")
async def people(call: Called, page: Paged) -> Page[PersonSummary]:
    """Return a page of the directory, with those who have left."""
    async with call.database.read() as tx:
        rows = await StaffRepository(tx).page(page.after, page.limit)
        names = await StaffRepository(tx).names([row.id for row in rows])
    items = [PersonSummary(name=names[row.id], **row.model_dump()) for row in rows]
    return Page(items=items, next=page.next_cursor(rows, "created_at"))


@router.post("/staff", status_code=201, summary="Add a person")
async def add(body: PersonCreate, call: Commanded) -> PersonResponse:
    """Add a person. 409 `handle_taken` when the handle is, or was, another person's."""
    answer = await _changed(
        call,
        lambda tx: directory.add_person(
            tx,
            call.caller,
            directory.PersonCreate(
                person_id=call.command.new_id("stf"),
                lender=call.services.settings.lender,
                **dict(body),
            ),
        ),
    )
    call.created(f"/v1/staff/{answer.id}")
    return answer


@router.get("/staff/{person_id}", summary="Read a person")
async def read(person_id: str, call: Called) -> PersonResponse:
    """Return a person with deputies."""
    async with call.database.read() as tx:
        row = await StaffRepository(tx).get(_id(person_id))
        if row is None:
            raise NotFound("person")
        return await _response(tx, row)


@router.put("/staff/{person_id}/roles/{role}", summary="Give a person a role")
async def give_role(person_id: str, role: StaffRole, call: Commanded) -> PersonResponse:
    """Give a role. 403 `own_roles` for oneself."""
    return await _changed(
        call, lambda tx: directory.give_role(tx, call.caller, _id(person_id), role)
    )


@router.delete("/staff/{person_id}/roles/{role}", summary="Take a role away")
async def take_role(person_id: str, role: StaffRole, call: Commanded) -> PersonResponse:
    """Take a role. 403 `own_roles` for oneself."""
    return await _changed(
        call, lambda tx: directory.take_role(tx, call.caller, _id(person_id), role)
    )


@router.put("/staff/{person_id}/skills", summary="Set the skills")
async def set_skills(person_id: str, body: SkillsBody, call: Commanded) -> PersonResponse:
    """Set what a person can do."""
    return await _changed(
        call, lambda tx: directory.set_skills(tx, call.caller, _id(person_id), body.skills)
    )


@router.put("/staff/{person_id}/teams/{team}", summary="Put a person in a team")
async def join_team(person_id: str, team: TeamCode, call: Commanded) -> PersonResponse:
    """Put a person in a team. 404 `unknown_team` when there is none of that code."""
    return await _changed(
        call, lambda tx: directory.join_team(tx, call.caller, _id(person_id), team)
    )


@router.delete("/staff/{person_id}/teams/{team}", summary="Take a person out of a team")
async def part_team(person_id: str, team: TeamCode, call: Commanded) -> PersonResponse:
    """Take a person out of a team."""
    return await _changed(
        call, lambda tx: directory.part_team(tx, call.caller, _id(person_id), team)
    )


@router.post("/staff/{person_id}/deputies", status_code=201, summary="Name a person's deputy")
async def name_deputy(person_id: str, body: DeputyBody, call: Commanded) -> PersonResponse:
    """Let somebody act in a person's roles for some days. 403 `own_roles` for oneself."""
    named = Deputyship(
        id=call.command.new_id("dep"),
        person_id=_id(person_id),
        deputy_id=_id(body.deputy_id),
        first_day=body.first_day,
        last_day=body.last_day,
    )
    today = business_date(utc_now(), call.services.settings.zone)
    return await _changed(call, lambda tx: directory.name_deputy(tx, call.caller, named, today))


@router.delete("/staff/{person_id}/deputies/{deputyship_id}", summary="Withdraw a person's deputy")
async def withdraw_deputy(person_id: str, deputyship_id: str, call: Commanded) -> PersonResponse:
    """End a deputyship at once."""
    require_id(deputyship_id, "dep", "deputyship")
    return await _changed(
        call,
        lambda tx: directory.withdraw_deputy(tx, call.caller, _id(person_id), deputyship_id),
    )


@router.post("/staff/{person_id}/leave", summary="Record that a person left")
async def leave(person_id: str, call: Commanded) -> PersonResponse:
    """Take all roles and teams from a person for good. 409 `last_ops` for the last with that role.

    The person's tokens are refused from the next second on.
    """
    return await _changed(call, lambda tx: directory.leave(tx, call.caller, _id(person_id)))


@router.get("/teams", summary="The teams")
async def teams(call: Called) -> Page[TeamResponse]:
    """Return every team."""
    async with call.database.read() as tx:
        rows = await TeamRepository(tx).all()
    return whole(TeamResponse, rows)


@router.post("/teams", status_code=201, summary="Add a team")
async def add_team(body: TeamCreate, call: Commanded) -> TeamResponse:
    """Add a team. 409 `team_taken` when the code is a team of another name."""
    async with call.database.transaction() as tx:
        await directory.add_team(tx, call.caller, body.code, body.name)
    return TeamResponse(code=body.code, name=body.name)


def _id(text: str) -> str:
    """Refuse what cannot be a person's id before it reaches the database."""
    require_id(text, "stf", "person")
    return text


async def _changed(call: Call, change: Change) -> PersonResponse:
    async with call.database.transaction() as tx:
        return await _response(tx, await change(tx))


async def _response(tx: Transaction, row: StaffRow) -> PersonResponse:
    names = await StaffRepository(tx).names([row.id])
    deputies = await DeputyRepository(tx).of(row.id)
    return PersonResponse(
        name=names[row.id],
        deputies=[DeputyResponse.model_validate(one) for one in deputies],
        **row.model_dump(),
    )
