"""`starter.py books`: accruals, batches, closed periods, entries by hand, the ledger as CSV."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from local.story.client import Answer, Refusal
from local.story.command_line import Reason, checked, command, read_day
from local.story.stage import Stage, stage_of

books = typer.Typer(
    help="The books: accruals, batches, closing, entries by hand, export.", no_args_is_help=True
)

_Role = Literal["analyst", "ops"]
As = Annotated[_Role, typer.Option("--as", help="The role to act in.")]
Until = Annotated[date, typer.Option(parser=read_day, metavar="DATE", help="Included.")]
UntilIfAny = Annotated[
    date | None,
    typer.Option(parser=read_day, metavar="DATE", help="Default: the last day that is over."),
]
First = Annotated[date, typer.Option("--from", parser=read_day, metavar="DATE", help="Included.")]
Last = Annotated[date, typer.Option("--to", parser=read_day, metavar="DATE", help="Included.")]
Number = Annotated[int, typer.Argument(min=1, help="Of a batch, as `batches` lists them.")]
Request = Annotated[str, typer.Argument(metavar="REQUEST", help="Its id, as `requests` prints it.")]
EntryFile = Annotated[
    Path,
    typer.Option(
        "--file",
        exists=True,
        dir_okay=False,
        help="JSON: business_date, currency, product, funder, lines of account and amount.",
    ),
]
EntryKey = Annotated[str, typer.Argument(metavar="ENTRY", help="The key of an entry by hand.")]
On = Annotated[date, typer.Option(parser=read_day, metavar="DATE", help="The day it counts from.")]
AccountIfAny = Annotated[str | None, typer.Option(help="Such as interest_income, or cash:icbc.")]
FunderIfAny = Annotated[str | None, typer.Option(help="Such as own.")]

_LEDGER: Final = "/v1/ledger"


@command(books)
async def accrue(stage: Stage, until: UntilIfAny = None, role: As = "ops") -> Answer:
    """Book what loans accrued by the end of each day that is not booked yet."""
    body = {} if until is None else {"until": until.isoformat()}
    while True:
        found = await stage.api.post(role, f"{_LEDGER}/accruals", body)
        if found["is_done"]:
            return found


@command(books)
async def batches(stage: Stage, role: As = "ops") -> Answer:
    """List the batches that were made."""
    found = stage.api.pages(role, f"{_LEDGER}/batches", limit=100)
    return {"batches": [one async for one in found]}


@command(books, "make-batches")
async def make_batches(stage: Stage, until: Until, role: As = "ops") -> Answer:
    """Put what was booked, and is in no batch yet, into batches, by day and currency."""
    return await stage.api.post(role, f"{_LEDGER}/batches", {"until": until.isoformat()})


@books.command()
def batch(number: Number, role: As = "ops") -> None:
    """Print a batch as CSV, the same whenever it is printed."""
    _print_csv(role, f"{_LEDGER}/batches/{number}/csv", {})


@books.command()
def export(
    first: First,
    last: Last,
    account: AccountIfAny = None,
    funder: FunderIfAny = None,
    role: As = "ops",
) -> None:
    """Print the ledger of some days as CSV, line by line, in an order that never changes."""
    given = {"account": account, "funder": funder}
    asked = {name: value for name, value in given.items() if value is not None}
    days = {"first": first.isoformat(), "last": last.isoformat()}
    _print_csv(role, f"{_LEDGER}/lines/csv", {**days, **asked})


@command(books)
async def closings(stage: Stage, role: As = "ops") -> Answer:
    """Show to which day the books are closed, and were."""
    return await stage.api.get(role, f"{_LEDGER}/closings")


@command(books)
async def close(stage: Stage, until: Until, reason: Reason, role: As = "ops") -> Answer:
    """Close the books to a day that is over."""
    body = {"until": until.isoformat(), "reason": reason}
    return await stage.api.post(role, f"{_LEDGER}/closings", body)


@command(books)
async def reopen(stage: Stage, first: First, reason: Reason, role: As = "ops") -> Answer:
    """Ask for the books to be opened again from a day on; a second person approves it."""
    body = {"open_from": first.isoformat(), "reason": reason}
    return await stage.api.post(role, f"{_LEDGER}/reopenings", body)


@command(books)
async def enter(stage: Stage, file: EntryFile, reason: Reason, role: As = "ops") -> Answer:
    """Ask for an entry by hand; a second person approves it."""
    try:
        entry = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Refusal("not_json", f"{file} is no JSON: {error}") from None
    if not isinstance(entry, dict):
        raise Refusal("not_json", f"{file} holds no JSON object")
    return await stage.api.post(role, f"{_LEDGER}/manual-entries", {**entry, "reason": reason})


@command(books)
async def reverse(
    stage: Stage, entry: EntryKey, on: On, reason: Reason, role: As = "ops"
) -> Answer:
    """Ask for an entry by hand to be reversed; a second person approves it."""
    body = {"entry_key": entry, "business_date": on.isoformat(), "reason": reason}
    return await stage.api.post(role, f"{_LEDGER}/manual-entries/reversals", body)


@command(books)
async def requests(stage: Stage, role: As = "ops") -> Answer:
    """List what waits for a second person, and what became of it."""
    found = stage.api.pages(role, f"{_LEDGER}/requests", limit=100)
    return {"requests": [one async for one in found]}


@command(books)
async def approve(stage: Stage, request: Request, role: As = "analyst") -> Answer:
    """Approve what somebody else asked for."""
    return await stage.api.post(role, f"{_LEDGER}/requests/{request}/approve")


@command(books)
async def reject(stage: Stage, request: Request, role: As = "analyst") -> Answer:
    """Turn a request down."""
    return await stage.api.post(role, f"{_LEDGER}/requests/{request}/reject")


def _print_csv(role: str, path: str, parameters: dict[str, str]) -> None:
    async def write() -> None:
        async with stage_of() as stage:
            async for part in stage.api.text(role, path, **parameters):
                sys.stdout.write(part)

    checked(False, write)
