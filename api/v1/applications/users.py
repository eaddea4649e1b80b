"""The user centre: a person as a channel knows him, and what is kept of him."""

from api.http.calls import Called, Commanded
from api.http.gate import gated_router
from api.v1.applications.user_schemas import Standing, StandingAnswer, UserAnswer
from services.applications.users import read_user, set_customer_tags

router = gated_router("/users", "users")


@router.get("/{applicant_id}", summary="Read a person")
async def read(applicant_id: str, call: Called) -> UserAnswer:
    """Return the person masked, with labels, devices, consents, elements and applications."""
    async with call.database.snapshot() as tx:
        return UserAnswer.of(await read_user(tx, call.caller, applicant_id))


@router.put("/{applicant_id}/standing", summary="Set level and labels")
async def set_standing(applicant_id: str, body: Standing, call: Commanded) -> StandingAnswer:
    """Set how the lender's people know a person."""
    async with call.database.transaction() as tx:
        labels = await set_customer_tags(
            tx, call.caller, call.command, applicant_id, body.level, body.labels
        )
    return StandingAnswer(id=applicant_id, level=body.level, labels=labels)
