"""Collection actions: messages sent to borrowers in arrears and calls for a collector."""

from datetime import date, datetime
from enum import StrEnum

from domain.collections import ContactChannel
from domain.common.definitions import DefinitionRef
from storage.common.errors import RecordMissing
from storage.common.repository import TableRepository, stored
from storage.common.rows import Cursor, RefName, Row


class ActionState(StrEnum):
    """An open message is about to be sent; an open call waits for a collector."""

    OPEN = "open"
    SENT = "sent"
    DONE = "done"
    CANCELLED = "cancelled"


class CollectionActionCreate(Row):
    """One step of `ladder`; `due_on` is the business date on which it is taken.

    A message names the version of its template.
    """

    id: str
    loan_id: str
    episode: int
    step: str
    channel: ContactChannel
    days_past_due: int
    due_on: date
    ladder: RefName
    template: RefName | None


class CollectionActionRow(CollectionActionCreate):
    """A step, and what came of it; a message names the limits on contact that it kept to."""

    state: ActionState
    result: str | None
    handled_by: str | None
    created_at: datetime
    changed_at: datetime
    contact_limits: RefName | None


class CollectionActionRepository(TableRepository[CollectionActionRow]):
    """The actions, one a loan, episode and step."""

    table = "collection_actions"
    row = CollectionActionRow

    async def add_action(self, new: CollectionActionCreate) -> CollectionActionRow:
        """Record an open action; a repeat returns the recorded one."""
        inserted = await self._insert_row(**dict(new), state=ActionState.OPEN)
        row = inserted or await self.of_step(new.loan_id, new.episode, new.step)
        if row is None:
            raise RecordMissing(f"no action {new.step} of {new.loan_id}")
        return row

    async def of_step(self, loan_id: str, episode: int, step: str) -> CollectionActionRow | None:
        """Return the action of one step, None if it was not taken."""
        return await self._find(
            "loan_id = $1 and episode = $2 and step = $3", loan_id, episode, step
        )

    async def finish(
        self,
        action_id: str,
        state: ActionState,
        *,
        result: str | None,
        by: str,
        contact_limits: DefinitionRef | None = None,
    ) -> bool:
        """Record what came of an open action; False, and nothing changes, if it is not open."""
        return await self._changed(
            "update collection_actions set state = $2, result = $3, handled_by = $4,"
            " contact_limits = $5, changed_at = now()"
            " where id = $1 and state = 'open'",
            action_id,
            state,
            result,
            by,
            stored(contact_limits),
        )

    async def cancel_open(self, loan_id: str, episode: int) -> int:
        """Cancel what an ended episode left open and return how many there were."""
        records = await self._connection.fetch(
            "update collection_actions set state = 'cancelled', changed_at = now()"
            " where loan_id = $1 and episode = $2 and state = 'open' returning id",
            loan_id,
            episode,
        )
        return len(records)

    async def queue(self, after: Cursor | None, limit: int) -> list[CollectionActionRow]:
        """Return open calls, the oldest first; the cursor runs on `created_at`."""
        return await self._page(
            self.row,
            self._select,
            after=after,
            limit=limit,
            oldest_first=True,
            where=("state = 'open'", "channel = 'call_task'"),
        )

    async def of_loan(self, loan_id: str) -> list[CollectionActionRow]:
        """Return a loan's actions in the order in which they were taken."""
        return await self._list("loan_id = $1 order by episode, days_past_due, created_at", loan_id)
