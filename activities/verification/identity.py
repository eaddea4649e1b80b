"""Verification of what applicants provide, by the third party behind each kind of element."""

from dataclasses import dataclass
from typing import Final

from activities.common.performing import performs
from activities.common.refusals import found
from activities.sources.enquiries import CannotSay, DataSourceGateway
from activities.verification.element_checks import CHECKS, Case
from activities.verification.verified_applicant import NotVerified, verified_of
from domain.common.calendar import business_date
from domain.people.consents import ConsentMissing
from domain.verification.element_policies import ADDRESS_BOOK_CONSENT
from domain.verification.elements import ElementKind, RealName, Verdict
from messages import calls, ids
from messages.verification import NOT_ALLOWED, REFUSED_BY_SOURCE, ElementOutcome, VerifyElement
from providers.http.errors import WRONG_ADDRESS, ProviderRejected
from runtime.clock import utc_now
from runtime.failpoints import failpoint
from services.products.agreed import product_of
from storage.applications.applications import ApplicationRepository
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.database import Database
from storage.people.applicants import ApplicantRepository
from storage.people.consents import ConsentRepository
from storage.verification.element_pictures import ElementPictureRepository
from storage.verification.elements import ElementRepository, ElementRow
from storage.verification.liveness_challenges import LivenessChallengeRepository

_WITH_PICTURES: Final = frozenset({ElementKind.IDENTITY_CARD, ElementKind.LIVENESS})


@dataclass(frozen=True)
class Identity:
    """Verifies elements."""

    database: Database
    gateway: DataSourceGateway

    @performs(calls.VERIFY_ELEMENT)
    async def verify_element(self, request: VerifyElement) -> ElementOutcome:
        """Ask the third party and record its verdict; a repeat returns the recorded one.

        A source that cannot be reached or refuses us is an error and tried again: it never becomes
        a verdict. Where nobody may be asked, or whoever is asked cannot say or refuses the
        question, the element ends without a verdict (`unavailable`) and may be provided again.
        """
        async with self.database.read() as tx:
            recorded = await _recorded(tx, request)
            case = recorded or await _case(tx, request)
        if isinstance(case, ElementOutcome):
            return case
        if isinstance(case, NotVerified):
            return await self._end(request, case.reason)
        await failpoint("verify_element.before_call")
        try:
            finding = await CHECKS[request.kind](self.gateway, case)
        except ConsentMissing:
            return await self._end(request, NOT_ALLOWED)
        except CannotSay as error:
            return await self._end(request, error.code)
        except ProviderRejected as error:
            if error.code in WRONG_ADDRESS:
                raise
            return await self._end(request, REFUSED_BY_SOURCE)
        await failpoint("verify_element.after_call")
        async with self.database.transaction() as tx:
            verified = await ElementRepository(tx).record_verification(
                request.element_id,
                finding.verdict,
                finding.reason,
                finding.facts,
                finding.provider,
                utc_now(),
            )
            if verified is not None and verified.verdict is Verdict.MATCH:
                await ApplicantRepository(tx).remember(case.applicant_id, **finding.remember)
            return await _told(tx, request)

    async def _end(self, request: VerifyElement, reason: str) -> ElementOutcome:
        async with self.database.transaction() as tx:
            await ElementRepository(tx).end(request.element_id, reason, utc_now())
            return await _told(tx, request)


async def _told(tx: Transaction, request: VerifyElement) -> ElementOutcome:
    """Return what is recorded of an element, and let whoever follows the record know."""
    outcome = found(await _recorded(tx, request), f"verdict on {request.element_id}")
    aggregate = ids.application_workflow(request.application_id)
    await OutboxRepository(tx).add(
        aggregate,
        "element_verified",
        f"{aggregate}:element_verified:{request.element_id}",
        outcome.model_dump(mode="json"),
    )
    return outcome


async def _recorded(tx: Transaction, request: VerifyElement) -> ElementOutcome | None:
    """Return what came of an element; None while nothing did."""
    verified = await ElementRepository(tx).verification(request.element_id)
    if verified is not None:
        verdict, reason = verified.verdict, verified.reason
    else:
        reason = await ElementRepository(tx).ending(request.element_id)
        if reason is None:
            return None
        verdict = Verdict.UNAVAILABLE
    return ElementOutcome(
        element_id=request.element_id, kind=request.kind, verdict=verdict, reason=reason
    )


async def _case(tx: Transaction, request: VerifyElement) -> Case | NotVerified:
    """Return an element with what its check needs, or which of that was not verified."""
    element = found(
        await ElementRepository(tx).get(request.element_id), f"element {request.element_id}"
    )
    application = found(
        await ApplicationRepository(tx).get(element.application_id),
        f"application {element.application_id}",
    )
    product = await product_of(tx, application)
    compares = element.kind is ElementKind.LIVENESS
    applicant = await verified_of(tx, application, with_card=compares)
    missing = applicant.missing(product, element.kind)
    if missing is not None:
        return NotVerified(missing)
    book_allowed = await ConsentRepository(tx).in_force(
        application.applicant_id, ADDRESS_BOOK_CONSENT
    )
    challenge = None
    if compares:
        challenge = await LivenessChallengeRepository(tx).of_attempt(
            application.id, element.attempt
        )
    return Case(
        element_id=element.id,
        application_id=application.id,
        applicant_id=application.applicant_id,
        data=element.data,
        purpose=product.policy_of(element.kind).consent,
        real_name=applicant.real_name,
        mobile=applicant.mobile,
        known_identity=applicant.known_identity,
        card=applicant.card,
        challenge=challenge.actions if challenge else (),
        picture_givers=await _picture_givers(tx, element, applicant.real_name),
        today=business_date(utc_now(), product.zone),
        check_address_book=product.content.check_address_book and book_allowed is not None,
        check_registered_photo=product.content.check_registered_photo,
    )


async def _picture_givers(tx: Transaction, element: ElementRow, real_name: RealName | None) -> int:
    """Return how many other people gave one of the element's pictures; 0 if it has none."""
    if real_name is None or element.kind not in _WITH_PICTURES:
        return 0
    return await ElementPictureRepository(tx).given_by_others(element.id, real_name.identity_number)
