"""Elements: what an applicant provides, stored encrypted and verified by third parties."""

from collections.abc import Mapping

from fastapi import Response

from api.http.answers import accepted
from api.http.auth import Caller
from api.http.engine import StillRunning
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Command, Keyed
from api.http.services import Services, Using
from api.v1.applications.schemas import (
    ApplicationStatus,
    ElementsAnswer,
    NewElements,
)
from api.v1.applications.views import element_records, row_status, view_status
from api.v1.ownership import application_for
from api.v1.verification.intake import answers_of, enter_code, store_elements, was_lost
from api.v1.verification.schemas import LivenessChallengeAnswer, NewCode
from domain.applications.application import (
    ApplicationClosed,
    ApplicationState,
    WrongState,
    check_may_provide,
)
from domain.verification.elements import ElementKind, Verdict
from messages import ids
from messages.applications import ElementOutcomes, ProvidedElement, ProvideElements
from messages.verification import ConfirmElement, ElementOutcome
from runtime.clock import utc_now
from services.products.agreed import agreed_product
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.applications.supplements import SupplementRepository
from storage.common.repository import Transaction
from storage.verification.elements import ElementStatus
from storage.verification.liveness_challenges import LivenessChallengeRepository

router = gated_router("/applications", "applications")


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
        row = await application_for(tx, caller, application_id)
        provided = await _store(tx, application_id, body, command)
    return await _carry_out(
        services,
        row,
        "provide_elements",
        command,
        ProvideElements(elements=provided, submit=body.submit),
        {item.element_id for item in provided},
    )


@router.get(
    "/{application_id}/liveness-challenge",
    summary="Read what the face has to do in the next attempt",
)
async def challenge(
    application_id: str, caller: Caller, services: Using
) -> LivenessChallengeAnswer:
    """Return two or three actions. Frames that show others are a mismatch, `wrong_action`.

    They have to be provided before `expires_at`; until then asking again changes nothing, and
    afterwards it gives other actions. Every attempt is asked something else.
    """
    async with services.database.transaction() as tx:
        row = await application_for(tx, caller, application_id)
        policy = (await agreed_product(tx, row)).policy_of(ElementKind.LIVENESS)
        # The machine's clock, also where a stack travels in time: a face stands before a camera.
        asked = await LivenessChallengeRepository(tx).ask(
            row.id, utc_now(), policy.challenge_valid_for
        )
    return LivenessChallengeAnswer(
        attempt=asked.attempt, actions=asked.actions, expires_at=asked.expires_at
    )


@router.post(
    "/{application_id}/elements/{element_id}/code",
    response_model=ElementsAnswer,
    responses={**COMMAND_PROBLEMS, 202: {"model": ElementsAnswer}},
    summary="Enter the code that a source sent",
)
async def confirm(
    application_id: str,
    element_id: str,
    body: NewCode,
    caller: Caller,
    command: Keyed,
    services: Using,
) -> ElementsAnswer | Response:
    """Pass the code on to the source. 202 while the source has not answered for good.

    A wrong one leaves the element `awaiting_code` with the reason `wrong_code`.
    """
    async with services.database.transaction() as tx:
        row = await application_for(tx, caller, application_id)
        process = ids.application_workflow(application_id)
        confirm = await enter_code(tx, process, element_id, body.code, command)
    return await _carry_out(services, row, "confirm_element", command, confirm, {element_id})


async def _carry_out(
    services: Services,
    row: ApplicationRow,
    update: str,
    command: Command,
    argument: ProvideElements | ConfirmElement,
    wanted: set[str],
) -> ElementsAnswer | Response:
    status: ApplicationStatus | None = None
    told: tuple[ElementOutcome, ...] = ()
    try:
        outcomes = await services.engine.command(
            ids.application_workflow(row.id),
            update,
            command.update_id,
            ElementOutcomes,
            argument,
            over=row.state.is_final and update == "confirm_element",
        )
        status, told = await view_status(services, outcomes.application), outcomes.outcomes
    except StillRunning:
        status = None
    answer = await _answer(services, row.id, wanted, status, told)
    if all(element.verdict is not Verdict.PENDING for element in answer.elements) and status:
        return answer
    return accepted(answer, f"/v1/applications/{row.id}")


async def _store(
    tx: Transaction, application_id: str, body: NewElements, command: Command
) -> tuple[ProvidedElement, ...]:
    application = await ApplicationRepository(tx).for_update(application_id)
    assert application is not None  # noqa: S101 -- it was just read
    supplement = await SupplementRepository(tx).open_of(application_id)
    product = await agreed_product(tx, application)

    def check(kind: ElementKind, latest: Mapping[ElementKind, ElementStatus]) -> None:
        """Refuse early what the process would refuse, so that it leaves no trace in the record."""
        if application.state.is_final:
            raise ApplicationClosed(f"the application is {application.state}")
        if application.state is not ApplicationState.COLLECTING:
            raise WrongState(f"the application is {application.state}")
        counting = [known for known in latest.values() if not was_lost(known)]
        check_may_provide(
            product,
            element_records(counting, supplement),
            kind,
            supplement.supplement if supplement else None,
            together={ElementKind(element.kind) for element in body.elements},
        )

    return await store_elements(tx, application, body.elements, command, check)


async def _answer(
    services: Services,
    application_id: str,
    wanted: set[str],
    status: ApplicationStatus | None,
    told: tuple[ElementOutcome, ...],
) -> ElementsAnswer:
    async with services.database.read() as tx:
        row = await ApplicationRepository(tx).get(application_id)
        assert row is not None  # noqa: S101 -- its elements were just stored
        product = await agreed_product(tx, row)
        elements = await answers_of(tx, application_id, product, wanted, told)
    return ElementsAnswer(application=status or await row_status(services, row), elements=elements)
