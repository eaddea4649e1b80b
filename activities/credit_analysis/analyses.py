"""Credit analyses: registers and the other analyst asked, the decision, the record, the notices."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from activities.common.performing import performs
from activities.common.refusals import found
from activities.credit_analysis.enquiries import ask_for_opinion, look_up, read_opinion
from activities.sources.enquiries import Desk
from domain.credit_analysis.decision import PartyFacts
from domain.credit_analysis.policy import policy_of
from domain.credit_analysis.proposal import LegalPerson, NaturalPerson, parties_of
from domain.credit_analysis.rules import decide
from messages import calls, ids
from messages.credit_analysis import (
    AskOpinion,
    AssessAnalysis,
    AssessedAnalysis,
    CheckedParty,
    CheckParty,
    DeliverNotice,
    NoticeDelivery,
    OpinionStatus,
    PartyVerdict,
    RecordAnalysis,
    RecordAnalysisReview,
)
from providers.credit_analysis.qitech import PROVIDER as QITECH
from providers.credit_analysis.webhooks import NO_ENDPOINT, AnalysisWebhooks, Notice
from providers.http.errors import ProviderRejected
from providers.sources.company import CompanyRecord
from providers.sources.person import PersonRecord
from storage.common.audit import AuditRepository
from storage.common.errors import RecordMissing
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import CreditAnalysisRepository, StoredProposal
from storage.credit_analysis.notices import AnalysisNoticeRepository, NoticeRow, NoticeState
from storage.credit_analysis.opinions import ExternalOpinionRepository, OpinionRow
from storage.database import Database

_REFUSES_THE_QUESTION: Final = frozenset(
    {"invalid_request", "unsupported_document", "http_400", "http_406", "http_422"}
)
"""Refusals of what was asked. Any other, such as of our key, is ours to mend: asked again."""

_DATE_TOLERANCE: Final = timedelta(days=31)
"""By so much a company may claim to be older than the register says."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class CreditAnalyses:
    """Everything that an analysis needs of the outside and of the record."""

    database: Database
    desk: Desk
    webhooks: AnalysisWebhooks

    @performs(calls.CHECK_PARTY)
    async def check_party(self, request: CheckParty) -> CheckedParty:
        """Compare one party with its register; a repeat returns what is on record."""
        async with self.database.read() as tx:
            known = await CreditAnalysisRepository(tx).check(request.analysis_id, request.party)
            stored = await _stored(tx, request.analysis_id)
        if known is not None:
            return _checked(known)
        party = parties_of(stored.proposal).get(request.party)
        if party is None:
            raise RecordMissing(f"no {request.party} of {request.analysis_id} on record")
        try:
            told = await look_up(self.desk, f"{request.analysis_id}:{request.party}", party)
        except ProviderRejected as error:
            if error.code not in _REFUSES_THE_QUESTION:
                raise
            provider, facts = error.provider, PartyFacts(party=request.party)
        else:
            if isinstance(told, str):
                return CheckedParty(party=request.party, verdict=PartyVerdict.WAITING, reason=told)
            provider, facts = told.source, _facts(request.party, party, told.answer)
        async with self.database.transaction() as tx:
            return _checked(
                await CreditAnalysisRepository(tx).record_check(
                    request.analysis_id, facts, provider
                )
            )

    @performs(calls.ASK_OPINION)
    async def ask_opinion(self, request: AskOpinion) -> OpinionStatus:
        """Have the other analyst look at the proposal, once."""
        async with self.database.transaction() as tx:
            stored = await _stored(tx, request.analysis_id)
            asked = found(
                await ExternalOpinionRepository(tx).request(
                    request.opinion_id, request.analysis_id, QITECH, stored.kind
                ),
                f"opinion {request.opinion_id}",
            )
        if asked.status.is_final:
            return OpinionStatus(opinion_id=asked.id, status=asked.status)
        return await self._asked(asked, stored)

    @performs(calls.QUERY_OPINION)
    async def query_opinion(self, request: AskOpinion) -> OpinionStatus:
        """Ask what became of the opinion; one that they do not know is asked for again."""
        async with self.database.read() as tx:
            asked = found(
                await ExternalOpinionRepository(tx).get(request.opinion_id),
                f"opinion {request.opinion_id}",
            )
            stored = await _stored(tx, request.analysis_id)
        if asked.status.is_final:
            return OpinionStatus(opinion_id=asked.id, status=asked.status)
        said = await read_opinion(self.desk, asked)
        if said is None:
            return await self._asked(asked, stored)
        async with self.database.transaction() as tx:
            await ExternalOpinionRepository(tx).learn(asked.id, said.status, said.raw_status)
        return OpinionStatus(opinion_id=asked.id, status=said.status)

    async def _asked(self, asked: OpinionRow, stored: StoredProposal) -> OpinionStatus:
        try:
            said = await ask_for_opinion(self.desk, asked, stored.document)
        except ProviderRejected as error:
            if error.code not in _REFUSES_THE_QUESTION:
                raise
            _log.warning("opinion_refused", opinion_id=asked.id, code=error.code)
            return OpinionStatus(opinion_id=asked.id, status=None)
        async with self.database.transaction() as tx:
            await ExternalOpinionRepository(tx).learn(asked.id, said.status, said.raw_status)
        return OpinionStatus(opinion_id=asked.id, status=said.status)

    @performs(calls.ASSESS_ANALYSIS)
    async def assess_analysis(self, request: AssessAnalysis) -> AssessedAnalysis:
        """Apply the policy to the proposal and to what is on record of its parties."""
        async with self.database.transaction() as tx:
            stored = await _stored(tx, request.analysis_id)
            decision = decide(
                policy_of(request.policy),
                stored.proposal,
                await CreditAnalysisRepository(tx).checks(request.analysis_id),
                request.opinion,
                request.business_date,
            )
            await CreditAnalysisRepository(tx).record_decision(request.analysis_id, decision)
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
            await AuditRepository(tx).add(
                actor=request.command.reviewer,
                role="reviewer",
                action=request.word.value,
                subject=aggregate,
                outcome="accepted" if request.accepted else "refused",
                detail={"reason": request.command.reason, "at": request.at.isoformat()},
                key=f"{aggregate}:review:{request.word}:{request.at.isoformat()}",
            )

    @performs(calls.DELIVER_NOTICE)
    async def deliver_notice(self, request: DeliverNotice) -> NoticeDelivery:
        """Try once to tell the client a status, unless it has been told."""
        async with self.database.read() as tx:
            notice = found(
                await AnalysisNoticeRepository(tx).get(request.analysis_id, request.state_seq),
                f"notice {request.state_seq} of {request.analysis_id}",
            )
            row = found(
                await CreditAnalysisRepository(tx).get(request.analysis_id),
                f"analysis {request.analysis_id}",
            )
            stored = await _stored(tx, request.analysis_id)
        if notice.state is not NoticeState.OPEN:
            return NoticeDelivery(settled=True, outcome=notice.state.value)
        outcome = await self.webhooks.deliver(row.client, _notice(notice, stored))
        state = _state_after(outcome, last=request.last)
        async with self.database.transaction() as tx:
            await AnalysisNoticeRepository(tx).tried(
                notice.analysis_id, notice.state_seq, outcome, state
            )
            if state is NoticeState.DEAD:
                await _give_up(tx, notice, outcome)
        return NoticeDelivery(settled=state is not NoticeState.OPEN, outcome=outcome)


