"""Who did what to what, and whether it was allowed or counted: append-only."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Json

from domain.people.principals import Principal
from storage.common.repository import RowRepository
from storage.common.rows import Row


class AuditRow(Row):
    """One entry; `detail` holds ids and codes, no personal data of applicants."""

    id: int
    actor: str
    role: str
    action: str
    subject: str
    outcome: str
    detail: Json[dict[str, Any]]
    recorded_at: datetime


class AuditRepository(RowRepository[AuditRow]):
    """The audit trail."""

    table = "audit"
    row = AuditRow

    async def add(
        self,
        *,
        actor: str,
        role: str,
        action: str,
        subject: str,
        outcome: str,
        detail: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> None:
        """Record what `actor` did to `subject` and what came of it; once for a given `key`."""
        await self._insert(
            self.table,
            actor=actor,
            role=role,
            action=action,
            subject=subject,
            outcome=outcome,
            detail=detail or {},
            event_key=key,
        )

    async def add_by(
        self,
        caller: Principal,
        action: str,
        subject: str,
        outcome: str = "accepted",
        *,
        detail: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> None:
        """Record what a caller did."""
        await self.add(
            actor=caller.actor,
            role=caller.role,
            action=action,
            subject=subject,
            outcome=outcome,
            detail=detail,
            key=key,
        )

    async def of(self, subject: str, after_id: int = 0, limit: int | None = None) -> list[AuditRow]:
        """Return what is recorded about `subject` behind an entry, the oldest first."""
        return await self._list(
            "subject = $1 and id > $2 order by id limit $3", subject, after_id, limit
        )
