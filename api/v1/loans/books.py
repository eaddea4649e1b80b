"""Keeping the books: accruals, handing days over, closing periods, entries by hand, the export."""

from datetime import date
from time import monotonic
from typing import Annotated, Any, Final

from fastapi import Query
from fastapi.responses import Response, StreamingResponse

from api.http.calls import Call, Called, Commanded
from api.http.pagination import Paged, encode_cursor
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.v1.loans.books_schemas import (
    AccrualDayResponse,
    AccrualProgress,
    AccrualRun,
    BatchesResponse,
    BatchResponse,
    BatchRun,
    BooksRequestResponse,
    ClosingCreate,
    ClosingResponse,
    ClosingsResponse,
    LoanAccrualResponse,
    ManualEntryCreate,
    ReopeningCreate,
    ReversalCreate,
)
from domain.common.errors import NotFound
from domain.loans.closing import DayNotReady
from domain.people.authority import Action
from runtime.clock import utc_now
from services.loans.accruals import accrual_detail, accrue_part, last_day_over
from services.loans.batches import batch_csv, make_batches
from services.loans.closing import (
    BOOKS,
    Closed,
    approve_request,
    close_period,
    reject_request,
    request_entry,
    request_reopening,
    request_reversal,
)
from services.loans.ledger_export import ledger_csv
from services.people.authority import authorise
from storage.common.repository import Transaction
from storage.common.rows import Cursor
from storage.loans.accruals import AccrualRepository
from storage.loans.batches import BatchRepository
from storage.loans.closings import ClosingRepository, RequestState

router = authorised_router("/ledger", "ledger")

_CSV: Final = "text/csv; charset=utf-8"
_SHOWN: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The lines"}
}
_RUN_SECONDS: Final = 2.0
"""So long one request books accruals before it says that there are more."""
_CLOSINGS: Final = 50

