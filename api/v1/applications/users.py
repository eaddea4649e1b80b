"""The user centre: a person as a channel knows them, and what is stored about them."""

from api.http.calls import Called, Commanded
from api.http.routing import authorised_router
from api.v1.applications.user_schemas import CustomerTags, CustomerTagsResponse, UserResponse
from services.applications.users import read_user, set_customer_tags

router = authorised_router("/users", "users")


@router.get("/{applicant_id}", summary="Read a person")
async def read(applicant_id: str, call: Called) -> UserResponse:
    """Return the person masked, with labels, devices, consents, elements and applications."""
    async with call.database.snapshot() as tx:
        return UserResponse.of(await read_user(tx, call.caller, applicant_id))


@router.put("/{applicant_id}/tags", summary="Set level and labels")
async def set_tags(applicant_id: str, body: CustomerTags, call: Commanded) -> CustomerTagsResponse:
    """Set how the lender's people know a person."""
    async with call.database.transaction() as tx:
        labels = await set_customer_tags(
            tx, call.caller, call.command, applicant_id, body.level, body.labels
        )
    return CustomerTagsResponse(id=applicant_id, level=body.level, labels=labels)
