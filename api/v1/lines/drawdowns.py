"""Drawdowns: confirm a quote, then follow the money."""

from api.http.calls import PENDING, Called, Commanded
from api.http.engine import StillRunning
from api.http.errors import later
from api.http.routing import authorised_router
from api.v1.lines.schemas import DrawdownCreate, DrawdownResponse
from domain.lines import LineState
from messages import ids
from messages.lines import DrawReceipt
from services.lines.finding import find_drawdown
from services.lines.quoting import prepare_drawdown
from storage.lines.drawdowns import DrawdownRepository, DrawdownState

router = authorised_router("", "drawdowns")


@router.post(
    "/lines/{line_id}/drawdowns", status_code=201, responses=PENDING, summary="Draw on a line"
)
async def draw(line_id: str, body: DrawdownCreate, call: Commanded) -> DrawdownResponse:
    """Confirm a quote: the amount is reserved; signing, disbursement and loan follow.

    409 `plan_changed` when `plan_hash` is not that of the quote: show the quote again.
    """
    async with call.database.read() as tx:
        prepared = await prepare_drawdown(
            tx, call.caller, call.command, line_id, quote_id=body.quote_id, plan_hash=body.plan_hash
        )
    drawdown_id = prepared.draw.drawdown_id
    location = f"/v1/drawdowns/{drawdown_id}"
    try:
        await call.services.engine.command(
            ids.line_workflow(line_id),
            "draw",
            call.command.update_id,
            DrawReceipt,
            prepared.draw,
            over=prepared.line.state is not LineState.ACTIVE,
            state=prepared.line.state,
        )
    except StillRunning:
        call.pending(location)
    else:
        call.created(location)
    async with call.database.read() as tx:
        row = await DrawdownRepository(tx).get(drawdown_id)
    if row is None:
        raise later("not_accepted_yet", "The drawdown is not recorded yet.")
    return DrawdownResponse.of(call.caller, row)


@router.get("/drawdowns/{drawdown_id}", summary="Read a drawdown")
async def read(drawdown_id: str, call: Called) -> DrawdownResponse:
    """Return where a drawdown stands; once it is `disbursed`, `loan_id` is a loan."""
    async with call.database.read() as tx:
        row = await find_drawdown(tx, call.caller, drawdown_id)
    if row.state is DrawdownState.RESERVED:
        await call.services.engine.ensure(ids.drawdown_workflow(row.id))
    return DrawdownResponse.of(call.caller, row)
