"""Offers: read and accept."""

from fastapi import Response

from api.http.auth import Caller
from api.http.idempotency import Keyed
from api.http.routing import COMMAND_PROBLEMS, authorised_router
from api.http.services import Using
from api.v1.applications.carrying_out import carry_out
from api.v1.applications.schemas import ApplicationStatus, OfferAnswer
from services.applications.finding import find_offer

router = authorised_router("/offers", "offers and lines")


@router.get("/{offer_id}", summary="Read an offer")
async def read(offer_id: str, caller: Caller, services: Using) -> OfferAnswer:
    """Return an offer."""
    async with services.database.read() as tx:
        return OfferAnswer.model_validate(await find_offer(tx, caller, offer_id))


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
        offer = await find_offer(tx, caller, offer_id)
    application_id = offer.application_id
    return await carry_out(services, caller, command, application_id, "accept_offer", offer.id)
