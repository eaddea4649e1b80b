"""Credit analyses, as our own staff see them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field

from api.http.schemas import Body, Reason, ResponseBody
from domain.credit_analysis.decision import AnalysisHit, AnalysisStatus
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.proposal import ProposalStatus
from messages.credit_analysis import AnalystDecision
from services.credit_analysis.reviewing import AnalysisDetails
from storage.credit_analysis.feedback import RelayState
from storage.credit_analysis.notices import NoticeState
from storage.credit_analysis.scr_consents import InvitationState


class AnalysisSummary(ResponseBody):
    """An analysis without its proposal. `coverage` is a ratio, `score` runs from 300 to 1000.

    `agreed_policy` is what it began with, `decided_policy` what its decision used. `proposal_id` is
    the client's own id, by which the client asks about it.
    """

    id: str
    client: str
    proposal_id: str
    kind: PersonKind
    status: AnalysisStatus
    reason: str
    state_seq: int
    policy: str
    agreed_policy: str
    decided_policy: str | None
    coverage: Decimal | None
    score: int | None
    hits: list[AnalysisHit] | None
    review_due_at: datetime | None
    received_at: datetime
    changed_at: datetime


class CheckResponse(ResponseBody):
    """What a register said of one party; `mismatch` is a code, null where it agrees."""

    party: str
    mismatch: str | None
    adverse_facts: int | None


class NoticeResponse(ResponseBody):
    """One status that the client was, or is to be, told."""

    state_seq: int
    status: AnalysisStatus
    state: NoticeState
    attempts: int
    last_outcome: str | None


class SignerResponse(ResponseBody):
    """Where the consent of one signer stands, by place in the proposal."""

    signer: int
    state: InvitationState
    expires_at: datetime
    text_version: str | None
    signed_at: datetime | None


class RelayResponse(ResponseBody):
    """What became of a report at the external analyst; `outcome` is a code."""

    credit_proposal_status: ProposalStatus
    state: RelayState
    outcome: str
    settled_at: datetime


class AnalysisReviewResponse(ResponseBody):
    """What an analyst decided, under which policy."""

    word: AnalystDecision
    reviewer: str
    reason: str
    policy: str
    reviewed_at: datetime


class AnalysisDetail(AnalysisSummary):
    """An analysis for staff. `proposal` is shown to reviewers, who have to judge it.

    `registration` lists the analyses of the client's registration, this one included, and is empty
    without one; `same_number` counts those of the same document number.
    """

    checks: list[CheckResponse]
    notices: list[NoticeResponse]
    signers: list[SignerResponse]
    relays: list[RelayResponse]
    review: AnalysisReviewResponse | None
    registration: list[str]
    same_number: int
    proposal: dict[str, Any] | None = None

    @classmethod
    def of(cls, details: AnalysisDetails) -> Self:
        """Return the answer for an analysis."""
        return cls(
            **AnalysisSummary.model_validate(details.analysis).model_dump(),
            checks=[CheckResponse.model_validate(check) for check in details.checks],
            notices=[NoticeResponse.model_validate(notice) for notice in details.notices],
            signers=[SignerResponse.model_validate(signer) for signer in details.signers],
            relays=[RelayResponse.model_validate(relay) for relay in details.relays],
            review=None
            if details.review is None
            else AnalysisReviewResponse.model_validate(details.review),
            registration=list(details.related.registration),
            same_number=details.related.same_number,
            proposal=details.proposal,
        )


class AnalysisReviewBody(Body):
    """An analyst's decision with its reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"decision": "approve", "reason": "revenue confirmed by statements"}]
        }
    )

    decision: AnalystDecision
    reason: Reason


class AnalysisReviewed(ResponseBody):
    """What an analyst's word came to."""

    id: str
    status: AnalysisStatus
    reason: str
    state_seq: Annotated[int, Field(description="counts the analysis's statuses")]
