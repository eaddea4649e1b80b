"""Applications: create, list, read, submit, withdraw, follow."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.http.answers import accepted, created
from api.http.auth import Caller
from api.http.engine import StillRunning
from api.http.errors import Problem
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Keyed
from api.http.pagination import Paged
from api.http.schemas import Page
from api.http.services import Using
from api.http.streams import Follow, LastEventId, events
from api.v1 import ownership
from api.v1.applications.schemas import (
    ApplicationAnswer,
    ApplicationStatus,
    ApplicationSummary,
    Channel,
    CustomerReference,
    NewApplication,
)
from api.v1.applications.views import application_answer, row_status, view_status
from api.v1.ownership import applicant_id_of, application_for, identity_to_apply_with
from api.v1.people.consenting import record_consent
from domain.applications.application import ApplicationState
from domain.common.calendar import business_date
from domain.people.principals import Principal
from domain.products.products import product_of
from messages import ids
from messages.applications import ApplicationView, StartApplication
from messages.verification import ReusedElement
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.applications.reuse import take_over
from storage.common.repository import Transaction
from storage.people.applicants import ApplicantRepository
from storage.people.devices import DeviceRepository

router = gated_router("/applications", "applications")


@router.post("", status_code=201, responses=COMMAND_PROBLEMS, summary="Apply for credit")
async def create(
    body: NewApplication, caller: Caller, command: Keyed, services: Using, response: Response
) -> ApplicationStatus:
    """Begin an application. Elements are provided next, then it is submitted.

    What the applicant had verified for an earlier one and is still valid counts at once. A person
    has one application a product at a time: a second one waits until the first is over, with the
    line that came of it used, expired or closed.
    """
    product = product_of(body.product)
    product.check_request(body.amount, body.instalments)
    channel, reference = identity_to_apply_with(caller, body.channel, body.customer_reference)
    async with services.database.transaction() as tx:
        applicant = await ApplicantRepository(tx).get_or_create(
            applicant_id_of(channel, reference),
            channel,
            reference,
            lender=services.settings.lender,
        )
        start = StartApplication(
            application_id=command.new_id("app"),
            applicant_id=applicant.id,
            product=product.code,
            channel=channel,
            currency=product.currency,
            amount=body.amount,
            instalments=body.instalments,
        )
        await _refuse_second(tx, start, caller)
        row = await ApplicationRepository(tx).insert(start, created_by=command.subject)
        for consent in body.consents:
            await record_consent(tx, applicant, consent, caller, command)
        if body.device is not None:
            await DeviceRepository(tx).see(
                row.id, applicant.id, body.device.device_id, body.device.platform, row.created_at
            )
        opened_on = business_date(row.created_at, product.zone)
        reused = await take_over(tx, row, product.elements, opened_on, row.created_at)
    kept = tuple(ReusedElement(kind=item.kind, element_id=item.element_id) for item in reused)
    await services.engine.start_application(start.model_copy(update={"reused": kept}))
    created(response, f"/v1/applications/{row.id}")
    return row_status(row)


async def _refuse_second(tx: Transaction, start: StartApplication, caller: Principal) -> None:
    """Raise the problem `application_pending` unless the person may begin an application.

    It tells which one is in the way only to who may see it. A repeat of what began it may go on.
    """
    await ApplicantRepository(tx).lock(start.applicant_id)
    if await ApplicationRepository(tx).get(start.application_id) is not None:
        return
    pending = await ApplicationRepository(tx).pending_of(
        start.applicant_id, start.product, except_for=start.application_id
    )
    if pending is None:
        return
    is_shown = pending.applicant_id == start.applicant_id or (
        pending.channel == start.channel and caller.role == "partner"
    )
    which = f"{pending.id} is {pending.state}" if is_shown else "There is one elsewhere"
    raise Problem(
        "application_pending",
        f"{which}: a person has one application for {start.product} at a time, until it is over"
        " and no line of it is open.",
    )


@router.get("", summary="List applications, the newest first")
async def list_applications(
    caller: Caller,
    services: Using,
    page: Paged,
    state: ApplicationState | None = None,
    channel: Annotated[Channel | None, Query()] = None,
    customer_reference: Annotated[CustomerReference | None, Query()] = None,
) -> Page[ApplicationSummary]:
    """Return a page of the applications that the caller may see."""
    scope = ownership.scope_of(caller, channel, customer_reference)
    async with services.database.read() as tx:
        rows = await ApplicationRepository(tx).page(
            page.after,
            page.limit,
            channel=scope.channel,
            applicant_id=scope.applicant_id,
            state=state,
        )
    items = [ApplicationSummary.model_validate(row) for row in rows]
    return Page(items=items, next=page.next_cursor(rows, "created_at"))


@router.get("/{application_id}", summary="Read an application")
async def read(application_id: str, caller: Caller, services: Using) -> ApplicationAnswer:
    """Return state, elements, decision, offer and line of an application."""
    async with services.database.read() as tx:
        row = await application_for(tx, caller, application_id)
        return await application_answer(tx, row, for_staff=caller.is_staff)


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
    return await _execute("submit", application_id, caller, command, services)


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
    return await _execute("withdraw", application_id, caller, command, services)


async def _visible(application_id: str, caller: Caller, services: Using) -> ApplicationRow:
    async with services.database.read() as tx:
        return await application_for(tx, caller, application_id)


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


async def _execute(
    update: str, application_id: str, caller: Caller, command: Keyed, services: Using
) -> ApplicationStatus | Response:
    row = await _visible(application_id, caller, services)
    try:
        view = await services.engine.command(
            ids.application_workflow(application_id),
            update,
            command.update_id,
            ApplicationView,
            over=row.state.is_final,
        )
    except StillRunning:
        row = await _visible(application_id, caller, services)
        return accepted(row_status(row), f"/v1/applications/{application_id}")
    if update == "submit" and view.state is ApplicationState.COLLECTING:
        # Sources that take their time are still asked; the decision follows by itself.
        return accepted(view_status(view), f"/v1/applications/{application_id}")
    return view_status(view)
