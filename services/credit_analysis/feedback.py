"""What a client reports on an analysed credit."""

from dataclasses import dataclass

from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY
from domain.credit_analysis.proposal import Feedback
from messages.credit_analysis import StartAnalysisFeedback
from runtime.settings import AnalysisClient
from services.credit_analysis.intake import find_proposal
from storage.common.repository import Transaction
from storage.credit_analysis.feedback import AnalysisFeedbackRepository, FeedbackRow
from storage.definitions import DefinitionRepository


@dataclass(frozen=True)
class RecordedFeedback:
    """The latest report by the date of its event, and what starts the relay of those left, if any.

    Reports are relayed where the analysis's own policy has an external analyst asked.
    """

    latest: FeedbackRow
    relay: StartAnalysisFeedback | None


async def record_feedback(
    tx: Transaction, client: AnalysisClient, kind: str, proposal_id: str, feedback: Feedback
) -> RecordedFeedback:
    """Record what became of a credit; the same report again changes nothing.

    Raises `NotFound`.
    """
    row = await find_proposal(tx, client, kind, proposal_id)
    reports = AnalysisFeedbackRepository(tx)
    await reports.feed_back(row.id, feedback.credit_proposal_status, feedback.event_date)
    latest = (await reports.feedback(row.id))[-1]
    if await reports.next_to_relay(row.id) is None:
        return RecordedFeedback(latest, None)
    agreed = await DefinitionRepository(tx).of_ref(CREDIT_ANALYSIS_POLICY, row.agreed_policy)
    relay = StartAnalysisFeedback(analysis_id=row.id, client=row.client)
    return RecordedFeedback(latest, relay if agreed.content.external_assessment else None)
