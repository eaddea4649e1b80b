"""Limits that a person was granted without asking."""

from datetime import date, datetime
from decimal import Decimal

from api.http.calls import Called
from api.http.pagination import Paged
from api.http.routing import authorised_router
from api.http.schemas import Page, ResponseBody
from services.precredit import preapprovals_of

router = authorised_router("/users", "pre-credit")


class PreapprovalResponse(ResponseBody):
    """A limit in minor units of `currency`; it counts to the end of the day `valid_until`."""

    id: str
    campaign: str
    definition: str
    product: str
    currency: str
    amount: int
    instalments: int
    annual_rate: Decimal
    policy: str
    granted_on: date
    valid_until: date
    granted_at: datetime


@router.get("/{applicant_id}/preapprovals", summary="Limits that a person was granted")
async def listed(applicant_id: str, call: Called, page: Paged) -> Page[PreapprovalResponse]:
    """Return a page, the newest first; one that ended stays on record."""
    async with call.database.read() as tx:
        rows = await preapprovals_of(tx, call.caller, applicant_id, page.after, page.limit)
    return page.of(PreapprovalResponse, rows, "granted_at")
