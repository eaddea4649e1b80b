"""Credit analyses: parties checked at registers, the decision, the statuses on record."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from activities.common.performing import performs
from activities.common.refusals import found
from activities.credit_analysis.enquiries import look_up
from activities.sources.enquiries import DataSourceGateway
from domain.credit_analysis.decision import PartyFacts
from domain.credit_analysis.parties import LegalPerson, NaturalPerson
from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY, AnalysisPolicy
from domain.credit_analysis.proposal import parties_of
from domain.credit_analysis.rules import decide
from messages import calls, ids
from messages.credit_analysis import (
    AssessAnalysis,
    AssessedAnalysis,
    CheckedParty,
    CheckParty,
    PartyVerdict,
    RecordAnalysis,
    RecordAnalysisReview,
)
from providers.http.errors import ProviderRejected
from providers.sources.registers import CompanyRecord, PersonRecord
from storage.common.audit import AuditRepository
from storage.common.errors import RecordMissing
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import CreditAnalysisRepository, StoredProposal
from storage.credit_analysis.notices import AnalysisNoticeRepository
from storage.database import Database
from storage.definitions import DefinitionRepository

REFUSES_THE_QUESTION: Final = frozenset(
    {"invalid_request", "unsupported_document", "http_400", "http_406", "http_422"}
)
"""Refusals of what was asked. Any other, such as of our key, is ours to mend: asked again."""


@dataclass(frozen=True)
class CreditAnalyses:
    """What checking, deciding and recording need."""

    database: Database
    gateway: DataSourceGateway

    @performs(calls.CHECK_PARTY)
    async def check_party(self, request: CheckParty) -> CheckedParty:
        """Compare one party with its register; a repeat returns what is on record."""
        async with self.database.read() as tx:
            known = await CreditAnalysisRepository(tx).check(request.analysis_id, request.party)
            stored = await stored_proposal(tx, request.analysis_id)
            policy = await DefinitionRepository(tx).of_ref(CREDIT_ANALYSIS_POLICY, request.policy)
        if known is not None:
            return _checked(known)
        party = parties_of(stored.proposal).get(request.party)
        if party is None:
            raise RecordMissing(f"no {request.party} of {request.analysis_id} on record")
        try:
            told = await look_up(self.gateway, f"{request.analysis_id}:{request.party}", party)
        except ProviderRejected as error:
            if error.code not in REFUSES_THE_QUESTION:
                raise
            provider, facts = error.provider, PartyFacts(party=request.party)
        else:
            if isinstance(told, str):
                return CheckedParty(party=request.party, verdict=PartyVerdict.WAITING, reason=told)
            provider, facts = told.source, _facts(request.party, party, told.answer, policy.content)
        async with self.database.transaction() as tx:
            return _checked(
                await CreditAnalysisRepository(tx).record_check(
                    request.analysis_id, facts, provider
                )
            )

    @performs(calls.ASSESS_ANALYSIS)
    async def assess_analysis(self, request: AssessAnalysis) -> AssessedAnalysis:
        """Apply the analysis's own policy to the proposal and what is on record of its parties."""
        async with self.database.transaction() as tx:
            stored = await stored_proposal(tx, request.analysis_id)
            policy = await DefinitionRepository(tx).of_ref(CREDIT_ANALYSIS_POLICY, request.policy)
            decision = decide(
                policy.content,
                stored.proposal,
                await CreditAnalysisRepository(tx).checks(request.analysis_id),
                request.assessment,
                request.business_date,
            )
            await CreditAnalysisRepository(tx).record_decision(
                request.analysis_id, decision, policy.ref
            )
        return AssessedAnalysis(status=decision.status, reason=decision.reason)

    @performs(calls.RECORD_ANALYSIS)
    async def record_analysis(self, request: RecordAnalysis) -> None:
        """Write a status and owe the client a notice of it; an older one changes nothing."""
        async with self.database.transaction() as tx:
            await _enter(tx, request)

    @performs(calls.RECORD_ANALYSIS_REVIEW)
    async def record_analysis_review(self, request: RecordAnalysisReview) -> None:
        """Write what an analyst said: to the audit always, and its effect if it counted."""
        aggregate = ids.credit_analysis_workflow(request.analysis_id)
        async with self.database.transaction() as tx:
            if request.accepted:
                await _enter(
                    tx,
                    RecordAnalysis(
                        analysis_id=request.analysis_id,
                        status=request.status,
                        reason=request.status.value,
                        state_seq=request.state_seq,
                        at=request.at,
                    ),
                )
                await CreditAnalysisRepository(tx).record_review(
                    request.analysis_id,
                    word=request.decision,
                    reviewer=request.command.reviewer,
                    reason=request.command.reason,
                    policy=request.policy,
                    at=request.at,
                )
            await AuditRepository(tx).add(
                actor=request.command.reviewer,
                role="reviewer",
                action=request.decision.value,
                subject=aggregate,
                outcome="accepted" if request.accepted else "refused",
                detail={
                    "reason": request.command.reason,
                    "policy": str(request.policy),
                    "at": request.at.isoformat(),
                },
                key=f"{aggregate}:review:{request.decision}:{request.at.isoformat()}",
            )


