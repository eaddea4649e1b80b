"""Credit lines and the quotes of plans on them."""

from api.http.calls import Called, Commanded
from api.http.routing import authorised_router
from api.v1.lines.schemas import LineResponse, QuoteCreate, QuoteResponse
from messages import ids
from services.lines.finding import find_line, find_quote
from services.lines.quoting import QuoteRequest, quote_plan

router = authorised_router("", "offers and lines")


@router.get("/lines/{line_id}", summary="Read a credit line")
async def read(line_id: str, call: Called) -> LineResponse:
    """Return a line and what is available on it."""
    async with call.database.read() as tx:
        row = await find_line(tx, call.caller, line_id)
    now = await call.services.clock.now(ids.line_workflow(row.id))
    return LineResponse.of(call.caller, row, now)


@router.post("/lines/{line_id}/quotes", status_code=201, summary="Quote a repayment plan")
async def quote(line_id: str, body: QuoteCreate, call: Commanded) -> QuoteResponse:
    """Plan a drawdown as if disbursed today, first due one month later. Nothing is reserved."""
    now = await call.services.clock.now(ids.line_workflow(line_id))
    request = QuoteRequest(body.amount, body.instalments)
    async with call.database.transaction() as tx:
        row = await quote_plan(tx, call.caller, call.command, line_id, request, now)
    call.created(f"/v1/quotes/{row.id}")
    return QuoteResponse.of(row)


@router.get("/quotes/{quote_id}", summary="Read a quote")
async def read_quote(quote_id: str, call: Called) -> QuoteResponse:
    """Return a quote with its plan."""
    async with call.database.read() as tx:
        return QuoteResponse.of(await find_quote(tx, call.caller, quote_id))
