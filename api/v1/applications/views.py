"""From what services return and processes answer to what callers see."""

from api.v1.applications.schemas import (
    ApplicationAnswer,
    ApplicationStatus,
    ApplicationSummary,
    DecisionAnswer,
    ElementAnswer,
    OfferAnswer,
    PictureAnswer,
    SupplementAnswer,
    decision_category,
    rejection_answer,
)
from messages.applications import ApplicationView
from services.applications.reading import ApplicationDetails
from services.verification.progress import ElementProgress
from storage.applications.applications import ApplicationRow


def row_status(row: ApplicationRow) -> ApplicationStatus:
    """Return where an application stands by the record."""
    return ApplicationStatus(
        id=row.id,
        state=row.state,
        waiting=row.waiting,
        state_seq=row.state_seq,
        rejection=rejection_answer(row.rejection),
    )


def view_status(view: ApplicationView) -> ApplicationStatus:
    """Return where an application stands by its process."""
    return ApplicationStatus(
        id=view.application_id,
        state=view.state,
        waiting=view.waiting,
        state_seq=view.state_seq,
        offer_id=view.offer_id,
        line_id=view.line_id,
        rejection=rejection_answer(view.rejection),
    )


def element_answer(progress: ElementProgress) -> ElementAnswer:
    """Return where one kind of element stands."""
    status = progress.status
    return ElementAnswer(
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


def application_answer(details: ApplicationDetails) -> ApplicationAnswer:
    """Return everything about an application that the caller is to see."""
    row, asked, offer = details.application, details.supplement, details.offer
    pictures, decisions = details.pictures, details.decisions
    return ApplicationAnswer(
        **ApplicationSummary.model_validate(row).model_dump(),
        decision=decision_category(row.state),
        elements=[element_answer(one) for one in details.elements],
        missing=list(details.missing),
        optional=list(details.optional),
        supplement=SupplementAnswer.model_validate(asked) if asked else None,
        offer=OfferAnswer.model_validate(offer) if offer else None,
        line_id=details.line_id,
        rejection=rejection_answer(row.rejection),
        pictures=(
            None if pictures is None else [PictureAnswer.model_validate(one) for one in pictures]
        ),
        decisions=(
            None if decisions is None else [DecisionAnswer.model_validate(one) for one in decisions]
        ),
    )