async def stored_proposal(tx: Transaction, analysis_id: str) -> StoredProposal:
    """Return the proposal of an analysis; raises as `found`."""
    return found(
        await CreditAnalysisRepository(tx).document(analysis_id), f"analysis {analysis_id}"
    )


def _facts(
    name: str,
    party: LegalPerson | NaturalPerson,
    answer: CompanyRecord | PersonRecord,
    policy: AnalysisPolicy,
) -> PartyFacts:
    """Return what a register's definite answer says of a party."""
    if not answer.passed:
        return PartyFacts(party=name, mismatch=answer.reasons[0])
    adverse = sum(fact.count for fact in answer.adverse)
    if isinstance(answer, PersonRecord):
        wrong = None if answer.status == "regular" else f"person_{answer.status}"
        return PartyFacts(party=name, mismatch=wrong, adverse_facts=adverse)
    wrong = None if answer.status == "active" else f"company_{answer.status}"
    since = answer.constituted_on
    tolerance = timedelta(days=policy.constitution_date_tolerance_days)
    if (
        wrong is None
        and since is not None
        and isinstance(party, LegalPerson)
        and party.constitution_date < since - tolerance
    ):
        wrong = "constitution_date_mismatch"
    return PartyFacts(party=name, mismatch=wrong, adverse_facts=adverse, constituted_on=since)


def _checked(facts: PartyFacts) -> CheckedParty:
    if facts.mismatch is not None:
        verdict = PartyVerdict.MISMATCH
    elif facts.adverse_facts is None:
        verdict = PartyVerdict.UNKNOWN
    else:
        verdict = PartyVerdict.MATCH
    return CheckedParty(party=facts.party, verdict=verdict, reason=facts.mismatch)


async def _enter(tx: Transaction, request: RecordAnalysis) -> None:
    written = await CreditAnalysisRepository(tx).set_status(
        request.analysis_id,
        request.status,
        request.reason,
        request.state_seq,
        request.at,
        review_due_at=request.review_due_at,
    )
    if not written:
        return
    await AnalysisNoticeRepository(tx).owe(
        request.analysis_id, request.state_seq, request.status, request.reason, request.at
    )
    aggregate = ids.credit_analysis_workflow(request.analysis_id)
    await OutboxRepository(tx).add(
        aggregate,
        "state_changed",
        f"{aggregate}:state_changed:{request.state_seq}",
        {
            "analysis_id": request.analysis_id,
            "status": request.status,
            "reason": request.reason,
            "state_seq": request.state_seq,
            "at": request.at.isoformat(),
        },
    )
