"""Offers: read and accept."""

from fastapi import Response

from api.http.answers import accepted
from api.http.auth import Caller
from api.http.engine import StillRunning
from api.http.gate import COMMAND_PROBLEMS, gated_router
from api.http.idempotency import Keyed
from api.http.services import Using
from api.v1.applications.schemas import ApplicationStatus, OfferAnswer
from api.v1.applications.views import row_status, view_status
from api.v1.ownership import application_for, offer_for
from messages import ids
from messages.applications import ApplicationView

router = gated_router("/offers", "offers and lines")


@router.get("/{offer_id}", summary="Read an offer")
async def read(offer_id: str, caller: Caller, services: Using) -> OfferAnswer:
    """Return an offer."""
    async with services.database.read() as tx:
        return OfferAnswer.model_validate(await offer_for(tx, caller, offer_id))


@router.post(
    "/{offer_id}/accept",
    response_model=ApplicationStatus,
    responses={**COMMAND_PROBLEMS, 202: {"model": ApplicationStatus}},
    summary="Accept an offer",
)
async def accept(
    offer_id: str, caller: Caller, command: Keyed, services: Using
) -> ApplicationStatus | Response:
    """Accept: a credit line is opened, its id is in the answer."""
    async with services.database.read() as tx:
        offer = await offer_for(tx, caller, offer_id)
        row = await application_for(tx, caller, offer.application_id)
    try:
        view = await services.engine.command(
            ids.application_workflow(offer.application_id),
            "accept_offer",
            command.update_id,
            ApplicationView,
            offer_id,
            over=row.state.is_final,
        )
    except StillRunning:
        async with services.database.read() as tx:
            row = await application_for(tx, caller, offer.application_id)
        return accepted(await row_status(services, row), f"/v1/applications/{row.id}")
    return await view_status(services, view)
