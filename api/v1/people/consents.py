"""Consents: the texts of today, giving and revoking, each purpose by itself."""

from api.http.calls import Called, Commanded
from api.http.routing import authorised_router
from api.http.schemas import Page, whole
from api.v1.people.consent_schemas import ConsentCreate, ConsentResponse, ConsentTextResponse
from domain.people.consents import CONSENT_TEXT, Purpose
from services.people.consenting import give_consent, revoke_consent
from storage.definitions import DefinitionRepository

router = authorised_router("", "users")


@router.get("/consent-texts", summary="What is to be shown for each purpose")
async def texts(call: Called) -> Page[ConsentTextResponse]:
    """Return the texts in force; a consent names the version and digest of what was shown."""
    async with call.database.read() as tx:
        texts = await DefinitionRepository(tx).all_in_force(CONSENT_TEXT)
    items = [ConsentTextResponse.model_validate(text.content) for text in texts]
    return Page(items=items, next=None)


@router.post("/users/{applicant_id}/consents", status_code=201, summary="Give a consent")
async def give(applicant_id: str, body: ConsentCreate, call: Commanded) -> ConsentResponse:
    """Record what the applicant agreed to; consenting again to the same text changes nothing."""
    async with call.database.transaction() as tx:
        row = await give_consent(tx, call.caller, call.command, applicant_id, body.shown())
    call.created(f"/v1/users/{applicant_id}")
    return ConsentResponse.model_validate(row)


@router.delete("/users/{applicant_id}/consents/{purpose}", summary="Revoke a consent")
async def revoke(applicant_id: str, purpose: Purpose, call: Commanded) -> Page[ConsentResponse]:
    """Revoke what is in force for the purpose, from now on; what was done before stays."""
    async with call.database.transaction() as tx:
        rows = await revoke_consent(tx, call.caller, applicant_id, purpose)
    return whole(ConsentResponse, rows)
