"""Processes whose row is there and they are not: found, and started.

Who records a row starts its process next. A death in between, or a Temporal that was down, leaves a
row that nobody carries on. Starting is safe beside whoever else starts it: an id starts once.
"""

from dataclasses import dataclass
from time import monotonic
from typing import Final

import asyncpg
import structlog
from temporalio.service import RPCError

from activities.common.performing import performs
from messages import calls
from messages.maintenance import Maintain, Maintained
from runtime import metrics
from runtime.temporal.siblings import Siblings
from services.processes import start_of_row
from storage.database import Database
from storage.processes import ProcessKind, ProcessRepository

PAGE_ROWS: Final = 2000
"""Open rows that are read at once; only those that nobody looked for yet cost more than that."""

PART_SECONDS: Final = 15.0
"""So long one part goes on before it tells the process how far it came."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class MissingProcesses:
    """Looks for the processes of open rows."""

    database: Database
    siblings: Siblings

    @performs(calls.START_MISSING)
    async def start_missing(self, request: Maintain) -> Maintained:
        """Look for the process of every open row, once each, and start what is not there.

        A row whose process cannot be started, as of a loan whose events contradict each other, is
        logged, passed, and tried again by the next run: it holds up no other.
        """
        ends, started = monotonic() + PART_SECONDS, 0
        reached, _, after = request.cursor.partition(" ")
        kinds = list(ProcessKind)
        for kind in kinds[kinds.index(ProcessKind(reached)) if reached else 0 :]:
            after = after if kind == reached else ""
            is_more = True
            while is_more:
                if monotonic() >= ends:
                    return Maintained(changed=started, after=0, cursor=f"{kind} {after}")
                async with self.database.read() as tx:
                    rows = await ProcessRepository(tx).open_rows(kind, after, PAGE_ROWS)
                there = []
                for row in rows:
                    if monotonic() >= ends:
                        break
                    after = row.row_id
                    if row.is_checked:
                        continue
                    was_started = await self._see_to(kind, row.workflow_id, row.row_id)
                    if was_started is not None:
                        started += was_started
                        there.append(row.workflow_id)
                else:
                    is_more = len(rows) == PAGE_ROWS
                if there:
                    async with self.database.transaction() as tx:
                        await ProcessRepository(tx).checked(there)
        async with self.database.transaction() as tx:
            await ProcessRepository(tx).forget_old()
        return Maintained(changed=started, after=None)

    async def _see_to(self, kind: ProcessKind, workflow_id: str, row_id: str) -> bool | None:
        """Start the process of a row unless it is there; say whether it was, None if it cannot."""
        try:
            return await self._start(kind, workflow_id, row_id)
        except (RPCError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            raise  # Temporal or the database is out of reach, for every row.
        except Exception as error:  # noqa: BLE001 -- whatever one row has must not stop the others
            _log.error(
                "process_not_started",
                kind=kind,
                workflow_id=workflow_id,
                error_type=type(error).__name__,
            )
            return None

    async def _start(self, kind: ProcessKind, workflow_id: str, row_id: str) -> bool:
        """Start the process of a row unless it is there; say whether it was started."""
        if await self.siblings.is_known(workflow_id):
            return False
        async with self.database.transaction() as tx:
            start = await start_of_row(tx, kind, row_id)
        if start is None:
            return False
        await self.siblings.start(start)
        metrics.process_started_late(kind)
        _log.warning("process_was_missing", kind=kind, workflow_id=workflow_id)
        return True
