"""Verification of what applicants provide, by the third party behind each kind of element."""

from dataclasses import dataclass

from activities.element_checks import CHECKS, Case
from activities.enquiries import Desk
from activities.performing import performs
from activities.refusals import found
from domain.calendar import business_date
from domain.elements import ElementKind, Operator, RealName, Verdict
from domain.products import product_of
from messages import calls, ids
from messages.elements import ElementOutcome, VerifyElement
from runtime.clock import utc_now
from runtime.failpoints import failpoint
from storage.database import Database
from storage.elements import VerificationRow


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
            personal = await tx.applicants.personal(application.applicant_id)
        zone = product_of(application.product).zone
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
            today=business_date(utc_now(), zone),
        )


def _outcome(row: VerificationRow) -> ElementOutcome:
    return ElementOutcome(
        element_id=row.element_id, kind=row.kind, verdict=row.verdict, reason=row.reason
    )
