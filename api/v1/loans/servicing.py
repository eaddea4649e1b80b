"""Servicing: charges, waivers, reversals, new plans, write-offs and money that came otherwise."""

from api.http.calls import Called, CommandCall, Commanded
from api.http.engine import StillRunning
from api.http.errors import later
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.v1.loans.servicing_schemas import (
    RecordResponse,
    Transaction,
    TransactionResponse,
    transaction_of,
)
from messages import ids
from messages.loans import LoanView
from services.loans.reading import list_records
from services.loans.servicing import (
    PreparedTransaction,
    authorise_transaction,
    prepare_transaction,
    preview_transaction,
)

router = authorised_router("/loans", "servicing")


@router.post("/{loan_id}/records/preview", summary="Try what a record changes")
async def preview(loan_id: str, body: Transaction, call: Called) -> TransactionResponse:
    """Return what recording this today would change, instalment by instalment. Nothing is kept."""
    now = await call.services.clock.now(ids.loan_workflow(loan_id))
    async with call.database.read() as tx:
        effect = await preview_transaction(tx, call.caller, loan_id, transaction_of(body), now)
    return TransactionResponse.of(effect, is_kept=False)


@router.get("/{loan_id}/records", summary="List what was recorded of a loan, the oldest first")
async def list_(loan_id: str, call: Called, page: Paged) -> Page[RecordResponse]:
    """Return a page of the loan's events in the order in which they were recorded.

    Nothing is ever changed or taken out: what turned out wrong is reversed by a further record.
    """
    after = page.after_number()
    async with call.database.read() as tx:
        rows = await list_records(tx, call.caller, loan_id, after, page.limit)
    return page.of(RecordResponse, rows, "recorded_at")


@router.post("/{loan_id}/records", status_code=201, summary="Record what happened to a loan")
async def record(loan_id: str, body: Transaction, call: Commanded) -> TransactionResponse:
    """Record a charge, waiver, reversal, new plan, write-off or receipt, backdated or today.

    A settled loan is opened again: a payment that the bank takes back afterwards is owed again.
    """
    now = await call.services.clock.now(ids.loan_workflow(loan_id))
    async with call.database.read() as tx:
        prepared = await prepare_transaction(
            tx, call.caller, call.command, loan_id, transaction_of(body), now
        )
    await authorise_transaction(call.database, call.caller, prepared)
    await _send(call, prepared)
    call.created(f"/v1/loans/{loan_id}")
    return TransactionResponse.of(prepared.effect(), is_kept=True)


async def _send(call: CommandCall, prepared: PreparedTransaction) -> None:
    if prepared.record is None:
        return
    try:
        await call.services.engine.command(
            ids.loan_workflow(prepared.loan.id),
            "record",
            call.command.update_id,
            LoanView,
            prepared.record,
            over=prepared.reopening is not None,
            reopening=prepared.reopening,
        )
    except StillRunning:
        raise later("not_accepted_yet", "The loan is busy. Repeat the request.") from None
