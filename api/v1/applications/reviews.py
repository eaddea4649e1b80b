"""Reviews: the queue, and a reviewer's decision."""

from typing import Annotated

from fastapi import Query

from api.http.calls import PENDING, Called, CommandCall, Commanded
from api.http.engine import ProcessClosed
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.v1.applications.carrying_out import carry_out
from api.v1.applications.review_schemas import ReviewBody, ReviewResponse, SupplementBody
from api.v1.applications.schemas import ApplicationStatus, Channel, ProductCode
from domain.applications.application import ReviewClosed
from domain.people.staff import Handle
from messages.applications import ReviewCommand
from messages.ids import application_workflow
from messages.verification import SupplementRequest
from services.applications.reviewing import (
    ReviewDecision,
    authorise_review,
    list_open_reviews,
)
from storage.common.audit import AuditRepository

router = authorised_router("/reviews", "reviews")


@router.get("", summary="The queue of open reviews, the one due first at its head")
async def queue(
    call: Called,
    page: Paged,
    channel: Annotated[Channel | None, Query()] = None,
    product: Annotated[ProductCode | None, Query()] = None,
    assigned_to: Annotated[Handle | None, Query()] = None,
) -> Page[ReviewResponse]:
    """Return a page of the open tasks."""
    async with call.database.read() as tx:
        rows = await list_open_reviews(
            tx,
            page.after,
            page.limit,
            channel=channel,
            product=product,
            assigned_to=assigned_to,
        )
    return page.of(ReviewResponse, rows, "due_at")


@router.post(
    "/{application_id}/approve", responses=PENDING, summary="Approve an application in review"
)
async def approve(application_id: str, body: ReviewBody, call: Commanded) -> ApplicationStatus:
    """Approve: an offer is made. 409 `review_closed` when somebody else was first."""
    return await _review("approve", application_id, body, call)


@router.post(
    "/{application_id}/reject", responses=PENDING, summary="Reject an application in review"
)
async def reject(application_id: str, body: ReviewBody, call: Commanded) -> ApplicationStatus:
    """Reject: the application is final. 409 `review_closed` when somebody else was first."""
    return await _review("reject", application_id, body, call)


@router.post(
    "/{application_id}/supplement",
    responses=PENDING,
    summary="Ask for elements to be provided again",
)
async def supplement(
    application_id: str, body: SupplementBody, call: Commanded
) -> ApplicationStatus:
    """Reopen elements of an application in review; the task waits and comes back to the asker.

    409 `supplement_refused` when the product does not let a reviewer ask for that, or not again.
    """
    await authorise_review(call.database, call.caller, application_id, "supplement")
    asked = SupplementRequest(kinds=body.kinds, reason=body.reason, reviewer=call.caller.actor)
    try:
        return await carry_out(call, application_id, "review_supplement", asked)
    except ProcessClosed:
        raise ReviewClosed("The review was decided already.") from None


async def _review(
    decision: ReviewDecision, application_id: str, body: ReviewBody, call: CommandCall
) -> ApplicationStatus:
    await authorise_review(call.database, call.caller, application_id, decision)
    review = ReviewCommand(reviewer=call.caller.actor, reason=body.reason)
    try:
        return await carry_out(call, application_id, f"review_{decision}", review)
    except ProcessClosed:
        async with call.database.transaction() as tx:
            await AuditRepository(tx).add_by(
                call.caller,
                decision,
                application_workflow(application_id),
                "refused",
                detail={"reason": body.reason},
                key=call.command.update_id,
            )
        raise ReviewClosed("The review was decided already.") from None
