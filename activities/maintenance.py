"""What the database needs done from time to time: each part is short, and safe to repeat."""

from dataclasses import dataclass
from time import monotonic
from typing import Final

from activities.common.performing import performs
from domain.common.retention import RETENTION, STANDARD_RETENTION
from messages import calls
from messages.maintenance import Maintain, Maintained
from runtime.clock import utc_now
from services.loans.accruals import accrue_part, last_day_over
from storage.database import Database
from storage.definitions import DefinitionRepository
from storage.loans.journal import JournalRepository
from storage.pruning import PruningRepository

ENTRIES: Final = 2_000
"""Ledger entries summed in one transaction: about 50 ms."""

ROWS: Final = 2_000
"""Rows looked at in one transaction: it holds its locks for some milliseconds."""

PART_SECONDS: Final = 10.0
"""So long one part of the pruning goes on before it tells the process how far it came."""


@dataclass(frozen=True)
class Upkeep:
    """What maintenance needs."""

    database: Database

    @performs(calls.SUM_LEDGER)
    async def sum_ledger(self, request: Maintain) -> Maintained:
        """Add the entries posted since to the sums of their days, some at a time."""
        async with self.database.transaction() as tx:
            summed = await JournalRepository(tx).sum_days(ENTRIES)
        return Maintained(changed=summed, after=request.after if summed == ENTRIES else None)

    @performs(calls.PRUNE_RECORDS)
    async def prune_records(self, request: Maintain) -> Maintained:
        """Delete outbox events and stored answers whose time in the retention in force is over."""
        async with self.database.read() as tx:
            kept = await DefinitionRepository(tx).in_force(RETENTION, STANDARD_RETENTION)
        days = kept.content
        ends = monotonic() + PART_SECONDS
        changed, after = 0, request.after
        while True:
            async with self.database.transaction() as tx:
                events = await PruningRepository(tx).outbox(after, days.outbox_days, ROWS)
                answers = await PruningRepository(tx).stored_answers(days.stored_answers_days, ROWS)
            changed += events.deleted + answers
            after = events.last or after
            if events.last is None and answers < ROWS:
                return Maintained(changed=changed, after=None)
            if monotonic() >= ends:
                return Maintained(changed=changed, after=after)

    @performs(calls.ACCRUE_INCOME)
    async def accrue_income(self, request: Maintain) -> Maintained:
        """Book what loans accrued by the end of each day that is over, loans by loans."""
        ends = monotonic() + PART_SECONDS
        changed = 0
        async with self.database.read() as tx:
            # Looks at every loan: once a call, not once a part.
            until = await last_day_over(tx, utc_now())
        if until is None:
            return Maintained(changed=0, after=None)
        while True:
            async with self.database.transaction() as tx:
                part = await accrue_part(tx, until)
            if part.day is None:
                return Maintained(changed=changed, after=None)
            changed += part.loans
            if monotonic() >= ends:
                return Maintained(changed=changed, after=request.after + changed)