async def _stored(tx: Transaction, analysis_id: str) -> StoredProposal:
    return found(
        await CreditAnalysisRepository(tx).document(analysis_id), f"analysis {analysis_id}"
    )


def _facts(
    name: str, party: LegalPerson | NaturalPerson, answer: CompanyRecord | PersonRecord
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
    if (
        wrong is None
        and since is not None
        and isinstance(party, LegalPerson)
        and party.constitution_date < since - _DATE_TOLERANCE
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


def _notice(row: NoticeRow, stored: StoredProposal) -> Notice:
    return Notice(
        notice_id=f"{row.analysis_id}:{row.state_seq}",
        kind=stored.kind,
        proposal_id=stored.proposal.id,
        analysis_status=row.status.value,
        reason=row.reason,
        event_date=row.event_date,
    )


def _state_after(outcome: str, *, last: bool) -> NoticeState:
    if outcome == "ok":
        return NoticeState.DELIVERED
    if outcome == NO_ENDPOINT:
        return NoticeState.UNADDRESSED
    return NoticeState.DEAD if last else NoticeState.OPEN


async def _give_up(tx: Transaction, notice: NoticeRow, outcome: str) -> None:
    aggregate = ids.credit_analysis_workflow(notice.analysis_id)
    _log.error("notice_given_up", analysis_id=notice.analysis_id, state_seq=notice.state_seq)
    await AuditRepository(tx).add(
        actor="process",
        role="system",
        action="notice",
        subject=aggregate,
        outcome="dead",
        detail={"state_seq": notice.state_seq, "last_outcome": outcome},
        key=f"{aggregate}:dead:{notice.state_seq}",
    )
