"""Applications: create, list, read, submit, withdraw, follow."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.http.answers import accepted, created
from api.http.auth import Caller
from api.http.idempotency import Keyed
from api.http.pagination import Paged
from api.http.routing import COMMAND_PROBLEMS, authorised_router
from api.http.schemas import Page
from api.http.services import Using
from api.http.streams import Follow, LastEventId, events
from api.v1.applications.carrying_out import carry_out
from api.v1.applications.schemas import (
    ApplicationAnswer,
    ApplicationStatus,
    ApplicationSummary,
    Channel,
    CustomerReference,
    NewApplication,
)
from api.v1.applications.views import application_answer, row_status
from domain.applications.application import ApplicationState
from messages import ids
from services.applications.applying import begin_application
from services.applications.finding import find_application
from services.applications.reading import list_applications, read_application
from storage.applications.applications import ApplicationRepository, ApplicationRow

router = authorised_router("/applications", "applications")


@router.post("", status_code=201, responses=COMMAND_PROBLEMS, summary="Apply for credit")
async def create(
    body: NewApplication, caller: Caller, command: Keyed, services: Using, response: Response
) -> ApplicationStatus:
    """Begin an application. Elements are provided next, then it is submitted.

    What the applicant had verified for an earlier one and is still valid counts at once. A person
    has one application a product at a time: a second one waits until the first is over, with the
    line that came of it used, expired or closed.
    """
    async with services.database.transaction() as tx:
        begun = await begin_application(
            tx, caller, command, body.request(), lender=services.settings.lender
        )
    await services.engine.start_application(begun.start)
    created(response, f"/v1/applications/{begun.application.id}")
    return await row_status(services, begun.application)


@router.get("", summary="List applications, the newest first")
async def list_(
    caller: Caller,
    services: Using,
    page: Paged,
    state: ApplicationState | None = None,
    channel: Annotated[Channel | None, Query()] = None,
    customer_reference: Annotated[CustomerReference | None, Query()] = None,
) -> Page[ApplicationSummary]:
    """Return a page of the applications that the caller may see."""
    async with services.database.read() as tx:
        rows = await list_applications(
            tx,
            caller,
            page.after,
            page.limit,
            channel=channel,
            customer_reference=customer_reference,
            state=state,
        )
    items = [ApplicationSummary.model_validate(row) for row in rows]
    return Page(items=items, next=page.next_cursor(rows, "created_at"))


@router.get("/{application_id}", summary="Read an application")
async def read(application_id: str, caller: Caller, services: Using) -> ApplicationAnswer:
    """Return state, elements, decision, offer and line of an application."""
    async with services.database.read() as tx:
        return application_answer(await read_application(tx, caller, application_id))


@router.post(
    "/{application_id}/submit",
    response_model=ApplicationStatus,
    responses={**COMMAND_PROBLEMS, 202: {"model": ApplicationStatus}},
    summary="Ask for the decision",
)
async def submit(
    application_id: str, caller: Caller, command: Keyed, services: Using
) -> ApplicationStatus | Response:
    """Decide the application, once every required element is verified.

    202 while a source or the decision takes longer than the request may; it follows by itself.
    """
    status = await carry_out(services, caller, command, application_id, "submit")
    if isinstance(status, ApplicationStatus) and status.state is ApplicationState.COLLECTING:
        # Sources that take their time are still asked; the decision follows by itself.
        return accepted(status, f"/v1/applications/{application_id}")
    return status


@router.post(
    "/{application_id}/withdraw",
    response_model=ApplicationStatus,
    responses={**COMMAND_PROBLEMS, 202: {"model": ApplicationStatus}},
    summary="Give the application up",
)
async def withdraw(
    application_id: str, caller: Caller, command: Keyed, services: Using
) -> ApplicationStatus | Response:
    """End the application on the applicant's word."""
    return await carry_out(services, caller, command, application_id, "withdraw")


async def _visible(application_id: str, caller: Caller, services: Using) -> ApplicationRow:
    async with services.database.read() as tx:
        return await find_application(tx, caller, application_id)


@router.get(
    "/{application_id}/events",
    response_class=EventSourceResponse,
    summary="Follow an application",
)
async def follow(
    application: Annotated[ApplicationRow, Depends(_visible)],
    caller: Caller,
    services: Using,
    last_event_id: LastEventId = 0,
    follow: Follow = False,
) -> AsyncIterator[ServerSentEvent]:
    """Stream what happens; the stream ends when the application is final."""

    async def is_final() -> bool:
        async with services.database.read() as tx:
            row = await ApplicationRepository(tx).get(application.id)
        return row is None or row.state.is_final

    aggregate = ids.application_workflow(application.id)
    async for event in events(services, caller, aggregate, last_event_id, follow, is_final):
        yield event
