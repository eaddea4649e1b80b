"""Working customers' levels out, some customers at a time."""

from dataclasses import dataclass
from time import monotonic
from typing import Final

from activities.common.performing import performs
from messages import calls
from messages.maintenance import Maintain, Maintained
from runtime.clock import utc_now
from services.decisioning.levels import work_out_levels
from storage.database import Database

CUSTOMERS: Final = 500
"""Customers whose levels are worked out in one transaction."""

PART_SECONDS: Final = 10.0
"""So long one part goes on before it tells the process how far it came."""


@dataclass(frozen=True)
class Levels:
    """What working levels out needs."""

    database: Database

    @performs(calls.LEVEL_CUSTOMERS)
    async def level_customers(self, request: Maintain) -> Maintained:
        """Work out every level that is due; what is worked out is due no more."""
        ends = monotonic() + PART_SECONDS
        looked_at = changed = 0
        while True:
            async with self.database.transaction() as tx:
                part = await work_out_levels(tx, utc_now(), CUSTOMERS)
            looked_at += part.looked_at
            changed += part.changed
            if part.looked_at < CUSTOMERS:
                return Maintained(changed=changed, after=None)
            if monotonic() >= ends:
                return Maintained(changed=changed, after=request.after + looked_at)
