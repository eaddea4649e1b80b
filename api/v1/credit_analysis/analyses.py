"""Credit analyses for our own staff: the queue, one analysis, and an analyst's decision."""

from typing import Annotated

from fastapi import Query

from api.http.calls import Called, Commanded
from api.http.engine import ProcessClosed, StillRunning
from api.http.errors import later
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.v1.credit_analysis.schemas import (
    AnalysisDetail,
    AnalysisReviewBody,
    AnalysisReviewed,
    AnalysisSummary,
)
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.errors import ReviewClosed
from messages import ids
from messages.credit_analysis import AnalysisReviewCommand, AnalysisView
from services.credit_analysis.reviewing import (
    authorise_review,
    find_analysis,
    read_analysis,
)
from storage.common.audit import AuditRepository
from storage.credit_analysis.analyses import CreditAnalysisRepository

router = authorised_router("/credit-analyses", "credit analysis")


@router.get("", summary="The queue of manual analyses, or the analyses of another status")
async def queue(
    call: Called,
    page: Paged,
    status: AnalysisStatus = AnalysisStatus.IN_MANUAL_ANALYSIS,
    client: Annotated[str | None, Query(max_length=64)] = None,
) -> Page[AnalysisSummary]:
    """Return a page of what waits for an analyst, the one due first at its head.

    The analyses of another `status` come with the newest first.
    """
    waiting = status is AnalysisStatus.IN_MANUAL_ANALYSIS
    async with call.database.read() as tx:
        analyses = CreditAnalysisRepository(tx)
        if waiting:
            rows = await analyses.queue(page.after, page.limit, client=client)
        else:
            rows = await analyses.page(page.after, page.limit, status=status, client=client)
        listed = await analyses.with_proposal_ids(rows)
    return page.of(AnalysisSummary, listed, "review_due_at" if waiting else "received_at")


@router.get("/{analysis_id}", summary="Read an analysis")
async def read(analysis_id: str, call: Called) -> AnalysisDetail:
    """Return what is on record; a reviewer also sees the proposal, which is audited."""
    async with call.database.transaction() as tx:
        return AnalysisDetail.of(await read_analysis(tx, call.caller, analysis_id))


@router.post(
    "/{analysis_id}/review", summary="Approve, reprove or challenge a proposal in manual analysis"
)
async def review(analysis_id: str, body: AnalysisReviewBody, call: Commanded) -> AnalysisReviewed:
    """Decide, and notify the client. 409 `review_closed` when somebody else was first."""
    async with call.database.read() as tx:
        row = await find_analysis(tx, analysis_id)
    await authorise_review(call.database, call.caller, row.id)
    try:
        view = await call.services.engine.command(
            ids.credit_analysis_workflow(analysis_id),
            f"review_{body.decision}",
            call.command.update_id,
            AnalysisView,
            AnalysisReviewCommand(reviewer=call.caller.actor, reason=body.reason),
            over=row.status.is_final,
            state=row.status,
        )
    except StillRunning:
        raise later(
            "request_in_progress", "The decision is taken on. Repeat the request."
        ) from None
    except ProcessClosed:
        async with call.database.transaction() as tx:
            await AuditRepository(tx).add_by(
                call.caller,
                body.decision,
                ids.credit_analysis_workflow(analysis_id),
                "refused",
                detail={"reason": body.reason},
                key=call.command.update_id,
            )
        raise ReviewClosed("The analysis was decided already.") from None
    return AnalysisReviewed(
        id=analysis_id, status=view.status, reason=view.reason, state_seq=view.state_seq
    )
