"""Drawdowns: confirm a quote, then follow the money."""

from fastapi import Response

from api.http.answers import accepted, created
from api.http.auth import Caller
from api.http.engine import StillRunning
from api.http.errors import later
from api.http.idempotency import Keyed
from api.http.routing import COMMAND_PROBLEMS, authorised_router
from api.http.services import Services, Using
from api.v1.lines.schemas import DrawdownAnswer, NewDrawdown
from domain.lines import LineState
from messages import ids
from messages.lines import DrawReceipt
from services.lines.finding import find_drawdown
from services.lines.quoting import prepare_drawdown
from storage.lines.drawdowns import DrawdownRepository, DrawdownRow

router = authorised_router("", "drawdowns")


@router.post(
    "/lines/{line_id}/drawdowns",
    status_code=201,
    response_model=DrawdownAnswer,
    responses={**COMMAND_PROBLEMS, 202: {"model": DrawdownAnswer}},
    summary="Draw on a line",
)
async def draw(
    line_id: str,
    body: NewDrawdown,
    caller: Caller,
    command: Keyed,
    services: Using,
    response: Response,
) -> DrawdownAnswer | Response:
    """Confirm a quote: the amount is reserved; signing, disbursement and loan follow.

    409 `plan_changed` when `plan_hash` is not that of the quote: show the quote again.
    """
    async with services.database.read() as tx:
        prepared = await prepare_drawdown(
            tx, caller, command, line_id, quote_id=body.quote_id, plan_hash=body.plan_hash
        )
    drawdown_id = prepared.draw.drawdown_id
    location = f"/v1/drawdowns/{drawdown_id}"
    try:
        await services.engine.command(
            ids.line_workflow(line_id),
            "draw",
            command.update_id,
            DrawReceipt,
            prepared.draw,
            over=prepared.line.state is not LineState.ACTIVE,
        )
    except StillRunning:
        row = await _find(services, drawdown_id)
        if row is None:
            raise later("not_accepted_yet", "The drawdown is not recorded yet.") from None
        return accepted(DrawdownAnswer.model_validate(row), location)
    created(response, location)
    return DrawdownAnswer.model_validate(await _find(services, drawdown_id))


@router.get("/drawdowns/{drawdown_id}", summary="Read a drawdown")
async def read(drawdown_id: str, caller: Caller, services: Using) -> DrawdownAnswer:
    """Return where a drawdown stands; once it is `disbursed`, `loan_id` is a loan."""
    async with services.database.read() as tx:
        return DrawdownAnswer.model_validate(await find_drawdown(tx, caller, drawdown_id))


async def _find(services: Services, drawdown_id: str) -> DrawdownRow | None:
    async with services.database.read() as tx:
        return await DrawdownRepository(tx).get(drawdown_id)
