"""Supplements: what reviewers asked to be provided again, and the task that waits for it."""

from datetime import datetime

from domain.applications.application import Supplement
from domain.verification.elements import ElementKind
from storage.common.repository import RowRepository
from storage.common.rows import Row


class SupplementRow(Row):
    """One round; it is open until everything was provided or the application ended."""

    application_id: str
    round: int
    kinds: tuple[ElementKind, ...]
    reason: str
    requested_by: str
    requested_at: datetime
    due_at: datetime
    completed_at: datetime | None

    @property
    def supplement(self) -> Supplement:
        """Return what was asked for."""
        return Supplement.model_validate(self.model_dump())


class SupplementRepository(RowRepository[SupplementRow]):
    """The rounds of supplements of applications."""

    table = "supplements"
    row = SupplementRow

    async def open(self, application_id: str, asked: Supplement, at: datetime) -> None:
        """Record a round and let the review task wait for it; a repeat changes nothing."""
        await self._insert(
            self.table,
            application_id=application_id,
            round=asked.round,
            kinds=asked.kinds,
            reason=asked.reason,
            requested_by=asked.requested_by,
            requested_at=at,
            due_at=asked.due_at,
        )
        await self._connection.execute(
            "update review_tasks set paused_at = $2, assigned_to = $3"
            " where application_id = $1 and state = 'open' and paused_at is null"
            " and not exists (select 1 from supplements where application_id = $1 and round = $4"
            " and completed_at is not null)",
            application_id,
            at,
            asked.requested_by,
            asked.round,
        )

    async def complete(self, application_id: str, number: int, at: datetime) -> None:
        """Record that a round is over and let the task go on; it is due later by what it waited."""
        completed = await self._changed(
            "update supplements set completed_at = $3"
            " where application_id = $1 and round = $2 and completed_at is null",
            application_id,
            number,
            at,
        )
        if completed:
            await self._connection.execute(
                "update review_tasks set due_at = due_at + greatest($2 - paused_at, '0'),"
                " paused_at = null where application_id = $1 and paused_at is not null",
                application_id,
                at,
            )

    async def open_of(self, application_id: str) -> SupplementRow | None:
        """Return the round that an application is in, None if nothing is asked for again."""
        return await self._find(
            "application_id = $1 and completed_at is null order by round desc limit 1",
            application_id,
        )

    async def of(self, application_id: str) -> list[SupplementRow]:
        """Return every round of an application, the first one first."""
        return await self._list("application_id = $1 order by round", application_id)
