"""What an applicant provides for an application."""

from collections.abc import Iterable, Mapping

from domain.applications.application import (
    ApplicationClosed,
    ApplicationState,
    WrongState,
    check_may_provide,
)
from domain.people.principals import Principal
from domain.verification.elements import Element, ElementKind
from messages import ids
from messages.applications import ProvideElements
from messages.verification import ConfirmElement, ElementOutcome
from runtime.clock import utc_now
from services.applications.finding import find_application
from services.common.commands import Command
from services.products.agreed import product_of
from services.verification.intake import Pictures, store_code, store_elements, was_lost
from services.verification.progress import ElementProgress, element_records, progress_of_given
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.applications.supplements import SupplementRepository
from storage.common.repository import Transaction
from storage.verification.elements import ElementStatus
from storage.verification.liveness_challenges import (
    LivenessChallenge,
    LivenessChallengeRepository,
)


async def provide_elements(
    tx: Transaction,
    caller: Principal,
    command: Command,
    application_id: str,
    elements: tuple[Element, ...],
    pictures: Pictures,
    *,
    submit: bool = False,
) -> tuple[ApplicationRow, ProvideElements]:
    """Store elements, each kind once, and return the application and what to send to its process.

    What the process would refuse is refused here, so that it leaves no trace. Raises
    `NotFound`, `ApplicationClosed`, `WrongState` and what `store_elements` raises.
    """
    await find_application(tx, caller, application_id)
    application = await ApplicationRepository(tx).for_update(application_id)
    assert application is not None  # noqa: S101 -- it was just found
    supplement = await SupplementRepository(tx).open_of(application_id)
    product = await product_of(tx, application)

    def check(kind: ElementKind, latest: Mapping[ElementKind, ElementStatus]) -> None:
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
            together={ElementKind(element.kind) for element in elements},
        )

    provided = await store_elements(tx, command, application, elements, pictures, check)
    return application, ProvideElements(elements=provided, submit=submit)


async def enter_code(
    tx: Transaction,
    caller: Principal,
    command: Command,
    application_id: str,
    element_id: str,
    code: str,
) -> tuple[ApplicationRow, ConfirmElement]:
    """Store the code that a source sent, and return what to send to the process.

    Raises `NotFound`.
    """
    application = await find_application(tx, caller, application_id)
    process = ids.application_workflow(application.id)
    return application, await store_code(tx, command, process, element_id, code)


async def ask_liveness_challenge(
    tx: Transaction, caller: Principal, application_id: str
) -> LivenessChallenge:
    """Return what the face has to do in the next attempt; raises `NotFound`."""
    application = await find_application(tx, caller, application_id)
    policy = (await product_of(tx, application)).policy_of(ElementKind.LIVENESS)
    # The machine's clock, also where a stack travels in time: a face stands before a camera.
    return await LivenessChallengeRepository(tx).ask(
        application.id, utc_now(), policy.challenge_valid_for
    )


async def read_elements(
    tx: Transaction,
    application_id: str,
    element_ids: set[str],
    outcomes: Iterable[ElementOutcome] = (),
) -> tuple[ApplicationRow, list[ElementProgress]]:
    """Return an application and where those of its elements stand that were just provided."""
    application = await ApplicationRepository(tx).get(application_id)
    assert application is not None  # noqa: S101 -- its elements were just stored
    product = await product_of(tx, application)
    return application, await progress_of_given(tx, application_id, product, element_ids, outcomes)
