"""Lines, quotes and drawdowns, for who may see them."""

from domain.common.errors import NotFound
from domain.lines import QuoteUnusable
from domain.people.principals import Principal
from services.people.ownership import may_see, owns, require_id
from storage.common.repository import Transaction
from storage.lines.drawdowns import DrawdownRepository, DrawdownRow
from storage.lines.lines import LineRepository, LineRow
from storage.lines.quotes import QuoteRepository, QuoteRow
from storage.people.applicants import ApplicantRepository


async def find_line(tx: Transaction, caller: Principal, line_id: str) -> LineRow:
    """Return a line that the caller may see; raises `NotFound`."""
    require_id(line_id, "lin", "line")
    line = await LineRepository(tx).get(line_id)
    if line is None or not await owns(tx, caller, line.applicant_id):
        raise NotFound("line")
    return line


async def find_quote(tx: Transaction, caller: Principal, quote_id: str) -> QuoteRow:
    """Return a quote that the caller may see; raises `NotFound`."""
    require_id(quote_id, "quo", "quote")
    row = await QuoteRepository(tx).get(quote_id)
    if row is None:
        raise NotFound("quote")
    await _require_own(tx, caller, row.line_id, "quote")
    return row


async def find_drawdown(tx: Transaction, caller: Principal, drawdown_id: str) -> DrawdownRow:
    """Return a drawdown that the caller may see; raises `NotFound`."""
    require_id(drawdown_id, "dra", "drawdown")
    row = await DrawdownRepository(tx).get(drawdown_id)
    if row is None:
        raise NotFound("drawdown")
    await _require_own(tx, caller, row.line_id, "drawdown")
    return row


async def find_quote_of(
    tx: Transaction, caller: Principal, line: LineRow, quote_id: str
) -> QuoteRow:
    """Return a quote of a line that was found; raises `NotFound` and `QuoteUnusable`."""
    require_id(quote_id, "quo", "quote")
    row = await QuoteRepository(tx).get(quote_id)
    if row is None:
        raise NotFound("quote")
    if row.line_id != line.id:
        await _require_own(tx, caller, row.line_id, "quote")
        raise QuoteUnusable("the quote is of another line")
    return row


async def _require_own(tx: Transaction, caller: Principal, line_id: str, what: str) -> None:
    applicant = await ApplicantRepository(tx).of_line(line_id)
    if applicant is None or not may_see(caller, applicant):
        raise NotFound(what)
