"""`starter.py definitions`: what the business changes without a deployment, over the public API."""

import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from rich.console import Console

from local.story import pages
from local.story.client import Answer, Refusal
from local.story.command_line import OUT, Json, Reason, checked, command
from local.story.stage import Stage, stage_of
from local.toml_text import to_toml

definitions = typer.Typer(
    help="See and change definitions (products, policies, ladders, caps, texts); suspend them.",
    no_args_is_help=True,
)

Role = Literal["analyst", "ops"]
As = Annotated[Role, typer.Option("--as", help="The role to act in.")]
Kind = Annotated[str, typer.Argument(help="Such as product; `kinds` lists them.")]
Code = Annotated[str, typer.Argument(help="Such as cash.")]
Version = Annotated[int, typer.Argument(min=1)]
When = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"],
        help="Such as 2027-04-01T00:00+08:00; default: now.",
    ),
]
Suspendable = Annotated[
    Literal["funder", "product", "channel", "source", "strategy"], typer.Argument()
]
State = Annotated[
    Literal["draft", "checked", "released", "retired"] | None,
    typer.Option(help="Only those with a version in this state."),
]
OfKind = Annotated[str | None, typer.Option("--kind", help="Only of this kind.")]
FormOf = Annotated[str | None, typer.Argument(help="Show this kind's JSON schema and an example.")]
Content = Annotated[
    Path, typer.Option(exists=True, dir_okay=False, help="The content, .toml or .json.")
]
Note = Annotated[str, typer.Option(help="What changes and why; no personal data.")]
Base = Annotated[
    int | None,
    typer.Option(
        min=0, help="The newest version you know, 0 for none; refused if there is a newer one."
    ),
]
Shown = Annotated[
    int | None, typer.Option(min=1, help="Default: the one in force, else the newest.")
]
AsToml = Annotated[
    bool, typer.Option("--toml", help="Print the content as a file to edit and draft again.")
]
To = Annotated[int | None, typer.Option(min=1, help="Default: the version in force before.")]
Only = Annotated[int | None, typer.Option(min=1, help="Default: all versions.")]

_ROOT: Final = "/v1/definitions"
_SUSPENSIONS: Final = "/v1/suspensions"


def _print_kinds(console: Console, found: Answer) -> None:
    if "kinds" in found:
        pages.print_result(console, found)
    else:
        _print_text(console, json.dumps(found, ensure_ascii=False, indent=2))


@command(definitions, show=_print_kinds)
async def kinds(stage: Stage, kind: FormOf = None, role: As = "analyst") -> Answer:
    """List the kinds of definitions, or show the JSON schema of one with an example."""
    if kind is None:
        return _rows("kinds", await stage.api.get(role, f"{_ROOT}/kinds"))
    return await stage.api.get(role, f"{_ROOT}/kinds/{kind}")


@command(definitions, "list")
async def list_(
    stage: Stage, kind: OfKind = None, state: State = None, role: As = "analyst"
) -> Answer:
    """List definitions with the version in force, the next scheduled and the newest one."""
    given = {"kind": kind, "state": state}
    filters = {name: value for name, value in given.items() if value is not None}
    found = stage.api.pages(role, _ROOT, limit=100, **filters)
    return {"definitions": [one async for one in found]}


@definitions.command()
def show(
    kind: Kind,
    code: Code,
    version: Shown = None,
    as_toml: AsToml = False,
    role: As = "analyst",
    as_json: Json = False,
) -> None:
    """Show a definition: its versions, its releases and the content of one version."""
    if as_toml and as_json:
        raise typer.BadParameter("give --toml or --json, not both")

    async def found() -> Answer:
        async with stage_of() as stage:
            shown = await stage.api.get(role, _path(kind, code))
            of = version or (shown["in_force"] or shown["versions"][0])["version"]
            one = await stage.api.get(role, _path(kind, code, of))
        return {**shown, "content": one["content"], "content_of": one["version"]}

    shown = checked(as_json, found)
    if as_json:
        pages.print_json(OUT, shown)
    elif as_toml:
        sys.stdout.write(_toml(shown["content"]))
    else:
        pages.print_result(OUT, _without_content(shown))
        OUT.print(f"\ncontent of version {shown['content_of']}", style="bold")
        _print_text(OUT, _toml(shown["content"]))


@command(definitions)
async def draft(
    stage: Stage,
    kind: Kind,
    code: Code,
    file: Content,
    note: Note = "",
    base: Base = None,
    role: As = "analyst",
) -> Answer:
    """Store the next version as a draft; says what is wrong with it."""
    body: Answer = {"content": read_content(file), "note": note}
    if base is not None:
        body["base"] = base
    return _without_content(await stage.api.post(role, f"{_path(kind, code)}/drafts", body))


@command(definitions)
async def check(
    stage: Stage, kind: Kind, code: Code, version: Version, at: When = None, role: As = "analyst"
) -> Answer:
    """Check a draft against what is in force now, or at an instant; lists all mistakes."""
    body = {"effective_from": at.isoformat()} if at else {}
    path = f"{_path(kind, code, version)}/check"
    return _without_content(await stage.api.post(role, path, body))


