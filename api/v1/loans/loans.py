"""Loans: position, plan, events, payoff quotes."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.http.calls import Called, Commanded
from api.http.routing import authorised_router
from api.http.streams import Streamed
from api.v1.loans.schemas import LoanPlanResponse, LoanResponse, PayoffResponse
from domain.loans.state import LoanState
from messages import ids
from services.loans.finding import find_loan
from services.loans.reading import quote_payoff, read_loan
from storage.loans.loans import LoanRepository, LoanRow

router = authorised_router("/loans", "loans")


async def _visible(loan_id: str, call: Called) -> LoanRow:
    async with call.database.read() as tx:
        return await find_loan(tx, call.caller, loan_id)


Visible = Annotated[LoanRow, Depends(_visible)]


@router.get("/{loan_id}", summary="Read a loan")
async def read(loan_id: str, call: Called) -> LoanResponse:
    """Return where a loan stands today, computed from its terms and events."""
    now = await call.services.clock.now(ids.loan_workflow(loan_id))
    async with call.database.read() as tx:
        return LoanResponse.of(call.caller, await read_loan(tx, call.caller, loan_id, now))


@router.get("/{loan_id}/plan", summary="Read a loan's plan")
async def plan(loan: Visible) -> LoanPlanResponse:
    """Return the plan that the loan is billed by."""
    return LoanPlanResponse.of(loan)


@router.get("/{loan_id}/events", response_class=EventSourceResponse, summary="Follow a loan")
async def follow(loan: Visible, call: Called, stream: Streamed) -> AsyncIterator[ServerSentEvent]:
    """Stream what happens; the stream ends when the loan is settled."""

    async def is_final() -> bool:
        async with call.database.read() as tx:
            row = await LoanRepository(tx).get(loan.id)
        return row is None or row.state is LoanState.SETTLED

    async for event in stream.of(ids.loan_workflow(loan.id), is_final):
        yield event


@router.post("/{loan_id}/payoff-quotes", status_code=201, summary="Quote what settles a loan today")
async def create_payoff_quote(loan_id: str, call: Commanded) -> PayoffResponse:
    """Quote the payoff by the record; it is good to the end of the business day."""
    now = await call.services.clock.now(ids.loan_workflow(loan_id))
    async with call.database.read() as tx:
        return PayoffResponse.of(await quote_payoff(tx, call.caller, loan_id, now))
