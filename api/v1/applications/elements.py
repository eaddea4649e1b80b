"""Elements: what an applicant provides, stored encrypted and verified by third parties."""

from api.http.calls import PENDING, Called, CommandCall, Commanded
from api.http.engine import StillRunning
from api.http.routing import authorised_router
from api.v1.applications.schemas import ApplicationStatus, ElementsCreate, ElementsResponse
from api.v1.applications.views import element_answer, row_status, view_status
from api.v1.verification.schemas import CodeEntry, LivenessChallengeResponse
from domain.verification.elements import Verdict
from messages import ids
from messages.applications import ElementOutcomes, ProvideElements
from messages.verification import ConfirmElement, ElementOutcome
from services.applications.elements import (
    ask_liveness_challenge,
    enter_code,
    provide_elements,
    read_elements,
)
from services.verification.intake import clean_pictures
from storage.applications.applications import ApplicationRow

router = authorised_router("/applications", "applications")


@router.post(
    "/{application_id}/elements", responses=PENDING, summary="Provide elements, one or several"
)
async def provide(application_id: str, body: ElementsCreate, call: Commanded) -> ElementsResponse:
    """Store elements and have them verified.

    202 while a third party cannot be reached: it is asked again, the verdict will show in the
    application. A mismatch is a verdict, not an error; provide the element again.
    """
    pictures = await clean_pictures(body.elements)
    async with call.database.transaction() as tx:
        row, provided = await provide_elements(
            tx,
            call.caller,
            call.command,
            application_id,
            body.elements,
            pictures,
            submit=body.submit,
        )
    wanted = {item.element_id for item in provided.elements}
    return await carry_out_elements(call, row, "provide_elements", provided, wanted)


@router.get(
    "/{application_id}/liveness-challenge",
    summary="Read what the face has to do in the next attempt",
)
async def challenge(application_id: str, call: Called) -> LivenessChallengeResponse:
    """Return two or three actions. Frames that show others are a mismatch, `wrong_action`.

    They have to be provided before `expires_at`; until then asking again gives the same ones, and
    afterwards it gives other actions. Every attempt is asked something else.
    """
    async with call.database.transaction() as tx:
        asked = await ask_liveness_challenge(tx, call.caller, application_id)
    return LivenessChallengeResponse.model_validate(asked)


@router.post(
    "/{application_id}/elements/{element_id}/code",
    responses=PENDING,
    summary="Enter the code that a source sent",
)
async def confirm(
    application_id: str, element_id: str, body: CodeEntry, call: Commanded
) -> ElementsResponse:
    """Pass the code on to the source. 202 while the source has not answered for good.

    A wrong one leaves the element `awaiting_code` with the reason `wrong_code`.
    """
    async with call.database.transaction() as tx:
        row, confirmed = await enter_code(
            tx, call.caller, call.command, application_id, element_id, body.code
        )
    return await carry_out_elements(call, row, "confirm_element", confirmed, {element_id})


async def carry_out_elements(
    call: CommandCall,
    row: ApplicationRow,
    update: str,
    argument: ProvideElements | ConfirmElement,
    wanted: set[str],
) -> ElementsResponse:
    """Send what was stored to the process, and answer with the verdicts on what is `wanted`."""
    status: ApplicationStatus | None = None
    told: tuple[ElementOutcome, ...] = ()
    try:
        outcomes = await call.services.engine.command(
            ids.application_workflow(row.id),
            update,
            call.command.update_id,
            ElementOutcomes,
            argument,
            over=row.state.is_final and update == "confirm_element",
            state=row.state,
        )
        told = outcomes.outcomes
        # What was pending then may have a verdict by now: the record knows what followed from it.
        if all(one.verdict is not Verdict.PENDING for one in told):
            status = await view_status(call.services, outcomes.application)
        running = False
    except StillRunning:
        running = True
    async with call.database.read() as tx:
        row, elements = await read_elements(tx, row.id, wanted, told)
    answer = ElementsResponse(
        application=status or await row_status(call.services, row),
        elements=[element_answer(one) for one in elements],
    )
    if running or any(element.verdict is Verdict.PENDING for element in elements):
        call.pending(f"/v1/applications/{row.id}")
    return answer