_Product = Annotated[str, Query(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
_Funder = Annotated[str, Query(pattern=r"^[a-z0-9_-]{1,32}$")]


@router.post("/accruals", summary="Book what loans accrued by the end of each day")
async def book_accruals(body: AccrualRun, call: Commanded) -> AccrualProgress:
    """Book the days that are not booked yet, in their order; maintenance does so every hour."""
    await authorise(call.database, call.caller, Action.KEEP_BOOKS, BOOKS)
    ends = monotonic() + _RUN_SECONDS
    async with call.database.read() as tx:
        over = await _over(call, tx)
    if body.until is not None and (over is None or body.until > over):
        raise DayNotReady(f"the last day that is over is {over or 'none'}", field="until")
    until = body.until or over
    is_done = until is None
    while until is not None and not is_done and monotonic() < ends:
        async with call.database.transaction() as tx:
            is_done = (await accrue_part(tx, until)).day is None
    async with call.database.read() as tx:
        return AccrualProgress(posted_to=await AccrualRepository(tx).posted(), is_done=is_done)


@router.get("/accruals/{day}", summary="What was accrued by the end of a day")
async def accruals(day: date, call: Called) -> AccrualDayResponse:
    """Return the sums by currency, product and funder: what no loan's own entries hold yet."""
    async with call.database.read() as tx:
        found = await AccrualRepository(tx).day(day)
        if found is None or found.posted_at is None:
            raise NotFound("accrual day")
        return AccrualDayResponse.of(
            found, found.posted_at, await AccrualRepository(tx).levels(day)
        )


@router.get("/accruals/{day}/loans", summary="A day's accruals loan by loan, worked out again")
async def accruals_by_loan(
    day: date,
    call: Called,
    page: Paged,
    product: _Product,
    funder: _Funder = "own",
    currency: Annotated[str, Query(pattern=r"^[A-Z]{3}$")] = "CNY",
) -> Page[LoanAccrualResponse]:
    """Return a page of loans with their parts; a page may be short, or empty, before the last."""
    after = page.after.id if page.after else ""
    async with call.database.snapshot() as tx:
        found, last = await accrual_detail(tx, day, (currency, product, funder), after, page.limit)
    cursor = None if last is None else encode_cursor(Cursor(utc_now(), last))
    return Page(items=[LoanAccrualResponse.of(one) for one in found], next=cursor)


@router.get("/batches", summary="The batches, in the order of their numbers")
async def batches(call: Called, page: Paged) -> Page[BatchResponse]:
    """Return a page of batches. What is in one never changes."""
    after = page.after_number()
    async with call.database.read() as tx:
        rows = await BatchRepository(tx).page(after, page.limit)
    more = len(rows) == page.limit
    cursor = encode_cursor(Cursor(rows[-1].made_at, str(rows[-1].number))) if more else None
    return Page(items=[BatchResponse.of(row) for row in rows], next=cursor)


@router.post("/batches", summary="Put what was booked into batches for the lender's accounting")
async def make(body: BatchRun, call: Commanded) -> BatchesResponse:
    """Make a batch for each day and currency that holds what no batch has yet."""
    await authorise(call.database, call.caller, Action.KEEP_BOOKS, BOOKS)
    async with call.database.transaction() as tx:
        made = await make_batches(tx, body.until, call.caller.actor)
    return BatchesResponse(batches=[BatchResponse.of(row) for row in made])


@router.get(
    "/batches/{number}/csv",
    summary="A batch as CSV, always the same",
    response_class=Response,
    responses=_SHOWN,
)
async def batch(number: int, call: Called) -> Response:
    """Return the lines with the lender's codes, debits and credits apart, amounts with a point."""
    async with call.database.read() as tx:
        text = await batch_csv(tx, number)
    return Response(text, media_type=_CSV)


@router.get("/closings", summary="To which day the books are closed")
async def closings(call: Called) -> ClosingsResponse:
    """Return the last closings and reopenings, the newest first."""
    async with call.database.read() as tx:
        rows = await ClosingRepository(tx).closings(_CLOSINGS)
    return ClosingsResponse(closings=[ClosingResponse.of(Closed(row, [])) for row in rows])


@router.post("/closings", summary="Close the books to a day")
async def close(body: ClosingCreate, call: Commanded) -> ClosingResponse:
    """Nothing is booked on that day or before it any more; what is not in batches yet is put there.

    What counts from a closed day is allocated on its day and booked on the first open one.
    """
    await authorise(call.database, call.caller, Action.KEEP_BOOKS, BOOKS)
    async with call.database.transaction() as tx:
        closed = await close_period(
            tx, call.caller, body.until, reason=body.reason, over=await _over(call, tx)
        )
    return ClosingResponse.of(closed)


@router.post("/reopenings", status_code=201, summary="Ask for a closed period to be opened again")
async def reopen(body: ReopeningCreate, call: Commanded) -> BooksRequestResponse:
    """Ask for it; another person approves it, or nothing happens."""
    await authorise(call.database, call.caller, Action.KEEP_BOOKS, BOOKS)
    async with call.database.transaction() as tx:
        row = await request_reopening(
            tx, call.caller, call.command, body.open_from, reason=body.reason
        )
    return BooksRequestResponse.of(row)


@router.post("/manual-entries", status_code=201, summary="Ask for an entry by hand")
async def enter(body: ManualEntryCreate, call: Commanded) -> BooksRequestResponse:
    """Ask for it; it is posted when another person approves it."""
    await authorise(call.database, call.caller, Action.KEEP_BOOKS, BOOKS)
    async with call.database.transaction() as tx:
        row = await request_entry(
            tx,
            call.caller,
            call.command,
            body.entry(),
            reason=body.reason,
            over=await _over(call, tx),
        )
    return BooksRequestResponse.of(row)


@router.post(
    "/manual-entries/reversals", status_code=201, summary="Ask for an entry by hand to be reversed"
)
async def reverse(body: ReversalCreate, call: Commanded) -> BooksRequestResponse:
    """Ask for its opposite, once; it is posted when another person approves it."""
    await authorise(call.database, call.caller, Action.KEEP_BOOKS, BOOKS)
    async with call.database.transaction() as tx:
        row = await request_reversal(
            tx,
            call.caller,
            call.command,
            body.entry_key,
            body.business_date,
            reason=body.reason,
            over=await _over(call, tx),
        )
    return BooksRequestResponse.of(row)


@router.get("/requests", summary="What waits for a second person, and what became of it")
async def requests(
    call: Called, page: Paged, state: RequestState | None = None
) -> Page[BooksRequestResponse]:
    """Return a page of requests, the newest first."""
    async with call.database.read() as tx:
        rows = await ClosingRepository(tx).page(page.after, page.limit, state)
    return Page(
        items=[BooksRequestResponse.of(row) for row in rows],
        next=page.next_cursor(rows, "requested_at"),
    )


@router.post("/requests/{request_id}/approve", summary="Approve what somebody else asked for")
async def approve(request_id: str, call: Commanded) -> BooksRequestResponse:
    """Post the entry, or open the period: by another person than who asked, once."""
    await authorise(call.database, call.caller, Action.KEEP_BOOKS, BOOKS, has_second_person=True)
    async with call.database.transaction() as tx:
        row = await approve_request(tx, call.caller, request_id, await _over(call, tx))
    return BooksRequestResponse.of(row)


@router.post("/requests/{request_id}/reject", summary="Turn a request down, or take it back")
async def reject(request_id: str, call: Commanded) -> BooksRequestResponse:
    """Nothing is booked."""
    await authorise(call.database, call.caller, Action.KEEP_BOOKS, BOOKS, has_second_person=True)
    async with call.database.transaction() as tx:
        row = await reject_request(tx, call.caller, request_id)
    return BooksRequestResponse.of(row)


@router.get(
    "/lines/csv",
    summary="The ledger as CSV, line by line",
    response_class=Response,
    responses=_SHOWN,
)
async def export(
    call: Called,
    first: date,
    last: date,
    account: Annotated[
        str | None,
        Query(pattern=r"^[a-z_]{1,40}(:[a-z0-9_-]{1,32})?$", description="`cash:icbc`, or `cash`"),
    ] = None,
    funder: Annotated[str | None, Query(pattern=r"^[a-z0-9_-]{1,32}$")] = None,
) -> StreamingResponse:
    """Stream the lines of the days from `first` to `last`, both included, by day and entry.

    The order never changes; `amount` has a point, a credit a minus.
    """
    text = ledger_csv(call.database, first, last, account=account, funder=funder)
    return StreamingResponse(text, media_type=_CSV)


async def _over(call: Call, tx: Transaction) -> date | None:
    return await last_day_over(tx, utc_now(), travels=call.services.clock.travels)
