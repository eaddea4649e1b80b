"""Collection actions: messages sent to borrowers in arrears and calls for a collector."""

from datetime import date, datetime
from enum import StrEnum
from typing import Final

from domain.collections import ContactChannel
from storage.common.errors import RecordMissing
from storage.common.repository import TableRepository
from storage.common.rows import Cursor, Row

_COLUMNS: Final = (
    "id, loan_id, episode, step, channel, state, days_past_due, due_on, result, handled_by,"
    " created_at, changed_at"
)


class ActionState(StrEnum):
    """An open message is about to be sent; an open call waits for a collector."""

    OPEN = "open"
    SENT = "sent"
    DONE = "done"
    CANCELLED = "cancelled"


class CollectionActionRow(Row):
    """One step taken; `due_on` is the business date on which it was taken."""

    id: str
    loan_id: str
    episode: int
    step: str
    channel: ContactChannel
    state: ActionState
    days_past_due: int
    due_on: date
    result: str | None
    handled_by: str | None
    created_at: datetime
    changed_at: datetime


class CollectionActionRepository(TableRepository[CollectionActionRow]):
    """The actions, one a loan, episode and step."""

    table = "collection_actions"
    columns = _COLUMNS
    row = CollectionActionRow

    async def add_action(
        self,
        *,
        action_id: str,
        loan_id: str,
        episode: int,
        step: str,
        channel: ContactChannel,
        days_past_due: int,
        due_on: date,
    ) -> CollectionActionRow:
        """Record an open action; a repeat returns the recorded one."""
        await self._connection.execute(
            "insert into collection_actions (id, loan_id, episode, step, channel, state,"
            " days_past_due, due_on) values ($1, $2, $3, $4, $5, 'open', $6, $7)"
            " on conflict do nothing",
            action_id,
            loan_id,
            episode,
            step,
            channel,
            days_past_due,
            due_on,
        )
        row = await self.of_step(loan_id, episode, step)
        if row is None:
            raise RecordMissing(f"no action {step} of {loan_id}")
        return row

    async def of_step(self, loan_id: str, episode: int, step: str) -> CollectionActionRow | None:
        """Return the action of one step, None if it was not taken."""
        return await self._find(
            "loan_id = $1 and episode = $2 and step = $3", loan_id, episode, step
        )

    async def finish(
        self, action_id: str, state: ActionState, *, result: str | None, by: str
    ) -> bool:
        """Record what came of an open action; False, and nothing changes, if it is not open."""
        finished = await self._connection.fetchval(
            "update collection_actions set state = $2, result = $3, handled_by = $4,"
            " changed_at = now() where id = $1 and state = 'open' returning true",
            action_id,
            state,
            result,
            by,
        )
        return finished is True

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
