"""Consents of a proposal's signers, each by the one link that was sent to that person.

The token is the proof: nobody else knows it, and the database has its digest only.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.common.errors import NotFound
from domain.common.masking import masked_number
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.errors import ConsentClosed
from domain.credit_analysis.fields import unmasked
from domain.credit_analysis.proposal import signers_of
from domain.credit_analysis.scr_consents import SCR_CONSENT_TEXT, SHOWN
from domain.people.consents import ConsentWords
from messages import ids
from runtime.clock import utc_now
from storage.common.audit import AuditRepository
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import AnalysisRow, CreditAnalysisRepository
from storage.credit_analysis.scr_consents import ScrConsentRepository, ScrConsentRow
from storage.definitions import DefinitionRepository

_TOKEN: Final = re.compile(r"[A-Za-z0-9_\-]{43}")
_WAITS: Final = frozenset({AnalysisStatus.PENDING, AnalysisStatus.WAITING_FOR_DATA})
_ENDS: Final = 3


@dataclass(frozen=True)
class SignerConsent:
    """What a link is for; `applicant` and `signer` are the ends of their document numbers.

    `text` is what is shown today.
    """

    consent: ScrConsentRow
    analysis: AnalysisRow
    applicant: str
    signer: str
    text: ConsentWords

    @property
    def workflow_id(self) -> str:
        """Return the process that waits for the consent."""
        return ids.credit_analysis_workflow(self.analysis.id)

    def check_open(self, now: datetime) -> None:
        """Raise `ConsentClosed` unless it is signed, or can be signed `now`."""
        if self.consent.signed_at is not None:
            return
        if now >= self.consent.expires_at or self.analysis.status not in _WAITS:
            raise ConsentClosed("the analysis does not wait for this consent any more")


async def is_known(tx: Transaction, token: str) -> bool:
    """Say whether a link was ever sent."""
    return await _of_token(tx, token) is not None


async def _of_token(tx: Transaction, token: str) -> ScrConsentRow | None:
    return await ScrConsentRepository(tx).of_token(token) if _TOKEN.fullmatch(token) else None


async def find_consent(tx: Transaction, token: str) -> SignerConsent:
    """Return what a link is for; raises `NotFound`."""
    consent = await _of_token(tx, token)
    if consent is None:
        raise NotFound("link")
    row = await CreditAnalysisRepository(tx).get(consent.analysis_id)
    stored = await CreditAnalysisRepository(tx).document(consent.analysis_id)
    assert row is not None  # noqa: S101 -- a consent refers to its analysis
    assert stored is not None  # noqa: S101 -- likewise
    proposal = stored.proposal
    text = await DefinitionRepository(tx).in_force(SCR_CONSENT_TEXT, SHOWN)
    return SignerConsent(
        consent,
        row,
        applicant=_ends(proposal.document_number),
        signer=_ends(signers_of(proposal)[consent.signer].document_number),
        text=text.content,
    )


async def sign_consent(
    tx: Transaction, token: str, *, text_version: str, text_sha256: str, now: datetime
) -> SignerConsent:
    """Record a signer's consent, once; a repeat changes nothing.

    `now` is the instant at which the analysis stands. Raises `NotFound`, `ConsentClosed`, and
    `UnknownConsentText` when another text was shown.
    """
    found = await find_consent(tx, token)
    consent = found.consent
    if consent.signed_at is not None:
        return found
    found.check_open(now)
    found.text.check_shown("the text", text_version, text_sha256)
    await ScrConsentRepository(tx).sign(
        consent.id, text_version=text_version, text_sha256=text_sha256, at=utc_now()
    )
    await AuditRepository(tx).add(
        actor=f"signer:{consent.signer}",
        role="signer",
        action="give_scr_consent",
        subject=found.workflow_id,
        outcome="accepted",
        detail={"consent_id": consent.id, "text_version": text_version},
        key=f"scr_consent:{consent.id}:signed",
    )
    return await find_consent(tx, token)


def _ends(number: str) -> str:
    return masked_number(unmasked(number), head=0, tail=_ENDS)
