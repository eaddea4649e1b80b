"""Consents of a proposal's signers, each by the one link that was sent to that person.

The token is the proof: nobody else knows it, and the record knows its digest only.
"""

import re
from typing import Any, Final

import structlog
from fastapi import APIRouter

from api.credit_analysis.schemas import ScrConsentAnswer, ScrConsentBody
from api.http.engine import ProcessClosed
from api.http.errors import not_found
from api.http.gate import COMMAND_PROBLEMS, GatedRoute, described
from api.http.services import Services, Using
from domain.common.masking import masked_number
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.errors import ConsentClosed
from domain.credit_analysis.fields import unmasked
from domain.credit_analysis.proposal import signers_of
from domain.credit_analysis.scr_consents import CURRENT, check_text
from messages import ids
from messages.credit_analysis import ConsentGiven
from runtime.clock import utc_now
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import AnalysisRow, CreditAnalysisRepository, StoredProposal
from storage.credit_analysis.scr_consents import ScrConsentRepository, ScrConsentRow

_TOKEN: Final = re.compile(r"[A-Za-z0-9_\-]{43}")
_WAITS: Final = frozenset({AnalysisStatus.PENDING, AnalysisStatus.WAITING_FOR_DATA})
_ENDS: Final = 3

_log = structlog.stdlib.get_logger(__name__)

router = APIRouter(
    prefix="/credit_analysis/consents", tags=["credit analysis"], route_class=GatedRoute
)

_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    404: described("No such link"),
    410: described("Its time is over, or nobody waits for the consent any more"),
    503: described("Repeat after `Retry-After` seconds"),
}


@router.get("/{token}", responses=_PROBLEMS, summary="What a signer is asked to consent to")
async def show(token: str, services: Using) -> ScrConsentAnswer:
    """Show text and state; looking at it, as mail scanners do, signs nothing."""
    async with services.database.read() as tx:
        consent = await _found(tx, token)
        row, stored = await _analysis(tx, consent)
    if consent.signed_at is None:
        await _check_open(consent, row, services)
    return _answer(consent, row, stored)


@router.post(
    "/{token}",
    responses={**COMMAND_PROBLEMS, **_PROBLEMS},
    summary="Consent",
)
async def sign(token: str, body: ScrConsentBody, services: Using) -> ScrConsentAnswer:
    """Record the consent, once, and wake the analysis; a repeat changes nothing but wakes it."""
    async with services.database.read() as tx:
        consent = await _found(tx, token)
        row, stored = await _analysis(tx, consent)
    if consent.signed_at is None:
        await _check_open(consent, row, services)
        check_text(body.text_version, body.text_sha256)
        async with services.database.transaction() as tx:
            await _sign(tx, consent, body)
            consent = await _found(tx, token)
    try:
        await services.engine.consent_given(
            ids.credit_analysis_workflow(consent.analysis_id), ConsentGiven(signer=consent.signer)
        )
    except ProcessClosed:
        _log.info("consent_after_the_end", consent_id=consent.id)
    return _answer(consent, row, stored)


async def _found(tx: Transaction, token: str) -> ScrConsentRow:
    consent = await ScrConsentRepository(tx).of_token(token) if _TOKEN.fullmatch(token) else None
    if consent is None:
        raise not_found("link")
    return consent


async def _analysis(tx: Transaction, consent: ScrConsentRow) -> tuple[AnalysisRow, StoredProposal]:
    row = await CreditAnalysisRepository(tx).get(consent.analysis_id)
    stored = await CreditAnalysisRepository(tx).document(consent.analysis_id)
    assert row is not None  # noqa: S101 -- a consent refers to its analysis
    assert stored is not None  # noqa: S101 -- likewise
    return row, stored


async def _check_open(consent: ScrConsentRow, row: AnalysisRow, services: Services) -> None:
    now = await services.clock.now(ids.credit_analysis_workflow(row.id))
    if now >= consent.expires_at or row.status not in _WAITS:
        raise ConsentClosed("the analysis does not wait for this consent any more")


async def _sign(tx: Transaction, consent: ScrConsentRow, body: ScrConsentBody) -> None:
    await ScrConsentRepository(tx).sign(
        consent.id,
        text_version=body.text_version,
        text_sha256=body.text_sha256,
        at=utc_now(),
    )
    await AuditRepository(tx).add(
        actor=f"signer:{consent.signer}",
        role="signer",
        action="give_scr_consent",
        subject=ids.credit_analysis_workflow(consent.analysis_id),
        outcome="accepted",
        detail={"consent_id": consent.id, "text_version": body.text_version},
        key=f"scr_consent:{consent.id}:signed",
    )


def _answer(consent: ScrConsentRow, row: AnalysisRow, stored: StoredProposal) -> ScrConsentAnswer:
    proposal = stored.proposal
    return ScrConsentAnswer(
        lender=row.client,
        applicant=_ends(proposal.document_number),
        signer=_ends(signers_of(proposal)[consent.signer].document_number),
        text_version=CURRENT.version,
        text_sha256=CURRENT.sha256,
        text=CURRENT.text,
        expires_at=consent.expires_at,
        signed_version=consent.text_version,
        signed_at=consent.signed_at,
    )


def _ends(number: str) -> str:
    return masked_number(unmasked(number), head=0, tail=_ENDS)
