"""The user centre: a person as a channel knows them, and what is stored about them."""

from api.http.calls import Called, Commanded
from api.http.routing import authorised_router
from api.http.schemas import Page, whole
from api.v1.applications.user_schemas import (
    CustomerTags,
    CustomerTagsResponse,
    LevelChangeResponse,
    UserResponse,
)
from domain.common.calendar import business_date
from domain.decisioning.customer_levels import Level
from runtime.clock import utc_now
from services.applications.users import read_user
from services.decisioning.levels import level_changes, set_level

router = authorised_router("/users", "users")


@router.get("/{applicant_id}", summary="Read a person")
async def read(applicant_id: str, call: Called) -> UserResponse:
    """Return the person masked, with labels, devices, consents, elements and applications."""
    async with call.database.snapshot() as tx:
        today = business_date(utc_now(), call.services.settings.zone)
        return UserResponse.of(await read_user(tx, call.caller, applicant_id, today))


@router.put("/{applicant_id}/tags", summary="Set level and labels")
async def set_tags(applicant_id: str, body: CustomerTags, call: Commanded) -> CustomerTagsResponse:
    """Set how a person is known until the end of a day; it goes before the rules."""
    async with call.database.transaction() as tx:
        level = await set_level(
            tx,
            call.caller,
            call.command,
            applicant_id,
            Level(body.level, body.labels, None),
            until=body.until,
            reason=body.reason,
        )
    return CustomerTagsResponse(
        id=applicant_id, level=level.level, labels=level.labels, until=body.until
    )


@router.get("/{applicant_id}/levels", summary="How a person's level changed")
async def levels(applicant_id: str, call: Called) -> Page[LevelChangeResponse]:
    """Return the last changes, the newest first: by which rule, or by whom and why."""
    async with call.database.read() as tx:
        return whole(LevelChangeResponse, await level_changes(tx, call.caller, applicant_id))
