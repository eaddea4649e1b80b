"""Applications as their applicants and the lender's people read them."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.applications.appeals import AppealRefused, check_may_appeal
from domain.applications.application import ApplicationState, Supplement, Waiting, missing_elements
from domain.common.reject_codes import RejectCodes
from domain.people.principals import Principal
from domain.verification.elements import ElementKind
from runtime.clock import utc_now
from services.applications.finding import find_application
from services.applications.reviews import is_rejected_by_person
from services.decisioning.rules import reject_codes_in_force
from services.people.handles import with_handles
from services.people.ownership import scope_of
from services.products.agreed import product_of
from services.verification.progress import ElementProgress, element_records, progress_of
from storage.applications.appeals import AppealRepository
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.applications.offers import OfferRepository, OfferRow
from storage.applications.supplements import SupplementRepository
from storage.common.repository import Transaction
from storage.common.rows import Cursor
from storage.decisioning.decisions import DecisionRepository, DecisionRow
from storage.lines.lines import LineRepository
from storage.verification.element_pictures import ElementPictureRepository, PictureRow
from storage.verification.elements import ElementRepository


@dataclass(frozen=True, kw_only=True)
class ApplicationDetails:
    """Everything about an application that the caller is to see.

    `reject_codes` are in force now, for what the applicant reads about a rejection.
    `may_appeal` says whether a rejection can be appealed still. `pictures` (of every attempt) and
    `decisions` are for staff and None to everybody else.
    """

    application: ApplicationRow
    elements: Sequence[ElementProgress]
    missing: Sequence[ElementKind]
    optional: Sequence[ElementKind]
    supplement: Supplement | None
    offer: OfferRow | None
    line_id: str | None
    pictures: Sequence[PictureRow] | None
    decisions: Sequence[DecisionRow] | None
    reject_codes: RejectCodes
    may_appeal: bool


async def read_application(
    tx: Transaction, caller: Principal, application_id: str
) -> ApplicationDetails:
    """Return everything about an application; raises `NotFound`."""
    row = await find_application(tx, caller, application_id)
    for_staff = caller.is_staff
    product = await product_of(tx, row)
    statuses = await ElementRepository(tx).latest(row.id)
    supplement = await SupplementRepository(tx).open_of(row.id)
    asked = supplement.supplement if supplement else None
    line = await LineRepository(tx).of_application(row.id)
    codes = await reject_codes_in_force(tx)
    return ApplicationDetails(
        application=row,
        elements=await progress_of(tx, statuses, product, for_staff=for_staff),
        missing=missing_elements(product, element_records(statuses, supplement), asked),
        optional=product.optional_elements,
        supplement=asked,
        offer=await OfferRepository(tx).of_application(row.id),
        line_id=line.id if line else None,
        pictures=await ElementPictureRepository(tx).of_application(row.id) if for_staff else None,
        decisions=await _decisions(tx, row.id) if for_staff else None,
        reject_codes=codes,
        may_appeal=await _may_appeal(tx, row, codes),
    )


async def _may_appeal(tx: Transaction, row: ApplicationRow, codes: RejectCodes) -> bool:
    if row.state is not ApplicationState.REJECTED:
        return False
    try:
        check_may_appeal(
            row.state,
            row.rejection,
            row.changed_at,
            utc_now(),
            codes,
            by_person=await is_rejected_by_person(tx, row.id),
        )
    except AppealRefused:
        return False
    return await AppealRepository(tx).get(row.id) is None


async def _decisions(tx: Transaction, application_id: str) -> list[DecisionRow]:
    """Return the decisions, those of people with their handles."""
    return await with_handles(tx, await DecisionRepository(tx).of(application_id), "decided_by")


async def list_applications(
    tx: Transaction,
    caller: Principal,
    after: Cursor | None,
    limit: int,
    *,
    channel: str | None = None,
    customer_reference: str | None = None,
    state: ApplicationState | None = None,
    waiting: Waiting | None = None,
    product: str | None = None,
) -> list[ApplicationRow]:
    """Return a page of the applications that the caller may see, the newest first.

    Raises `MissingField` for a customer reference without its channel.
    """
    scope = scope_of(caller, channel, customer_reference)
    return await ApplicationRepository(tx).page(
        after,
        limit,
        channel=scope.channel,
        applicant_id=scope.applicant_id,
        state=state,
        waiting=waiting,
        product=product,
    )
