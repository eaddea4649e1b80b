"""Credit analysis on the published wire format, for clients with a raw API key."""

import json
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request

from api.credit_analysis.clients import Client, ClientRoute, feedback_of, proposal_of
from api.credit_analysis.schemas import AnalysisResponse, FeedbackResponse
from api.http.engine import ProcessClosed, StillRunning
from api.http.errors import MEDIA_TYPE, Problem, ProblemDetails
from api.http.services import Services, Using
from domain.credit_analysis.errors import AlreadyProcessed
from domain.credit_analysis.parties import PersonKind
from messages import ids
from messages.credit_analysis import AnalysisView, StartCreditAnalysis
from runtime.settings import AnalysisClient
from services.credit_analysis.feedback import record_feedback
from services.credit_analysis.intake import read_proposal, record_proposal
from storage.credit_analysis.analyses import AnalysisRow, CreditAnalysisRepository
from storage.credit_analysis.notices import AnalysisNoticeRepository

_log = structlog.stdlib.get_logger(__name__)

router = APIRouter(prefix="/credit_analysis", tags=["credit analysis"], route_class=ClientRoute)


def _described(text: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    return {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}}


_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    400: _described("A field is not as documented; `errors` names it"),
    401: _described("No valid API key"),
    404: _described("No such analysis"),
    406: _described("Not JSON"),
    409: _described("This id was processed before"),
    413: _described("The body is too large"),
    503: _described("Repeat after `Retry-After` seconds; the lender must repair `unknown_policy`"),
}


def _body_of(model: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {
        "parameters": [
            {
                "in": "header",
                "name": "Authorization",
                "required": True,
                "schema": {"type": "string"},
                "description": "the API key, as it is",
            }
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
    }


@router.post(
    "/legal_person",
    responses=_PROBLEMS,
    openapi_extra=_body_of("LegalPersonProposal"),
    summary="Have a company analysed",
)
async def legal_person(request: Request, client: Client, services: Using) -> AnalysisResponse:
    """Answer at once when the analysis is automatic; otherwise a webhook tells its end.

    A challenge is answered by a new request: another `id`, the same `registration_id`.
    """
    return await _analyse(PersonKind.LEGAL, request, client, services)


@router.post(
    "/natural_person",
    responses=_PROBLEMS,
    openapi_extra=_body_of("NaturalPersonProposal"),
    summary="Have a person analysed",
)
async def natural_person(request: Request, client: Client, services: Using) -> AnalysisResponse:
    """Answer at once when the analysis is automatic; otherwise a webhook tells its end."""
    return await _analyse(PersonKind.NATURAL, request, client, services)


@router.get(
    "/{kind}/{proposal_id}",
    responses=_PROBLEMS,
    summary="Read an analysis: the object as it was sent, and where it stands",
)
async def read(kind: str, proposal_id: str, client: Client, services: Using) -> dict[str, Any]:
    """Return the newest state."""
    async with services.database.read() as tx:
        found = await read_proposal(tx, client, kind, proposal_id)
    if found.start is not None:
        await _start_again(found.start, services)
    proposal: dict[str, Any] = json.loads(found.document)
    proposal |= {"analysis_status": found.analysis.status, "reason": found.analysis.reason}
    if found.latest is not None:
        proposal["credit_proposal_status"] = found.latest.credit_proposal_status
    return proposal


@router.put(
    "/{kind}/{proposal_id}",
    responses=_PROBLEMS,
    openapi_extra=_body_of("Feedback"),
    summary="Report what became of the credit",
)
async def feed_back(
    kind: str, proposal_id: str, request: Request, client: Client, services: Using
) -> FeedbackResponse:
    """Record a report. The same one again changes nothing; they count in the order of events.

    Where an external assessment was asked for, its provider is told, once it can be reached.
    """
    feedback = await feedback_of(request)
    async with services.database.transaction() as tx:
        recorded = await record_feedback(tx, client, kind, proposal_id, feedback)
    if recorded.relay is not None:
        await services.engine.relay_feedback(recorded.relay)
    return FeedbackResponse(
        id=proposal_id,
        credit_proposal_status=recorded.latest.credit_proposal_status,
        event_date=recorded.latest.event_date,
    )


async def _analyse(
    kind: PersonKind, request: Request, client: AnalysisClient, services: Services
) -> AnalysisResponse:
    proposal, document = await proposal_of(request, kind)
    async with services.database.transaction() as tx:
        recorded = await record_proposal(
            tx, client, kind, proposal, document, lender=services.settings.lender
        )
    if recorded.is_repeat:
        if recorded.start is not None:
            await _start_again(recorded.start, services)
        raise AlreadyProcessed("An analysis with this id exists: read it.")
    if recorded.start is not None:
        await services.engine.start_credit_analysis(recorded.start)
    view = await _first_status(recorded.analysis, services)
    return AnalysisResponse(id=proposal.id, analysis_status=view.status, reason=view.reason)


async def _start_again(start: StartCreditAnalysis, services: Services) -> None:
    """Start a process that a request recorded and, it may be, did not live to start."""
    try:
        await services.engine.start_credit_analysis(start)
    except Problem as problem:
        _log.warning("analysis_not_started", analysis_id=start.analysis_id, code=problem.code)


async def _first_status(row: AnalysisRow, services: Services) -> AnalysisView | AnalysisRow:
    """Wait a little for the status; one that is answered here needs no notice.

    Nothing that goes wrong from here on matters to the analysis: its process has been started.
    """
    try:
        view = await services.engine.command(
            ids.credit_analysis_workflow(row.id),
            "answer",
            ids.derived_id("act", row.id, "answer"),
            AnalysisView,
            over=False,
        )
    except (StillRunning, ProcessClosed, Problem):
        async with services.database.read() as tx:
            return await CreditAnalysisRepository(tx).get(row.id) or row
    if view.state_seq:
        async with services.database.transaction() as tx:
            await AnalysisNoticeRepository(tx).answered(row.id, view.state_seq)
    return view
