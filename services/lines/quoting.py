"""Quoting the plan of a drawdown, and drawing: a quote is confirmed."""

from dataclasses import dataclass
from datetime import datetime

from domain.common.calendar import business_date
from domain.common.money import money
from domain.common.suspensions import Suspendable
from domain.lines import LimitExceeded, LineClosed, LineState, PlanChanged
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms
from domain.people.principals import Principal
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS
from domain.pricing.trial import plan_cost_sheet
from domain.products.products import Product, check_plan
from domain.products.terms import terms_of
from messages.lines import DrawCommand
from services.common.commands import Command
from services.definitions.suspending import refuse_suspended
from services.lines.finding import find_line, find_quote_of
from services.loans.agreed import on_calendar_in_force
from services.products.agreed import product_of_line
from storage.applications.offers import OfferRepository, OfferRow
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.definitions import DefinitionRepository
from storage.lines.lines import LineRow
from storage.lines.quotes import QuoteRepository, QuoteRow


@dataclass(frozen=True)
class QuoteRequest:
    """What to plan; `amount` in minor units of the line's currency."""

    amount: int
    instalments: int


async def quote_plan(
    tx: Transaction,
    caller: Principal,
    command: Command,
    line_id: str,
    request: QuoteRequest,
    now: datetime,
) -> QuoteRow:
    """Record the plan of a drawdown as if disbursed at `now`, on the terms of the product.

    Nothing is reserved. The soft rate caps that the plan is above are recorded with it. Raises
    `NotFound`, `LineClosed`, `Suspended`, `OutsideProduct`, `LimitExceeded`, `RateCapExceeded` and
    `CapUnknown`.
    A repeat returns what the command quoted.
    """
    line = await find_line(tx, caller, line_id)
    quote_id = command.new_id("quo")
    return await QuoteRepository(tx).get(quote_id) or await _insert(
        tx, line, request, quote_id, now
    )


@dataclass(frozen=True)
class PreparedDrawdown:
    """The line that is drawn on, and what to send to its process."""

    line: LineRow
    draw: DrawCommand


async def prepare_drawdown(
    tx: Transaction,
    caller: Principal,
    command: Command,
    line_id: str,
    *,
    quote_id: str,
    plan_hash: str,
) -> PreparedDrawdown:
    """Return the drawdown of the plan that the borrower saw; nothing is reserved yet.

    Raises `NotFound`, `QuoteUnusable` for another line's quote, and `PlanChanged` when `plan_hash`
    is not that of the quoted plan.
    """
    line = await find_line(tx, caller, line_id)
    quote = await find_quote_of(tx, caller, line, quote_id)
    if quote.plan_hash != plan_hash:
        raise PlanChanged("The hash is not that of the quoted plan: show it again.")
    draw = DrawCommand(
        drawdown_id=command.new_id("dra"),
        loan_id=command.new_id("loa"),
        quote_id=quote.id,
        amount=quote.amount,
    )
    return PreparedDrawdown(line, draw)


async def _insert(
    tx: Transaction, line: LineRow, request: QuoteRequest, quote_id: str, now: datetime
) -> QuoteRow:
    agreed = await product_of_line(tx, line)
    product = agreed.content
    offer = await OfferRepository(tx).get(line.offer_id)
    if offer is None:
        raise RecordMissing(f"line {line.id} has no offer")
    _check(line, product, request, now)
    await refuse_suspended(tx, Suspendable.PRODUCT, agreed.code)
    await refuse_suspended(tx, Suspendable.FUNDER, product.funder)
    terms = await on_calendar_in_force(tx, _terms(offer, product, request, now))
    _check_limit(line, terms)
    plan = build_plan(terms)
    caps = await DefinitionRepository(tx).in_force(RATE_CAPS, HOME_CAPS)
    return await QuoteRepository(tx).insert(
        quote_id=quote_id,
        line_id=line.id,
        terms=terms,
        plan=plan,
        cost_sheet=plan_cost_sheet(terms, plan),
        cap_warnings=check_plan(product, terms, plan, caps.content),
        rate_caps=caps.ref,
        quoted_at=now,
        expires_at=now + product.quote_valid_for,
    )


def _check(line: LineRow, product: Product, request: QuoteRequest, now: datetime) -> None:
    if line.state is not LineState.ACTIVE or now >= line.expires_at:
        raise LineClosed("the line can no longer be drawn on")
    product.check_request(request.amount, request.instalments)


def _check_limit(line: LineRow, terms: LoanTerms) -> None:
    """Raise `LimitExceeded` unless the line covers all that is lent, capitalised fees included."""
    if terms.principal > line.available:
        asked, left = (money(one, line.currency) for one in (terms.principal, line.available))
        raise LimitExceeded(f"{left} can still be drawn; this takes {asked}")


def _terms(offer: OfferRow, product: Product, request: QuoteRequest, now: datetime) -> LoanTerms:
    return terms_of(
        product.terms,
        currency=offer.currency,
        principal=request.amount,
        annual_rate=offer.annual_rate,
        instalments=request.instalments,
        disbursed_on=business_date(now, product.zone),
        penalty_annual_rate=offer.penalty_annual_rate,
    )
