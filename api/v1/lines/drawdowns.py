"""Drawdowns: confirm a quote, then follow the money."""

from fastapi import Response

from api.http.answers import accepted, created
from api.http.auth import Caller
from api.http.engine import StillRunning
from api.http.errors import Problem, later
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Keyed
from api.http.services import Services, Using
from api.v1.lines.schemas import DrawdownAnswer, NewDrawdown
from api.v1.ownership import drawdown_for, line_for, quote_for
from domain.lines import LineState, QuoteUnusable
from messages import ids
from messages.lines import DrawCommand, DrawReceipt
from storage.lines.drawdowns import DrawdownRepository, DrawdownRow
from storage.lines.quotes import QuoteRow

router = gated_router("", "drawdowns")


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
        line = await line_for(tx, caller, line_id)
        quote = await quote_for(tx, caller, body.quote_id)
    _check(quote, line_id, body)
    drawdown_id = command.new_id("dra")
    location = f"/v1/drawdowns/{drawdown_id}"
    try:
        await services.engine.command(
            ids.line_workflow(line_id),
            "draw",
            command.update_id,
            DrawReceipt,
            DrawCommand(
                drawdown_id=drawdown_id,
                loan_id=command.new_id("loa"),
                quote_id=quote.id,
                amount=quote.amount,
            ),
            over=line.state is not LineState.ACTIVE,
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
        return DrawdownAnswer.model_validate(await drawdown_for(tx, caller, drawdown_id))


def _check(quote: QuoteRow, line_id: str, body: NewDrawdown) -> None:
    if quote.line_id != line_id:
        raise QuoteUnusable("the quote is of another line")
    if quote.plan_hash != body.plan_hash:
        raise Problem("plan_changed", "The hash is not that of the quoted plan: show it again.")


async def _find(services: Services, drawdown_id: str) -> DrawdownRow | None:
    async with services.database.read() as tx:
        return await DrawdownRepository(tx).get(drawdown_id)
