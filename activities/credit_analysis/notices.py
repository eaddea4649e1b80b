"""Telling clients what became of their proposals: one attempt at one notice."""

from dataclasses import dataclass

import structlog

from activities.common.performing import performs
from activities.common.refusals import found
from activities.credit_analysis.analyses import stored_proposal
from messages import calls, ids
from messages.credit_analysis import (
    DeliverNotice,
    NoticeDelivery,
)
from providers.credit_analysis.notices import NO_ENDPOINT, AnalysisWebhooks, Notice
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import CreditAnalysisRepository, StoredProposal
from storage.credit_analysis.notices import AnalysisNoticeRepository, NoticeRow, NoticeState
from storage.database import Database

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class AnalysisNotices:
    """What delivering a notice needs."""

    database: Database
    webhooks: AnalysisWebhooks

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
            stored = await stored_proposal(tx, request.analysis_id)
        if notice.state is not NoticeState.OPEN:
            return NoticeDelivery(settled=True, outcome=notice.state.value)
        outcome = await self.webhooks.deliver(row.client, _notice(notice, stored))
        state = _state_after(outcome, last=request.last)
        async with self.database.transaction() as tx:
            await AnalysisNoticeRepository(tx).attempted(
                notice.analysis_id, notice.state_seq, outcome, state
            )
            if state is NoticeState.DEAD:
                await _give_up(tx, notice, outcome)
        return NoticeDelivery(settled=state is not NoticeState.OPEN, outcome=outcome)


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
