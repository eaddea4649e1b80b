"""The automatic decision: facts from whom the product asks, the policy's answer, and its record."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from activities.common.performing import performs
from activities.common.refusals import found, known
from activities.decisioning.element_facts import ElementFacts, element_facts
from activities.decisioning.facts import Inquiry
from activities.sources.enquiries import DataSourceGateway, Subject
from domain.applications.application import Rejection
from domain.common.ages import age_on
from domain.common.reject_codes import REAPPLY_LOCK
from domain.decisioning.decision import (
    Decision,
    Outcome,
    RuleHit,
    Rules,
    decide,
    reject_pending,
    reject_unasked,
)
from domain.people.identity_documents import birth_date_in
from domain.products.products import AgreedProduct
from messages import calls
from messages.applications import AssessApplication
from messages.ids import derived_id
from runtime.failpoints import failpoint
from services.decisioning.rules import rules_in_force
from services.products.agreed import product_of
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.common.repository import Transaction
from storage.database import Database
from storage.decisioning.decisions import DecisionRepository
from storage.people.applicants import ApplicantRepository, Personal
from storage.verification.elements import ElementRepository

_ATTEMPT: Final = 1


@dataclass(frozen=True)
class Decisions:
    """Decides applications."""

    database: Database
    gateway: DataSourceGateway

    @performs(calls.ASSESS_APPLICATION)
    async def assess_application(self, request: AssessApplication) -> Decision:
        """Decide once; a repeat returns the recorded decision.

        A person whom an earlier rejection still keeps away is rejected for the same reason and
        until the same day, without asking anybody. So is one of whom another application for the
        product was decided before and is not over, in whatever channel: of two that are decided at
        once the one that is recorded first goes on.
        """
        application_id = request.application_id
        async with self.database.read() as tx:
            recorded = await DecisionRepository(tx).decision(application_id, "automatic", _ATTEMPT)
            if recorded is not None:
                return recorded
            application = found(
                await ApplicationRepository(tx).get(application_id), f"application {application_id}"
            )
            personal = await ApplicantRepository(tx).personal(application.applicant_id)
            identity_number = known(personal.identity_number, "identity number")
            lock = await ApplicationRepository(tx).lock_until(
                identity_number, except_for=application_id
            )
            product = await product_of(tx, application)
            rules = await rules_in_force(tx, product)
            pending = await _pending(tx, application, identity_number, request.business_date, rules)
            statuses = await ElementRepository(tx).latest(application_id)
        if lock is not None and _keeps_away(lock, request.business_date):
            decision = _locked(lock, rules)
            read: dict[str, Any] = {REAPPLY_LOCK: lock.code}
        elif pending is not None:
            decision, read = pending
        else:
            provided = element_facts(product, statuses)
            subject = Subject(application.id, application.applicant_id, application.id)
            asking = _Asking(subject, personal, product, rules, request.business_date)
            decision, read = await self._assess(asking, provided)
        await failpoint("assess_application.before_record")
        async with self.database.transaction() as tx:
            await ApplicantRepository(tx).lock(application.applicant_id, identity_number)
            if decision.outcome is not Outcome.REJECT:
                decision, read = await _pending(
                    tx, application, identity_number, request.business_date, rules
                ) or (decision, read)
            return await DecisionRepository(tx).record(
                decision_id=derived_id("dec", application_id, "automatic", str(_ATTEMPT)),
                application_id=application_id,
                stage="automatic",
                attempt=_ATTEMPT,
                decision=decision,
                facts=read,
                decided_by="policy",
                decided_at=request.decided_at,
            )

    async def _assess(
        self, asking: "_Asking", provided: ElementFacts
    ) -> tuple[Decision, dict[str, Any]]:
        """Return the policy's answer and what it read; asks nobody when what is known rejects."""
        on, rules = asking.on, asking.rules
        birth_date = birth_date_in(known(asking.personal.identity_number, "identity number"), on)
        rejection = None if birth_date is None else reject_unasked(birth_date, on, rules)
        if birth_date is not None and rejection is not None:
            turns = rules.thresholds.age_turns
            return rejection, {"age": age_on(birth_date, on, turns)}
        sources = asking.product.content.asked_for_decision
        findings = await Inquiry(self.gateway, asking.subject, asking.personal).ask(sources)
        decision = decide(provided.added_to(findings.facts(on)), on, rules)
        read = findings.read(on, rules.thresholds.age_turns)
        return decision, read | provided.read()


@dataclass(frozen=True, repr=False)
class _Asking:
    """About whom sources are asked for a decision, and by what it is taken. Holds personal data."""

    subject: Subject
    personal: Personal
    product: AgreedProduct
    rules: Rules
    on: date


async def _pending(
    tx: Transaction, application: ApplicationRow, identity_number: str, on: date, rules: Rules
) -> tuple[Decision, dict[str, Any]] | None:
    """Return the rejection for another application of the person, and which it is."""
    other = await ApplicationRepository(tx).decided_before(
        identity_number, application.product, except_for=application.id
    )
    if other is None:
        return None
    return reject_pending(on, rules), {"pending_application": other.id}


def _keeps_away(lock: Rejection, on: date) -> bool:
    return lock.reapply_on is not None and lock.reapply_on > on


def _locked(lock: Rejection, rules: Rules) -> Decision:
    hit = RuleHit(
        rule=REAPPLY_LOCK, outcome=Outcome.REJECT, reject_code=lock.code, read="rejected before"
    )
    return Decision(
        outcome=Outcome.REJECT,
        policy=rules.policy.ref,
        score=None,
        reject_code=lock.code,
        reapply_on=lock.reapply_on,
        hits=(hit,),
    )
