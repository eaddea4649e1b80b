"""What clients of credit analyses are told."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.credit_analysis.decision import AnalysisStatus
from storage.common.repository import Repository
from storage.common.rows import Row

_SELECT: Final = (
    "select analysis_id, state_seq, status, reason, event_date, state, attempts, last_outcome"
    " from analysis_notices"
)


class NoticeState(StrEnum):
    """`answered`: told in the answer to the request. `dead`: given up, for a person to look at.

    `unaddressed`: the client has named no endpoint and reads for itself.
    """

    OPEN = "open"
    ANSWERED = "answered"
    DELIVERED = "delivered"
    UNADDRESSED = "unaddressed"
    DEAD = "dead"


class NoticeRow(Row):
    """One status that the client is to be told."""

    analysis_id: str
    state_seq: int
    status: AnalysisStatus
    reason: str
    event_date: datetime
    state: NoticeState
    attempts: int
    last_outcome: str | None


class AnalysisNoticeRepository(Repository):
    """The notices."""

    async def owe(
        self,
        analysis_id: str,
        state_seq: int,
        status: AnalysisStatus,
        reason: str,
        event_date: datetime,
    ) -> None:
        """Record that the client is to be told a status; a repeat changes nothing."""
        await self._connection.execute(
            "insert into analysis_notices (analysis_id, state_seq, status, reason, event_date,"
            " state) values ($1, $2, $3, $4, $5, 'open') on conflict do nothing",
            analysis_id,
            state_seq,
            status,
            reason,
            event_date,
        )

    async def get(self, analysis_id: str, state_seq: int) -> NoticeRow | None:
        """Return a notice, None if there is none."""
        return await self._one(
            NoticeRow,
            f"{_SELECT} where analysis_id = $1 and state_seq = $2",
            analysis_id,
            state_seq,
        )

    async def of(self, analysis_id: str) -> list[NoticeRow]:
        """Return the notices of an analysis in their order."""
        return await self._all(
            NoticeRow, f"{_SELECT} where analysis_id = $1 order by state_seq", analysis_id
        )

    async def answered(self, analysis_id: str, state_seq: int) -> None:
        """Record that a status was told in the answer to the client's own request."""
        await self._connection.execute(
            "update analysis_notices set state = 'answered', changed_at = now()"
            " where analysis_id = $1 and state_seq = $2 and state = 'open'",
            analysis_id,
            state_seq,
        )

    async def tried(
        self, analysis_id: str, state_seq: int, outcome: str, state: NoticeState
    ) -> None:
        """Record a try at delivery and what it came to."""
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
        return await self._all(
            NoticeRow, f"{_SELECT} where state = 'dead' order by changed_at desc limit $1", limit
        )
