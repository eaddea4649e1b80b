"""Decisions on an application, explained to staff."""

from typing import Annotated

from fastapi import Path

from api.http.calls import Called
from api.http.routing import authorised_router
from api.http.schemas import Page
from api.v1.decisioning.schemas import DecisionExplanation, DecisionSummary
from services.applications.explaining import explain_decision, list_decisions

router = authorised_router("/applications", "decisions")


@router.get("/{application_id}/decisions", summary="List the decisions on an application")
async def decisions(application_id: str, call: Called) -> Page[DecisionSummary]:
    """Return every decision, the first one first: by policies, and by reviewers."""
    async with call.database.read() as tx:
        found = await list_decisions(tx, call.caller, application_id)
    items = [DecisionSummary.numbered(number, row) for number, row in found]
    return Page(items=items, next=None)


@router.get("/{application_id}/decisions/{number}", summary="Explain a decision")
async def explain(
    application_id: str, number: Annotated[int, Path(ge=1, le=1000)], call: Called
) -> DecisionExplanation:
    """Say in words why it was decided so, with every rule, what it read, and the versions."""
    async with call.database.read() as tx:
        found = await explain_decision(tx, call.caller, application_id, number)
    return DecisionExplanation.of(found)
