"""Elements: what an applicant provides, stored encrypted and verified by third parties."""

from datetime import timedelta
from typing import Final

from fastapi import Response

from api.answers import accepted
from api.auth import Caller
from api.engine import StillRunning
from api.gate import COMMAND_PROBLEMS, gated_router
from api.idempotency import Command, Keyed
from api.ownership import application_for
from api.schemas.application import ApplicationStatus, ElementsAnswer, NewElements
from api.services import Services, Using
from api.views import element_answer, row_status, view_status
from domain.application import (
    ApplicationClosed,
    ApplicationState,
    ElementRecord,
    WrongState,
    check_may_provide,
)
from domain.elements import Verdict
from domain.products import product_of
from messages import ids
from messages.application import ElementOutcomes, ProvidedElement, ProvideElements
from runtime.clock import utc_now
from storage.applications import ApplicationRow
from storage.database import Transaction
from storage.elements import ElementStatus

router = gated_router("/applications", "applications")

_HANDED_OVER: Final = timedelta(minutes=2)
"""After this long an unverified element is known to the process, or never will be."""


@router.post(
    "/{application_id}/elements",
    response_model=ElementsAnswer,
    responses={**COMMAND_PROBLEMS, 202: {"model": ElementsAnswer}},
    summary="Provide elements, one or several",
)
async def provide(
    application_id: str, body: NewElements, caller: Caller, command: Keyed, services: Using
) -> ElementsAnswer | Response:
    """Store elements and have them verified.

    202 while a third party cannot be reached: it is asked again, the verdict will show in the
    application. A mismatch is a verdict, not an error; provide the element again.
    """
    async with services.database.transaction() as tx:
        await application_for(tx, caller, application_id)
        provided = await _store(tx, application_id, body, command)
    status: ApplicationStatus | None = None
    try:
        outcomes = await services.engine.command(
            ids.application_workflow(application_id),
            "provide_elements",
            command.update_id,
            ElementOutcomes,
            ProvideElements(elements=provided, submit=body.submit),
            over=False,
        )
        status = view_status(outcomes.application)
    except StillRunning:
        status = None
    answer = await _answer(services, application_id, provided, status)
    if all(element.verdict is not Verdict.PENDING for element in answer.elements) and status:
        return answer
    return accepted(answer, f"/v1/applications/{application_id}")


async def _store(
    tx: Transaction, application_id: str, body: NewElements, command: Command
) -> tuple[ProvidedElement, ...]:
    """Store the elements, unless one of them cannot be taken: then none is."""
    application = await tx.applications.for_update(application_id)
    assert application is not None  # noqa: S101 -- it was just read
    latest = {status.kind: status for status in await tx.elements.latest(application_id)}
    provided = []
    for element in body.elements:
        kind = element.kind
        item = ProvidedElement(element_id=command.new_id("elt", kind), kind=kind)
        known = latest.get(item.kind)
        if known is None or known.element_id != item.element_id:
            _check(application, item, known)
        await tx.elements.insert(item.element_id, application_id, item.kind, element)
        provided.append(item)
    return tuple(provided)


def _check(application: ApplicationRow, item: ProvidedElement, known: ElementStatus | None) -> None:
    """Refuse early what the process would refuse, so that it leaves no trace in the record."""
    if application.state.is_final:
        raise ApplicationClosed(f"the application is {application.state}")
    if application.state is not ApplicationState.COLLECTING:
        raise WrongState(f"the application is {application.state}")
    if known is not None and not _was_lost(known):
        record = ElementRecord(
            kind=known.kind,
            element_id=known.element_id,
            attempts=known.attempt,
            verdict=known.verdict or Verdict.PENDING,
        )
        check_may_provide(product_of(application.product), {known.kind: record}, item.kind)
    else:
        check_may_provide(product_of(application.product), {}, item.kind)


def _was_lost(known: ElementStatus) -> bool:
    """Say whether an element may have been stored without reaching the process."""
    return known.verdict is None and known.submitted_at < utc_now() - _HANDED_OVER


async def _answer(
    services: Services,
    application_id: str,
    provided: tuple[ProvidedElement, ...],
    status: ApplicationStatus | None,
) -> ElementsAnswer:
    wanted = {item.element_id for item in provided}
    async with services.database.read() as tx:
        latest = await tx.elements.latest(application_id)
        row = None if status else await tx.applications.get(application_id)
    elements = [element_answer(item) for item in latest if item.element_id in wanted]
    if status is None:
        assert row is not None  # noqa: S101 -- its elements were just stored
        status = row_status(row)
    return ElementsAnswer(application=status, elements=elements)
