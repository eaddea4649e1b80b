"""What every command of the command line shares: running it, printing, exit codes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from local.story import commands, pages
from local.story.client import Refusal
from local.story.stage import Stage, found_environment, stage_of

_INTERRUPTED: Final = 130

OUT: Final = Console(highlight=False)
_ERR: Final = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Reason = Annotated[str, typer.Option(help="For the audit trail; no personal data.")]


def do(
    as_json: bool,
    act: Callable[[Stage], Awaitable[commands.Result]],
    ok: Callable[[commands.Result], bool] = lambda _: True,
    show: Callable[[Console, commands.Result], None] = pages.print_result,
) -> None:
    """Run a command, print its result, for people by `show`, and leave with its exit code."""

    async def result() -> commands.Result:
        async with stage_of(found_environment()) as stage:
            return await act(stage)

    found = checked(as_json, result)
    (pages.print_json if as_json else show)(OUT, found)
    if not ok(found):
        raise typer.Exit(1)


def checked(as_json: bool, act: Callable[[], Awaitable[Any]]) -> Any:
    """Run `act` to its end; what is refused goes to standard error, and the exit code is 1."""

    async def main() -> Any:
        return await act()

    try:
        return asyncio.run(main())
    except (KeyboardInterrupt, asyncio.CancelledError):
        err_line("interrupted")
        raise typer.Exit(_INTERRUPTED) from None
    except Refusal as refusal:
        _refuse(as_json, refusal)
        raise typer.Exit(1) from None


def _refuse(as_json: bool, refusal: Refusal) -> None:
    if as_json:
        told = {"code": refusal.code, "detail": refusal.detail, "status": refusal.status}
        listed = {"errors": list(refusal.errors)} if refusal.errors else {}
        pages.print_json(_ERR, {"error": {**told, **listed}})
        return
    status = f", HTTP {refusal.status}" if refusal.status else ""
    err_line(f"error: {refusal.detail} ({refusal.code}{status})")
    for one in refusal.errors:
        example = f", such as {one['example']}" if one.get("example") else ""
        err_line(f"  {one['field']}: {one['message']}{example}")


def read_day(text: str) -> date:
    """Read a date that was given as an option."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a date is written as 2026-03-31") from None


def out_line(text: str) -> None:
    """Print a line."""
    OUT.print(text, soft_wrap=True, markup=False)


def err_line(text: str) -> None:
    """Print a line to standard error."""
    _ERR.print(text, soft_wrap=True, markup=False)
