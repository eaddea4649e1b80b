"""From what services return and processes answer to what callers see."""

from api.http.next_actions import next_actions
from api.http.services import Services
from api.v1.applications.schemas import (
    ApplicationResponse,
    ApplicationStatus,
    ApplicationSummary,
    DecisionResponse,
    ElementResponse,
    OfferResponse,
    PictureResponse,
    RejectionResponse,
    SupplementResponse,
    decision_category,
    rejection_answer,
)
from domain.applications.actions import ApplicationAction, possible_actions
from domain.applications.application import Rejection
from domain.people.principals import Principal
from domain.verification.elements import Verdict
from messages.applications import ApplicationView
from services.applications.reading import ApplicationDetails
from services.decisioning.rules import reject_codes_in_force
from services.verification.progress import ElementProgress
from storage.applications.applications import ApplicationRow
from storage.applications.offers import OfferRepository


async def row_status(services: Services, row: ApplicationRow) -> ApplicationStatus:
    """Return where an application stands by the database."""
    async with services.database.read() as tx:
        offer = await OfferRepository(tx).of_application(row.id)
    return ApplicationStatus(
        id=row.id,
        state=row.state,
        waiting=row.waiting,
        state_seq=row.state_seq,
        offer_id=offer.id if offer else None,
        rejection=await _told(services, row.rejection),
    )


async def view_status(services: Services, view: ApplicationView) -> ApplicationStatus:
    """Return where an application stands by its process."""
    return ApplicationStatus(
        id=view.application_id,
        state=view.state,
        waiting=view.waiting,
        state_seq=view.state_seq,
        offer_id=view.offer_id,
        line_id=view.line_id,
        rejection=await _told(services, view.rejection),
    )


async def _told(services: Services, rejection: Rejection | None) -> RejectionResponse | None:
    if rejection is None:
        return None
    async with services.database.read() as tx:
        return rejection_answer(rejection, await reject_codes_in_force(tx))


def element_answer(progress: ElementProgress) -> ElementResponse:
    """Return where one kind of element stands."""
    status = progress.status
    return ElementResponse(
        kind=status.kind,
        element_id=status.element_id,
        attempt=status.attempt,
        verdict=progress.verdict,
        reason=progress.reason,
        reused=status.reused,
        submitted_at=status.submitted_at,
        verified_at=status.verified_at,
        counts_until=progress.counts_until,
        authorise_url=progress.authorise_url,
        facts=progress.facts,
        provider=progress.provider,
    )


def application_answer(caller: Principal, details: ApplicationDetails) -> ApplicationResponse:
    """Return everything about an application that the caller is to see, and may do."""
    row, asked, offer = details.application, details.supplement, details.offer
    pictures, decisions = details.pictures, details.decisions
    return ApplicationResponse(
        **ApplicationSummary.model_validate(row).model_dump(),
        decision=decision_category(row.state),
        elements=[element_answer(one) for one in details.elements],
        missing=list(details.missing),
        optional=list(details.optional),
        supplement=SupplementResponse.model_validate(asked) if asked else None,
        offer=OfferResponse.model_validate(offer) if offer else None,
        line_id=details.line_id,
        rejection=rejection_answer(row.rejection, details.reject_codes),
        pictures=(
            None if pictures is None else [PictureResponse.model_validate(one) for one in pictures]
        ),
        decisions=(
            None
            if decisions is None
            else [DecisionResponse.model_validate(one) for one in decisions]
        ),
        next_actions=next_actions(
            caller,
            _possible(details),
            application_id=row.id,
            offer_id=offer.id if offer else None,
        ),
    )


def _possible(details: ApplicationDetails) -> tuple[ApplicationAction, ...]:
    verdicts = {one.status.kind: one.verdict for one in details.elements}
    lacking = [kind for kind in details.missing if verdicts.get(kind) is not Verdict.PENDING]
    more = [kind for kind in details.optional if kind not in verdicts]
    return possible_actions(
        details.application.state,
        may_provide=bool(lacking or more),
        lacks_elements=bool(lacking),
        may_appeal=details.may_appeal,
    )
