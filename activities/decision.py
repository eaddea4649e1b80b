"""The automatic decision: facts from the bureau, the policy's answer, and its record."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from activities.performing import performs
from activities.refusals import found, known
from domain.application import Rejection
from domain.decision import (
    POLICY_VERSION,
    Decision,
    Facts,
    Outcome,
    RuleHit,
    age_on,
    decide,
)
from domain.elements import identity_birth_date
from messages import calls
from messages.application import AssessApplication
from messages.ids import derived_id
from providers.bureau import BureauReport
from providers.errors import ProviderUnavailable
from providers.registry import Providers
from providers.verdict import Verdict
from runtime.failpoints import failpoint
from storage.applicants import Personal
from storage.database import Database

_ATTEMPT: Final = 1
_NO_FILE: Final = "no_file"


@dataclass(frozen=True)
class Decisions:
    """Decides applications."""

    database: Database
    providers: Providers

    @performs(calls.ASSESS_APPLICATION)
    async def assess_application(self, request: AssessApplication) -> Decision:
        """Decide once; a repeat returns the recorded decision.

        A person whom an earlier rejection still keeps away is rejected for the same reason and
        until the same day, without asking the bureau.
        """
        application_id = request.application_id
        async with self.database.read() as tx:
            recorded = await tx.decisions.get(application_id, "automatic", _ATTEMPT)
            if recorded is not None:
                return recorded.decision
            application = found(
                await tx.applications.get(application_id), f"application {application_id}"
            )
            personal = await tx.applicants.personal(application.applicant_id)
            identity_number = known(personal.identity_number, "identity number")
            lock = await tx.applications.lock_until(identity_number, except_for=application_id)
        if lock is not None and _keeps_away(lock, request.business_date):
            decision, read = _locked(lock), {"reapply_lock": lock.code}
        else:
            report = await self._report(application_id, personal)
            facts = _facts(identity_number, report)
            decision = decide(facts, request.business_date)
            read = _without_personal_data(facts, report, request.business_date)
        await failpoint("assess_application.before_record")
        async with self.database.transaction() as tx:
            return await tx.decisions.record(
                decision_id=derived_id("dec", application_id, "automatic", str(_ATTEMPT)),
                application_id=application_id,
                stage="automatic",
                attempt=_ATTEMPT,
                decision=decision,
                facts=read,
                decided_by="policy",
                decided_at=request.decided_at,
            )

    async def _report(self, application_id: str, personal: Personal) -> BureauReport:
        report = await self.providers.bureau.score(
            request_id=application_id,
            name=known(personal.name, "name"),
            identity_number=known(personal.identity_number, "identity number"),
            mobile=known(personal.mobile, "mobile"),
        )
        # A person without a file will not get one by asking again; anything else may pass.
        if report.verdict is Verdict.UNAVAILABLE and _NO_FILE not in report.reasons:
            raise ProviderUnavailable("bureau", report.reasons[0])
        return report


def _keeps_away(lock: Rejection, on: date) -> bool:
    return lock.reapply_on is not None and lock.reapply_on > on


def _locked(lock: Rejection) -> Decision:
    hit = RuleHit(
        rule="reapply_lock", outcome=Outcome.REJECT, reject_code=lock.code, read="rejected before"
    )
    return Decision(
        outcome=Outcome.REJECT,
        policy_version=POLICY_VERSION,
        score=None,
        reject_code=lock.code,
        reapply_on=lock.reapply_on,
        hits=(hit,),
    )


def _facts(identity_number: str, report: BureauReport) -> Facts:
    return Facts(
        birth_date=identity_birth_date(identity_number),
        score=report.score,
        blacklisted=report.blacklisted,
        lenders_queried_30d=report.lenders_queried_30d,
    )


def _without_personal_data(facts: Facts, report: BureauReport, on: date) -> dict[str, Any]:
    """Return what the decision read, with the age in place of the birth date."""
    return {
        "age": age_on(facts.birth_date, on) if facts.birth_date else None,
        "score": facts.score,
        "blacklisted": facts.blacklisted,
        "lenders_queried_30d": facts.lenders_queried_30d,
        "overdue_history": report.overdue_history,
        "bureau": report.verdict,
        "bureau_reasons": list(report.reasons),
    }
