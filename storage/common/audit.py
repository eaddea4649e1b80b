"""Who did what to what, and whether it was allowed or counted: append-only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import Json

from domain.people.principals import Principal
from storage.common.repository import RowRepository, stored
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


@dataclass(frozen=True)
class AuditCreate:
    """An entry to be recorded: once, if it has a `key`."""

    actor: str
    role: str
    action: str
    subject: str
    outcome: str
    detail: Mapping[str, Any]
    key: str | None


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
        await self.add_all([AuditCreate(actor, role, action, subject, outcome, detail or {}, key)])

    async def add_all(self, entries: Sequence[AuditCreate]) -> None:
        """Record entries in their order, each as `add` does."""
        await self._connection.execute(
            "insert into audit (actor, role, action, subject, outcome, detail, event_key)"
            " select new.actor, new.role, new.action, new.subject, new.outcome, new.detail, new.key"
            " from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[],"
            " $7::text[]) with ordinality"
            " as new (actor, role, action, subject, outcome, detail, key, number)"
            " order by new.number on conflict (event_key) do nothing",
            [one.actor for one in entries],
            [one.role for one in entries],
            [one.action for one in entries],
            [one.subject for one in entries],
            [one.outcome for one in entries],
            [stored(one.detail) for one in entries],
            [one.key for one in entries],
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
