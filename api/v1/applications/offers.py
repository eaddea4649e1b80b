"""Offers: read and accept."""

from api.http.calls import PENDING, Called, Commanded
from api.http.routing import authorised_router
from api.v1.applications.carrying_out import carry_out
from api.v1.applications.schemas import ApplicationStatus, OfferResponse
from services.applications.finding import find_offer

router = authorised_router("/offers", "offers and lines")


@router.get("/{offer_id}", summary="Read an offer")
async def read(offer_id: str, call: Called) -> OfferResponse:
    """Return an offer."""
    async with call.database.read() as tx:
        return OfferResponse.model_validate(await find_offer(tx, call.caller, offer_id))


@router.post("/{offer_id}/accept", responses=PENDING, summary="Accept an offer")
async def accept(offer_id: str, call: Commanded) -> ApplicationStatus:
    """Accept: a credit line is opened, its id is in the answer."""
    async with call.database.read() as tx:
        offer = await find_offer(tx, call.caller, offer_id)
    return await carry_out(call, offer.application_id, "accept_offer", offer.id)
