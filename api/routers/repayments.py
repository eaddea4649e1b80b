"""Repayments: pay by debit of the bound card."""

from contextlib import suppress
from typing import Annotated

from fastapi import Body, Response

from api.answers import accepted, created
from api.auth import Caller
from api.engine import StillRunning
from api.errors import later
from api.gate import COMMAND_PROBLEMS, gated_router
from api.idempotency import Keyed
from api.ownership import loan_for, repayment_for
from api.schemas.loan import NewRepayment, RepaymentAnswer
from api.services import Services, Using
from messages import ids
from messages.loan import RepayCommand, RepayReceipt
from storage.loans import LoanState
from storage.repayments import RepaymentRow, RepaymentState

router = gated_router("", "repayments")


@router.post(
    "/loans/{loan_id}/repayments",
    status_code=201,
    response_model=RepaymentAnswer,
    responses={**COMMAND_PROBLEMS, 202: {"model": RepaymentAnswer}},
    summary="Repay a loan",
)
async def repay(
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
        loan = await loan_for(tx, caller, loan_id)
    repayment_id = command.new_id("rep")
    location = f"/v1/repayments/{repayment_id}"
    with suppress(StillRunning):
        await services.engine.command(
            ids.loan_workflow(loan_id),
            "repay",
            command.update_id,
            RepayReceipt,
            RepayCommand(
                repayment_id=repayment_id, amount=body.amount, payoff_total=body.payoff_total
            ),
            over=loan.state is LoanState.SETTLED,
        )
    row = await _find(services, repayment_id)
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
        return RepaymentAnswer.model_validate(await repayment_for(tx, caller, repayment_id))


async def _find(services: Services, repayment_id: str) -> RepaymentRow | None:
    async with services.database.read() as tx:
        return await tx.repayments.get(repayment_id)
