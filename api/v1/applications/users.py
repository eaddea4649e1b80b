"""The user centre: a person as a channel knows them, and what is stored about them."""

from api.http.auth import Caller
from api.http.idempotency import Keyed
from api.http.routing import COMMAND_PROBLEMS, authorised_router
from api.http.services import Using
from api.v1.applications.user_schemas import Standing, StandingAnswer, UserAnswer
from services.applications.users import read_user, set_customer_tags

router = authorised_router("/users", "users")


@router.get("/{applicant_id}", summary="Read a person")
async def read(applicant_id: str, caller: Caller, services: Using) -> UserAnswer:
    """Return the person masked, with labels, devices, consents, elements and applications."""
    async with services.database.snapshot() as tx:
        return UserAnswer.of(await read_user(tx, caller, applicant_id))


@router.put("/{applicant_id}/standing", responses=COMMAND_PROBLEMS, summary="Set level and labels")
async def set_standing(
    applicant_id: str, body: Standing, caller: Caller, command: Keyed, services: Using
) -> StandingAnswer:
    """Set how the lender's people know a person."""
    async with services.database.transaction() as tx:
        labels = await set_customer_tags(tx, caller, command, applicant_id, body.level, body.labels)
    return StandingAnswer(id=applicant_id, level=body.level, labels=labels)
