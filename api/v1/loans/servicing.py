"""Servicing: charges, waivers, reversals, new plans, write-offs and money that came otherwise."""

from fastapi import Response

from api.http.answers import created
from api.http.auth import Caller
from api.http.engine import StillRunning
from api.http.errors import later
from api.http.idempotency import Keyed
from api.http.routing import COMMAND_PROBLEMS, authorised_router
from api.http.services import Services, Using
from api.v1.loans.servicing_schemas import Fact, FactAnswer, transaction_of
from messages import ids
from messages.loans import LoanView
from services.common.commands import Command
from services.loans.servicing import (
    PreparedTransaction,
    authorise_transaction,
    prepare_transaction,
    preview_transaction,
)

router = authorised_router("/loans", "servicing")


@router.post(
    "/{loan_id}/records/preview", responses=COMMAND_PROBLEMS, summary="Try what a record changes"
)
async def preview(loan_id: str, body: Fact, caller: Caller, services: Using) -> FactAnswer:
    """Return what recording this today would change, instalment by instalment. Nothing is kept."""
    now = await services.clock.now(ids.loan_workflow(loan_id))
    async with services.database.read() as tx:
        effect = await preview_transaction(tx, caller, loan_id, transaction_of(body), now)
    return FactAnswer.of(effect, is_kept=False)


@router.post(
    "/{loan_id}/records",
    status_code=201,
    responses=COMMAND_PROBLEMS,
    summary="Record what happened to a loan",
)
async def record(
    loan_id: str,
    body: Fact,
    caller: Caller,
    command: Keyed,
    services: Using,
    response: Response,
) -> FactAnswer:
    """Record a charge, waiver, reversal, new plan, write-off or receipt, backdated or today.

    A settled loan is opened again: a payment that the bank takes back afterwards is owed again.
    """
    now = await services.clock.now(ids.loan_workflow(loan_id))
    async with services.database.read() as tx:
        prepared = await prepare_transaction(
            tx, caller, command, loan_id, transaction_of(body), now
        )
    await authorise_transaction(services.database, caller, prepared)
    await _send(services, command, prepared)
    created(response, f"/v1/loans/{loan_id}")
    return FactAnswer.of(prepared.effect(), is_kept=True)


async def _send(services: Services, command: Command, prepared: PreparedTransaction) -> None:
    if prepared.record is None:
        return
    try:
        await services.engine.command(
            ids.loan_workflow(prepared.loan.id),
            "record",
            command.update_id,
            LoanView,
            prepared.record,
            over=prepared.reopening is not None,
            reopening=prepared.reopening,
        )
    except StillRunning:
        raise later("not_accepted_yet", "The loan is busy. Repeat the request.") from None
