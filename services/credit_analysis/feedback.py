"""What a client reports on an analysed credit."""

from dataclasses import dataclass

from domain.credit_analysis.policy import CREDIT_ANALYSIS_POLICY
from domain.credit_analysis.proposal import Feedback
from messages.credit_analysis import StartAnalysisFeedback
from storage.common.repository import Transaction
from storage.credit_analysis.analyses import AnalysisRow
from storage.credit_analysis.feedback import AnalysisFeedbackRepository, FeedbackRow
from storage.definitions import DefinitionRepository


@dataclass(frozen=True)
class FeedbackTaken:
    """The latest report by the date of its event, and what starts the relay of those left, if any.

    Reports are relayed where the analysis's own policy has another analyst asked.
    """

    latest: FeedbackRow
    relay: StartAnalysisFeedback | None


async def take_feedback(tx: Transaction, row: AnalysisRow, feedback: Feedback) -> FeedbackTaken:
    """Record a report on an analysis; the same one again changes nothing."""
    reports = AnalysisFeedbackRepository(tx)
    await reports.feed_back(row.id, feedback.credit_proposal_status, feedback.event_date)
    latest = (await reports.feedback(row.id))[-1]
    if await reports.next_to_relay(row.id) is None:
        return FeedbackTaken(latest, None)
    agreed = await DefinitionRepository(tx).of_ref(CREDIT_ANALYSIS_POLICY, row.agreed_policy)
    relay = StartAnalysisFeedback(analysis_id=row.id, client=row.client)
    return FeedbackTaken(latest, relay if agreed.content.external_opinion else None)
