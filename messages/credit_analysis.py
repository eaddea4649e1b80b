"""What goes into and comes out of the CompanyCreditAnalysis workflow.

Ids, counts, codes and outcomes only: the proposal itself stays in the record.
"""

from datetime import date, datetime
from enum import StrEnum

from domain.credit_analysis import PersonKind
from domain.credit_analysis_policy import AnalysisStatus
from messages.base import Message


class StartCreditAnalysis(Message):
    """Analyse a recorded proposal. `parties` are names such as `subject` and `shareholder:0`."""

    analysis_id: str
    kind: PersonKind
    client: str
    policy: str
    parties: tuple[str, ...]


class CheckParty(Message):
    """Ask the register about one party of a proposal."""

    analysis_id: str
    party: str


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
    """What became of a check; its facts stay in the record."""

    party: str
    verdict: PartyVerdict
    reason: str | None = None


class AskOpinion(Message):
    """Have another analyst look at the proposal, or ask what became of it."""

    analysis_id: str
    opinion_id: str


class OpinionStatus(Message):
    """What the other analyst says; a word that is not known counts as `pending`.

    None: they will not analyse this proposal.
    """

    opinion_id: str
    status: AnalysisStatus | None


class OpinionUpdated(Message):
    """The other analyst called back: ask what became of the opinion."""

    event_key: str


class AssessAnalysis(Message):
    """Decide by the policy and the recorded checks, once."""

    analysis_id: str
    policy: str
    business_date: date
    decided_at: datetime
    opinion: AnalysisStatus | None = None


class AssessedAnalysis(Message):
    """The automatic decision."""

    status: AnalysisStatus
    reason: str


class RecordAnalysis(Message):
    """Write a status to the record, with the notice that the client is owed.

    `review_due_at` opens a review.
    """

    analysis_id: str
    status: AnalysisStatus
    reason: str
    state_seq: int
    at: datetime
    review_due_at: datetime | None = None


class AnalysisWord(StrEnum):
    """What an analyst may say."""

    APPROVE = "approve"
    REPROVE = "reprove"
    CHALLENGE = "challenge"


class AnalysisReviewCommand(Message):
    """An analyst's word on a proposal.

    The defaults let `temporal workflow signal --name approve` work without an input.
    """

    reviewer: str = "reviewer"
    reason: str = ""


class RecordAnalysisReview(Message):
    """Write an analyst's word to the record: what was said and whether it counted."""

    analysis_id: str
    word: AnalysisWord
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
    """Whether a notice needs no further try: taken, answered in the request itself, or given up."""

    settled: bool
    outcome: str


class AnalysisView(Message):
    """An analysis as its process knows it."""

    analysis_id: str
    status: AnalysisStatus
    reason: str
    state_seq: int
