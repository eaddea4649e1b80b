"""The command line: `python starter.py --help`.

Every command works on the stack that runs in this clone, or on the installation that
LOANFLOW_PUBLIC_URL and LOANFLOW_TOKENS name. Exit codes: 0 done, 1 refused or not as
expected (the message says why), 2 wrong usage, 130 interrupted.
"""

import gc
import signal
import sys
import time
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final

import typer

from domain.common.calendar import business_date
from domain.common.day_count import DayCount
from domain.common.errors import DomainError
from domain.common.frequency import Frequency
from domain.common.rounding import Rounding
from domain.loans.fees import Fee
from domain.loans.plan_terms import Method
from domain.pricing.trial import trial
from local.story import lists, pages, plan_pages, planning, samples
from local.story.books_commands import books
from local.story.case_commands import cases
from local.story.command_line import OUT, Json, checked, err_line, out_line, read_day
from local.story.commands import credit, read_amount
from local.story.definition_commands import definitions
from local.story.stack_commands import stack
from local.story.staff_commands import staff
from local.story.terms import ZONE
from local.story.timeline import JsonLines, Reporter, Screen
from runtime.clock import utc_now

_SDK_ENDS_SECONDS: Final = 0.4

app = typer.Typer(
    help="Loanflow: play the story, or play any part in it yourself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(credit)
app.add_typer(lists.lists)
app.add_typer(samples.files)
app.add_typer(stack)
app.add_typer(books, name="books")
app.add_typer(definitions, name="definitions")
app.add_typer(staff, name="staff")
app.add_typer(cases, name="cases")


def _rate(text: str | Decimal) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter("write a rate as a number, such as 24 or 23.5") from None


@app.command()
def run(
    story: Annotated[bool, typer.Option(help="Play the story once everything is up.")] = True,
    as_json: Json = False,
) -> None:
    """Start everything, play the story, stay up until Ctrl-C."""
    _perform(as_json, stay=True, story=story)


@app.command()
def demo(as_json: Json = False) -> None:
    """Start everything, play the story, stop; fails if a step does not come out as expected."""
    _perform(as_json, stay=False, story=True)


@app.command()
def plan(
    amount: Annotated[
        int | None,
        typer.Option(parser=read_amount, metavar="AMOUNT", help="In CNY; default 10000.00."),
    ] = None,
    instalments: Annotated[
        int | None,
        typer.Option("--instalments", "--months", min=1, max=600, help="Default 12."),
    ] = None,
    rate: Annotated[
        Decimal | None,
        typer.Option(parser=_rate, metavar="RATE", help="Percent a year; default 24."),
    ] = None,
    first_due: Annotated[
        date | None,
        typer.Option(parser=read_day, metavar="DATE", help="Default: one period from today."),
    ] = None,
    disbursed: Annotated[
        date | None,
        typer.Option(parser=read_day, metavar="DATE", help="Default: one period before."),
    ] = None,
    due_day: Annotated[
        int | None,
        typer.Option(min=1, max=31, help="Day of the month; default: that of the disbursement."),
    ] = None,
    method: Annotated[
        Method | None, typer.Option(help="How principal and interest are spread.")
    ] = None,
    frequency: Annotated[
        Frequency | None,
        typer.Option(parser=planning.frequency, metavar="EVERY", help="'week', '3 months', ..."),
    ] = None,
    day_count: Annotated[DayCount | None, typer.Option(help="How interest is counted.")] = None,
    rounding: Annotated[
        Rounding | None,
        typer.Option(
            parser=planning.rounding, metavar="UNIT[:MODE]", help="Instalments: '1.00:half_even'."
        ),
    ] = None,
    fee: Annotated[
        list[Fee] | None,
        typer.Option(
            parser=planning.fee,
            metavar="NAME:TIMING:AMOUNT",
            help="'service:deducted:5%', 'stamp:first_instalment:2.50'; repeatable.",
        ),
    ] = None,
    terms: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Terms as a JSON file; options override it."
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the rows as CSV.")] = False,
    as_json: Json = False,
) -> None:
    """Print a repayment plan with its totals, rates and costs; needs no stack."""
    if as_csv and as_json:
        raise typer.BadParameter("give --csv or --json, not both")
    given = {
        "principal": amount,
        "instalments": instalments,
        "annual_rate": rate,
        "first_due_on": first_due,
        "disbursed_on": disbursed,
        "due_day": due_day,
        "method": method,
        "frequency": frequency,
        "day_count": day_count,
        "instalment_rounding": rounding,
        "fees": tuple(fee) if fee else None,
    }
    known = {name: value for name, value in given.items() if value is not None}
    try:
        agreed = planning.terms_of(planning.read_terms(terms) | known, _today())
        found = trial(agreed)
    except DomainError as error:
        raise typer.BadParameter(error.message) from None
    if as_json:
        pages.print_json(OUT, planning.answer(found))
    elif as_csv:
        sys.stdout.write(plan_pages.csv_of(found))
    else:
        plan_pages.print_trial(OUT, agreed, found)


def _today() -> date:
    return business_date(utc_now(), ZONE)


def _perform(as_json: bool, *, stay: bool, story: bool) -> None:
    # The stack's and the SDK's modules take a while to load, which other commands do without.
    from local.story.performance import perform

    reporter: Reporter = JsonLines(out_line) if as_json else Screen(OUT)
    say = err_line if as_json else out_line
    code = checked(as_json, lambda: perform(reporter, say, stay=stay, story=story))
    raise typer.Exit(code)


def main() -> None:
    """Run the command line and leave without the SDK's threads aborting (sdk-python#300)."""
    try:
        app()
    finally:
        if "temporalio.bridge" in sys.modules:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            gc.collect()
            time.sleep(_SDK_ENDS_SECONDS)


if __name__ == "__main__":
    main()
