"""Elements that a product asks for before money is drawn."""

from contextlib import suppress

from fastapi import Response

from api.answers import accepted
from api.auth import Caller
from api.consenting import require_consents
from api.engine import StillRunning
from api.gate import COMMAND_PROBLEMS, gated_router
from api.idempotency import Command, Keyed
from api.ownership import line_for
from api.schemas.line_elements import LineElementsAnswer, NewLineElements
from api.services import Services, Using
from api.views import element_answers, element_records
from domain.application import ElementRefused, check_form, check_may_provide
from domain.calendar import business_date
from domain.elements import ElementKind, Verdict
from domain.kept_elements import usable_elements
from domain.line import LineClosed, LineState
from domain.products import product_of
from messages import ids
from messages.application import ProvidedElement
from messages.line import LineElementOutcomes, ProvideLineElements
from runtime.clock import utc_now
from storage.database import Transaction
from storage.lines import LineRow

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

    202 while a third party cannot be reached: it is asked again.
    """
    async with services.database.transaction() as tx:
        line = await line_for(tx, caller, line_id)
        provided = await _store(tx, line, body, command)
    with suppress(StillRunning):
        await services.engine.command(
            ids.line_workflow(line_id),
            "provide_elements",
            command.update_id,
            LineElementOutcomes,
            ProvideLineElements(elements=provided),
            over=line.state is not LineState.ACTIVE,
        )
    answer = await _answer(services, line, {item.element_id for item in provided})
    if any(element.verdict is Verdict.PENDING for element in answer.elements):
        return accepted(answer, f"/v1/lines/{line_id}")
    return answer


async def _store(
    tx: Transaction, line: LineRow, body: NewLineElements, command: Command
) -> tuple[ProvidedElement, ...]:
    application = await tx.applications.for_update(line.application_id)
    assert application is not None  # noqa: S101 -- a line comes from one
    if line.state is not LineState.ACTIVE:
        raise LineClosed(f"the line is {line.state}")
    product = product_of(application.product)
    asked = product.model_copy(
        update={"required_elements": product.drawdown_elements, "optional_elements": ()}
    )
    policies = {one.kind: product.policy_of(ElementKind(one.kind)) for one in body.elements}
    await require_consents(
        tx, line.applicant_id, {kind: policy.consent for kind, policy in policies.items()}
    )
    kept = await tx.elements.kept_by(line.applicant_id, product.zone)
    today = business_date(utc_now(), product.zone)
    counting = {
        item.kind
        for item in usable_elements(
            product, product.drawdown_elements, kept, today, is_present=False
        )
    }
    latest = {status.kind: status for status in await tx.elements.latest(application.id)}
    provided = []
    for element in body.elements:
        kind = ElementKind(element.kind)
        check_form(product, element)
        item = ProvidedElement(element_id=command.new_id("elt", kind), kind=kind)
        known = latest.get(kind)
        if known is None or known.element_id != item.element_id:
            if kind in counting:
                raise ElementRefused(f"{kind} is verified already")
            if policies[element.kind].captured:
                raise ElementRefused(f"{kind} is captured with an application")
            expired = known is not None and known.verdict is Verdict.MATCH
            records = element_records([known] if known and not expired else [], None)
            check_may_provide(asked, records, kind)
        await tx.elements.insert(item.element_id, application.id, kind, element)
        provided.append(item)
    return tuple(provided)


async def _answer(services: Services, line: LineRow, wanted: set[str]) -> LineElementsAnswer:
    async with services.database.read() as tx:
        application = await tx.applications.get(line.application_id)
        assert application is not None  # noqa: S101 -- a line comes from one
        latest = await tx.elements.latest(application.id)
        statuses = [item for item in latest if item.element_id in wanted]
        elements = await element_answers(tx, statuses, product_of(application.product))
    return LineElementsAnswer(line_id=line.id, elements=elements)
