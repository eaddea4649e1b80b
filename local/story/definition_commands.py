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
from local.story.client import Api, Refusal
from local.story.command_line import Json, Reason, checked, do
from local.story.commands import Result
from local.story.stage import Stage, found_environment, stage_of
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
_ROOT: Final = "/v1/definitions"


@definitions.command()
def kinds(
    kind: Annotated[
        str | None, typer.Argument(help="Show this kind's JSON schema and an example.")
    ] = None,
    role: As = "analyst",
    as_json: Json = False,
) -> None:
    """List the kinds of definitions, or show the JSON schema of one with an example."""

    async def act(stage: Stage) -> Result:
        if kind is None:
            return _rows("kinds", await stage.api.get(role, f"{_ROOT}/kinds"))
        found: Result = await stage.api.get(role, f"{_ROOT}/kinds/{kind}")
        return found

    do(as_json, act, show=pages.print_result if kind is None else _print_document)


@definitions.command("list")
def list_(
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    state: Annotated[
        Literal["draft", "checked", "released", "retired"] | None,
        typer.Option(help="Only those with a version in this state."),
    ] = None,
    role: As = "analyst",
    as_json: Json = False,
) -> None:
    """List definitions with the version in force, the next scheduled and the newest one."""
    given = {"kind": kind, "state": state}
    filters = {name: value for name, value in given.items() if value is not None}

    async def act(stage: Stage) -> Result:
        return _rows("definitions", await stage.api.get(role, _ROOT, **filters))

    do(as_json, act)


@definitions.command()
def show(
    kind: Kind,
    code: Code,
    version: Annotated[
        int | None, typer.Option(min=1, help="Default: the one in force, else the newest.")
    ] = None,
    as_toml: Annotated[
        bool, typer.Option("--toml", help="Print the content as a file to edit and draft again.")
    ] = False,
    role: As = "analyst",
    as_json: Json = False,
) -> None:
    """Show a definition: its versions, its releases and the content of one version."""
    if as_toml and as_json:
        raise typer.BadParameter("give --toml or --json, not both")
    if as_toml:
        found = checked(as_json, lambda: _content(role, kind, code, version))
        sys.stdout.write(_toml(found))
        return

    async def act(stage: Stage) -> Result:
        shown: Result = await stage.api.get(role, f"{_ROOT}/{kind}/{code}")
        one = await _version(stage.api, role, kind, code, version)
        return {**shown, "content": one["content"], "content_of": one["version"]}

    do(as_json, act, show=_print_shown)


@definitions.command()
def draft(
    kind: Kind,
    code: Code,
    file: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="The content, .toml or .json.")
    ],
    note: Annotated[str, typer.Option(help="What changes and why; no personal data.")] = "",
    base: Annotated[
        int | None,
        typer.Option(
            min=0, help="The newest version you know, 0 for none; refused if there is a newer one."
        ),
    ] = None,
    role: As = "analyst",
    as_json: Json = False,
) -> None:
    """Store the next version as a draft; says what is wrong with it."""
    body: Result = {"content": read_content(file), "note": note}
    if base is not None:
        body["base"] = base

    async def act(stage: Stage) -> Result:
        drafted: Result = await stage.api.post(role, f"{_ROOT}/{kind}/{code}/drafts", body)
        return {name: value for name, value in drafted.items() if name != "content"}

    do(as_json, act)


@definitions.command()
def check(
    kind: Kind,
    code: Code,
    version: Version,
    at: When = None,
    role: As = "analyst",
    as_json: Json = False,
) -> None:
    """Check a draft against what is in force now, or at an instant; lists all mistakes."""
    body = {"effective_from": at.isoformat()} if at else {}

    async def act(stage: Stage) -> Result:
        found: Result = await stage.api.post(role, _of(kind, code, version, "check"), body)
        return {name: value for name, value in found.items() if name != "content"}

    do(as_json, act)


@definitions.command()
def release(
    kind: Kind,
    code: Code,
    version: Version,
    reason: Reason,
    effective_from: When = None,
    role: As = "ops",
    as_json: Json = False,
) -> None:
    """Bring a checked version into force, now or at an instant; not for who drafted it."""
    body = {"reason": reason}
    if effective_from:
        body["effective_from"] = effective_from.isoformat()
    do(as_json, lambda stage: stage.api.post(role, _of(kind, code, version, "release"), body))


@definitions.command()
def withdraw(
    kind: Kind,
    code: Code,
    version: Version,
    reason: Reason,
    role: As = "ops",
    as_json: Json = False,
) -> None:
    """Take a scheduled release back before it comes into force."""
    body = {"reason": reason}
    do(as_json, lambda stage: stage.api.post(role, _of(kind, code, version, "withdraw"), body))


@definitions.command()
def rollback(
    kind: Kind,
    code: Code,
    reason: Reason,
    to: Annotated[
        int | None, typer.Option(min=1, help="Default: the version in force before.")
    ] = None,
    role: As = "ops",
    as_json: Json = False,
) -> None:
    """Go back to an earlier version at once; scheduled releases are cancelled."""

    async def act(stage: Stage) -> Result:
        shown = await stage.api.get(role, f"{_ROOT}/{kind}/{code}")
        if shown["in_force"] is None:
            raise Refusal("nothing_in_force", f"of {kind}/{code} nothing is in force")
        body: Result = {"leaving": shown["in_force"]["version"], "reason": reason}
        if to is not None:
            body["to"] = to
        back: Result = await stage.api.post(role, f"{_ROOT}/{kind}/{code}/rollback", body)
        return back

    do(as_json, act)


