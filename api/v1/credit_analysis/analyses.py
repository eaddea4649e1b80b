"""Credit analyses for our own staff: the queue, one analysis, and an analyst's word."""

import json

from api.http.auth import Caller
from api.http.engine import ProcessClosed, StillRunning
from api.http.errors import Problem, later, not_found
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Command, Keyed
from api.http.pagination import Paged
from api.http.schemas import Page
from api.http.services import Services, Using
from api.v1.credit_analysis.schemas import (
    AnalysisDetail,
    AnalysisReviewBody,
    AnalysisReviewed,
    AnalysisSummary,
    CheckAnswer,
    NoticeAnswer,
    RelayAnswer,
    SignerAnswer,
)
from domain.people.authority import Action
from domain.people.principals import Principal
from messages import ids
from messages.credit_analysis import AnalysisReviewCommand, AnalysisView
from services.people.authority import authorise
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import AnalysisRow, CreditAnalysisRepository
from storage.credit_analysis.notices import AnalysisNoticeRepository
from storage.credit_analysis.scr_consents import ScrConsentRepository

router = gated_router("/credit-analyses", "credit analysis")


@router.get("", summary="The queue of manual analyses, the one due first at its head")
async def queue(caller: Caller, services: Using, page: Paged) -> Page[AnalysisSummary]:
    """Return a page of what waits for an analyst."""
    async with services.database.read() as tx:
        rows = await CreditAnalysisRepository(tx).queue(page.after, page.limit)
    items = [AnalysisSummary.model_validate(row) for row in rows]
    return Page(items=items, next=page.next_cursor(rows, "review_due_at"))


@router.get("/{analysis_id}", summary="Read an analysis")
async def read(analysis_id: str, caller: Caller, services: Using) -> AnalysisDetail:
    """Return what is on record; a reviewer also sees the proposal, which is audited."""
    async with services.database.transaction() as tx:
        row = await _found(tx, analysis_id)
        checks = await CreditAnalysisRepository(tx).checks(analysis_id)
        notices = await AnalysisNoticeRepository(tx).of(analysis_id)
        signers = await ScrConsentRepository(tx).of(analysis_id)
        relays = await AnalysisNoticeRepository(tx).relays(analysis_id)
        related = await CreditAnalysisRepository(tx).related(analysis_id)
        proposal = None
        if caller.role == "reviewer":
            stored = await CreditAnalysisRepository(tx).document(analysis_id)
            proposal = json.loads(stored.document) if stored else None
            await AuditRepository(tx).add(
                actor=caller.actor,
                role=caller.role,
                action="read_proposal",
                subject=ids.credit_analysis_workflow(analysis_id),
                outcome="accepted",
            )
    return AnalysisDetail(
        **AnalysisSummary.model_validate(row).model_dump(),
        checks=[CheckAnswer.model_validate(check) for check in checks],
        notices=[NoticeAnswer.model_validate(notice) for notice in notices],
        signers=[SignerAnswer.model_validate(signer) for signer in signers],
        relays=[RelayAnswer.model_validate(relay) for relay in relays],
        registration=list(related.registration),
        same_number=related.same_number,
        proposal=proposal,
    )


@router.post(
    "/{analysis_id}/review",
    responses=COMMAND_PROBLEMS,
    summary="Approve, reprove or challenge a proposal in manual analysis",
)
async def review(
    analysis_id: str,
    body: AnalysisReviewBody,
    caller: Caller,
    command: Keyed,
    services: Using,
) -> AnalysisReviewed:
    """Decide: the client is told. 409 `review_closed` when somebody else was first."""
    async with services.database.read() as tx:
        row = await _found(tx, analysis_id)
    await authorise(
        services.database,
        caller,
        Action.REVIEW_ANALYSIS,
        ids.credit_analysis_workflow(analysis_id),
    )
    try:
        view = await services.engine.command(
            ids.credit_analysis_workflow(analysis_id),
            f"review_{body.decision}",
            command.update_id,
            AnalysisView,
            AnalysisReviewCommand(reviewer=caller.actor, reason=body.reason),
            over=row.status.is_final,
        )
    except StillRunning:
        raise later("request_in_progress", "The word is taken on. Repeat the request.") from None
    except ProcessClosed:
        await _audit_refusal(analysis_id, body, caller, command, services)
        raise Problem("review_closed", "The analysis was decided already.") from None
    return AnalysisReviewed(
        id=analysis_id, status=view.status, reason=view.reason, state_seq=view.state_seq
    )


async def _found(tx: Transaction, analysis_id: str) -> AnalysisRow:
    row = (
        await CreditAnalysisRepository(tx).get(analysis_id)
        if ids.is_id(analysis_id, "ana")
        else None
    )
    if row is None:
        raise not_found("analysis")
    return row


async def _audit_refusal(
    analysis_id: str,
    body: AnalysisReviewBody,
    caller: Principal,
    command: Command,
    services: Services,
) -> None:
    """Record a word that came after the process had ended, which so could not record it."""
    async with services.database.transaction() as tx:
        await AuditRepository(tx).add(
            actor=caller.actor,
            role=caller.role,
            action=body.decision.value,
            subject=ids.credit_analysis_workflow(analysis_id),
            outcome="refused",
            detail={"reason": body.reason},
            key=command.update_id,
        )
