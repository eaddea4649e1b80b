"""Consents of a proposal's signers, each by the one link that was sent to that person."""

from typing import Any, Final

import structlog
from fastapi import APIRouter

from api.credit_analysis.schemas import ScrConsentBody, ScrConsentResponse
from api.http.engine import ProcessClosed
from api.http.proofs import known_link, proved
from api.http.routing import COMMAND_PROBLEMS, described
from api.http.services import Using
from messages.credit_analysis import ConsentGiven
from services.credit_analysis.scr_consents import find_consent, is_known, sign_consent

_log = structlog.stdlib.get_logger(__name__)

router = APIRouter(
    prefix="/credit_analysis/consents",
    tags=["credit analysis"],
    route_class=proved(known_link(is_known, "token")),
)

_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    404: described("No such link"),
    410: described("Its time is over, or nobody waits for the consent any more"),
    503: described("Repeat after `Retry-After` seconds"),
}


@router.get("/{token}", responses=_PROBLEMS, summary="What a signer is asked to consent to")
async def show(token: str, services: Using) -> ScrConsentResponse:
    """Show text and state; looking at it, as mail scanners do, signs nothing."""
    async with services.database.read() as tx:
        found = await find_consent(tx, token)
    found.check_open(await services.clock.now(found.workflow_id))
    return ScrConsentResponse.of(found)


@router.post(
    "/{token}",
    responses={**COMMAND_PROBLEMS, **_PROBLEMS},
    summary="Consent",
)
async def sign(token: str, body: ScrConsentBody, services: Using) -> ScrConsentResponse:
    """Record the consent, once, and notify the analysis; a repeat does only the latter."""
    async with services.database.read() as tx:
        found = await find_consent(tx, token)
    now = await services.clock.now(found.workflow_id)
    async with services.database.transaction() as tx:
        signed = await sign_consent(
            tx, token, text_version=body.text_version, text_sha256=body.text_sha256, now=now
        )
    try:
        given = ConsentGiven(signer=signed.consent.signer)
        await services.engine.notify(signed.workflow_id, "consent_given", given)
    except ProcessClosed:
        _log.info("consent_after_the_end", consent_id=signed.consent.id)
    return ScrConsentResponse.of(signed)