@definitions.command()
def retire(
    kind: Kind,
    code: Code,
    reason: Reason,
    version: Annotated[int | None, typer.Option(min=1, help="Default: all versions.")] = None,
    role: As = "ops",
    as_json: Json = False,
) -> None:
    """Never use a version again, or any; not for a version in force."""
    one = f"/versions/{version}" if version else ""

    async def act(stage: Stage) -> Result:
        path = f"{_ROOT}/{kind}/{code}{one}/retire"
        return _rows("retired", await stage.api.post(role, path, {"reason": reason}))

    do(as_json, act)


@definitions.command()
def diff(
    kind: Kind,
    code: Code,
    before: Version,
    after: Version,
    role: As = "analyst",
    as_json: Json = False,
) -> None:
    """Compare two versions field by field."""

    async def act(stage: Stage) -> Result:
        path = f"{_ROOT}/{kind}/{code}/diff"
        return _rows("differences", await stage.api.get(role, path, before=before, after=after))

    do(as_json, act, show=_print_differences)


@definitions.command()
def history(kind: Kind, code: Code, role: As = "analyst", as_json: Json = False) -> None:
    """Show who did what to a definition, and why."""

    async def act(stage: Stage) -> Result:
        entries = await stage.api.get(role, f"{_ROOT}/{kind}/{code}/history")
        for one in entries["items"]:
            one["why"] = one["detail"].get("reason") or one["detail"].get("note")
        return _rows("history", entries)

    do(as_json, act)


@definitions.command()
def suspend(
    kind: Annotated[
        Literal["funder", "product", "channel", "source", "strategy"], typer.Argument()
    ],
    code: Code,
    reason: Reason,
    role: As = "ops",
    as_json: Json = False,
) -> None:
    """Switch something off at once, on running processes too."""
    path = f"/v1/suspensions/{kind}/{code}"
    do(as_json, lambda stage: stage.api.post(role, path, {"reason": reason}))


@definitions.command()
def lift(
    kind: Annotated[
        Literal["funder", "product", "channel", "source", "strategy"], typer.Argument()
    ],
    code: Code,
    reason: Reason,
    role: As = "ops",
    as_json: Json = False,
) -> None:
    """Switch something on again."""
    path = f"/v1/suspensions/{kind}/{code}/lift"
    do(as_json, lambda stage: stage.api.post(role, path, {"reason": reason}))


@definitions.command()
def suspensions(role: As = "ops", as_json: Json = False) -> None:
    """List what is suspended."""

    async def act(stage: Stage) -> Result:
        return _rows("suspensions", await stage.api.get(role, "/v1/suspensions"))

    do(as_json, act)


def read_content(file: Path) -> Result:
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
        raise typer.BadParameter(f"{file} holds no object")
    content: Result = _as_json(read)
    return content


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; a name that stands twice would silently be the last one."""
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


async def _content(role: str, kind: str, code: str, version: int | None) -> Result:
    async with stage_of(found_environment()) as stage:
        one = await _version(stage.api, role, kind, code, version)
    content: Result = one["content"]
    return content


async def _version(api: Api, role: str, kind: str, code: str, version: int | None) -> Result:
    """Return a version, that in force or else the newest without one."""
    if version is None:
        shown = await api.get(role, f"{_ROOT}/{kind}/{code}")
        version = (shown["in_force"] or shown["versions"][0])["version"]
    found: Result = await api.get(role, f"{_ROOT}/{kind}/{code}/versions/{version}")
    return found


def _toml(content: Mapping[str, Any]) -> str:
    try:
        return to_toml(content)
    except ValueError as error:
        raise typer.BadParameter(f"{error}: use --json") from None


def _of(kind: str, code: str, version: int, act: str) -> str:
    return f"{_ROOT}/{kind}/{code}/versions/{version}/{act}"


def _rows(name: str, page: Mapping[str, Any]) -> Result:
    return {name: page["items"]}


def _print_shown(console: Console, shown: Result) -> None:
    content = shown["content"]
    rest = {name: value for name, value in shown.items() if name != "content"}
    pages.print_result(console, rest)
    console.print(f"\ncontent of version {shown['content_of']}", style="bold")
    _print_text(console, _toml(content))


def _print_document(console: Console, found: Result) -> None:
    _print_text(console, json.dumps(found, ensure_ascii=False, indent=2))


def _print_differences(console: Console, found: Result) -> None:
    differences: Sequence[Mapping[str, Any]] = found["differences"]
    if not differences:
        console.print("no difference")
    for one in differences:
        console.print(one["path"], style="bold", markup=False)
        for sign, side in (("-", "before"), ("+", "after")):
            if one[side] is not None:
                _print_text(console, f"  {sign} {json.dumps(one[side], ensure_ascii=False)}")


def _print_text(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, markup=False, highlight=False)
