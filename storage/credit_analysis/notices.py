"""Which statuses clients of credit analyses are notified of."""

from datetime import datetime
from enum import StrEnum

from domain.credit_analysis.decision import AnalysisStatus
from storage.common.repository import RowRepository
from storage.common.rows import Row


class NoticeState(StrEnum):
    """`answered`: in the answer to the request. `dead`: given up, for a person to look at.

    `unaddressed`: the client has named no endpoint and reads for itself.
    """

    OPEN = "open"
    ANSWERED = "answered"
    DELIVERED = "delivered"
    UNADDRESSED = "unaddressed"
    DEAD = "dead"


class NoticeRow(Row):
    """One status that the client is to be notified of."""

    analysis_id: str
    state_seq: int
    status: AnalysisStatus
    reason: str
    event_date: datetime
    state: NoticeState
    attempts: int
    last_outcome: str | None


class AnalysisNoticeRepository(RowRepository[NoticeRow]):
    """A notice for each status that is owed to a client, and the attempts at delivering it."""

    table = "analysis_notices"
    row = NoticeRow

    async def owe(
        self,
        analysis_id: str,
        state_seq: int,
        status: AnalysisStatus,
        reason: str,
        event_date: datetime,
    ) -> None:
        """Record that the client is to be notified of a status; a repeat changes nothing."""
        await self._insert(
            self.table,
            analysis_id=analysis_id,
            state_seq=state_seq,
            status=status,
            reason=reason,
            event_date=event_date,
            state=NoticeState.OPEN,
        )

    async def get(self, analysis_id: str, state_seq: int) -> NoticeRow | None:
        """Return a notice, None if there is none."""
        return await self._find("analysis_id = $1 and state_seq = $2", analysis_id, state_seq)

    async def of(self, analysis_id: str) -> list[NoticeRow]:
        """Return the notices of an analysis in their order."""
        return await self._list("analysis_id = $1 order by state_seq", analysis_id)

    async def answered(self, analysis_id: str, state_seq: int) -> None:
        """Record that a status was in the answer to the client's own request."""
        await self._connection.execute(
            "update analysis_notices set state = 'answered', changed_at = now()"
            " where analysis_id = $1 and state_seq = $2 and state = 'open'",
            analysis_id,
            state_seq,
        )

    async def attempted(
        self, analysis_id: str, state_seq: int, outcome: str, state: NoticeState
    ) -> None:
        """Record an attempt at delivery and what it came to."""
        await self._connection.execute(
            "update analysis_notices set attempts = attempts + 1, last_outcome = $3, state = $4,"
            " changed_at = now() where analysis_id = $1 and state_seq = $2 and state = 'open'",
            analysis_id,
            state_seq,
            outcome,
            state,
        )

    async def dead(self, limit: int) -> list[NoticeRow]:
        """Return notices that were given up, the latest first."""
        return await self._list("state = 'dead' order by changed_at desc limit $1", limit)