@command(definitions)
async def release(
    stage: Stage,
    kind: Kind,
    code: Code,
    version: Version,
    reason: Reason,
    effective_from: When = None,
    role: As = "ops",
) -> Answer:
    """Bring a checked version into force, now or at an instant; not for who drafted it."""
    body = {"reason": reason}
    if effective_from:
        body["effective_from"] = effective_from.isoformat()
    return await stage.api.post(role, f"{_path(kind, code, version)}/release", body)


@command(definitions)
async def withdraw(
    stage: Stage, kind: Kind, code: Code, version: Version, reason: Reason, role: As = "ops"
) -> Answer:
    """Take a scheduled release back before it comes into force."""
    path = f"{_path(kind, code, version)}/withdraw"
    return await stage.api.post(role, path, {"reason": reason})


@command(definitions)
async def rollback(
    stage: Stage, kind: Kind, code: Code, reason: Reason, to: To = None, role: As = "ops"
) -> Answer:
    """Go back to an earlier version at once; scheduled releases are cancelled."""
    shown = await stage.api.get(role, _path(kind, code))
    if shown["in_force"] is None:
        raise Refusal(
            "nothing_in_force", f"nothing of {kind}/{code} is in force: there is no way back"
        )
    body: Answer = {"leaving": shown["in_force"]["version"], "reason": reason}
    if to is not None:
        body["to"] = to
    return await stage.api.post(role, f"{_path(kind, code)}/rollback", body)


@command(definitions)
async def retire(
    stage: Stage, kind: Kind, code: Code, reason: Reason, version: Only = None, role: As = "ops"
) -> Answer:
    """Never use a version again, or any; not for a version in force."""
    path = f"{_path(kind, code, version)}/retire"
    return _rows("retired", await stage.api.post(role, path, {"reason": reason}))


def _print_differences(console: Console, found: Answer) -> None:
    differences: Sequence[Mapping[str, Any]] = found["differences"]
    if not differences:
        console.print("no difference")
    for one in differences:
        console.print(one["path"], style="bold", markup=False)
        for sign, side in (("-", "before"), ("+", "after")):
            if one[side] is not None:
                _print_text(console, f"  {sign} {json.dumps(one[side], ensure_ascii=False)}")


@command(definitions, show=_print_differences)
async def diff(
    stage: Stage, kind: Kind, code: Code, before: Version, after: Version, role: As = "analyst"
) -> Answer:
    """Compare two versions field by field."""
    path = f"{_path(kind, code)}/diff"
    return _rows("differences", await stage.api.get(role, path, before=before, after=after))


@command(definitions)
async def history(stage: Stage, kind: Kind, code: Code, role: As = "analyst") -> Answer:
    """Show who did what to a definition, and why."""
    found = stage.api.pages(role, f"{_path(kind, code)}/history", limit=100)
    entries = [one async for one in found]
    for one in entries:
        one["why"] = one["detail"].get("reason") or one["detail"].get("note")
    return {"history": entries}


@command(definitions)
async def suspend(
    stage: Stage, kind: Suspendable, code: Code, reason: Reason, role: As = "ops"
) -> Answer:
    """Switch something off at once, on running processes too."""
    return await stage.api.post(role, f"{_SUSPENSIONS}/{kind}/{code}", {"reason": reason})


@command(definitions)
async def lift(
    stage: Stage, kind: Suspendable, code: Code, reason: Reason, role: As = "ops"
) -> Answer:
    """Switch something on again."""
    return await stage.api.post(role, f"{_SUSPENSIONS}/{kind}/{code}/lift", {"reason": reason})


@command(definitions)
async def suspensions(stage: Stage, role: As = "ops") -> Answer:
    """List what is suspended."""
    return _rows("suspensions", await stage.api.get(role, _SUSPENSIONS))


def read_content(file: Path) -> Answer:
    """Read a content as JSON; decimals become texts, as the API wants them."""
    try:
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".json":
            read = json.loads(
                text, parse_float=str, parse_constant=_refuse, object_pairs_hook=_each_once
            )
        else:
            read = tomllib.loads(text, parse_float=str)
    except ValueError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from None
    if not isinstance(read, dict):
        raise typer.BadParameter(f"{file} holds no object: write its fields as JSON or TOML")
    return {name: _as_json(value) for name, value in read.items()}


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; of a name given twice, the last value would win silently."""
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("a name appears twice in an object")
    return read


def _as_json(value: Any) -> Any:
    """Return a value of TOML as JSON has it: dates and times are texts."""
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case dict():
            return {name: _as_json(one) for name, one in value.items()}
        case list():
            return [_as_json(one) for one in value]
    return value


def _toml(content: Mapping[str, Any]) -> str:
    try:
        return to_toml(content)
    except ValueError as error:
        raise typer.BadParameter(f"{error}: use --json") from None


def _path(kind: str, code: str, version: int | None = None) -> str:
    return f"{_ROOT}/{kind}/{code}" + (f"/versions/{version}" if version else "")


def _rows(name: str, page: Mapping[str, Any]) -> Answer:
    return {name: page["items"]}


def _without_content(found: Mapping[str, Any]) -> Answer:
    return {name: value for name, value in found.items() if name != "content"}


def _print_text(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, markup=False, highlight=False)
