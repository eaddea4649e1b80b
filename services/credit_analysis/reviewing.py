"""Credit analyses for the lender's own people."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.common.errors import NotFound
from domain.credit_analysis.decision import PartyFacts
from domain.people.authority import Action
from domain.people.principals import Principal
from messages import ids
from services.people.authority import authorise
from services.people.handles import with_handles
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import (
    AnalysisReviewRow,
    AnalysisRow,
    CreditAnalysisRepository,
    ListedAnalysis,
    Related,
)
from storage.credit_analysis.feedback import AnalysisFeedbackRepository, RelayRow
from storage.credit_analysis.notices import AnalysisNoticeRepository, NoticeRow
from storage.credit_analysis.scr_consents import ScrConsentRepository, ScrConsentRow
from storage.database import Database


@dataclass(frozen=True, kw_only=True)
class AnalysisDetails:
    """Everything that is recorded of an analysis; `proposal` is for reviewers."""

    analysis: ListedAnalysis
    checks: Sequence[PartyFacts]
    notices: Sequence[NoticeRow]
    signers: Sequence[ScrConsentRow]
    relays: Sequence[RelayRow]
    review: AnalysisReviewRow | None
    related: Related
    proposal: dict[str, Any] | None


async def find_analysis(tx: Transaction, analysis_id: str) -> AnalysisRow:
    """Return an analysis; raises `NotFound`."""
    known = ids.is_id(analysis_id, "ana")
    row = await CreditAnalysisRepository(tx).get(analysis_id) if known else None
    if row is None:
        raise NotFound("analysis")
    return row


async def read_analysis(tx: Transaction, caller: Principal, analysis_id: str) -> AnalysisDetails:
    """Return what is recorded; that a reviewer sees the proposal is audited.

    Raises `NotFound`.
    """
    row = await find_analysis(tx, analysis_id)
    analyses = CreditAnalysisRepository(tx)
    (listed,) = await analyses.with_proposal_ids([row])
    return AnalysisDetails(
        analysis=listed,
        checks=await analyses.checks(row.id),
        notices=await AnalysisNoticeRepository(tx).of(row.id),
        signers=await ScrConsentRepository(tx).of(row.id),
        relays=await AnalysisFeedbackRepository(tx).relays(row.id),
        review=await _review(tx, row),
        related=await analyses.related(row.id),
        proposal=await _proposal(tx, caller, row) if caller.role == "reviewer" else None,
    )


async def _review(tx: Transaction, row: AnalysisRow) -> AnalysisReviewRow | None:
    """Return an analyst's decision, with the analyst's handle."""
    review = await CreditAnalysisRepository(tx).review(row.id)
    if review is None:
        return None
    [shown] = await with_handles(tx, [review], "reviewer")
    return shown


async def authorise_review(database: Database, caller: Principal, analysis_id: str) -> None:
    """Raise `NotAuthorised` unless the caller may decide about an analysis."""
    subject = ids.credit_analysis_workflow(analysis_id)
    await authorise(database, caller, Action.REVIEW_ANALYSIS, subject)


async def _proposal(tx: Transaction, caller: Principal, row: AnalysisRow) -> dict[str, Any] | None:
    stored = await CreditAnalysisRepository(tx).document(row.id)
    await AuditRepository(tx).add_by(caller, "read_proposal", ids.credit_analysis_workflow(row.id))
    proposal: dict[str, Any] | None = json.loads(stored.document) if stored else None
    return proposal
