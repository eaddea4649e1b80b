"""What clients report on analysed credits, and what became of it at the analyst who was asked."""

from datetime import datetime
from enum import StrEnum

from domain.credit_analysis.proposal import ProposalStatus
from storage.common.repository import RowRepository
from storage.common.rows import Row


class FeedbackRow(Row):
    """One report of a client on what became of the credit."""

    sequence: int
    credit_proposal_status: ProposalStatus
    event_date: datetime
    recorded_at: datetime


class RelayState(StrEnum):
    """`refused`: by the analyst, for good. `dead`: given up, for a person to look at."""

    SENT = "sent"
    REFUSED = "refused"
    DEAD = "dead"


class RelayRow(Row):
    """What became of a report at the external analyst. `outcome` is a code."""

    sequence: int
    credit_proposal_status: ProposalStatus
    state: RelayState
    outcome: str
    settled_at: datetime


class AnalysisFeedbackRepository(RowRepository[FeedbackRow]):
    """The reports."""

    table = "analysis_feedback"
    row = FeedbackRow

    async def feed_back(
        self, analysis_id: str, status: ProposalStatus, event_date: datetime
    ) -> bool:
        """Record a client's report; False if the same one was recorded before."""
        return await self._insert(
            self.table,
            analysis_id=analysis_id,
            credit_proposal_status=status,
            event_date=event_date,
        )

    async def feedback(self, analysis_id: str) -> list[FeedbackRow]:
        """Return the reports on an analysis in the order of their events."""
        return await self._list("analysis_id = $1 order by event_date, sequence", analysis_id)

    async def next_to_relay(self, analysis_id: str) -> FeedbackRow | None:
        """Return the report of the earliest event that is not passed on yet, None if all are."""
        return await self._find(
            "analysis_id = $1 and not exists"
            " (select from feedback_relays r where r.sequence = analysis_feedback.sequence)"
            " order by event_date, sequence limit 1",
            analysis_id,
        )

    async def relayed(self, sequence: int, state: RelayState, outcome: str) -> bool:
        """Record what became of a report; False if that is known: the first stays."""
        return await self._insert(
            "feedback_relays", sequence=sequence, state=state, outcome=outcome
        )

    async def relays(self, analysis_id: str) -> list[RelayRow]:
        """Return what became of the reports that are not to be passed on any more, in order."""
        return await self._all(
            RelayRow,
            "select r.sequence, f.credit_proposal_status, r.state, r.outcome, r.settled_at"
            " from feedback_relays r join analysis_feedback f on f.sequence = r.sequence"
            " where f.analysis_id = $1 order by r.settled_at, r.sequence",
            analysis_id,
        )
