"""The automatic decision: facts from the bureau, the policy's answer, and its record."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from activities.enquiries import Desk, Judged, Question, Subject, Told, judge
from activities.performing import performs
from activities.refusals import found, known
from domain.application import Rejection
from domain.bureau_merge import BureauFile, MergedBureaus, merge_bureaus
from domain.consents import ConsentMissing
from domain.data_sources import Capability
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
from providers.bureau import BureauReport, BureauRequest
from runtime.failpoints import failpoint
from storage.applicants import Personal
from storage.applications import ApplicationRow
from storage.database import Database

_ATTEMPT: Final = 1
_NO_FILE: Final = "no_file"


@dataclass(frozen=True)
class Decisions:
    """Decides applications."""

    database: Database
    desk: Desk

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
            decision = _locked(lock)
            read: dict[str, Any] = {"reapply_lock": lock.code}
        else:
            told = await self._reports(application, personal)
            bureaus = _merged(told)
            facts = _facts(identity_number, bureaus)
            decision = decide(facts, request.business_date)
            read = _without_personal_data(facts, bureaus, told, request.business_date)
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

    async def _reports(
        self, application: ApplicationRow, personal: Personal
    ) -> tuple[Told[BureauReport], ...]:
        """Ask every bureau at once; a decision waits until all of them have answered.

        An applicant who took the consent back since submitting leaves them unasked: their facts
        are missing then, and a person decides.
        """
        request = BureauRequest(
            name=known(personal.name, "name"),
            identity_number=known(personal.identity_number, "identity number"),
            mobile=known(personal.mobile, "mobile"),
        )
        question = Question(
            Capability.BUREAU,
            "score",
            request,
            BureauReport,
            lambda third: third.bureau.score(
                request_id=application.id,
                name=request.name,
                identity_number=request.identity_number,
                mobile=request.mobile,
            ),
            _judged,
        )
        subject = Subject(application.id, application.applicant_id, application.id)
        try:
            return await self.desk.ask_all(question, subject)
        except ConsentMissing:
            return ()


def _judged(report: BureauReport) -> Judged:
    """Return what a report amounts to.

    A person without a file will not get one by asking again; anything else may pass.
    """
    judged = judge(report)
    return replace(judged, settles=True) if _NO_FILE in report.reasons else judged


def _merged(told: Sequence[Told[BureauReport]]) -> MergedBureaus:
    files = {one.source: _file(one.answer) for one in told}
    return merge_bureaus(files or {Capability.BUREAU: None})


def _file(report: BureauReport) -> BureauFile | None:
    """Return what a bureau knows, None without a file or with another person's."""
    return BureauFile.model_validate(report.model_dump()) if report.passed else None


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


def _facts(identity_number: str, bureaus: MergedBureaus) -> Facts:
    return Facts(
        birth_date=identity_birth_date(identity_number),
        score=bureaus.score,
        blacklisted=bureaus.blacklisted,
        lenders_queried_30d=bureaus.lenders_queried_30d,
    )


def _without_personal_data(
    facts: Facts, bureaus: MergedBureaus, told: Sequence[Told[BureauReport]], on: date
) -> dict[str, Any]:
    """Return what the decision read, with the age in place of the birth date."""
    return {
        "age": age_on(facts.birth_date, on) if facts.birth_date else None,
        "score": facts.score,
        "blacklisted": facts.blacklisted,
        "lenders_queried_30d": facts.lenders_queried_30d,
        "overdue_history": bureaus.overdue_history,
        "score_spread": bureaus.score_spread,
        "bureaus": {
            one.source: {"verdict": one.answer.verdict, "reasons": list(one.answer.reasons)}
            for one in told
        },
    }
