"""From rows and process answers to what callers see."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

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
from domain.applications.application import ElementRecord, missing_elements
from domain.applications.kept_elements import counts_until
from domain.common.calendar import business_date
from domain.products.products import Product, product_of
from domain.verification.elements import ElementKind, Verdict
from messages.applications import ApplicationView
from storage.applications.applications import ApplicationRow
from storage.applications.offers import OfferRepository
from storage.applications.supplements import SupplementRepository, SupplementRow
from storage.common.repository import Transaction
from storage.decisioning import DecisionRepository
from storage.lines.lines import LineRepository
from storage.people.staff import StaffRepository
from storage.verification.captures import CaptureRepository
from storage.verification.element_pictures import ElementPictureRepository
from storage.verification.elements import ElementRepository, ElementStatus


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


_NOT_SHOWN: Final = frozenset({"agreement_no"})
"""What of the facts is a key to somebody's account and nothing to judge by."""


def element_answer(
    status: ElementStatus,
    product: Product,
    authorise_url: str | None = None,
    *,
    for_staff: bool = False,
) -> ElementAnswer:
    """Return where one kind of element stands; `for_staff` with what its source told."""
    until = status.counts_until
    if status.verdict is Verdict.MATCH and status.verified_at and not status.reused:
        verified_on = business_date(status.verified_at, product.zone)
        until = counts_until(product, status.kind, verified_on, status.valid_until)
    return ElementAnswer(
        kind=status.kind,
        element_id=status.element_id,
        attempt=status.attempt,
        verdict=status.verdict or Verdict.PENDING,
        reason=status.reason,
        reused=status.reused,
        submitted_at=status.submitted_at,
        verified_at=status.verified_at,
        counts_until=until,
        authorise_url=authorise_url,
        facts=_shown(status.facts) if for_staff else None,
        provider=status.provider if for_staff else None,
    )


def _shown(facts: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if facts is None:
        return None
    return {name: fact for name, fact in facts.items() if name not in _NOT_SHOWN}


async def element_answers(
    tx: Transaction,
    statuses: Iterable[ElementStatus],
    product: Product,
    *,
    for_staff: bool = False,
) -> list[ElementAnswer]:
    """Return where elements stand, with the pages on which the applicant is to agree."""
    return [
        element_answer(
            status,
            product,
            await CaptureRepository(tx).authorise_url(status.element_id)
            if status.verdict is None and product.policy_of(status.kind).captured
            else None,
            for_staff=for_staff,
        )
        for status in statuses
    ]


def element_records(
    statuses: Iterable[ElementStatus], supplement: SupplementRow | None
) -> dict[ElementKind, ElementRecord]:
    """Return what the record knows of elements as the process knows it.

    What a reviewer asked for again counts only as provided since.
    """
    return {
        status.kind: ElementRecord(
            kind=status.kind,
            element_id=status.element_id,
            attempts=status.attempt,
            mismatches=status.mismatches,
            verdict=status.verdict or Verdict.PENDING,
            reason=status.reason,
            reused=status.reused,
        )
        for status in statuses
        if supplement is None
        or status.kind not in supplement.kinds
        or status.submitted_at >= supplement.requested_at
    }


async def application_answer(
    tx: Transaction, row: ApplicationRow, *, for_staff: bool
) -> ApplicationAnswer:
    """Return everything about an application that the caller is to see."""
    product = product_of(row.product)
    statuses = await ElementRepository(tx).latest(row.id)
    supplement = await SupplementRepository(tx).open_of(row.id)
    asked = supplement.supplement if supplement else None
    offer = await OfferRepository(tx).of_application(row.id)
    line = await LineRepository(tx).of_application(row.id)
    pictures = await ElementPictureRepository(tx).of_application(row.id) if for_staff else None
    decisions = await _decisions(tx, row.id) if for_staff else None
    return ApplicationAnswer(
        **ApplicationSummary.model_validate(row).model_dump(),
        decision=decision_category(row.state),
        elements=await element_answers(tx, statuses, product, for_staff=for_staff),
        missing=list(missing_elements(product, element_records(statuses, supplement), asked)),
        optional=list(product.optional_elements),
        supplement=SupplementAnswer.model_validate(asked) if asked else None,
        offer=OfferAnswer.model_validate(offer) if offer else None,
        line_id=line.id if line else None,
        rejection=rejection_answer(row.rejection),
        pictures=(
            None
            if pictures is None
            else [PictureAnswer.model_validate(picture) for picture in pictures]
        ),
        decisions=decisions,
    )


async def _decisions(tx: Transaction, application_id: str) -> list[DecisionAnswer]:
    """Return the decisions, those of people with their handles."""
    rows = await DecisionRepository(tx).of(application_id)
    handles = await StaffRepository(tx).handles(row.decided_by for row in rows)
    return [
        DecisionAnswer.model_validate(
            row.model_copy(update={"decided_by": handles.get(row.decided_by, row.decided_by)})
        )
        for row in rows
    ]
