"""Elements that a product asks for before money is drawn."""

from collections.abc import Mapping
from contextlib import suppress

from fastapi import Response

from api.http.answers import accepted
from api.http.auth import Caller
from api.http.engine import StillRunning
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Command, Keyed
from api.http.services import Services, Using
from api.v1.applications.views import element_records
from api.v1.lines.element_schemas import LineElementsAnswer, NewLineElements
from api.v1.ownership import line_for
from api.v1.verification.intake import answers_of, enter_code, store_elements, was_lost
from api.v1.verification.schemas import NewCode
from domain.applications.application import ElementRefused, check_may_provide
from domain.applications.kept_elements import usable_elements
from domain.common.calendar import business_date
from domain.lines import LineClosed, LineState
from domain.products.products import AgreedProduct
from domain.verification.elements import ElementKind, Verdict
from messages import ids
from messages.applications import ProvidedElement
from messages.lines import LineElementOutcomes, ProvideLineElements
from messages.verification import ConfirmElement, ElementOutcome
from runtime.clock import utc_now
from services.products.agreed import agreed_product
from storage.applications.applications import ApplicationRepository
from storage.common.repository import Transaction
from storage.lines.lines import LineRow
from storage.people.consents import ConsentRepository
from storage.verification.elements import ElementRepository, ElementStatus

router = gated_router("/lines", "offers and lines")


@router.post(
    "/{line_id}/elements",
    response_model=LineElementsAnswer,
    responses={**COMMAND_PROBLEMS, 202: {"model": LineElementsAnswer}},
    summary="Provide what is asked for before a drawdown",
)
async def provide(
    line_id: str, body: NewLineElements, caller: Caller, command: Keyed, services: Using
) -> LineElementsAnswer | Response:
    """Store elements and have them verified; a drawdown needs all of them, still valid.

    202 while a third party cannot be reached or takes its time: it is asked again.
    """
    async with services.database.transaction() as tx:
        line = await line_for(tx, caller, line_id)
        provided = await _store(tx, line, body, command)
    return await _carry_out(
        services,
        line,
        "provide_elements",
        command,
        ProvideLineElements(elements=provided),
        {item.element_id for item in provided},
    )


@router.get("/{line_id}/elements", summary="Read where the elements of a drawdown stand")
async def read(line_id: str, caller: Caller, services: Using) -> LineElementsAnswer:
    """Return what a drawdown asks for: the last element of each kind, and what is missing."""
    async with services.database.read() as tx:
        line = await line_for(tx, caller, line_id)
    return await _answer(services, line, None, (), for_staff=caller.is_staff)


@router.post(
    "/{line_id}/elements/{element_id}/code",
    response_model=LineElementsAnswer,
    responses={**COMMAND_PROBLEMS, 202: {"model": LineElementsAnswer}},
    summary="Enter the code that a source sent for a drawdown",
)
async def confirm(
    line_id: str, element_id: str, body: NewCode, caller: Caller, command: Keyed, services: Using
) -> LineElementsAnswer | Response:
    """Pass the code on to the source. 202 while the source has not answered for good.

    A wrong one leaves the element `awaiting_code` with the reason `wrong_code`.
    """
    async with services.database.transaction() as tx:
        line = await line_for(tx, caller, line_id)
        process = ids.line_workflow(line_id)
        confirm = await enter_code(tx, process, element_id, body.code, command)
    return await _carry_out(services, line, "confirm_element", command, confirm, {element_id})


async def _carry_out(
    services: Services,
    line: LineRow,
    update: str,
    command: Command,
    argument: ProvideLineElements | ConfirmElement,
    wanted: set[str],
) -> LineElementsAnswer | Response:
    told: tuple[ElementOutcome, ...] = ()
    with suppress(StillRunning):
        outcomes = await services.engine.command(
            ids.line_workflow(line.id),
            update,
            command.update_id,
            LineElementOutcomes,
            argument,
            over=line.state is not LineState.ACTIVE,
        )
        told = outcomes.outcomes
    answer = await _answer(services, line, wanted, told)
    if any(element.verdict is Verdict.PENDING for element in answer.elements):
        return accepted(answer, f"/v1/lines/{line.id}/elements")
    return answer


async def _store(
    tx: Transaction, line: LineRow, body: NewLineElements, command: Command
) -> tuple[ProvidedElement, ...]:
    application = await ApplicationRepository(tx).for_update(line.application_id)
    assert application is not None  # noqa: S101 -- a line comes from one
    if line.state is not LineState.ACTIVE:
        raise LineClosed(f"the line is {line.state}")
    product = await agreed_product(tx, application)
    asking = product.at_drawdown()
    counting = await _counting(tx, line, product)

    def check(kind: ElementKind, latest: Mapping[ElementKind, ElementStatus]) -> None:
        if kind in counting:
            raise ElementRefused(f"{kind} is verified already")
        # What was verified and counts no more may be provided again, as what was lost may.
        standing = [
            known
            for known in latest.values()
            if not was_lost(known)
            and (known.verdict is not Verdict.MATCH or known.kind in counting)
        ]
        together = {ElementKind(element.kind) for element in body.elements}
        check_may_provide(asking, element_records(standing, None), kind, together=together)

    return await store_elements(tx, application, body.elements, command, check)


async def _counting(tx: Transaction, line: LineRow, product: AgreedProduct) -> set[ElementKind]:
    """Return the kinds of a drawdown that were verified and still count today."""
    kept = await ElementRepository(tx).kept_by(line.applicant_id)
    today = business_date(utc_now(), product.zone)
    consented = await ConsentRepository(tx).purposes_in_force(line.applicant_id)
    usable = usable_elements(
        product, product.drawdown_elements, kept, today, consented=consented, is_present=False
    )
    return {item.kind for item in usable}


async def _answer(
    services: Services,
    line: LineRow,
    wanted: set[str] | None,
    told: tuple[ElementOutcome, ...],
    *,
    for_staff: bool = False,
) -> LineElementsAnswer:
    """Return where the elements `wanted` stand, without a choice those that a drawdown needs."""
    async with services.database.read() as tx:
        application = await ApplicationRepository(tx).get(line.application_id)
        assert application is not None  # noqa: S101 -- a line comes from one
        product = await agreed_product(tx, application)
        counting = await _counting(tx, line, product)
        if wanted is None:
            latest = await ElementRepository(tx).latest(application.id)
            asked = product.drawdown_elements
            wanted = {status.element_id for status in latest if status.kind in asked}
        elements = await answers_of(tx, application.id, product, wanted, told, for_staff=for_staff)
    return LineElementsAnswer(
        line_id=line.id,
        elements=elements,
        missing=[kind for kind in product.drawdown_elements if kind not in counting],
    )
