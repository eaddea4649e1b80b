"""The command line: `python starter.py --help`.

Every command works on the stack that runs in this clone, or on the installation that
LOANFLOW_PUBLIC_URL and LOANFLOW_TOKENS name. Exit codes: 0 done, 1 refused or otherwise than
expected (the message says why), 2 wrong usage, 130 interrupted.
"""

import asyncio
import gc
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from rich.console import Console

from domain.common.calendar import business_date
from domain.common.day_count import DayCount
from domain.common.errors import DomainError
from domain.common.frequency import Frequency
from domain.common.money import parse_amount
from domain.common.rounding import Rounding
from domain.loans.fees import Fee
from domain.loans.plan_terms import Method
from domain.pricing.trial import trial
from domain.products.products import product_of
from local.story import commands, pages, plan_pages, planning, staffing
from local.story.client import Refusal
from local.story.people import NAMES
from local.story.reconciling import reconcile as reconcile_books
from local.story.stage import Stage, found_environment, stage_of
from local.story.terms import CURRENCY, PRODUCT
from local.story.timeline import JsonLines, Screen, Teller
from runtime.clock import utc_now

_INTERRUPTED: Final = 130
_SDK_ENDS_SECONDS: Final = 0.4

app = typer.Typer(
    help="Loanflow: play the story, or play any part in it yourself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
staff = typer.Typer(help="The staff directory, by handles.", no_args_is_help=True)
app.add_typer(staff, name="staff")
_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


def _amount(given: str | int) -> int:
    """Read an amount; a default comes as what it is."""
    try:
        return given if isinstance(given, int) else parse_amount(given, CURRENCY)
    except DomainError as error:
        raise typer.BadParameter(error.message) from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a date is written as 2026-03-31") from None


def _rate(text: str | Decimal) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter("a rate is a number, such as 24 or 23.5") from None


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Amount = Annotated[
    int, typer.Option(parser=_amount, metavar="AMOUNT", help="Such as 10000.00, in CNY.")
]
Months = Annotated[int, typer.Option(min=1, max=120, help="Number of monthly instalments.")]
Role = Literal["reviewer", "collector", "analyst", "ops"]
Handle = Annotated[str, typer.Argument(metavar="HANDLE", help="A person's short login.")]
Skills = Annotated[list[str] | None, typer.Option("--skill", help="Repeatable.")]
DayOption = Annotated[date, typer.Option(parser=_day, metavar="DATE", help="Included.")]
Reason = Annotated[str, typer.Option(help="Goes to the audit trail; no personal data.")]


@app.command()
def run(
    story: Annotated[bool, typer.Option(help="Play the story once everything is up.")] = True,
    as_json: Json = False,
) -> None:
    """Start everything, play the story, stay up until Ctrl-C."""
    _perform(as_json, stay=True, story=story)


@app.command()
def demo(as_json: Json = False) -> None:
    """Start everything, play the story, stop; fails if a step comes out otherwise."""
    _perform(as_json, stay=False, story=True)


@app.command()
def apply(
    person: Annotated[
        str, typer.Option(help=f"A persona of docs/sandbox.md: {', '.join(NAMES)}.")
    ] = "approved",
    amount: Amount = 1_000_000,
    months: Months = 12,
    product: Annotated[str, typer.Option(help="The product's code.")] = PRODUCT,
    index: Annotated[
        int | None,
        typer.Option(min=0, help="Member of the persona's family; else a new one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Apply for credit as a fictional person, with all elements at once."""
    if person not in NAMES:
        raise typer.BadParameter(f"no persona {person!r}; there are {', '.join(NAMES)}")
    number = secrets.randbits(32) if index is None else index
    reference = f"{person.replace('_', '-')}-{number:x}"
    _do(
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
    _do(as_json, lambda stage: commands.review(stage.api, application, approve=True, reason=reason))


@app.command()
def reject(
    application: str, reason: Reason = "rejected on the command line", as_json: Json = False
) -> None:
    """Reject an application that is in review."""
    _do(
        as_json, lambda stage: commands.review(stage.api, application, approve=False, reason=reason)
    )


@app.command()
def accept(application: str, as_json: Json = False) -> None:
    """Accept the offer of an application; the answer names the credit line."""
    _do(as_json, lambda stage: commands.accept(stage.api, application))


@app.command()
def draw(line: str, amount: Amount = 1_000_000, months: Months = 12, as_json: Json = False) -> None:
    """Draw on a credit line: quote a plan and confirm it."""
    _do(
        as_json,
        lambda stage: commands.draw(stage.api, line, amount=amount, months=months),
        ok=lambda drawdown: bool(drawdown["state"] == "disbursed"),
    )


@app.command()
def repay(
    loan: str,
    amount: Annotated[
        int | None,
        typer.Option(parser=_amount, metavar="AMOUNT", help="Without it, everything that is due."),
    ] = None,
    payoff: Annotated[bool, typer.Option("--payoff", help="Settle the whole loan.")] = False,
    as_json: Json = False,
) -> None:
    """Repay a loan by debit of the borrower's card."""
    if payoff and amount is not None:
        raise typer.BadParameter("give --amount or --payoff, not both")
    _do(
        as_json,
        lambda stage: commands.repay(stage.api, loan, amount=amount, payoff=payoff),
        ok=lambda repayment: bool(repayment["state"] == "settled"),
    )


@app.command()
def show(any_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Show an application, offer, line, quote, drawdown, loan or repayment by its id."""
    _do(as_json, lambda stage: commands.show(stage.api, any_id))


@app.command()
def advance(
    loan: str,
    days: Annotated[int, typer.Option(min=0, help="Days from the loan's present day.")] = 0,
    months: Annotated[int, typer.Option(min=0, help="Months, on the same day of the month.")] = 0,
    to: Annotated[
        date | None, typer.Option(parser=_day, metavar="DATE", help="To noon of this day.")
    ] = None,
    to_next: Annotated[
        bool, typer.Option("--to-next", help="To the loan's own next step.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let time pass for a loan of the local stack; it arrives at noon of its day."""
    if sum((bool(days or months), to is not None, to_next)) != 1:
        raise typer.BadParameter("give --days and --months, or --to, or --to-next")
    _do(
        as_json,
        lambda stage: commands.advance(
            stage, loan, days=days, months=months, to=to, to_next=to_next
        ),
    )


@app.command()
def plan(
    amount: Annotated[
        int | None,
        typer.Option(parser=_amount, metavar="AMOUNT", help="10000.00 without it, in CNY."),
    ] = None,
    instalments: Annotated[
        int | None,
        typer.Option("--instalments", "--months", min=1, max=600, help="12 without it."),
    ] = None,
    rate: Annotated[
        Decimal | None,
        typer.Option(parser=_rate, metavar="RATE", help="Percent a year; 24 without it."),
    ] = None,
    first_due: Annotated[
        date | None,
        typer.Option(parser=_day, metavar="DATE", help="First due date; else in one period."),
    ] = None,
    disbursed: Annotated[
        date | None,
        typer.Option(parser=_day, metavar="DATE", help="Else one period before the first due."),
    ] = None,
    method: Annotated[Method | None, typer.Option(help="How instalments are made.")] = None,
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
        Path | None, typer.Option(exists=True, dir_okay=False, help="Terms as JSON; options win.")
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
        pages.print_json(_out, planning.answer(found))
    elif as_csv:
        sys.stdout.write(plan_pages.csv_of(found))
    else:
        plan_pages.print_trial(_out, agreed, found)


@app.command()
def reconcile(as_json: Json = False) -> None:
    """Compare ledger, positions and projections of all loans; fails where they differ."""
    _do(
        as_json,
        lambda stage: reconcile_books(stage.api),
        ok=lambda result: bool(result["reconciled"]),
    )


@staff.command("list")
def list_staff(as_json: Json = False) -> None:
    """List everybody, those who have left too."""
    _do(as_json, lambda stage: staffing.people(stage.api))


@staff.command("show")
def show_person(handle: Handle, as_json: Json = False) -> None:
    """Show a person with roles, teams, skills and deputies."""
    _do(as_json, lambda stage: staffing.show(stage.api, handle))


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
    _do(as_json, lambda stage: staffing.add(stage.api, handle, name, role or (), skill or ()))


@staff.command("give")
def give_role(handle: Handle, role: Role, as_json: Json = False) -> None:
    """Give a person a role; nobody gives themself one."""
    _do(as_json, lambda stage: staffing.role(stage.api, handle, role, held=True))


@staff.command("take")
def take_role(handle: Handle, role: Role, as_json: Json = False) -> None:
    """Take a role from a person."""
    _do(as_json, lambda stage: staffing.role(stage.api, handle, role, held=False))


@staff.command("skills")
def set_skills(handle: Handle, skill: Skills = None, as_json: Json = False) -> None:
    """Set what a person can do; without --skill, nothing."""
    _do(as_json, lambda stage: staffing.skills(stage.api, handle, skill or ()))


@staff.command("team")
def add_team(
    code: str, name: Annotated[str, typer.Option(help="For people.")], as_json: Json = False
) -> None:
    """Add a team."""
    _do(as_json, lambda stage: staffing.new_team(stage.api, code, name))


@staff.command("join")
def join_team(handle: Handle, team: str, as_json: Json = False) -> None:
    """Put a person in a team."""
    _do(as_json, lambda stage: staffing.team(stage.api, handle, team, member=True))


@staff.command("part")
def part_team(handle: Handle, team: str, as_json: Json = False) -> None:
    """Take a person out of a team."""
    _do(as_json, lambda stage: staffing.team(stage.api, handle, team, member=False))


@staff.command("deputy")
def name_deputy(
    handle: Handle,
    deputy: Annotated[str, typer.Argument(metavar="DEPUTY", help="The handle of who stands in.")],
    first: DayOption,
    last: DayOption,
    as_json: Json = False,
) -> None:
    """Let somebody act in a person's roles for some days."""
    _do(as_json, lambda stage: staffing.deputy(stage.api, handle, deputy, first, last))


@staff.command("withdraw")
def withdraw_deputy(
    handle: Handle,
    deputyship: Annotated[str, typer.Argument(metavar="DEPUTYSHIP", help="Its id: `show`.")],
    as_json: Json = False,
) -> None:
    """End a deputyship at once."""
    _do(as_json, lambda stage: staffing.withdraw(stage.api, handle, deputyship))


@staff.command("leave")
def leave(handle: Handle, as_json: Json = False) -> None:
    """Record that a person left: no role, no team, no valid token."""
    _do(as_json, lambda stage: staffing.leave(stage.api, handle))


def _today() -> date:
    return business_date(utc_now(), product_of(PRODUCT).zone)


def _do(
    as_json: bool,
    act: Callable[[Stage], Awaitable[commands.Result]],
    ok: Callable[[commands.Result], bool] = lambda _: True,
) -> None:
    """Run a command, print its result and leave with its exit code."""

    async def result() -> commands.Result:
        async with stage_of(found_environment()) as stage:
            return await act(stage)

    found = _checked(as_json, result)
    (pages.print_json if as_json else pages.print_result)(_out, found)
    if not ok(found):
        raise typer.Exit(1)


def _perform(as_json: bool, *, stay: bool, story: bool) -> None:
    # The stack's and the SDK's modules take a while to load, which other commands do without.
    from local.story.performance import perform

    teller: Teller = JsonLines(_out_line) if as_json else Screen(_out)
    say = _err_line if as_json else _out_line
    code = _checked(as_json, lambda: perform(teller, say, stay=stay, story=story))
    raise typer.Exit(code)


def _checked(as_json: bool, act: Callable[[], Awaitable[Any]]) -> Any:
    """Run `act` to its end; what is refused goes to standard error, and the exit code is 1."""

    async def main() -> Any:
        return await act()

    try:
        return asyncio.run(main())
    except (KeyboardInterrupt, asyncio.CancelledError):
        _err_line("interrupted")
        raise typer.Exit(_INTERRUPTED) from None
    except Refusal as refusal:
        _refuse(as_json, refusal)
        raise typer.Exit(1) from None


def _refuse(as_json: bool, refusal: Refusal) -> None:
    if as_json:
        told = {"code": refusal.code, "detail": refusal.detail, "status": refusal.status}
        pages.print_json(_err, {"error": told})
        return
    status = f", HTTP {refusal.status}" if refusal.status else ""
    _err_line(f"error: {refusal.detail} ({refusal.code}{status})")


def _out_line(text: str) -> None:
    _out.print(text, soft_wrap=True, markup=False)


def _err_line(text: str) -> None:
    _err.print(text, soft_wrap=True, markup=False)


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
