"""The automatic decision: facts, the policies' answers, and the record of both.

What costs nothing is looked at first, so that nobody is paid for an answer about somebody whom a
lock, another application or a rule on our own data rejects.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from activities.common.performing import performs
from activities.common.refusals import found, known
from activities.decisioning.element_facts import ElementFacts, element_facts
from activities.decisioning.fact_set import (
    affordability_facts,
    element_facts_of,
    free_facts,
    joined,
)
from activities.decisioning.facts import Inquiry
from activities.sources.enquiries import DataSourceGateway, Subject
from domain.applications.application import Rejection
from domain.decisioning.deciding import Rules, decided, reject_pending, rejected_unread
from domain.decisioning.decision import Decision, Outcome
from domain.decisioning.facts import FactValue
from domain.decisioning.lists import PersonKeys
from domain.decisioning.tracing import Trace, take_step, without_personal
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS
from domain.products.products import AgreedProduct
from messages import calls
from messages.applications import AssessApplication
from messages.ids import derived_id
from runtime.failpoints import failpoint
from services.decisioning.lists import standing_of
from services.decisioning.rules import rules_in_force
from services.products.agreed import product_of
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.common.repository import Transaction
from storage.database import Database
from storage.decisioning.decisions import DecisionRepository
from storage.decisioning.own_history import OwnHistoryRepository
from storage.definitions import DefinitionRepository
from storage.people.applicants import ApplicantRepository, Personal
from storage.verification.elements import ElementRepository, ElementStatus

_ATTEMPT: Final = 1
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True)
class Decided:
    """A decision, what of it is kept in the open, what made it, and how long that took.

    `micros` are microseconds.
    """

    decision: Decision
    read: Mapping[str, Any]
    trace: Trace | None = None
    micros: int | None = None


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
            caps = await DefinitionRepository(tx).in_force(RATE_CAPS, HOME_CAPS)
            history = await OwnHistoryRepository(tx).of(
                application.applicant_id, identity_number, request.decided_at
            )
            listed, exempt = await standing_of(
                tx,
                application.applicant_id,
                _keys_of(personal),
                request.business_date,
            )
            pending = await _pending(tx, application, identity_number, request.business_date, rules)
            statuses = await ElementRepository(tx).latest(application_id)
        if lock is not None and _keeps_away(lock, request.business_date):
            made = _locked(lock, rules)
        elif pending is not None:
            made = pending
        else:
            on = request.business_date
            free = free_facts(
                application, product, history, identity_number, on, caps.content, listed
            )
            subject = Subject(application.id, application.applicant_id, application.id)
            asking = _Asking(
                subject, personal, application, product, rules, on, free, exempt, statuses
            )
            made = await self._assess(asking)
        await failpoint("assess_application.before_record")
        async with self.database.transaction() as tx:
            await ApplicantRepository(tx).lock(application.applicant_id, identity_number)
            if made.decision.outcome is not Outcome.REJECT:
                made = (
                    await _pending(tx, application, identity_number, request.business_date, rules)
                    or made
                )
            return await DecisionRepository(tx).record(
                decision_id=derived_id("dec", application_id, "automatic", str(_ATTEMPT)),
                application_id=application_id,
                stage="automatic",
                attempt=_ATTEMPT,
                decision=made.decision,
                facts=made.read,
                decided_by="policy",
                decided_at=request.decided_at,
                trace=made.trace,
                duration_us=made.micros,
            )

    async def _assess(self, asking: "_Asking") -> Decided:
        """Return the policies' answer; nobody is asked when our own data rejects."""
        rules, on = asking.rules, asking.on
        elements = element_facts(asking.product, asking.statuses)
        facts = joined(
            asking.free,
            element_facts_of(
                elements.provided, asking.statuses, (kind for kind, _ in elements.referred)
            ),
            affordability_facts(elements.provided, asking.application, asking.product, on),
        )
        started = time.perf_counter()
        steps = [take_step(rules.preliminary, facts, asking.exempt)]
        took = time.perf_counter() - started
        read: dict[str, Any] = elements.read()
        if steps[0].evaluation.outcome is not Outcome.REJECT:
            sources = asking.product.content.asked_for_decision
            findings = await Inquiry(self.gateway, asking.subject, asking.personal).ask(sources)
            facts = joined(facts, findings.fact_set(on))
            started = time.perf_counter()
            steps.append(take_step(rules.decision, facts, asking.exempt))
            took += time.perf_counter() - started
            read |= findings.read()
        last = steps[-1]
        return Decided(
            decided(steps, on, rules.codes, _readings(elements)),
            {**without_personal(last.facts, rules.decision.catalogue), **read},
            Trace(steps=tuple(steps)),
            round(took * _MICROSECONDS),
        )


def _readings(elements: ElementFacts) -> dict[str, str]:
    """Return what the rules on referred elements read: why each did not match."""
    return {f"element_{kind}": reason for kind, reason in elements.referred}


@dataclass(frozen=True, repr=False)
class _Asking:
    """About whom sources are asked for a decision, and by what it is taken. Holds personal data."""

    subject: Subject
    personal: Personal
    application: ApplicationRow
    product: AgreedProduct
    rules: Rules
    on: date
    free: Mapping[str, FactValue]
    exempt: frozenset[str]
    statuses: list[ElementStatus]


def _keys_of(personal: Personal) -> PersonKeys:
    """Return by what a person may stand on our lists: what was verified of them."""
    return PersonKeys(
        identity_numbers=_some(personal.identity_number),
        mobiles=_some(personal.mobile),
        bank_cards=_some(personal.bank_card),
    )


def _some(key: str | None) -> frozenset[str]:
    return frozenset() if key is None else frozenset({key})


async def _pending(
    tx: Transaction, application: ApplicationRow, identity_number: str, on: date, rules: Rules
) -> Decided | None:
    """Return the rejection for another application of the person, and which it is."""
    other = await ApplicationRepository(tx).decided_before(
        identity_number, application.product, except_for=application.id
    )
    if other is None:
        return None
    return Decided(reject_pending(on, rules), {"pending_application": other.id})


def _keeps_away(lock: Rejection, on: date) -> bool:
    return lock.reapply_on is not None and lock.reapply_on > on


def _locked(lock: Rejection, rules: Rules) -> Decided:
    decision = rejected_unread(
        "reapply_lock",
        lock.code,
        "rejected before",
        policy=rules.decision.ref,
        reapply_on=lock.reapply_on,
    )
    return Decided(decision, {"reapply_lock": lock.code})
