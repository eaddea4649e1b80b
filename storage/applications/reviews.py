"""Review tasks: applications that a person decides."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from messages.ids import derived_id
from storage.common.repository import Repository
from storage.common.rows import Cursor, Row

_SELECT: Final = (
    "select r.id, r.application_id, a.applicant_id, a.product, a.channel, a.currency, a.amount,"
    " a.instalments, r.state, r.opened_at, r.due_at, r.decided_by, r.reason, r.decided_at,"
    " r.paused_at, r.assigned_to"
    " from review_tasks r join applications a on a.id = r.application_id"
)


class ReviewState(StrEnum):
    """A task is open until somebody decides it or the application ends without."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    CLOSED = "closed"


class ReviewRow(Row):
    """A task with what its application asks for; `amount` in minor units.

    A `paused_at` one waits for the supplement that `assigned_to` asked for.
    """

    id: str
    application_id: str
    applicant_id: str
    product: str
    channel: str
    currency: str
    amount: int
    instalments: int
    state: ReviewState
    opened_at: datetime
    due_at: datetime
    decided_by: str | None
    reason: str | None
    decided_at: datetime | None
    paused_at: datetime | None
    assigned_to: str | None


class ReviewRepository(Repository):
    """The review tasks, at most one an application."""

    async def open(self, application_id: str, opened_at: datetime, due_at: datetime) -> None:
        """Open the application's task; a repeat changes nothing."""
        await self._insert(
            "review_tasks",
            id=derived_id("rev", application_id),
            application_id=application_id,
            state=ReviewState.OPEN,
            opened_at=opened_at,
            due_at=due_at,
        )

    async def reopen(self, application_id: str, opened_at: datetime, due_at: datetime) -> None:
        """Open the task of an application that is appealed, also one that was closed before."""
        await self._connection.execute(
            "insert into review_tasks (id, application_id, state, opened_at, due_at)"
            " values ($1, $2, 'open', $3, $4) on conflict (application_id) do update"
            " set state = 'open', opened_at = $3, due_at = $4, paused_at = null,"
            " assigned_to = null, decided_by = null, reason = null, decided_at = null",
            derived_id("rev", application_id),
            application_id,
            opened_at,
            due_at,
        )

    async def decide(
        self, application_id: str, *, approve: bool, by: str, reason: str, at: datetime
    ) -> bool:
        """Record a reviewer's decision; False, and nothing changes, unless the task was open."""
        return await self._changed(
            "update review_tasks set state = $2, decided_by = $3, reason = $4, decided_at = $5"
            " where application_id = $1 and state = 'open'",
            application_id,
            ReviewState.APPROVED if approve else ReviewState.REJECTED,
            by,
            reason,
            at,
        )

    async def close(self, application_id: str) -> None:
        """Close the task of an application that ended undecided."""
        await self._connection.execute(
            "update review_tasks set state = 'closed' where application_id = $1 and state = 'open'",
            application_id,
        )

    async def get(self, application_id: str) -> ReviewRow | None:
        """Return the application's task, None if it never needed one."""
        return await self._one(ReviewRow, f"{_SELECT} where r.application_id = $1", application_id)

    async def queue(
        self,
        after: Cursor | None,
        limit: int,
        *,
        channel: str | None = None,
        product: str | None = None,
        assigned_to: str | None = None,
    ) -> list[ReviewRow]:
        """Return open tasks, the one due first at the head; the cursor runs on `due_at`.

        A task that waits for a supplement is not among them. `assigned_to` is a person's handle.
        """
        return await self._page(
            ReviewRow,
            _SELECT,
            after=after,
            limit=limit,
            order=("r.due_at", "r.id"),
            oldest_first=True,
            where=("r.state = 'open'", "r.paused_at is null"),
            filters={
                "a.channel = {}": channel,
                "a.product = {}": product,
                "r.assigned_to = (select id from staff where handle = {})": assigned_to,
            },
        )
