"""Loans: position, plan, events, payoff quotes."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated

from fastapi import Depends, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.http.auth import Caller
from api.http.engine import StillRunning
from api.http.errors import later
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Keyed
from api.http.pagination import Paged
from api.http.schemas import Page
from api.http.services import Services, Using
from api.http.streams import Follow, LastEventId, events
from api.v1 import ownership
from api.v1.applications.schemas import Channel, CustomerReference
from api.v1.lines.schemas import PlanAnswer
from api.v1.loans.schemas import (
    LoanAnswer,
    LoanPlanAnswer,
    LoanSummary,
    PayoffAnswer,
    PositionAnswer,
)
from api.v1.ownership import loan_for
from domain.common.calendar import business_date
from domain.common.zones import zone_of
from domain.loans.position import position
from domain.products.products import AgreedProduct
from messages import ids
from messages.loans import QuotedPayoff
from services.loans.agreed import servicing_of
from services.products.agreed import agreed_product_of
from storage.common.errors import RecordMissing
from storage.common.repository import Transaction
from storage.lines.lines import LineRepository
from storage.loans.loans import LoanRepository, LoanRow, LoanState, state_of

router = gated_router("/loans", "loans")


@router.get("", summary="List loans, the newest first")
async def list_loans(
    caller: Caller,
    services: Using,
    page: Paged,
    state: LoanState | None = None,
    channel: Annotated[Channel | None, Query()] = None,
    customer_reference: Annotated[CustomerReference | None, Query()] = None,
) -> Page[LoanSummary]:
    """Return a page of the loans that the caller may see."""
    scope = ownership.scope_of(caller, channel, customer_reference)
    async with services.database.read() as tx:
        rows = await LoanRepository(tx).page(
            page.after,
            page.limit,
            channel=scope.channel,
            applicant_id=scope.applicant_id,
            state=state,
        )
    items = [LoanSummary.model_validate(row) for row in rows]
    return Page(items=items, next=page.next_cursor(rows, "recorded_at"))


async def _visible(loan_id: str, caller: Caller, services: Using) -> LoanRow:
    async with services.database.read() as tx:
        return await loan_for(tx, caller, loan_id)


Visible = Annotated[LoanRow, Depends(_visible)]


@router.get("/{loan_id}", summary="Read a loan")
async def read(loan: Visible, services: Using) -> LoanAnswer:
    """Return where a loan stands today, computed from its terms and events."""
    today = await today_of(services, loan)
    async with services.database.read() as tx:
        stands = position(loan.terms, await LoanRepository(tx).events(loan.id), today)
        servicing = await servicing_of(tx, loan)
    return LoanAnswer(
        id=loan.id,
        line_id=loan.line_id,
        drawdown_id=loan.drawdown_id,
        currency=loan.currency,
        principal=loan.principal,
        annual_rate=loan.terms.annual_rate,
        penalty_annual_rate=loan.terms.penalty_annual_rate,
        instalments=loan.terms.instalments,
        disbursed_on=loan.disbursed_on,
        plan_hash=loan.plan_hash,
        state=state_of(stands).value,
        position=PositionAnswer.of(stands, servicing),
    )


@router.get("/{loan_id}/plan", summary="Read a loan's plan")
async def plan(loan: Visible) -> LoanPlanAnswer:
    """Return the plan that the loan is billed by."""
    answer = PlanAnswer.of(loan.plan)
    return LoanPlanAnswer(
        loan_id=loan.id,
        currency=loan.currency,
        total_interest=answer.total_interest,
        total_fees=answer.total_fees,
        deducted=answer.deducted,
        total=answer.total,
        plan_hash=loan.plan_hash,
        rows=answer.rows,
    )


@router.get("/{loan_id}/events", response_class=EventSourceResponse, summary="Follow a loan")
async def follow(
    loan: Visible,
    caller: Caller,
    services: Using,
    last_event_id: LastEventId = 0,
    follow: Follow = False,
) -> AsyncIterator[ServerSentEvent]:
    """Stream what happens; the stream ends when the loan is settled."""

    async def is_final() -> bool:
        async with services.database.read() as tx:
            row = await LoanRepository(tx).get(loan.id)
        return row is None or row.state is LoanState.SETTLED

    aggregate = ids.loan_workflow(loan.id)
    async for event in events(services, caller, aggregate, last_event_id, follow, is_final):
        yield event


@router.post(
    "/{loan_id}/payoff-quotes",
    status_code=201,
    responses=COMMAND_PROBLEMS,
    summary="Quote what settles a loan today",
)
async def quote_payoff(
    loan: Visible, command: Keyed, services: Using, response: Response
) -> PayoffAnswer:
    """Quote the payoff; it is good to the end of the business day."""
    try:
        quoted = await services.engine.command(
            ids.loan_workflow(loan.id),
            "quote_payoff",
            command.update_id,
            QuotedPayoff,
            over=loan.state is LoanState.SETTLED,
        )
    except StillRunning:
        raise later("not_accepted_yet", "The loan is busy. Repeat the request.") from None
    quote = quoted.quote
    return PayoffAnswer(
        loan_id=loan.id,
        currency=quote.currency,
        principal=quote.principal,
        interest_due=quote.interest_due,
        accrued_interest=quote.accrued_interest,
        fees=quote.fees,
        settlement_fee=quote.settlement_fee,
        penalty=quote.penalty,
        credit=quote.credit,
        total=quote.total,
        valid_on=quote.valid_on,
        valid_until=quoted.valid_until,
    )


async def today_of(services: Services, loan: LoanRow) -> date:
    """Return the loan's business date, never before the one that is recorded of it."""
    now = await services.clock.now(ids.loan_workflow(loan.id))
    return max(business_date(now, zone_of(loan.zone)), loan.business_date)


async def product_of_loan(tx: Transaction, loan: LoanRow) -> AgreedProduct:
    """Return the product that a loan was lent under."""
    line = await LineRepository(tx).get(loan.line_id)
    if line is None:
        raise RecordMissing(f"loan {loan.id} has no line")
    return await agreed_product_of(tx, line.application_id)
