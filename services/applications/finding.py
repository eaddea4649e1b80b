"""Applications and offers, for who may see them."""

from domain.common.errors import NotFound
from domain.people.principals import Principal
from services.people.ownership import owns, require_id
from storage.applications.applications import ApplicationRepository, ApplicationRow
from storage.applications.offers import OfferRepository, OfferRow
from storage.common.repository import Transaction


async def find_application(
    tx: Transaction, caller: Principal, application_id: str
) -> ApplicationRow:
    """Return an application that the caller may see; raises `NotFound`."""
    require_id(application_id, "app", "application")
    row = await ApplicationRepository(tx).get(application_id)
    if row is None or not await owns(tx, caller, row.applicant_id):
        raise NotFound("application")
    return row


async def find_offer(tx: Transaction, caller: Principal, offer_id: str) -> OfferRow:
    """Return an offer that the caller may see; raises `NotFound`."""
    require_id(offer_id, "off", "offer")
    row = await OfferRepository(tx).get(offer_id)
    application = None if row is None else await ApplicationRepository(tx).get(row.application_id)
    if row is None or application is None or not await owns(tx, caller, application.applicant_id):
        raise NotFound("offer")
    return row
