"""Rows that stand for something under way, and whether a process was found that carries each.

Each is looked for once: a process that was there is there until it ends. Open rows are read in
pages by their id, so that one whose process cannot be started is passed like any other.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from storage.common.repository import Repository
from storage.common.rows import Row

_KEPT: Final = "400 days"


class ProcessKind(StrEnum):
    """What has a process of its own for as long as its row is open."""

    APPLICATION = "application"
    LINE = "line"
    DRAWDOWN = "drawdown"
    LOAN = "loan"
    REPAYMENT = "repayment"
    COLLECTIONS = "collections"
    CREDIT_ANALYSIS = "credit-analysis"


_OPEN: Final[Mapping[ProcessKind, str]] = MappingProxyType(
    {
        ProcessKind.APPLICATION: "select id as row_id, 'application:' || id as workflow_id"
        " from applications where state in ('collecting', 'deciding', 'in_review', 'offered')",
        ProcessKind.LINE: "select id as row_id, 'line:' || id as workflow_id"
        " from lines where state in ('active', 'frozen')",
        ProcessKind.DRAWDOWN: "select id as row_id, 'drawdown:' || id as workflow_id"
        " from drawdowns where state in ('reserved', 'signed', 'disbursing')",
        ProcessKind.LOAN: "select id as row_id, 'loan:' || id as workflow_id"
        " from loans where state <> 'settled'",
        # A debit that falls due is the loan's own matter until it is in doubt.
        ProcessKind.REPAYMENT: "select id as row_id, 'repayment:' || id as workflow_id"
        " from repayments where state = 'processing' and source <> 'auto_debit'",
        ProcessKind.COLLECTIONS: "select id as row_id,"
        " 'collections:' || id || ':' || episode as workflow_id"
        " from loans where state = 'overdue' and episode > 0",
        ProcessKind.CREDIT_ANALYSIS: "select id as row_id, 'credit-analysis:' || id as workflow_id"
        " from credit_analyses where state_seq = 0",
    }
)
"""The open rows of a kind, with the id of the process that carries each (`messages.ids`)."""


class OpenRow(Row):
    """An open row, and whether its process was looked for already."""

    row_id: str
    workflow_id: str
    is_checked: bool


class ProcessRepository(Repository):
    """What was looked for, and what is to be."""

    async def open_rows(self, kind: ProcessKind, after: str, limit: int) -> list[OpenRow]:
        """Return open rows of a kind by their id, those behind the id `after`, `limit` at most."""
        return await self._all(
            OpenRow,
            "select row_id, workflow_id, exists (select from process_checks c"  # noqa: S608 -- own names
            " where c.workflow_id = page.workflow_id) as is_checked"
            f" from (select * from ({_OPEN[kind]}) as open where row_id > $1"
            " order by row_id limit $2) as page order by row_id",
            after,
            limit,
        )

    async def open_row(self, workflow_id: str) -> tuple[ProcessKind, str] | None:
        """Return the kind and id of the open row that a process carries, None without one."""
        name = workflow_id.partition(":")[0]
        if name not in tuple(ProcessKind):
            return None
        kind = ProcessKind(name)
        row_id = await self._connection.fetchval(
            f"select row_id from ({_OPEN[kind]}) as open where workflow_id = $1",  # noqa: S608 -- own names
            workflow_id,
        )
        return None if row_id is None else (kind, row_id)

    async def checked(self, workflow_ids: list[str]) -> None:
        """Record that these processes are there."""
        await self._connection.execute(
            "insert into process_checks (workflow_id) select * from unnest($1::text[])"
            " on conflict do nothing",
            workflow_ids,
        )

    async def forget(self, workflow_id: str) -> None:
        """Forget that a process is there: it has ended, and a new run of it is to be looked for."""
        await self._connection.execute(
            "delete from process_checks where workflow_id = $1", workflow_id
        )

    async def forget_old(self) -> None:
        """Forget what was looked for so long ago that it is over, or may be looked for anew."""
        await self._connection.execute(
            f"delete from process_checks where checked_at < now() - interval '{_KEPT}'"  # noqa: S608 -- a constant
        )
