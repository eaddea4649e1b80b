"""Elements that a product asks for before money is drawn."""

from contextlib import suppress

from api.http.calls import PENDING, Called, CommandCall, Commanded
from api.http.engine import StillRunning
from api.http.routing import authorised_router
from api.v1.applications.views import element_answer
from api.v1.lines.element_schemas import LineElementsCreate, LineElementsResponse
from api.v1.verification.schemas import CodeEntry
from domain.lines import LineState
from domain.verification.elements import Verdict
from messages import ids
from messages.lines import LineElementOutcomes, ProvideLineElements
from messages.verification import ConfirmElement, ElementOutcome
from services.lines.elements import (
    LineElements,
    enter_code,
    provide_elements,
    read_elements,
    read_given_elements,
)
from services.verification.intake import clean_pictures
from storage.lines.lines import LineRow

router = authorised_router("/lines", "offers and lines")


@router.post(
    "/{line_id}/elements", responses=PENDING, summary="Provide what is asked for before a drawdown"
)
async def provide(line_id: str, body: LineElementsCreate, call: Commanded) -> LineElementsResponse:
    """Store elements and have them verified; a drawdown needs all of them, still valid.

    202 while a third party cannot be reached or takes its time: it is asked again.
    """
    pictures = await clean_pictures(body.elements)
    async with call.database.transaction() as tx:
        line, provided = await provide_elements(
            tx, call.caller, call.command, line_id, body.elements, pictures
        )
    wanted = {item.element_id for item in provided.elements}
    return await _carry_out(call, line, "provide_elements", provided, wanted)


@router.get("/{line_id}/elements", summary="Read where the elements of a drawdown stand")
async def read(line_id: str, call: Called) -> LineElementsResponse:
    """Return what a drawdown asks for: the last element of each kind, and what is missing."""
    async with call.database.read() as tx:
        return _answer(await read_elements(tx, call.caller, line_id))


@router.post(
    "/{line_id}/elements/{element_id}/code",
    responses=PENDING,
    summary="Enter the code that a source sent for a drawdown",
)
async def confirm(
    line_id: str, element_id: str, body: CodeEntry, call: Commanded
) -> LineElementsResponse:
    """Pass the code on to the source. 202 while the source has not answered for good.

    A wrong one leaves the element `awaiting_code` with the reason `wrong_code`.
    """
    async with call.database.transaction() as tx:
        line, confirmed = await enter_code(
            tx, call.caller, call.command, line_id, element_id, body.code
        )
    return await _carry_out(call, line, "confirm_element", confirmed, {element_id})


async def _carry_out(
    call: CommandCall,
    line: LineRow,
    update: str,
    argument: ProvideLineElements | ConfirmElement,
    wanted: set[str],
) -> LineElementsResponse:
    told: tuple[ElementOutcome, ...] = ()
    with suppress(StillRunning):
        outcomes = await call.services.engine.command(
            ids.line_workflow(line.id),
            update,
            call.command.update_id,
            LineElementOutcomes,
            argument,
            over=line.state is not LineState.ACTIVE,
            state=line.state,
        )
        told = outcomes.outcomes
    async with call.database.read() as tx:
        answer = _answer(await read_given_elements(tx, line, wanted, told))
    if any(element.verdict is Verdict.PENDING for element in answer.elements):
        call.pending(f"/v1/lines/{line.id}/elements")
    return answer


def _answer(found: LineElements) -> LineElementsResponse:
    return LineElementsResponse(
        line_id=found.line.id,
        elements=[element_answer(one) for one in found.elements],
        missing=list(found.missing),
    )
