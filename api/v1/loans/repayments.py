"""Repayments: pay by debit of the bound card."""

from contextlib import suppress
from typing import Annotated

from fastapi import Body, Response

from api.http.answers import accepted, created
from api.http.auth import Caller
from api.http.engine import StillRunning
from api.http.errors import later
from api.http.idempotency import Keyed
from api.http.routing import COMMAND_PROBLEMS, authorised_router
from api.http.services import Services, Using
from api.v1.loans.schemas import NewRepayment, RepaymentAnswer
from messages import ids
from messages.loans import RepayReceipt
from services.loans.finding import find_repayment
from services.loans.servicing import prepare_repayment
from storage.loans.loans import LoanState
from storage.loans.repayments import RepaymentRepository, RepaymentRow, RepaymentState

router = authorised_router("", "repayments")


@router.post(
    "/loans/{loan_id}/repayments",
    status_code=201,
    response_model=RepaymentAnswer,
    responses={**COMMAND_PROBLEMS, 202: {"model": RepaymentAnswer}},
    summary="Repay a loan",
)
async def create(
    loan_id: str,
    body: Annotated[NewRepayment, Body(default_factory=NewRepayment)],
    caller: Caller,
    command: Keyed,
    services: Using,
    response: Response,
) -> RepaymentAnswer | Response:
    """Debit the bound card; a repayment whose debit failed is an answer too: read `state`.

    202 while the bank has not told how the debit ended; it will show in the repayment.
    """
    async with services.database.read() as tx:
        loan, repay = await prepare_repayment(
            tx, caller, command, loan_id, amount=body.amount, payoff_total=body.payoff_total
        )
    location = f"/v1/repayments/{repay.repayment_id}"
    with suppress(StillRunning):
        await services.engine.command(
            ids.loan_workflow(loan_id),
            "repay",
            command.update_id,
            RepayReceipt,
            repay,
            over=loan.state is LoanState.SETTLED,
        )
    row = await _find(services, repay.repayment_id)
    if row is None:
        raise later("not_accepted_yet", "The repayment is not recorded yet.")
    answer = RepaymentAnswer.model_validate(row)
    if row.state is RepaymentState.PROCESSING:
        return accepted(answer, location)
    created(response, location)
    return answer


@router.get("/repayments/{repayment_id}", summary="Read a repayment")
async def read(repayment_id: str, caller: Caller, services: Using) -> RepaymentAnswer:
    """Return where a repayment stands."""
    async with services.database.read() as tx:
        return RepaymentAnswer.model_validate(await find_repayment(tx, caller, repayment_id))


async def _find(services: Services, repayment_id: str) -> RepaymentRow | None:
    async with services.database.read() as tx:
        return await RepaymentRepository(tx).get(repayment_id)
