"""Supplements: a reviewer asks for elements to be provided again."""

from fastapi import Response

from api.http.answers import accepted
from api.http.auth import Caller
from api.http.engine import ProcessClosed, StillRunning
from api.http.errors import Problem
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Keyed
from api.http.services import Using
from api.v1.applications.review_schemas import SupplementBody
from api.v1.applications.schemas import ApplicationStatus
from api.v1.applications.views import row_status, view_status
from api.v1.ownership import application_for
from domain.people.authority import Action
from messages import ids
from messages.applications import ApplicationView
from messages.verification import SupplementRequest
from services.people.authority import authorise

router = gated_router("/reviews", "reviews")


@router.post(
    "/{application_id}/supplement",
    response_model=ApplicationStatus,
    responses={**COMMAND_PROBLEMS, 202: {"model": ApplicationStatus}},
    summary="Ask for elements to be provided again",
)
async def supplement(
    application_id: str, body: SupplementBody, caller: Caller, command: Keyed, services: Using
) -> ApplicationStatus | Response:
    """Reopen elements of an application in review; the task waits and comes back to the asker.

    409 `supplement_refused` when the product does not let a reviewer ask for that, or not again.
    """
    async with services.database.read() as tx:
        row = await application_for(tx, caller, application_id)
    await authorise(
        services.database,
        caller,
        Action.REQUEST_SUPPLEMENT,
        ids.application_workflow(application_id),
        amount=row.amount,
        currency=row.currency,
    )
    try:
        view = await services.engine.command(
            ids.application_workflow(application_id),
            "review_supplement",
            command.update_id,
            ApplicationView,
            SupplementRequest(kinds=body.kinds, reason=body.reason, reviewer=caller.actor),
            over=row.state.is_final,
        )
    except StillRunning:
        async with services.database.read() as tx:
            row = await application_for(tx, caller, application_id)
        return accepted(row_status(row), f"/v1/applications/{application_id}")
    except ProcessClosed:
        raise Problem("review_closed", "The review was decided already.") from None
    return view_status(view)
