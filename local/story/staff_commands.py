"""`starter.py staff`: who works here, in which roles and teams, with which deputies.

People are named by handles, which stay out of addresses: those are logged on the way.
"""

from datetime import date
from typing import Annotated, Final, Literal

import typer

from local.story.client import Answer, Api, Refusal
from local.story.command_line import command, read_day
from local.story.stage import Stage

staff = typer.Typer(
    help="The staff directory: people, roles, skills, teams, deputies.", no_args_is_help=True
)

Role = Literal["reviewer", "collector", "analyst", "ops"]
Roles = Annotated[
    list[str] | None,
    typer.Option("--role", help="reviewer, collector, analyst or ops; repeatable."),
]
Handle = Annotated[str, typer.Argument(metavar="HANDLE", help="A person's short login.")]
Deputy = Annotated[str, typer.Argument(metavar="DEPUTY", help="The deputy's handle.")]
Deputyship = Annotated[
    str, typer.Argument(metavar="DEPUTYSHIP", help="Its id, as `show` prints it.")
]
Skills = Annotated[list[str] | None, typer.Option("--skill", help="Repeatable.")]
DayOption = Annotated[date, typer.Option(parser=read_day, metavar="DATE", help="Included.")]

_OPS: Final = "ops"
_STAFF: Final = "/v1/staff"
_LISTED: Final = ("handle", "name", "state", "roles", "teams", "skills", "id")


@command(staff, "list")
async def list_staff(stage: Stage) -> Answer:
    """List everybody, those who have left too."""
    people = [person async for person in stage.api.pages(_OPS, _STAFF, limit=100)]
    return {"staff": [{name: _text(person[name]) for name in _LISTED} for person in people]}


@command(staff)
async def show(stage: Stage, handle: Handle) -> Answer:
    """Show a person with roles, teams, skills and deputies."""
    return await stage.api.get(_OPS, await _path(stage.api, handle))


@command(staff)
async def add(
    stage: Stage,
    handle: Handle,
    name: Annotated[str, typer.Option(help="Stored encrypted.")],
    roles: Roles = None,
    skills: Skills = None,
) -> Answer:
    """Add a person."""
    body = {"handle": handle, "name": name, "roles": roles or [], "skills": skills or []}
    return await stage.api.post(_OPS, _STAFF, body)


@command(staff)
async def give(stage: Stage, handle: Handle, role: Role) -> Answer:
    """Give a person a role; nobody can give themself one."""
    return await stage.api.put(_OPS, f"{await _path(stage.api, handle)}/roles/{role}")


@command(staff)
async def take(stage: Stage, handle: Handle, role: Role) -> Answer:
    """Take a role from a person."""
    return await stage.api.delete(_OPS, f"{await _path(stage.api, handle)}/roles/{role}")


@command(staff, "skills")
async def set_skills(stage: Stage, handle: Handle, skills: Skills = None) -> Answer:
    """Set what a person can do; without --skill, nothing."""
    path = f"{await _path(stage.api, handle)}/skills"
    return await stage.api.put(_OPS, path, {"skills": skills or []})


@command(staff, "team")
async def add_team(
    stage: Stage, code: str, name: Annotated[str, typer.Option(help="For people.")]
) -> Answer:
    """Add a team."""
    return await stage.api.post(_OPS, "/v1/teams", {"code": code, "name": name})


@command(staff)
async def join(stage: Stage, handle: Handle, team: str) -> Answer:
    """Put a person in a team."""
    return await stage.api.put(_OPS, f"{await _path(stage.api, handle)}/teams/{team}")


@command(staff)
async def part(stage: Stage, handle: Handle, team: str) -> Answer:
    """Take a person out of a team."""
    return await stage.api.delete(_OPS, f"{await _path(stage.api, handle)}/teams/{team}")


@command(staff, "deputy")
async def name_deputy(
    stage: Stage, handle: Handle, deputy: Deputy, first: DayOption, last: DayOption
) -> Answer:
    """Name a deputy, who acts in a person's roles for some days."""
    body = {
        "deputy_id": await _id(stage.api, deputy),
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
    }
    return await stage.api.post(_OPS, f"{await _path(stage.api, handle)}/deputies", body)


@command(staff)
async def withdraw(stage: Stage, handle: Handle, deputyship: Deputyship) -> Answer:
    """End a deputyship at once."""
    return await stage.api.delete(_OPS, f"{await _path(stage.api, handle)}/deputies/{deputyship}")


@command(staff)
async def leave(stage: Stage, handle: Handle) -> Answer:
    """Record that a person left: they lose roles, teams and token."""
    return await stage.api.post(_OPS, f"{await _path(stage.api, handle)}/leave")


async def _path(api: Api, handle: str) -> str:
    return f"{_STAFF}/{await _id(api, handle)}"


async def _id(api: Api, handle: str) -> str:
    async for person in api.pages(_OPS, _STAFF, limit=100):
        if person["handle"] == handle:
            return str(person["id"])
    raise Refusal(
        "unknown_person",
        f"there is nobody with the handle {handle}: `starter.py staff list` shows everybody",
    )


def _text(value: object) -> object:
    return " ".join(value) if isinstance(value, list) else value
