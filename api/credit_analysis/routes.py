"""Credit analysis on the published wire format, for clients with a raw API key."""

import json
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request

from api.credit_analysis.clients import Client, ClientRoute, feedback_of, proposal_of
from api.credit_analysis.schemas import AnalysisAnswer, FeedbackAnswer
from api.http.engine import ProcessClosed, StillRunning
from api.http.errors import MEDIA_TYPE, Problem, ProblemDetails, later, not_found
from api.http.services import Services, Using
from domain.credit_analysis.errors import UnknownPolicy
from domain.credit_analysis.parties import PersonKind
from messages import ids
from messages.credit_analysis import AnalysisView
from runtime.settings import AnalysisClient
from services.credit_analysis.feedback import take_feedback
from services.credit_analysis.intake import start_of, take_in
from storage.credit_analysis.analyses import AnalysisRow, CreditAnalysisRepository
from storage.credit_analysis.feedback import AnalysisFeedbackRepository
from storage.credit_analysis.notices import AnalysisNoticeRepository

_POLICY_SECONDS: Final = 300
"""After so long a client repeats whose policy is not in force: a person has to release one."""

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
    503: _described("Repeat after `Retry-After` seconds; `unknown_policy` is ours to mend first"),
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
async def legal_person(request: Request, client: Client, services: Using) -> AnalysisAnswer:
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
async def natural_person(request: Request, client: Client, services: Using) -> AnalysisAnswer:
    """Answer at once when the analysis is automatic; otherwise a webhook tells its end."""
    return await _analyse(PersonKind.NATURAL, request, client, services)


@router.get(
    "/{kind}/{proposal_id}",
    responses=_PROBLEMS,
    summary="Read an analysis: the object as it was sent, and where it stands",
)
async def read(kind: str, proposal_id: str, client: Client, services: Using) -> dict[str, Any]:
    """Return the newest state."""
    row = await _found(kind, proposal_id, client, services)
    if row.state_seq == 0:
        await _start_again(row, services)
    async with services.database.read() as tx:
        stored = await CreditAnalysisRepository(tx).document(row.id)
        reports = await AnalysisFeedbackRepository(tx).feedback(row.id)
    assert stored is not None  # noqa: S101 -- it was just found
    proposal: dict[str, Any] = json.loads(stored.document)
    proposal |= {"analysis_status": row.status, "reason": row.reason}
    if reports:
        proposal["credit_proposal_status"] = reports[-1].credit_proposal_status
    return proposal


@router.put(
    "/{kind}/{proposal_id}",
    responses=_PROBLEMS,
    openapi_extra=_body_of("Feedback"),
    summary="Report what became of the credit",
)
async def feed_back(
    kind: str, proposal_id: str, request: Request, client: Client, services: Using
) -> FeedbackAnswer:
    """Record a report. The same one again changes nothing; they count in the order of events.

    Where another analyst was asked it is passed on to him, whenever he can be reached.
    """
    feedback = await feedback_of(request)
    row = await _found(kind, proposal_id, client, services)
    async with services.database.transaction() as tx:
        taken = await take_feedback(tx, row, feedback)
    if taken.relay is not None:
        await services.engine.relay_feedback(taken.relay)
    return FeedbackAnswer(
        id=proposal_id,
        credit_proposal_status=taken.latest.credit_proposal_status,
        event_date=taken.latest.event_date,
    )


async def _found(
    kind: str, proposal_id: str, client: AnalysisClient, services: Services
) -> AnalysisRow:
    if kind not in list(PersonKind):
        raise not_found("kind of analysis")
    async with services.database.read() as tx:
        row = await CreditAnalysisRepository(tx).find(client.client, proposal_id, PersonKind(kind))
    if row is None:
        raise not_found("analysis")
    return row


async def _analyse(
    kind: PersonKind, request: Request, client: AnalysisClient, services: Services
) -> AnalysisAnswer:
    proposal, document = await proposal_of(request, kind)
    try:
        async with services.database.transaction() as tx:
            start = await take_in(tx, client, kind, proposal, document)
    except UnknownPolicy as error:
        raise later(error.code, error.message, _POLICY_SECONDS) from None
    if start is None:
        raise await _already_processed(proposal.id, client, services)
    await services.engine.start_credit_analysis(start)
    view = await _first_status(start.analysis_id, services)
    return AnalysisAnswer(id=proposal.id, analysis_status=view.status, reason=view.reason)


async def _already_processed(
    proposal_id: str, client: AnalysisClient, services: Services
) -> Problem:
    """Return the problem 409, after seeing to it that the first request is being worked on."""
    async with services.database.read() as tx:
        row = await CreditAnalysisRepository(tx).find(client.client, proposal_id)
    if row is not None and row.state_seq == 0:
        await _start_again(row, services)
    return Problem("already_processed", "An analysis with this id exists: read it.")


async def _start_again(row: AnalysisRow, services: Services) -> None:
    """Start a process that a request recorded and, it may be, did not live to start."""
    async with services.database.read() as tx:
        start = await start_of(tx, row)
    try:
        await services.engine.start_credit_analysis(start)
    except Problem as problem:
        _log.warning("analysis_not_started", analysis_id=row.id, code=problem.code)


async def _first_status(analysis_id: str, services: Services) -> AnalysisView | AnalysisRow:
    """Wait a little for the status; what is told here needs no notice any more.

    Nothing that goes wrong from here on matters to the analysis: its process has been started.
    """
    try:
        view = await services.engine.command(
            ids.credit_analysis_workflow(analysis_id),
            "answer",
            ids.derived_id("act", analysis_id, "answer"),
            AnalysisView,
            over=False,
        )
    except (StillRunning, ProcessClosed, Problem):
        async with services.database.read() as tx:
            row = await CreditAnalysisRepository(tx).get(analysis_id)
        assert row is not None  # noqa: S101 -- it was just recorded
        return row
    if view.state_seq:
        async with services.database.transaction() as tx:
            await AnalysisNoticeRepository(tx).answered(analysis_id, view.state_seq)
    return view
