"""Reviews: a reviewer's decision. Queues and claims are those of cases."""

from api.http.calls import PENDING, CommandCall, Commanded
from api.http.engine import ProcessClosed
from api.http.routing import authorised_router
from api.v1.applications.carrying_out import carry_out
from api.v1.applications.review_schemas import ApproveBody, RejectBody, SupplementBody
from api.v1.applications.schemas import ApplicationStatus
from domain.applications.application import ReviewClosed
from messages.applications import ReviewCommand
from messages.ids import application_workflow
from messages.verification import SupplementRequest
from services.applications.reviewing import (
    ReviewDecision,
    authorise_review,
)
from storage.common.audit import AuditRepository

router = authorised_router("/reviews", "reviews")


@router.post(
    "/{application_id}/approve", responses=PENDING, summary="Approve an application in review"
)
async def approve(application_id: str, body: ApproveBody, call: Commanded) -> ApplicationStatus:
    """Approve: an offer is made, or a second person's turn begins and the state stays `in_review`.

    409 `review_closed` when somebody else was first, `case_claimed` while somebody else works on
    the case, `second_reviewer_needed` where somebody else has to decide.
    """
    return await _review(
        "approve",
        application_id,
        ReviewCommand(
            reviewer=call.caller.actor,
            reason=body.reason,
            amount=body.amount,
            instalments=body.instalments,
        ),
        call,
    )


@router.post(
    "/{application_id}/reject", responses=PENDING, summary="Reject an application in review"
)
async def reject(application_id: str, body: RejectBody, call: Commanded) -> ApplicationStatus:
    """Reject: the application is final. 409 as for an approval."""
    command = ReviewCommand(reviewer=call.caller.actor, reason=body.reason, code=body.code)
    return await _review("reject", application_id, command, call)


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
    decision: ReviewDecision, application_id: str, review: ReviewCommand, call: CommandCall
) -> ApplicationStatus:
    await authorise_review(call.database, call.caller, application_id, decision)
    try:
        return await carry_out(call, application_id, f"review_{decision}", review)
    except ProcessClosed:
        async with call.database.transaction() as tx:
            await AuditRepository(tx).add_by(
                call.caller,
                decision,
                application_workflow(application_id),
                "refused",
                detail={"reason": review.reason},
                key=call.command.update_id,
            )
        raise ReviewClosed("The review was decided already.") from None
