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

ROWS: Final = 200
"""Rows of each kind that are looked at in one part."""

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
        logged and tried again by the next run: it holds up no other.
        """
        ends = monotonic() + PART_SECONDS
        started, is_more = 0, False
        for kind in ProcessKind:
            async with self.database.read() as tx:
                rows = await ProcessRepository(tx).unchecked(kind, ROWS)
            there = []
            for workflow_id, row_id in rows.items():
                if monotonic() >= ends:
                    is_more = True
                    break
                was_started = await self._see_to(kind, workflow_id, row_id)
                if was_started is not None:
                    started += was_started
                    there.append(workflow_id)
            # Where every row failed the next look would meet the same ones.
            is_more = is_more or (len(rows) == ROWS and bool(there))
            async with self.database.transaction() as tx:
                await ProcessRepository(tx).checked(there)
        async with self.database.transaction() as tx:
            await ProcessRepository(tx).forget_old()
        return Maintained(changed=started, after=request.after if is_more else None)

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
