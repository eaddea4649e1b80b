"""Drawing on a line: a quote is confirmed."""

from dataclasses import dataclass

from domain.lines import PlanChanged, QuoteUnusable
from domain.people.principals import Principal
from messages.lines import DrawCommand
from services.common.commands import Command
from services.lines.finding import find_line, find_quote
from storage.common.repository import Transaction
from storage.lines.lines import LineRow


@dataclass(frozen=True)
class PreparedDrawdown:
    """The line that is drawn on, and what its process is told."""

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
    quote = await find_quote(tx, caller, quote_id)
    if quote.line_id != line.id:
        raise QuoteUnusable("the quote is of another line")
    if quote.plan_hash != plan_hash:
        raise PlanChanged("The hash is not that of the quoted plan: show it again.")
    draw = DrawCommand(
        drawdown_id=command.new_id("dra"),
        loan_id=command.new_id("loa"),
        quote_id=quote.id,
        amount=quote.amount,
    )
    return PreparedDrawdown(line, draw)
