"""From rows and process answers to what callers see."""

from api.schemas.application import (
    ApplicationAnswer,
    ApplicationStatus,
    ApplicationSummary,
    DecisionAnswer,
    ElementAnswer,
    decision_category,
    rejection_answer,
)
from api.schemas.offer import OfferAnswer
from domain.elements import Verdict
from domain.products import product_of
from messages.application import ApplicationView
from storage.applications import ApplicationRow
from storage.database import Transaction
from storage.elements import ElementStatus


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


def element_answer(status: ElementStatus) -> ElementAnswer:
    """Return where one kind of element stands."""
    return ElementAnswer(
        kind=status.kind,
        element_id=status.element_id,
        attempt=status.attempt,
        verdict=status.verdict or Verdict.PENDING,
        reason=status.reason,
        submitted_at=status.submitted_at,
        verified_at=status.verified_at,
    )


async def application_answer(
    tx: Transaction, row: ApplicationRow, *, for_staff: bool
) -> ApplicationAnswer:
    """Return everything about an application that the caller is to see."""
    elements = [element_answer(status) for status in await tx.elements.latest(row.id)]
    verified = {element.kind for element in elements if element.verdict is Verdict.MATCH}
    required = product_of(row.product).required_elements
    offer = await tx.offers.of_application(row.id)
    line = await tx.lines.of_application(row.id)
    decisions = await tx.decisions.of(row.id) if for_staff else None
    return ApplicationAnswer(
        **ApplicationSummary.model_validate(row).model_dump(),
        decision=decision_category(row.state),
        elements=elements,
        missing=[kind for kind in required if kind not in verified],
        offer=OfferAnswer.model_validate(offer) if offer else None,
        line_id=line.id if line else None,
        rejection=rejection_answer(row.rejection),
        decisions=(
            None
            if decisions is None
            else [DecisionAnswer.model_validate(decision) for decision in decisions]
        ),
    )
