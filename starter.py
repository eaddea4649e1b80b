"""The command line: `python starter.py --help`.

Every command works on the stack that runs in this clone, or on the installation that
LOANFLOW_PUBLIC_URL and LOANFLOW_TOKENS name. Exit codes: 0 done, 1 refused or not as
expected (the message says why), 2 wrong usage, 130 interrupted.
"""

import gc
import secrets
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
from domain.common.money import parse_amount
from domain.common.rounding import Rounding
from domain.loans.fees import Fee
from domain.loans.plan_terms import Method
from domain.pricing.trial import trial
from local.story import commands, pages, plan_pages, planning
from local.story.command_line import OUT, Json, Reason, checked, do, err_line, out_line, read_day
from local.story.definition_commands import definitions
from local.story.people import NAMES
from local.story.reconciling import reconcile as reconcile_books
from local.story.staff_commands import staff
from local.story.terms import CURRENCY, PRODUCT, ZONE
from local.story.timeline import JsonLines, Screen, Teller
from runtime.clock import utc_now

_SDK_ENDS_SECONDS: Final = 0.4

app = typer.Typer(
    help="Loanflow: play the story, or play any part in it yourself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(definitions, name="definitions")
app.add_typer(staff, name="staff")


def _amount(given: str | int) -> int:
    """Read an amount; a default comes as what it is."""
    try:
        return given if isinstance(given, int) else parse_amount(given, CURRENCY)
    except DomainError as error:
        raise typer.BadParameter(error.message) from None


def _rate(text: str | Decimal) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter("a rate is a number, such as 24 or 23.5") from None


Amount = Annotated[
    int, typer.Option(parser=_amount, metavar="AMOUNT", help="Such as 10000.00, in CNY.")
]
Months = Annotated[int, typer.Option(min=1, max=120, help="Number of monthly instalments.")]


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
def apply(
    person: Annotated[
        str,
        typer.Option(help=f"Who applies: {', '.join(NAMES)}. docs/sandbox.md says how each fares."),
    ] = "approved",
    amount: Amount = 1_000_000,
    months: Months = 12,
    product: Annotated[str, typer.Option(help="The product's code.")] = PRODUCT,
    index: Annotated[
        int | None,
        typer.Option(min=0, help="Which of the people that behave alike; default: a new one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Apply for credit as a fictional person, with all elements at once."""
    if person not in NAMES:
        raise typer.BadParameter(f"no persona {person!r}; there are {', '.join(NAMES)}")
    number = secrets.randbits(32) if index is None else index
    reference = f"{person.replace('_', '-')}-{number:x}"
    do(
        as_json,
        lambda stage: commands.apply(
            stage,
            persona=person,
            index=number,
            reference=reference,
            product=product,
            amount=amount,
            months=months,
        ),
    )


@app.command()
def approve(
    application: str, reason: Reason = "approved on the command line", as_json: Json = False
) -> None:
    """Approve an application that is in review."""
    do(as_json, lambda stage: commands.review(stage.api, application, approve=True, reason=reason))


@app.command()
def reject(
    application: str, reason: Reason = "rejected on the command line", as_json: Json = False
) -> None:
    """Reject an application that is in review."""
    do(as_json, lambda stage: commands.review(stage.api, application, approve=False, reason=reason))


@app.command()
def accept(application: str, as_json: Json = False) -> None:
    """Accept the offer of an application; prints the credit line that opens."""
    do(as_json, lambda stage: commands.accept(stage.api, application))


@app.command()
def draw(line: str, amount: Amount = 1_000_000, months: Months = 12, as_json: Json = False) -> None:
    """Draw on a credit line: quote a plan and confirm it."""
    do(
        as_json,
        lambda stage: commands.draw(stage.api, line, amount=amount, months=months),
        ok=lambda drawdown: bool(drawdown["state"] == "disbursed"),
    )


@app.command()
def repay(
    loan: str,
    amount: Annotated[
        int | None,
        typer.Option(parser=_amount, metavar="AMOUNT", help="Default: everything that is due."),
    ] = None,
    payoff: Annotated[bool, typer.Option("--payoff", help="Settle the whole loan.")] = False,
    as_json: Json = False,
) -> None:
    """Repay a loan by debit of the borrower's card."""
    if payoff and amount is not None:
        raise typer.BadParameter("give --amount or --payoff, not both")
    do(
        as_json,
        lambda stage: commands.repay(stage.api, loan, amount=amount, payoff=payoff),
        ok=lambda repayment: bool(repayment["state"] == "settled"),
    )


@app.command()
def show(any_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Show an application, offer, line, quote, drawdown, loan or repayment by its id."""
    do(as_json, lambda stage: commands.show(stage.api, any_id))


@app.command()
def advance(
    loan: str,
    days: Annotated[int, typer.Option(min=0, help="Days from the loan's present day.")] = 0,
    months: Annotated[int, typer.Option(min=0, help="Months, on the same day of the month.")] = 0,
    to: Annotated[
        date | None, typer.Option(parser=read_day, metavar="DATE", help="To noon of this day.")
    ] = None,
    to_next: Annotated[
        bool,
        typer.Option("--to-next", help="To the next instant at which the loan does something."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Let time pass for a loan of the local stack; days end at noon, local time."""
    if sum((bool(days or months), to is not None, to_next)) != 1:
        raise typer.BadParameter("give --days and --months, or --to, or --to-next")
    do(
        as_json,
        lambda stage: commands.advance(
            stage, loan, days=days, months=months, to=to, to_next=to_next
        ),
    )


@app.command()
def plan(
    amount: Annotated[
        int | None,
        typer.Option(parser=_amount, metavar="AMOUNT", help="In CNY; default 10000.00."),
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
    except (DomainError, planning.Unreadable) as error:
        raise typer.BadParameter(error.message) from None
    if as_json:
        pages.print_json(OUT, planning.answer(found))
    elif as_csv:
        sys.stdout.write(plan_pages.csv_of(found))
    else:
        plan_pages.print_trial(OUT, agreed, found)


@app.command()
def reconcile(as_json: Json = False) -> None:
    """Compare ledger, positions and projections of all loans; fails if any differ."""
    do(
        as_json,
        lambda stage: reconcile_books(stage.api),
        ok=lambda result: bool(result["reconciled"]),
    )


def _today() -> date:
    return business_date(utc_now(), ZONE)


def _perform(as_json: bool, *, stay: bool, story: bool) -> None:
    # The stack's and the SDK's modules take a while to load, which other commands do without.
    from local.story.performance import perform

    teller: Teller = JsonLines(out_line) if as_json else Screen(OUT)
    say = err_line if as_json else out_line
    code = checked(as_json, lambda: perform(teller, say, stay=stay, story=story))
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
