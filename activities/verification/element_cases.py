"""What a check needs to know: an element, and what was verified of its applicant before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from activities.common.refusals import found
from activities.verification.element_checks import Case
from activities.verification.verified_applicant import (
    NotVerified,
    VerifiedApplicant,
    verified_of,
)
from domain.common.calendar import business_date
from domain.people.consents import Purpose
from domain.products.products import AgreedProduct
from domain.verification.element_policies import ADDRESS_BOOK_CONSENT
from domain.verification.elements import ElementKind
from domain.verification.liveness_challenge import Action
from messages.verification import VerifyElement
from runtime.clock import utc_now
from services.products.agreed import product_of
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.common.repository import Transaction
from storage.people.consents import ConsentRepository
from storage.verification.element_pictures import ElementPictureRepository
from storage.verification.elements import ElementRepository, ElementRow
from storage.verification.liveness_challenges import LivenessChallengeRepository

_WITH_PICTURES: Final = frozenset({ElementKind.IDENTITY_CARD, ElementKind.LIVENESS})


@dataclass(frozen=True)
class Applied:
    """An application and the product that it is for, as agreed when it began."""

    application: ApplicationRow
    product: AgreedProduct

    @property
    def application_id(self) -> str:
        """The application's id."""
        return self.application.id

    @property
    def applicant_id(self) -> str:
        """Whose data a match confirms."""
        return self.application.applicant_id


async def applied_for(tx: Transaction, application_id: str) -> Applied:
    """Return an application with its product; raises `RecordMissing`."""
    application = found(
        await ApplicationRepository(tx).get(application_id), f"application {application_id}"
    )
    return Applied(application, await product_of(tx, application))


async def cases_of(
    tx: Transaction, applied: Applied, elements: Sequence[VerifyElement]
) -> dict[VerifyElement, Case | NotVerified]:
    """Return each element with what its check needs, or which of that was not verified."""
    kinds = {one.kind for one in elements}
    rows = await ElementRepository(tx).among([one.element_id for one in elements])
    applicant = await verified_of(tx, applied.application, applied.product, kinds)
    consents: frozenset[Purpose] = frozenset()
    if ElementKind.PERSONAL_INFORMATION in kinds:
        consents = await ConsentRepository(tx).purposes_in_force(applied.applicant_id)
    cases: dict[VerifyElement, Case | NotVerified] = {}
    for one in elements:
        row = found(rows.get(one.element_id), f"element {one.element_id}")
        missing = applicant.missing(applied.product, row.kind)
        if missing is not None:
            cases[one] = NotVerified(missing)
        else:
            cases[one] = await _case(tx, applied, applicant, row, consents)
    return cases


async def _case(
    tx: Transaction,
    applied: Applied,
    applicant: VerifiedApplicant,
    element: ElementRow,
    consents: frozenset[Purpose],
) -> Case:
    product = applied.product
    return Case(
        element_id=element.id,
        application_id=applied.application_id,
        applicant_id=applied.applicant_id,
        data=element.data,
        purpose=product.policy_of(element.kind).consent,
        real_name=applicant.real_name,
        mobile=applicant.mobile,
        known_identity=applicant.known_identity,
        card=applicant.card,
        challenge=await _challenge(tx, element),
        picture_givers=await _picture_givers(tx, element, applicant),
        today=business_date(utc_now(), product.zone),
        check_address_book=product.content.check_address_book and ADDRESS_BOOK_CONSENT in consents,
        check_registered_photo=product.content.check_registered_photo,
    )


async def _challenge(tx: Transaction, element: ElementRow) -> tuple[Action, ...]:
    """Return what a face was asked to do, nothing for another kind."""
    if element.kind is not ElementKind.LIVENESS:
        return ()
    asked = await LivenessChallengeRepository(tx).of_attempt(
        element.application_id, element.attempt
    )
    return asked.actions if asked else ()


async def _picture_givers(
    tx: Transaction, element: ElementRow, applicant: VerifiedApplicant
) -> int:
    """Return how many other people gave one of the element's pictures; 0 if it has none."""
    if applicant.real_name is None or element.kind not in _WITH_PICTURES:
        return 0
    return await ElementPictureRepository(tx).given_by_others(
        element.id, applicant.real_name.identity_number
    )
