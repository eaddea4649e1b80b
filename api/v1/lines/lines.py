"""Credit lines and the quotes of plans on them."""

from fastapi import Response

from api.http.answers import created
from api.http.auth import Caller
from api.http.idempotency import Keyed
from api.http.routing import COMMAND_PROBLEMS, authorised_router
from api.http.services import Using
from api.v1.lines.schemas import LineAnswer, NewQuote, QuoteAnswer
from messages import ids
from services.lines.finding import find_line, find_quote
from services.lines.quoting import QuoteRequest, quote_plan

router = authorised_router("", "offers and lines")


@router.get("/lines/{line_id}", summary="Read a credit line")
async def read(line_id: str, caller: Caller, services: Using) -> LineAnswer:
    """Return a line and what is available on it."""
    async with services.database.read() as tx:
        return LineAnswer.model_validate(await find_line(tx, caller, line_id))


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
    request = QuoteRequest(body.amount, body.instalments)
    async with services.database.transaction() as tx:
        row = await quote_plan(tx, caller, command, line_id, request, now)
    created(response, f"/v1/quotes/{row.id}")
    return QuoteAnswer.of(row)


@router.get("/quotes/{quote_id}", summary="Read a quote")
async def read_quote(quote_id: str, caller: Caller, services: Using) -> QuoteAnswer:
    """Return a quote with its plan."""
    async with services.database.read() as tx:
        return QuoteAnswer.of(await find_quote(tx, caller, quote_id))
