# ruff: noqa: S608 -- statements join a constant column list; values are always parameters
"""Suspensions: what one person switched off at once, and what is switched off now.

What acts asks often and little changes: a process remembers what is suspended for at most a second.
"""

from collections.abc import Mapping
from datetime import datetime
from time import monotonic

from domain.common.suspensions import Suspendable
from storage.common.repository import RowRepository, Transaction
from storage.common.rows import Row


class SuspensionRow(Row):
    """That something is switched off, from when and why, until it is lifted."""

    id: int
    kind: Suspendable
    code: str
    reason: str
    suspended_by: str
    suspended_at: datetime
    lift_reason: str | None
    lifted_by: str | None
    lifted_at: datetime | None


OpenSuspensions = Mapping[tuple[Suspendable, str], SuspensionRow]
"""What is suspended, by kind and code."""


class SuspensionRepository(RowRepository[SuspensionRow]):
    """Suspensions with who made and who lifted each; a lifted one stays on record."""

    table = "suspensions"
    row = SuspensionRow

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx)
        self._cache = tx.definitions.suspensions

    async def of(self, kind: Suspendable, code: str) -> SuspensionRow | None:
        """Return the suspension that holds now, None without one; at most a second old."""
        return (await self._open()).get((kind, code))

    async def codes(self, kind: Suspendable) -> frozenset[str]:
        """Return the names of what is suspended now of a kind; at most a second old."""
        return frozenset(code for of_kind, code in await self._open() if of_kind is kind)

    async def is_suspended(self, kind: Suspendable, code: str) -> bool:
        """Say whether something is suspended now; at most a second old."""
        return await self.of(kind, code) is not None

    async def list_open(self) -> list[SuspensionRow]:
        """Return everything that is suspended, as it is stored."""
        return await self._list("lifted_at is null order by kind, code")

    async def list_all(self, kind: Suspendable, code: str) -> list[SuspensionRow]:
        """Return every suspension of something, the newest first."""
        return await self._list("kind = $1 and code = $2 order by id desc", kind, code)

    async def suspend(
        self, kind: Suspendable, code: str, *, reason: str, by: str
    ) -> SuspensionRow | None:
        """Record that something is switched off; None if it is already."""
        return await self._insert_row(kind=kind, code=code, reason=reason, suspended_by=by)

    async def lift(
        self, kind: Suspendable, code: str, *, reason: str, by: str
    ) -> SuspensionRow | None:
        """Record that something is switched on again; None if it is not suspended."""
        return await self._one(
            SuspensionRow,
            "update suspensions set lift_reason = $3, lifted_by = $4, lifted_at = now()"
            f" where kind = $1 and code = $2 and lifted_at is null returning {self.row.columns()}",
            kind,
            code,
            reason,
            by,
        )

    async def _open(self) -> OpenSuspensions:
        if self._cache.is_fresh:
            return self._cache.value
        read_at = monotonic()
        rows = {(row.kind, row.code): row for row in await self.list_open()}
        # What this transaction wrote itself may still be undone: it is not remembered.
        if await self._connection.fetchval("select pg_current_xact_id_if_assigned() is null"):
            self._cache.replace(rows, read_at)
        return rows
