"""Who did what to what, and whether it was allowed or counted: append-only."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Json

from storage.common.repository import Repository
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


class AuditRepository(Repository):
    """The audit trail."""

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
        await self._connection.execute(
            "insert into audit (actor, role, action, subject, outcome, detail, event_key)"
            " values ($1, $2, $3, $4, $5, $6, $7) on conflict (event_key) do nothing",
            actor,
            role,
            action,
            subject,
            outcome,
            json.dumps(dict(detail or {})),
            key,
        )

    async def of(self, subject: str) -> list[AuditRow]:
        """Return everything recorded about `subject`, oldest first."""
        return await self._all(
            AuditRow,
            "select id, actor, role, action, subject, outcome, detail, recorded_at"
            " from audit where subject = $1 order by id",
            subject,
        )
