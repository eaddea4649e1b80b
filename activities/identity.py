"""Verification of what applicants provide, by the third party behind each kind of element."""

import asyncio
from dataclasses import dataclass
from typing import Final

from activities.element_checks import CHECKS, Case
from activities.enquiries import Desk
from activities.performing import performs
from activities.refusals import found
from domain.calendar import business_date
from domain.elements import ElementKind, IdentityCard, Operator, RealName, Verdict
from domain.products import product_of
from messages import calls, ids
from messages.elements import ElementOutcome, VerifyElement
from providers.errors import ProviderUnavailable
from runtime.clock import utc_now
from runtime.failpoints import failpoint
from storage.database import Database, Transaction
from storage.elements import ElementRow, VerificationRow

_CARD_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Identity:
    """Verifies elements."""

    database: Database
    desk: Desk

    @performs(calls.VERIFY_ELEMENT)
    async def verify_element(self, request: VerifyElement) -> ElementOutcome:
        """Ask the third party and record its verdict; a repeat returns the recorded one.

        A source that cannot say, cannot be reached or refuses us is an error and tried again: it
        never becomes a verdict.
        """
        if request.kind is ElementKind.LIVENESS:
            await self._card_is_judged(request.application_id)
        case = await self._case(request)
        if isinstance(case, VerificationRow):
            return _outcome(case)
        await failpoint("verify_element.before_call")
        finding = await CHECKS[request.kind](self.desk, case)
        await failpoint("verify_element.after_call")
        async with self.database.transaction() as tx:
            recorded = await tx.elements.record_verification(
                request.element_id,
                finding.verdict,
                finding.reason,
                finding.facts,
                finding.provider,
                utc_now(),
            )
            if recorded.verdict is Verdict.MATCH:
                await tx.applicants.remember(case.applicant_id, **finding.remember)
            aggregate = ids.application_workflow(request.application_id)
            await tx.outbox.add(
                aggregate,
                "element_verified",
                f"{aggregate}:element_verified:{request.element_id}",
                _outcome(recorded).model_dump(mode="json"),
            )
        return _outcome(recorded)

    async def _card_is_judged(self, application_id: str) -> None:
        """Wait until a card that was handed in has its verdict; raises ProviderUnavailable.

        A face counts against no other card than one that proved to be the applicant's: otherwise it
        could be compared with a card that is refused and replaced afterwards.
        """
        looks = round(_CARD_SECONDS / _LOOK_SECONDS)
        for _ in range(looks):
            async with self.database.read() as tx:
                card = await tx.elements.newest(application_id, ElementKind.IDENTITY_CARD)
                if card is None or await tx.elements.verification(card.id) is not None:
                    return
            await asyncio.sleep(_LOOK_SECONDS)
        raise ProviderUnavailable("identity_card", "card_not_read_yet")

    async def _case(self, request: VerifyElement) -> Case | VerificationRow:
        async with self.database.read() as tx:
            recorded = await tx.elements.verification(request.element_id)
            if recorded is not None:
                return recorded
            element = found(
                await tx.elements.get(request.element_id), f"element {request.element_id}"
            )
            application = found(
                await tx.applications.get(element.application_id),
                f"application {element.application_id}",
            )
            real_name = await tx.elements.newest(application.id, ElementKind.REAL_NAME)
            operator = await tx.elements.newest(application.id, ElementKind.OPERATOR)
            card = await _verified_card(tx, application.id)
            challenge = await tx.liveness_challenges.of_attempt(application.id, element.attempt)
            personal = await tx.applicants.personal(application.applicant_id)
            picture_givers = await _picture_givers(tx, element, real_name)
        product = product_of(application.product)
        return Case(
            element_id=element.id,
            application_id=application.id,
            applicant_id=application.applicant_id,
            data=element.data,
            # What was submitted counts, not only what is verified: elements that are given together
            # are verified side by side.
            real_name=(
                real_name.data if real_name and isinstance(real_name.data, RealName) else None
            ),
            mobile=(
                operator.data.mobile
                if operator and isinstance(operator.data, Operator)
                else personal.mobile
            ),
            known_identity=personal.identity_number,
            card=card,
            challenge=challenge.actions if challenge else (),
            picture_givers=picture_givers,
            today=business_date(utc_now(), product.zone),
            check_address_book=product.check_address_book,
            check_registered_photo=product.check_registered_photo,
        )


async def _verified_card(tx: Transaction, application_id: str) -> IdentityCard | None:
    """Return the application's identity card if it was found to be the applicant's."""
    card = await tx.elements.newest(application_id, ElementKind.IDENTITY_CARD)
    if card is None or not isinstance(card.data, IdentityCard):
        return None
    verdict = await tx.elements.verification(card.id)
    return card.data if verdict is not None and verdict.verdict is Verdict.MATCH else None


async def _picture_givers(
    tx: Transaction, element: ElementRow, real_name: ElementRow | None
) -> int:
    """Return how many other people gave one of the element's pictures; 0 if it has none."""
    if real_name is None or not isinstance(real_name.data, RealName):
        return 0
    return await tx.pictures.given_by_others(element.id, real_name.data.identity_number)


def _outcome(row: VerificationRow) -> ElementOutcome:
    return ElementOutcome(
        element_id=row.element_id, kind=row.kind, verdict=row.verdict, reason=row.reason
    )
