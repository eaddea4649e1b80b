"""Credit lines and the quotes of plans on them."""

from datetime import datetime

from fastapi import Response

from api.http.answers import created
from api.http.auth import Caller
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Keyed
from api.http.services import Using
from api.v1.lines.schemas import LineAnswer, NewQuote, PlanAnswer, QuoteAnswer
from api.v1.ownership import line_for, quote_for
from domain.common.calendar import business_date
from domain.common.suspensions import Suspendable
from domain.lines import LimitExceeded, LineClosed, LineState
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms, monthly_terms
from domain.pricing.trial import plan_cost_sheet
from domain.products.products import ZONES, Product, product_of
from domain.products.release import check_plan
from messages import ids
from services.definitions.suspending import refuse_suspended
from storage.applications.applications import ApplicationRepository
from storage.applications.offers import OfferRepository, OfferRow
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.lines.lines import LineRow
from storage.lines.quotes import QuoteRepository, QuoteRow

router = gated_router("", "offers and lines")


@router.get("/lines/{line_id}", summary="Read a credit line")
async def read(line_id: str, caller: Caller, services: Using) -> LineAnswer:
    """Return a line and what is available on it."""
    async with services.database.read() as tx:
        return LineAnswer.model_validate(await line_for(tx, caller, line_id))


@router.post(
    "/lines/{line_id}/quotes",
    status_code=201,
    responses=COMMAND_PROBLEMS,
    summary="Quote a repayment plan",
)
async def quote(
    line_id: str,
    body: NewQuote,
    caller: Caller,
    command: Keyed,
    services: Using,
    response: Response,
) -> QuoteAnswer:
    """Plan a drawdown as if disbursed today, first due one month later. Nothing is reserved."""
    now = await services.clock.now(ids.line_workflow(line_id))
    async with services.database.transaction() as tx:
        line = await line_for(tx, caller, line_id)
        quote_id = command.new_id("quo")
        row = await QuoteRepository(tx).get(quote_id) or await _insert(
            tx, line, body, quote_id, now
        )
    created(response, f"/v1/quotes/{row.id}")
    return _quote_answer(row)


@router.get("/quotes/{quote_id}", summary="Read a quote")
async def read_quote(quote_id: str, caller: Caller, services: Using) -> QuoteAnswer:
    """Return a quote with its plan."""
    async with services.database.read() as tx:
        return _quote_answer(await quote_for(tx, caller, quote_id))


async def _insert(
    tx: Transaction, line: LineRow, body: NewQuote, quote_id: str, now: datetime
) -> QuoteRow:
    offer, product = await _basis(tx, line)
    _check(line, product, body, now)
    await refuse_suspended(tx, Suspendable.PRODUCT, product.code)
    await refuse_suspended(tx, Suspendable.FUNDER, product.funder)
    terms = _terms(offer, product, body, now)
    plan = build_plan(terms)
    check_plan(product, terms, plan)
    return await QuoteRepository(tx).insert(
        quote_id=quote_id,
        line_id=line.id,
        terms=terms,
        plan=plan,
        cost_sheet=plan_cost_sheet(terms, plan),
        quoted_at=now,
        expires_at=now + product.quote_valid_for,
    )


async def _basis(tx: Transaction, line: LineRow) -> tuple[OfferRow, Product]:
    offer = await OfferRepository(tx).get(line.offer_id)
    application = await ApplicationRepository(tx).get(line.application_id)
    if offer is None or application is None:
        raise RecordMissing(f"line {line.id} has no offer")
    return offer, product_of(application.product)


def _check(line: LineRow, product: Product, body: NewQuote, now: datetime) -> None:
    if line.state is not LineState.ACTIVE or now >= line.expires_at:
        raise LineClosed("the line can no longer be drawn on")
    product.check_request(body.amount, body.instalments)
    if body.amount > line.available:
        raise LimitExceeded(f"{line.available} (minor units) can still be drawn")


def _terms(offer: OfferRow, product: Product, body: NewQuote, now: datetime) -> LoanTerms:
    return monthly_terms(
        currency=offer.currency,
        principal=body.amount,
        annual_rate=offer.annual_rate,
        instalments=body.instalments,
        disbursed_on=business_date(now, ZONES[product.zone]),
        penalty_annual_rate=offer.penalty_annual_rate,
        fees=product.fees,
    )


def _quote_answer(row: QuoteRow) -> QuoteAnswer:
    terms, plan = row.terms, PlanAnswer.of(row.plan)
    return QuoteAnswer(
        id=row.id,
        line_id=row.line_id,
        currency=row.currency,
        amount=row.amount,
        instalments=terms.instalments,
        annual_rate=terms.annual_rate,
        penalty_annual_rate=terms.penalty_annual_rate,
        disbursed_on=terms.disbursed_on,
        total_interest=plan.total_interest,
        total_fees=plan.total_fees,
        deducted=plan.deducted,
        total=plan.total,
        plan_hash=row.plan_hash,
        plan=plan.rows,
        cost_sheet=row.cost_sheet,
        quoted_at=row.quoted_at,
        expires_at=row.expires_at,
    )
