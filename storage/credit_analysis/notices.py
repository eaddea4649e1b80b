"""What clients of credit analyses are told, and what they tell back."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.credit_analysis.feedback import ProposalStatus
from domain.credit_analysis.policy import AnalysisStatus
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
    """What became of a report at the analyst whose opinion was asked for. `outcome` is a code."""

    sequence: int
    credit_proposal_status: ProposalStatus
    state: RelayState
    outcome: str
    settled_at: datetime


class AnalysisNoticeRepository(Repository):
    """The notices, and the clients' feedback."""

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

    async def feed_back(
        self, analysis_id: str, status: ProposalStatus, event_date: datetime
    ) -> bool:
        """Record a client's report; False if the same one was recorded before."""
        added = await self._connection.fetchval(
            "insert into analysis_feedback (analysis_id, credit_proposal_status, event_date)"
            " values ($1, $2, $3) on conflict do nothing returning true",
            analysis_id,
            status,
            event_date,
        )
        return added is True

    async def feedback(self, analysis_id: str) -> list[FeedbackRow]:
        """Return the reports on an analysis in the order of their events."""
        return await self._all(
            FeedbackRow,
            "select sequence, credit_proposal_status, event_date, recorded_at"
            " from analysis_feedback where analysis_id = $1 order by event_date, sequence",
            analysis_id,
        )

    async def next_to_relay(self, analysis_id: str) -> FeedbackRow | None:
        """Return the report of the earliest event that is not passed on yet, None if all are."""
        return await self._one(
            FeedbackRow,
            "select sequence, credit_proposal_status, event_date, recorded_at"
            " from analysis_feedback f where analysis_id = $1 and not exists"
            " (select from feedback_relays r where r.sequence = f.sequence)"
            " order by event_date, sequence limit 1",
            analysis_id,
        )

    async def relayed(self, sequence: int, state: RelayState, outcome: str) -> bool:
        """Record what became of a report; False if that is known: the first stays."""
        added = await self._connection.fetchval(
            "insert into feedback_relays (sequence, state, outcome) values ($1, $2, $3)"
            " on conflict do nothing returning true",
            sequence,
            state,
            outcome,
        )
        return added is True

    async def relays(self, analysis_id: str) -> list[RelayRow]:
        """Return what became of the reports that are not to be passed on any more, in order."""
        return await self._all(
            RelayRow,
            "select r.sequence, f.credit_proposal_status, r.state, r.outcome, r.settled_at"
            " from feedback_relays r join analysis_feedback f on f.sequence = r.sequence"
            " where f.analysis_id = $1 order by r.settled_at, r.sequence",
            analysis_id,
        )
