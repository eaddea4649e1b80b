"""`starter.py cases`: the queue of what people have to look at, and a reviewer's work on one."""

from typing import Annotated, Final, Literal

import typer

from local.story.client import Answer
from local.story.command_line import Reason, command
from local.story.stage import Stage

cases = typer.Typer(help="Cases: list, take, decide what people look at.", no_args_is_help=True)

CaseId = Annotated[str, typer.Argument(metavar="CASE", help="Its id, as `list` prints it.")]
Decision = Annotated[Literal["approve", "reject"], typer.Argument()]
Queue = Annotated[str | None, typer.Option(help="Only of this queue.")]

_REVIEWER: Final = "reviewer"
_CASES: Final = "/v1/cases"


@command(cases, "list")
async def list_cases(stage: Stage, queue: Queue = None) -> Answer:
    """List the open cases, the one with the least time left first."""
    narrowed = {} if queue is None else {"queue": queue}
    pages = stage.api.pages(_REVIEWER, _CASES, limit=100, **narrowed)
    return {"cases": [case async for case in pages]}


@command(cases)
async def claim(
    stage: Stage,
    case: Annotated[
        str | None, typer.Argument(metavar="[CASE]", help="Left out: the next one.")
    ] = None,
) -> Answer:
    """Take a case, or the next one, to work on it."""
    if case is None:
        return await stage.api.post(_REVIEWER, f"{_CASES}/next", {})
    return await stage.api.post(_REVIEWER, f"{_CASES}/{case}/claim")


@command(cases)
async def decide(
    stage: Stage,
    case: CaseId,
    decision: Decision,
    reason: Reason = "decided on the command line",
    amount: Annotated[
        int | None, typer.Option(help="Approve only so much, in minor units.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="The reject code.")] = None,
) -> Answer:
    """Approve or reject what a case is about; prints the case as it is then."""
    path = f"{_CASES}/{case}"
    found = await stage.api.get(_REVIEWER, path)
    said = {"reason": reason, "amount": amount, "code": code}
    body = {name: value for name, value in said.items() if value is not None}
    await stage.api.post(_REVIEWER, f"/v1/reviews/{found['subject']}/{decision}", body)
    return await stage.api.get(_REVIEWER, path)
