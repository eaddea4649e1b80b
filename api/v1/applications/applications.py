"""Applications: create, list, read, submit, withdraw, follow."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.http.calls import PENDING, Called, Commanded
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.http.streams import Streamed
from api.v1.applications.carrying_out import carry_out
from api.v1.applications.schemas import (
    AppealBody,
    ApplicationCreate,
    ApplicationResponse,
    ApplicationStatus,
    ApplicationSummary,
    Channel,
    CustomerReference,
    ProductCode,
)
from api.v1.applications.views import application_answer, row_status
from domain.applications.application import ApplicationPending, ApplicationState, Waiting
from messages import ids
from runtime.clock import utc_now
from services.applications.appealing import appeal
from services.applications.applying import begin_application
from services.applications.finding import find_application
from services.applications.reading import list_applications, read_application
from storage.applications.applications import ApplicationRepository, ApplicationRow

router = authorised_router("/applications", "applications")


@router.post("", status_code=201, summary="Apply for credit")
async def create(body: ApplicationCreate, call: Commanded) -> ApplicationStatus:
    """Begin an application. Elements are provided next, then it is submitted.

    What the applicant had verified for an earlier one and is still valid counts at once. A person
    has one application a product at a time: a second one waits until the first is over, with the
    line that came of it used, expired or closed.
    """
    try:
        async with call.database.transaction() as tx:
            begun = await begin_application(
                tx, call.caller, call.command, body.request(), lender=call.services.settings.lender
            )
    except ApplicationPending as refusal:
        # Should its process never have been started it would be pending for ever.
        await call.services.engine.ensure(ids.application_workflow(refusal.application_id))
        raise
    await call.services.engine.start_application(begun.start)
    call.created(f"/v1/applications/{begun.application.id}")
    return await row_status(call.services, begun.application)


@router.get("", summary="List applications, the newest first")
async def list_(
    call: Called,
    page: Paged,
    state: ApplicationState | None = None,
    waiting: Waiting | None = None,
    product: Annotated[ProductCode | None, Query()] = None,
    channel: Annotated[Channel | None, Query()] = None,
    customer_reference: Annotated[CustomerReference | None, Query()] = None,
) -> Page[ApplicationSummary]:
    """Return a page of the applications that the caller may see."""
    async with call.database.read() as tx:
        rows = await list_applications(
            tx,
            call.caller,
            page.after,
            page.limit,
            channel=channel,
            customer_reference=customer_reference,
            state=state,
            waiting=waiting,
            product=product,
        )
    return page.of(ApplicationSummary, rows, "created_at")


@router.get("/{application_id}", summary="Read an application")
async def read(application_id: str, call: Called) -> ApplicationResponse:
    """Return state, elements, decision, offer and line of an application."""
    async with call.database.read() as tx:
        found = await read_application(tx, call.caller, application_id)
    if not found.application.state_seq:
        await call.services.engine.ensure(ids.application_workflow(application_id))
    return application_answer(call.caller, found)


@router.post("/{application_id}/submit", responses=PENDING, summary="Ask for the decision")
async def submit(application_id: str, call: Commanded) -> ApplicationStatus:
    """Decide the application, once every required element is verified.

    202 while a source or the decision takes longer than the request may; it follows by itself.
    """
    status = await carry_out(call, application_id, "submit")
    if status.state is ApplicationState.COLLECTING:
        # Sources that take their time are still asked; the decision follows by itself.
        call.pending(f"/v1/applications/{application_id}")
    return status


@router.post("/{application_id}/withdraw", responses=PENDING, summary="Give the application up")
async def withdraw(application_id: str, call: Commanded) -> ApplicationStatus:
    """End the application on the applicant's word."""
    return await carry_out(call, application_id, "withdraw")


@router.post("/{application_id}/appeal", summary="Have a person look at a rejection")
async def make_appeal(application_id: str, body: AppealBody, call: Commanded) -> ApplicationStatus:
    """Put an application that was rejected automatically before a reviewer: once, within a time.

    The rejection keeps the person from other credit until the reviewer has decided. 409
    `appeal_refused` for what a person rejected, too late, or a second time.
    """
    async with call.database.transaction() as tx:
        start = await appeal(tx, call.caller, application_id, body.reason, utc_now())
    if start is not None:
        await call.services.engine.start_application(start)
    async with call.database.read() as tx:
        row = await find_application(tx, call.caller, application_id)
    return await row_status(call.services, row)


async def _visible(application_id: str, call: Called) -> ApplicationRow:
    async with call.database.read() as tx:
        return await find_application(tx, call.caller, application_id)


@router.get(
    "/{application_id}/events", response_class=EventSourceResponse, summary="Follow an application"
)
async def follow(
    application: Annotated[ApplicationRow, Depends(_visible)], call: Called, stream: Streamed
) -> AsyncIterator[ServerSentEvent]:
    """Stream what happens; the stream ends when the application is final."""

    async def is_final() -> bool:
        async with call.database.read() as tx:
            row = await ApplicationRepository(tx).get(application.id)
        return row is None or row.state.is_final

    async for event in stream.of(ids.application_workflow(application.id), is_final):
        yield event
