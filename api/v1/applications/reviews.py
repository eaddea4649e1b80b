"""Reviews: the queue, and a reviewer's decision."""

from fastapi import Response

from api.http.auth import Caller
from api.http.engine import ProcessClosed
from api.http.idempotency import Keyed
from api.http.pagination import Paged
from api.http.routing import COMMAND_PROBLEMS, authorised_router
from api.http.schemas import Page
from api.http.services import Services, Using
from api.v1.applications.carrying_out import carry_out
from api.v1.applications.review_schemas import ReviewAnswer, ReviewBody, SupplementBody
from api.v1.applications.schemas import ApplicationStatus
from domain.applications.application import ReviewClosed
from domain.people.principals import Principal
from messages.applications import ReviewCommand
from messages.ids import application_workflow
from messages.verification import SupplementRequest
from services.applications.reviewing import ReviewDecision, authorise_review, list_open_reviews
from services.common.commands import Command
from storage.common.audit import AuditRepository

router = authorised_router("/reviews", "reviews")


@router.get("", summary="The queue of open reviews, the one due first at its head")
async def queue(caller: Caller, services: Using, page: Paged) -> Page[ReviewAnswer]:
    """Return a page of the open tasks."""
    async with services.database.read() as tx:
        rows = await list_open_reviews(tx, page.after, page.limit)
    items = [ReviewAnswer.model_validate(row) for row in rows]
    return Page(items=items, next=page.next_cursor(rows, "due_at"))


@router.post(
    "/{application_id}/approve",
    response_model=ApplicationStatus,
    responses={**COMMAND_PROBLEMS, 202: {"model": ApplicationStatus}},
    summary="Approve an application in review",
)
async def approve(
    application_id: str, body: ReviewBody, caller: Caller, command: Keyed, services: Using
) -> ApplicationStatus | Response:
    """Approve: an offer is made. 409 `review_closed` when somebody else was first."""
    return await _review("approve", application_id, body, caller, command, services)


@router.post(
    "/{application_id}/reject",
    response_model=ApplicationStatus,
    responses={**COMMAND_PROBLEMS, 202: {"model": ApplicationStatus}},
    summary="Reject an application in review",
)
async def reject(
    application_id: str, body: ReviewBody, caller: Caller, command: Keyed, services: Using
) -> ApplicationStatus | Response:
    """Reject: the application is final. 409 `review_closed` when somebody else was first."""
    return await _review("reject", application_id, body, caller, command, services)


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
    await authorise_review(services.database, caller, application_id, "supplement")
    asked = SupplementRequest(kinds=body.kinds, reason=body.reason, reviewer=caller.actor)
    try:
        return await carry_out(
            services, caller, command, application_id, "review_supplement", asked
        )
    except ProcessClosed:
        raise ReviewClosed("The review was decided already.") from None


async def _review(
    decision: ReviewDecision,
    application_id: str,
    body: ReviewBody,
    caller: Principal,
    command: Command,
    services: Services,
) -> ApplicationStatus | Response:
    await authorise_review(services.database, caller, application_id, decision)
    review = ReviewCommand(reviewer=caller.actor, reason=body.reason)
    try:
        return await carry_out(
            services, caller, command, application_id, f"review_{decision}", review
        )
    except ProcessClosed:
        async with services.database.transaction() as tx:
            await AuditRepository(tx).add_by(
                caller,
                decision,
                application_workflow(application_id),
                "refused",
                detail={"reason": body.reason},
                key=command.update_id,
            )
        raise ReviewClosed("The review was decided already.") from None
