"""Supplements: what reviewers asked to be provided again."""

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

    async def open(self, application_id: str, asked: Supplement, at: datetime) -> bool:
        """Record a round; False, and nothing changes, if it is on record."""
        return await self._insert(
            self.table,
            application_id=application_id,
            round=asked.round,
            kinds=asked.kinds,
            reason=asked.reason,
            requested_by=asked.requested_by,
            requested_at=at,
            due_at=asked.due_at,
        )

    async def complete(self, application_id: str, number: int, at: datetime) -> bool:
        """Record that a round is over; False, and nothing changes, if it is already."""
        return await self._changed(
            "update supplements set completed_at = $3"
            " where application_id = $1 and round = $2 and completed_at is null",
            application_id,
            number,
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
