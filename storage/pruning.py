# ruff: noqa: S608 -- statements join constant conditions; values are always parameters
"""Deleting what was kept for a stated time, a few rows at a time so that nobody waits for it."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from domain.applications.application import ApplicationState
from domain.credit_analysis.decision import AnalysisStatus
from domain.lines import LineState
from domain.loans.state import LoanState
from storage.common.repository import Repository


def _runs(kind: str, table: str, column: str, open_states: Iterable[str]) -> str:
    states = ", ".join(f"'{state}'" for state in open_states)
    return (
        f"split_part(event.aggregate, ':', 1) = '{kind}' and exists (select from {table}"
        f" where id = split_part(event.aggregate, ':', 2) and {column} in ({states}))"
    )


_STILL_RUNS: Final = " or ".join(
    (
        _runs(
            *("application", "applications", "state"),
            [state for state in ApplicationState if not state.is_final],
        ),
        _runs("line", "lines", "state", [LineState.ACTIVE, LineState.FROZEN]),
        _runs(
            *("loan", "loans", "state"),
            [state for state in LoanState if state is not LoanState.SETTLED],
        ),
        _runs(
            *("credit-analysis", "credit_analyses", "status"),
            [status for status in AnalysisStatus if not status.is_final],
        ),
    )
)
"""Whose events stay: a stream of it has not ended, so that not all may have been delivered."""


class PrunedEvents(NamedTuple):
    """How many events were deleted, and the last that was looked at: None when none is older."""

    deleted: int
    last: int | None


class PruningRepository(Repository):
    """The rows that have a time after which they go."""

    async def outbox(self, after: int, days: int, limit: int) -> PrunedEvents:
        """Of the `limit` events behind `after`, delete the older ones about what is finished."""
        record = await self._connection.fetchrow(
            "with event as materialized (select id, aggregate,"
            " recorded_at < now() - make_interval(days => $2) as is_old"
            " from outbox where id > $1 order by id limit $3),"
            " gone as (delete from outbox using event where outbox.id = event.id and event.is_old"
            f" and not ({_STILL_RUNS}) returning 1)"
            " select (select count(*) from gone) as deleted,"
            " case when bool_or(is_old) then max(id) end as last from event",
            after,
            days,
            limit,
        )
        assert record is not None  # noqa: S101 -- an aggregate is always one row
        return PrunedEvents(record["deleted"], record["last"])

    async def stored_answers(self, days: int, limit: int) -> int:
        """Delete at most `limit` answers to requests that are older; return how many went."""
        deleted = await self._connection.fetch(
            "delete from api_requests where ctid = any(array(select ctid from api_requests"
            " where created_at < now() - make_interval(days => $1)"
            " and (state = 'done' or leased_until < now())"
            " order by created_at limit $2 for update skip locked)) returning 1",
            days,
            limit,
        )
        return len(deleted)
