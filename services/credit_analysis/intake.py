"""Proposals and reports as clients of the credit analysis send them."""

from dataclasses import dataclass

from domain.common.errors import NotFound
from domain.credit_analysis.analysis import AnyProposal, PersonKind
from domain.credit_analysis.feedback import Feedback
from domain.credit_analysis.parsing import parties_of, signers_of
from domain.credit_analysis.policy import policy_of
from messages import ids
from messages.credit_analysis import StartAnalysisFeedback, StartCreditAnalysis
from runtime.settings import AnalysisClient
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import AnalysisRow, CreditAnalysisRepository
from storage.credit_analysis.notices import AnalysisNoticeRepository, FeedbackRow


@dataclass(frozen=True)
class ReceivedProposal:
    """The analysis of a proposal; `start` begins its process, None if it has begun.

    One that `is_repeat` was asked for before under the same id.
    """

    analysis: AnalysisRow
    start: StartCreditAnalysis | None
    is_repeat: bool = False


@dataclass(frozen=True)
class ReadProposal:
    """A client's analysis, the document as it was sent, and what the client reported last.

    `start` as in `ReceivedProposal`.
    """

    analysis: AnalysisRow
    document: str
    latest: FeedbackRow | None
    start: StartCreditAnalysis | None


@dataclass(frozen=True)
class RecordedFeedback:
    """The latest report by the date of its event; `relay` if the other analyst is to be told."""

    latest: FeedbackRow
    relay: StartAnalysisFeedback | None


async def receive_proposal(
    tx: Transaction,
    client: AnalysisClient,
    kind: PersonKind,
    proposal: AnyProposal,
    document: str,
    *,
    lender: str,
) -> ReceivedProposal:
    """Record a proposal to be analysed for a lender.

    An id that the client gave before names the first one.
    """
    row = await CreditAnalysisRepository(tx).insert(
        ids.new_id("ana"), client.client, kind, client.policy, proposal, document, lender=lender
    )
    if row is not None:
        return ReceivedProposal(row, _start_of(row, proposal))
    known = await CreditAnalysisRepository(tx).find(client.client, proposal.id)
    assert known is not None  # noqa: S101 -- its id was taken, and analyses are never deleted
    return ReceivedProposal(known, await _start_again(tx, known), is_repeat=True)


async def read_proposal(
    tx: Transaction, client: AnalysisClient, kind: str, proposal_id: str
) -> ReadProposal:
    """Return what a client asked for and where it stands; raises `NotFound`."""
    row = await _find(tx, client, kind, proposal_id)
    stored = await CreditAnalysisRepository(tx).document(row.id)
    assert stored is not None  # noqa: S101 -- its row was just read
    reports = await AnalysisNoticeRepository(tx).feedback(row.id)
    return ReadProposal(
        row, stored.document, reports[-1] if reports else None, await _start_again(tx, row)
    )


async def record_feedback(
    tx: Transaction, client: AnalysisClient, kind: str, proposal_id: str, feedback: Feedback
) -> RecordedFeedback:
    """Record what became of a credit; the same report again changes nothing.

    Raises `NotFound`.
    """
    row = await _find(tx, client, kind, proposal_id)
    notices = AnalysisNoticeRepository(tx)
    await notices.feed_back(row.id, feedback.credit_proposal_status, feedback.event_date)
    latest = (await notices.feedback(row.id))[-1]
    unrelayed = await notices.next_to_relay(row.id)
    if unrelayed is None or not policy_of(row.policy).external_opinion:
        return RecordedFeedback(latest, None)
    return RecordedFeedback(latest, StartAnalysisFeedback(analysis_id=row.id, client=row.client))


async def _find(
    tx: Transaction, client: AnalysisClient, kind: str, proposal_id: str
) -> AnalysisRow:
    if kind not in list(PersonKind):
        raise NotFound("kind of analysis")
    row = await CreditAnalysisRepository(tx).find(client.client, proposal_id, PersonKind(kind))
    if row is None:
        raise NotFound("analysis")
    return row


async def _start_again(tx: Transaction, row: AnalysisRow) -> StartCreditAnalysis | None:
    """Return how to begin what a request recorded and, it may be, did not live to start."""
    if row.state_seq:
        return None
    stored = await CreditAnalysisRepository(tx).document(row.id)
    assert stored is not None  # noqa: S101 -- its row was just read
    return _start_of(row, stored.proposal)


def _start_of(row: AnalysisRow, proposal: AnyProposal) -> StartCreditAnalysis:
    return StartCreditAnalysis(
        analysis_id=row.id,
        kind=row.kind,
        client=row.client,
        policy=row.policy,
        parties=tuple(parties_of(proposal)),
        signers=len(signers_of(proposal)),
    )
