"""What every command of the command line shares: running it, printing, exit codes."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import date
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from local.story import pages
from local.story.client import Answer, Refusal
from local.story.hints import next_commands
from local.story.stage import stage_of

_INTERRUPTED: Final = 130

OUT: Final = Console(highlight=False)
_ERR: Final = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Reason = Annotated[str, typer.Option(help="For the audit trail; no personal data.")]
Act = Callable[..., Coroutine[Any, Any, Answer]]


def command(
    group: typer.Typer,
    name: str | None = None,
    *,
    ok: Callable[[Answer], bool] = lambda _: True,
    show: Callable[[Console, Answer], None] = pages.print_result,
) -> Callable[[Act], Act]:
    """Make a command of a function that is given the stage and returns a result.

    The function's further parameters and its docstring are the command's; `--json` is added. The
    result is printed, for people by `show`; the exit code is 1 unless the result is `ok`.
    """

    def register(act: Act) -> Act:
        own = list(signature(act, eval_str=True).parameters.values())[1:]

        def run(*, as_json: bool, **given: Any) -> None:
            async def result() -> Answer:
                async with stage_of() as stage:
                    return await act(stage, **given)

            found = checked(as_json, result)
            (pages.print_json if as_json else show)(OUT, found)
            for number, further in enumerate([] if as_json else next_commands(found)):
                out_line(f"{'or  ' if number else 'next'}  .venv/bin/python starter.py {further}")
            if not ok(found):
                raise typer.Exit(1)

        run.__doc__ = act.__doc__
        json_option = Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=Json)
        parameters = [*(one.replace(kind=Parameter.KEYWORD_ONLY) for one in own), json_option]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        vars(run)["__signature__"] = Signature(parameters)
        group.command(name or act.__name__)(run)
        return act

    return register


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
        fields = {"code": refusal.code, "detail": refusal.detail, "status": refusal.status}
        listed = {"errors": list(refusal.errors)} if refusal.errors else {}
        pages.print_json(_ERR, {"error": {**fields, **listed}})
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
        raise typer.BadParameter("write a date as 2026-03-31") from None


def out_line(text: str) -> None:
    """Print a line."""
    OUT.print(text, soft_wrap=True, markup=False)


def err_line(text: str) -> None:
    """Print a line to standard error."""
    _ERR.print(text, soft_wrap=True, markup=False)
