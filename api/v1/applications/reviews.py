"""Reviews: the queue, and a reviewer's word."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from fastapi import Response

from api.http.answers import accepted
from api.http.auth import Caller
from api.http.engine import ProcessClosed, StillRunning
from api.http.errors import Problem
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Command, Keyed
from api.http.pagination import Paged
from api.http.schemas import Page
from api.http.services import Services, Using
from api.v1.applications.review_schemas import ReviewAnswer, ReviewBody
from api.v1.applications.schemas import ApplicationStatus
from api.v1.applications.views import row_status, view_status
from api.v1.ownership import application_for
from domain.people.authority import Action
from domain.people.principals import Principal
from messages import ids
from messages.applications import ApplicationView, ReviewCommand
from services.people.authority import authorise
from storage.applications.reviews import ReviewRepository
from storage.common.audit import AuditRepository
from storage.people.staff import StaffRepository

router = gated_router("/reviews", "reviews")

Word = Literal["approve", "reject"]

_ACTIONS: Final[Mapping[Word, Action]] = MappingProxyType(
    {"approve": Action.APPROVE_APPLICATION, "reject": Action.REJECT_APPLICATION}
)


@router.get("", summary="The queue of open reviews, the one due first at its head")
async def queue(caller: Caller, services: Using, page: Paged) -> Page[ReviewAnswer]:
    """Return a page of the open tasks."""
    async with services.database.read() as tx:
        rows = await ReviewRepository(tx).queue(page.after, page.limit)
        handles = await StaffRepository(tx).handles(row.assigned_to for row in rows)
    items = [
        ReviewAnswer.model_validate(row).model_copy(
            update={"assigned_to": handles.get(row.assigned_to or "", row.assigned_to)}
        )
        for row in rows
    ]
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


async def _review(
    word: Word,
    application_id: str,
    body: ReviewBody,
    caller: Principal,
    command: Command,
    services: Services,
) -> ApplicationStatus | Response:
    async with services.database.read() as tx:
        row = await application_for(tx, caller, application_id)
    await authorise(
        services.database,
        caller,
        _ACTIONS[word],
        ids.application_workflow(application_id),
        amount=row.amount,
        currency=row.currency,
    )
    try:
        view = await services.engine.command(
            ids.application_workflow(application_id),
            f"review_{word}",
            command.update_id,
            ApplicationView,
            ReviewCommand(reviewer=caller.actor, reason=body.reason),
            over=row.state.is_final,
        )
    except StillRunning:
        async with services.database.read() as tx:
            row = await application_for(tx, caller, application_id)
        return accepted(row_status(row), f"/v1/applications/{application_id}")
    except ProcessClosed:
        await _audit_refusal(word, application_id, body, caller, command, services)
        raise Problem("review_closed", "The review was decided already.") from None
    return view_status(view)


async def _audit_refusal(
    word: Word,
    application_id: str,
    body: ReviewBody,
    caller: Principal,
    command: Command,
    services: Services,
) -> None:
    """Record a word that came after the process had ended, which so could not record it."""
    async with services.database.transaction() as tx:
        await AuditRepository(tx).add(
            actor=caller.actor,
            role=caller.role,
            action=word,
            subject=ids.application_workflow(application_id),
            outcome="refused",
            detail={"reason": body.reason},
            key=command.update_id,
        )
