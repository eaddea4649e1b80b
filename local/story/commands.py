"""The commands that play a part of a credit's life, each over the public HTTP API."""

import secrets
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Final

import typer

from domain.common.errors import DomainError
from domain.common.money import parse_amount
from local.story.client import Answer, Api, Refusal, until
from local.story.command_line import Reason, command, read_day
from local.story.handing_in import apply_for_credit, elements_for
from local.story.people import NAMES, someone
from local.story.reconciling import reconcile as reconcile_books
from local.story.stage import Stage
from local.story.terms import AMOUNT, CURRENCY, FRONT, MONTHS, PRODUCT
from sandbox.data_imports import RIGHT_CODE

_PATHS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "app": "applications",
        "off": "offers",
        "lin": "lines",
        "quo": "quotes",
        "dra": "drawdowns",
        "loa": "loans",
        "rep": "repayments",
    }
)

_ENDED: Final = frozenset({"rejected", "withdrawn", "expired"})
"""The states of an application that opens no line any more."""

_OPEN: Final = frozenset({"pending", "awaiting_code"})

credit = typer.Typer()


def read_amount(given: str | int) -> int:
    """Read an amount; a default comes as what it is."""
    try:
        return given if isinstance(given, int) else parse_amount(given, CURRENCY)
    except DomainError as error:
        raise typer.BadParameter(error.message) from None


def _persona(name: str) -> str:
    if name not in NAMES:
        raise typer.BadParameter(f"no persona {name!r}; there are {', '.join(NAMES)}")
    return name


Persona = Annotated[
    str,
    typer.Option(
        parser=_persona,
        help=f"Who applies: {', '.join(NAMES)}. docs/sandbox.md says how each fares.",
    ),
]
Member = Annotated[
    int | None,
    typer.Option(min=0, help="Which of the people that behave alike; default: a new one."),
]
Product = Annotated[str, typer.Option(help="The product's code.")]
Amount = Annotated[
    int, typer.Option(parser=read_amount, metavar="AMOUNT", help="Such as 10000.00, in CNY.")
]
AmountOrAll = Annotated[
    int | None,
    typer.Option(parser=read_amount, metavar="AMOUNT", help="Default: everything that is due."),
]
Months = Annotated[int, typer.Option(min=1, max=120, help="Number of monthly instalments.")]
Payoff = Annotated[bool, typer.Option("--payoff", help="Settle the whole loan.")]
AnyId = Annotated[str, typer.Argument(metavar="ID")]
Days = Annotated[int, typer.Option(min=0, help="Days from the loan's present day.")]
OnMonths = Annotated[int, typer.Option(min=0, help="Months, on the same day of the month.")]
To = Annotated[
    date | None, typer.Option(parser=read_day, metavar="DATE", help="To noon of this day.")
]
ToNext = Annotated[
    bool, typer.Option("--to-next", help="To the next instant at which the loan does something.")
]


@command(credit)
async def apply(
    stage: Stage,
    person: Persona = "approved",
    amount: Amount = AMOUNT,
    months: Months = MONTHS,
    product: Product = PRODUCT,
    index: Member = None,
) -> Answer:
    """Apply for credit as a fictional person, with all elements at once."""
    number = secrets.randbits(32) if index is None else index
    reference = f"{person.replace('_', '-')}-{number:x}"
    api = stage.api
    application_id = await apply_for_credit(
        api, reference, product=product, amount=amount, months=months
    )
    path = f"/v1/applications/{application_id}"
    given = await elements_for(api, stage.camera, application_id, someone(person, number))
    await api.post(FRONT, f"{path}/elements", {"elements": given, "submit": True})

    async def look() -> Answer:
        found = await api.get("ops", path)
        for one in found["elements"]:
            if one["verdict"] == "awaiting_code":
                await _enter_code(api, f"{path}/elements/{one['element_id']}/code")
        return found

    return await until(look, _is_decided, "the decision")


async def _enter_code(api: Api, path: str) -> None:
    """Enter the code that a source texted to the persona."""
    try:
        await api.post(FRONT, path, {"code": RIGHT_CODE})
    except Refusal as refusal:
        # Not asked for yet, while the elements beside it are verified, or taken already.
        if refusal.code != "code_refused":
            raise


def _is_decided(application: Answer) -> bool:
    """Say whether nothing more will come of the elements without somebody's move."""
    if application["state"] != "collecting":
        return bool(application["state"] != "deciding")
    # While nothing is missing the process has yet to take in the last verdict, and will decide.
    return (
        application["waiting"] == "applicant"
        and bool(application["missing"])
        and _OPEN.isdisjoint(one["verdict"] for one in application["elements"])
    )


@command(credit)
async def approve(
    stage: Stage, application: str, reason: Reason = "approved on the command line"
) -> Answer:
    """Approve an application that is in review."""
    return await _review(stage, application, "approve", reason)


