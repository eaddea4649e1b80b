"""Statements of account for borrowers."""

import asyncio
from typing import Annotated

from fastapi import Query
from fastapi.responses import PlainTextResponse

from api.http.calls import Called
from api.http.routing import authorised_router
from api.v1.loans.schemas import StatementResponse
from domain.common.calendar import Day
from domain.loans.statement import Statement
from messages import ids
from services.loans.statements import printed, read_for_statement

router = authorised_router("/loans", "loans")

From = Annotated[
    Day | None, Query(alias="from", description="the first day; without it the loan's first")
]
To = Annotated[Day | None, Query(alias="to", description="the last day; today without it")]


async def _statement(loan_id: str, call: Called, begins: Day | None, ends: Day | None) -> Statement:
    now = await call.services.clock.now(ids.loan_workflow(loan_id))
    async with call.database.read() as tx:
        basis = await read_for_statement(tx, call.caller, loan_id, now)
    return await asyncio.to_thread(basis.of, begins, ends)


@router.get("/{loan_id}/statement", summary="A loan's statement of account")
async def read(
    loan_id: str, call: Called, begins: From = None, ends: To = None
) -> StatementResponse:
    """Return what was owed at first, what moved it, and what is owed at the end of the period.

    A period has at most 366 days. What was recorded late stands on its value date.
    """
    return StatementResponse.of(loan_id, await _statement(loan_id, call, begins, ends))


@router.get(
    "/{loan_id}/statement.txt",
    response_class=PlainTextResponse,
    summary="A loan's statement of account, to print",
)
async def read_as_text(loan_id: str, call: Called, begins: From = None, ends: To = None) -> str:
    """Return the same as plain text, 80 columns wide."""
    return printed(loan_id, await _statement(loan_id, call, begins, ends))
