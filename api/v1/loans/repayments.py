"""Repayments: pay by debit of the bound card."""

from contextlib import suppress
from typing import Annotated

from fastapi import Body, Query

from api.http.calls import PENDING, Called, Commanded
from api.http.engine import StillRunning
from api.http.errors import later
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.v1.applications.schemas import Channel
from api.v1.loans.schemas import RepaymentCreate, RepaymentResponse
from domain.loans.state import LoanState
from messages import ids
from messages.loans import RepayReceipt
from services.loans.finding import find_repayment, list_repayments
from services.loans.servicing import prepare_repayment
from storage.loans.repayments import RepaymentRepository, RepaymentState

router = authorised_router("", "repayments")


@router.post(
    "/loans/{loan_id}/repayments", status_code=201, responses=PENDING, summary="Repay a loan"
)
async def create(
    loan_id: str,
    body: Annotated[RepaymentCreate, Body(default_factory=RepaymentCreate)],
    call: Commanded,
) -> RepaymentResponse:
    """Debit the bound card; a repayment whose debit failed is an answer too: read `state`.

    202 while the bank has not told how the debit ended; it will show in the repayment.
    """
    async with call.database.read() as tx:
        loan, repay = await prepare_repayment(
            tx,
            call.caller,
            call.command,
            loan_id,
            amount=body.amount,
            payoff_total=body.payoff_total,
        )
    location = f"/v1/repayments/{repay.repayment_id}"
    with suppress(StillRunning):
        await call.services.engine.command(
            ids.loan_workflow(loan_id),
            "repay",
            call.command.update_id,
            RepayReceipt,
            repay,
            over=loan.state is LoanState.SETTLED,
            state=loan.state,
        )
    async with call.database.read() as tx:
        row = await RepaymentRepository(tx).get(repay.repayment_id)
    if row is None:
        raise later("not_accepted_yet", "The repayment is not recorded yet.")
    answer = RepaymentResponse.of(call.caller, row)
    if row.state is RepaymentState.PROCESSING:
        call.pending(location)
    else:
        call.created(location)
    return answer


@router.get("/repayments", summary="List repayments, the newest first")
async def list_(
    call: Called,
    page: Paged,
    loan_id: Annotated[str | None, Query(max_length=64)] = None,
    state: RepaymentState | None = None,
    channel: Annotated[Channel | None, Query()] = None,
) -> Page[RepaymentResponse]:
    """Return a page of the repayments that the caller may see."""
    async with call.database.read() as tx:
        rows = await list_repayments(
            tx,
            call.caller,
            page.after,
            page.limit,
            loan_id=loan_id,
            state=state,
            channel=channel,
        )
    return Page(
        items=[RepaymentResponse.of(call.caller, row) for row in rows],
        next=page.next_cursor(rows, "requested_at"),
    )


@router.get("/repayments/{repayment_id}", summary="Read a repayment")
async def read(repayment_id: str, call: Called) -> RepaymentResponse:
    """Return where a repayment stands."""
    async with call.database.read() as tx:
        return RepaymentResponse.of(
            call.caller, await find_repayment(tx, call.caller, repayment_id)
        )
