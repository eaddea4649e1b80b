"""What clients of the credit analysis and signers of proposals send and are answered."""

from datetime import datetime
from typing import Self

from pydantic import ConfigDict

from api.http.schemas import Body, ResponseBody
from api.v1.people.consent_schemas import Sha256, TextVersion
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.proposal import ProposalStatus
from services.credit_analysis.scr_consents import SignerConsent


class AnalysisResponse(ResponseBody):
    """Where an analysis stands. `id` is the client's own; `reason` a code."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "12345678",
                "analysis_status": "automatically_approved",
                "reason": "policy_passed",
            }
        }
    )

    id: str
    analysis_status: AnalysisStatus
    reason: str


class FeedbackResponse(ResponseBody):
    """The latest of what the client reported, by the date of the event."""

    id: str
    credit_proposal_status: ProposalStatus
    event_date: datetime


# Consents of signers


class ScrConsentBody(Body):
    """A signer agrees to the text as it was shown."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text_version": "1", "text_sha256": "0" * 64}]}
    )

    text_version: TextVersion
    text_sha256: Sha256


class ScrConsentResponse(ResponseBody):
    """What is consented to: the text, for whom, until when; and which text was signed when.

    `applicant` is the ends of the document number of who asks for credit, `signer` of who signs.
    """

    lender: str
    applicant: str
    signer: str
    text_version: str
    text_sha256: str
    text: str
    expires_at: datetime
    signed_version: str | None
    signed_at: datetime | None

    @classmethod
    def of(cls, found: SignerConsent) -> Self:
        """Return the answer for what a link is for."""
        consent = found.consent
        return cls(
            lender=found.analysis.client,
            applicant=found.applicant,
            signer=found.signer,
            text_version=found.text.version,
            text_sha256=found.text.sha256,
            text=found.text.text,
            expires_at=consent.expires_at,
            signed_version=consent.text_version,
            signed_at=consent.signed_at,
        )