@command(credit)
async def reject(
    stage: Stage, application: str, reason: Reason = "rejected on the command line"
) -> Answer:
    """Reject an application that is in review."""
    return await _review(stage, application, "reject", reason)


async def _review(stage: Stage, application: str, word: str, reason: str) -> Answer:
    await stage.api.post("reviewer", f"/v1/reviews/{application}/{word}", {"reason": reason})
    return await stage.api.get("ops", f"/v1/applications/{application}")


@command(credit)
async def accept(stage: Stage, application: str) -> Answer:
    """Accept the offer of an application; prints the credit line that opens."""
    path = f"/v1/applications/{application}"
    found = await stage.api.get("ops", path)
    offer = found["offer"]
    if offer is None or offer["state"] != "open":
        raise Refusal("no_offer", f"the application is {found['state']}: no offer is open")
    await stage.api.post(FRONT, f"/v1/offers/{offer['id']}/accept")
    taken = await until(lambda: stage.api.get("ops", path), _opened_or_ended, "the line")
    if not taken["line_id"]:
        raise Refusal("no_offer", f"the application is {taken['state']}: it opens no line")
    return taken


def _opened_or_ended(application: Answer) -> bool:
    return bool(application["line_id"]) or application["state"] in _ENDED


@command(credit, ok=lambda drawdown: bool(drawdown["state"] == "disbursed"))
async def draw(stage: Stage, line: str, amount: Amount = AMOUNT, months: Months = MONTHS) -> Answer:
    """Draw on a credit line: quote a plan and confirm it."""
    wanted = {"amount": amount, "instalments": months}
    quote = await stage.api.post(FRONT, f"/v1/lines/{line}/quotes", wanted)
    body = {"quote_id": quote["id"], "plan_hash": quote["plan_hash"]}
    taken = await stage.api.post(FRONT, f"/v1/lines/{line}/drawdowns", body)
    drawdown = await stage.api.ended(f"/v1/drawdowns/{taken['id']}", "the disbursement")
    return {**drawdown, "plan": quote["plan"]}


@command(credit, ok=lambda repayment: bool(repayment["state"] == "settled"))
async def repay(
    stage: Stage, loan: str, amount: AmountOrAll = None, payoff: Payoff = False
) -> Answer:
    """Repay a loan by debit of the borrower's card."""
    if payoff and amount is not None:
        raise typer.BadParameter("give --amount or --payoff, not both")
    body: Answer = {} if amount is None else {"amount": amount}
    if payoff:
        quote = await stage.api.post(FRONT, f"/v1/loans/{loan}/payoff-quotes")
        body = {"payoff_total": quote["total"]}
    taken = await stage.api.post(FRONT, f"/v1/loans/{loan}/repayments", body)
    return await stage.api.ended(f"/v1/repayments/{taken['id']}", "the bank's answer")


@command(credit)
async def show(stage: Stage, any_id: AnyId) -> Answer:
    """Show an application, offer, line, quote, drawdown, loan or repayment by its id."""
    path = _PATHS.get(any_id[:3]) if any_id[3:4] == "_" else None
    if path is None:
        known = ", ".join(f"{kind}_" for kind in _PATHS)
        raise Refusal("unknown_id", f"{any_id!r} is no id: copy one that begins with {known}")
    return await stage.api.get("ops", f"/v1/{path}/{any_id}")


@command(credit)
async def advance(
    stage: Stage,
    loan: str,
    days: Days = 0,
    months: OnMonths = 0,
    to: To = None,
    to_next: ToNext = False,
) -> Answer:
    """Let time pass for a loan of the local stack; days end at noon, local time."""
    if sum((bool(days or months), to is not None, to_next)) != 1:
        raise typer.BadParameter("give --days and --months, or --to, or --to-next")
    # The Temporal SDK takes a while to load, which other commands do without.
    from local.story.processes import time_travel
    from runtime.time_travel import Hop, TimeTravelError

    hops: list[Hop] = []
    try:
        travel = await time_travel(stage.environment)
        if to_next:
            target = await travel.next_step_at(loan)
        elif to is not None:
            target = await travel.noon_of(loan, to)
        else:
            target = await travel.target(loan, days=days, months=months)
        arrival = await travel.advance(loan, target, hops.append)
    except TimeTravelError as error:
        raise Refusal("time_travel", str(error)) from error
    return {
        "loan_id": loan,
        "at": arrival.at.isoformat(timespec="seconds"),
        "stops": [
            {"at": hop.at.isoformat(timespec="minutes"), "reason": hop.reason} for hop in hops
        ],
        "loan": await stage.api.get("ops", f"/v1/loans/{loan}"),
    }


@command(credit, ok=lambda result: bool(result["reconciled"]))
async def reconcile(stage: Stage) -> Answer:
    """Compare ledger, positions and projections of all loans; fails if any differ."""
    return await reconcile_books(stage.api)
