# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Periods that are closed, and what takes two people: entries by hand, and opening them again."""

from datetime import date, datetime
from typing import Any, Final, Literal

from pydantic import Json

from storage.common.repository import TableRepository
from storage.common.rows import Cursor, Row

RequestKind = Literal["manual_entry", "reopening"]
RequestState = Literal["open", "approved", "rejected"]

_CLOSING: Final = 4_201_007
"""Names the closing of periods, and the making of batches, among the advisory locks."""


class ClosingRow(Row):
    """The books were closed to a day, or opened again behind it."""

    id: int
    closed_to: date
    reason: str
    closed_by: str
    recorded_at: datetime


class RequestRow(Row):
    """What somebody asked for that takes a second person."""

    id: str
    kind: RequestKind
    content: Json[dict[str, Any]]
    reason: str
    state: RequestState
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class ClosingRepository(TableRepository[RequestRow]):
    """Closings in their order, and requests."""

    table = "book_requests"
    row = RequestRow

    async def lock(self) -> None:
        """Let one transaction at a time close, open or hand over days."""
        await self._connection.execute("select pg_advisory_xact_lock($1)", _CLOSING)

    async def closed_to(self) -> date | None:
        """Return the day to which the books are closed; None while everything is open."""
        day: date | None = await self._connection.fetchval(
            "select closed_to from book_closings order by id desc limit 1"
        )
        return day

    async def close(self, closed_to: date, *, reason: str, closed_by: str) -> ClosingRow:
        """Close the books to a day.

        Waits for whoever posts, and lets nobody post meanwhile: what they post after it is checked
        against it.
        """
        await self._connection.execute("lock table journal in share row exclusive mode")
        (row,) = await self._all(
            ClosingRow,
            "insert into book_closings (closed_to, reason, closed_by) values ($1, $2, $3)"
            f" returning {ClosingRow.columns()}",
            closed_to,
            reason,
            closed_by,
        )
        return row

    async def closings(self, limit: int) -> list[ClosingRow]:
        """Return the last closings, the newest first."""
        return await self._all(
            ClosingRow,
            f"select {ClosingRow.columns()} from book_closings order by id desc limit $1",
            limit,
        )

    async def request(
        self,
        request_id: str,
        kind: RequestKind,
        content: str,
        *,
        reason: str,
        requested_by: str,
    ) -> RequestRow | None:
        """Record a request once; None when another one reverses the same entry."""
        inserted = await self._one(
            RequestRow,
            "insert into book_requests (id, kind, content, reason, requested_by)"
            f" values ($1, $2, $3, $4, $5) on conflict do nothing returning {RequestRow.columns()}",
            request_id,
            kind,
            content,
            reason,
            requested_by,
        )
        return inserted or await self.get(request_id)

    async def for_decision(self, request_id: str) -> RequestRow | None:
        """Return a request and lock it until the transaction ends."""
        return await self._one(
            RequestRow,
            f"select {RequestRow.columns()} from book_requests where id = $1 for update",
            request_id,
        )

    async def decide(self, request_id: str, state: RequestState, decided_by: str) -> RequestRow:
        """Record what became of an open request."""
        (row,) = await self._all(
            RequestRow,
            "update book_requests set state = $2, decided_by = $3, decided_at = now()"
            f" where id = $1 returning {RequestRow.columns()}",
            request_id,
            state,
            decided_by,
        )
        return row

    async def page(
        self, after: Cursor | None, limit: int, state: RequestState | None = None
    ) -> list[RequestRow]:
        """Return requests, the newest first."""
        return await self._page(
            RequestRow,
            self._select,
            after=after,
            limit=limit,
            order=("requested_at", "id"),
            filters={"state = {}": state},
        )
