"""`starter.py staff`: who works here, in which roles and teams, with which deputies."""

from datetime import date
from typing import Annotated, Literal

import typer

from local.story import staffing
from local.story.command_line import Json, do, read_day

staff = typer.Typer(
    help="The staff directory: people, roles, skills, teams, deputies.", no_args_is_help=True
)


Role = Literal["reviewer", "collector", "analyst", "ops"]
Handle = Annotated[str, typer.Argument(metavar="HANDLE", help="A person's short login.")]
Skills = Annotated[list[str] | None, typer.Option("--skill", help="Repeatable.")]
DayOption = Annotated[date, typer.Option(parser=read_day, metavar="DATE", help="Included.")]


@staff.command("list")
def list_staff(as_json: Json = False) -> None:
    """List everybody, those who have left too."""
    do(as_json, lambda stage: staffing.people(stage.api))


@staff.command("show")
def show_person(handle: Handle, as_json: Json = False) -> None:
    """Show a person with roles, teams, skills and deputies."""
    do(as_json, lambda stage: staffing.show(stage.api, handle))


@staff.command("add")
def add_person(
    handle: Handle,
    name: Annotated[str, typer.Option(help="Stored encrypted.")],
    role: Annotated[
        list[str] | None, typer.Option(help="reviewer, collector, analyst or ops; repeatable.")
    ] = None,
    skill: Skills = None,
    as_json: Json = False,
) -> None:
    """Add a person."""
    do(as_json, lambda stage: staffing.add(stage.api, handle, name, role or (), skill or ()))


@staff.command("give")
def give_role(handle: Handle, role: Role, as_json: Json = False) -> None:
    """Give a person a role; nobody can give themself one."""
    do(as_json, lambda stage: staffing.role(stage.api, handle, role, held=True))


@staff.command("take")
def take_role(handle: Handle, role: Role, as_json: Json = False) -> None:
    """Take a role from a person."""
    do(as_json, lambda stage: staffing.role(stage.api, handle, role, held=False))


@staff.command("skills")
def set_skills(handle: Handle, skill: Skills = None, as_json: Json = False) -> None:
    """Set what a person can do; without --skill, nothing."""
    do(as_json, lambda stage: staffing.skills(stage.api, handle, skill or ()))


@staff.command("team")
def add_team(
    code: str, name: Annotated[str, typer.Option(help="For people.")], as_json: Json = False
) -> None:
    """Add a team."""
    do(as_json, lambda stage: staffing.new_team(stage.api, code, name))


@staff.command("join")
def join_team(handle: Handle, team: str, as_json: Json = False) -> None:
    """Put a person in a team."""
    do(as_json, lambda stage: staffing.team(stage.api, handle, team, member=True))


@staff.command("part")
def part_team(handle: Handle, team: str, as_json: Json = False) -> None:
    """Take a person out of a team."""
    do(as_json, lambda stage: staffing.team(stage.api, handle, team, member=False))


@staff.command("deputy")
def name_deputy(
    handle: Handle,
    deputy: Annotated[str, typer.Argument(metavar="DEPUTY", help="The deputy's handle.")],
    first: DayOption,
    last: DayOption,
    as_json: Json = False,
) -> None:
    """Name a deputy, who acts in a person's roles for some days."""
    do(as_json, lambda stage: staffing.deputy(stage.api, handle, deputy, first, last))


@staff.command("withdraw")
def withdraw_deputy(
    handle: Handle,
    deputyship: Annotated[
        str, typer.Argument(metavar="DEPUTYSHIP", help="Its id, as `show` prints it.")
    ],
    as_json: Json = False,
) -> None:
    """End a deputyship at once."""
    do(as_json, lambda stage: staffing.withdraw(stage.api, handle, deputyship))


@staff.command("leave")
def leave(handle: Handle, as_json: Json = False) -> None:
    """Record that a person left: they lose roles, teams and token."""
    do(as_json, lambda stage: staffing.leave(stage.api, handle))
