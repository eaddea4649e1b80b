"""What goes into and comes out of the CompanyCreditAnalysis workflow.

Ids, counts, codes and outcomes only: the proposal itself stays in the database.
"""

from datetime import date, datetime
from enum import StrEnum

from domain.common.definitions import Agreed, DefinitionRef
from domain.credit_analysis.decision import AnalysisStatus
from domain.credit_analysis.parties import PersonKind
from domain.credit_analysis.policy import AnalysisPolicy
from messages.base import Message


class StartCreditAnalysis(Message):
    """Analyse a recorded proposal. `parties` are names such as `subject` and `shareholder:0`.

    `policy` is what was in force when the proposal came in: the analysis goes by it to its end,
    whatever is released meanwhile. `signers` counts who has to consent before an external
    analyst is asked.
    """

    analysis_id: str
    kind: PersonKind
    client: str
    policy: Agreed[AnalysisPolicy]
    parties: tuple[str, ...]
    signers: int = 0


class CheckParty(Message):
    """Ask the register about one party of a proposal, and judge what it says by the policy."""

    analysis_id: str
    party: str
    policy: DefinitionRef


class PartyVerdict(StrEnum):
    """What a register said.

    `WAITING`: it answers, but has no data yet. `UNKNOWN`: it will not look this party up, so that
    an analyst has to.
    """

    MATCH = "match"
    MISMATCH = "mismatch"
    WAITING = "waiting"
    UNKNOWN = "unknown"


class CheckedParty(Message):
    """What became of a check; its facts stay in the database."""

    party: str
    verdict: PartyVerdict
    reason: str | None = None


class AboutAnalysis(Message):
    """What an activity needs that only reads what is on record of an analysis."""

    analysis_id: str


class InviteSigner(Message):
    """Send a signer of a proposal, by place, the link to the consent; it is open until then."""

    analysis_id: str
    signer: int
    expires_at: datetime


class SignerInvited(Message):
    """Whether the link is on its way; it is not where the gateway will not take the number."""

    reached: bool


class SignaturesCounted(Message):
    """How many of an analysis's signers have signed."""

    given: int


class ConsentGiven(Message):
    """A signer has signed: ask the database."""

    signer: int


class RequestAssessment(Message):
    """Have an external analyst look at the proposal, or ask what became of it."""

    analysis_id: str
    assessment_id: str


class AssessmentStatus(Message):
    """What the external analyst says; a status that is not known counts as `pending`.

    None: they will not analyse this proposal.
    """

    status: AnalysisStatus | None


class AssessmentUpdated(Message):
    """The external analyst called back: ask what became of the assessment."""

    event_key: str


class AssessAnalysis(Message):
    """Decide by the policy that the analysis began with and the recorded checks, once."""

    analysis_id: str
    policy: DefinitionRef
    business_date: date
    decided_at: datetime
    assessment: AnalysisStatus | None = None


class AssessedAnalysis(Message):
    """The automatic decision."""

    status: AnalysisStatus
    reason: str


class RecordAnalysis(Message):
    """Write a status to the database, with the notice that the client is owed.

    `review_due_at` opens a review.
    """

    analysis_id: str
    status: AnalysisStatus
    reason: str
    state_seq: int
    at: datetime
    review_due_at: datetime | None = None


class AnalystDecision(StrEnum):
    """What an analyst may decide."""

    APPROVE = "approve"
    REPROVE = "reprove"
    CHALLENGE = "challenge"


class AnalysisReviewCommand(Message):
    """An analyst's review decision on a proposal.

    The defaults let `temporal workflow signal --name approve` work without an input.
    """

    reviewer: str = "reviewer"
    reason: str = ""


class RecordAnalysisReview(Message):
    """Record an analyst's review decision: what it was, whether it counted, by which policy."""

    analysis_id: str
    policy: DefinitionRef
    decision: AnalystDecision
    accepted: bool
    command: AnalysisReviewCommand
    status: AnalysisStatus
    state_seq: int
    at: datetime


class DeliverNotice(Message):
    """Send one notice to the client's endpoint. `last`: it is given up if this fails."""

    analysis_id: str
    state_seq: int
    last: bool


class NoticeDelivery(Message):
    """Whether a notice needs no further attempt: taken, told in the answer itself, or given up."""

    settled: bool
    outcome: str


class StartAnalysisFeedback(Message):
    """Pass a client's reports on an analysis on to the external analyst who was asked."""

    analysis_id: str
    client: str


class PickedReport(Message):
    """Which report is to be passed on next, the one of the earliest event; None if none is.

    `wait`: the analyst has not been asked yet, but may be.
    """

    sequence: int | None = None
    wait: bool = False


class RelayReport(Message):
    """Pass one report on, or give it up."""

    analysis_id: str
    sequence: int


class RelayedReport(Message):
    """What became of a report: a state, or `not_next` where one of an earlier event came."""

    outcome: str


class FeedbackRelayed(Message):
    """How many reports came to which end."""

    sent: int = 0
    refused: int = 0
    dead: int = 0


class AnalysisView(Message):
    """An analysis as its process knows it."""

    analysis_id: str
    status: AnalysisStatus
    reason: str
    state_seq: int
