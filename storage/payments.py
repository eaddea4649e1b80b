# ruff: noqa: S608 -- statements join a constant column list; values are always parameters
"""Orders to move money: one row each, written before the order is sent."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

import asyncpg
from pydantic import Field

from storage.common.repository import TableRepository, require_same
from storage.common.rows import Row

_WATCH_SECONDS: Final = 10.0

TransferKind = Literal["disbursement", "debit"]


class TransferState(StrEnum):
    """`requested` may or may not have been sent; the last two are final."""

    REQUESTED = "requested"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Say whether the order's end is known."""
        return self in (TransferState.SUCCEEDED, TransferState.FAILED)


class TransferCreate(Row):
    """An order to send; `amount` in minor units, `workflow_id` the workflow that awaits its end."""

    order_no: str
    kind: TransferKind
    workflow_id: str
    loan_id: str
    currency: str
    amount: int


class TransferRow(TransferCreate):
    """An order, and what became of it.

    `fresh` says that this very call wrote the row: the order was not sent before.
    """

    state: TransferState
    reason: str | None
    requested_at: datetime
    changed_at: datetime
    fresh: bool = Field(default=False, exclude=True)


class TransferRepository(TableRepository[TransferRow]):
    """The orders."""

    table = "transfers"
    row = TransferRow
    key = "order_no"

    async def request(self, new: TransferCreate) -> TransferRow:
        """Record the intent to send an order; an existing one wins.

        Raises `IdempotencyMismatch` when the number names an order of another content.
        """
        inserted = await self._insert_row(**dict(new), state=TransferState.REQUESTED)
        if inserted is not None:
            return inserted.model_copy(update={"fresh": True})
        row = await self.get(new.order_no)
        return require_same(row, new, "kind", "loan_id", "currency", "amount")

    async def resolve(
        self, order_no: str, state: TransferState, reason: str | None = None
    ) -> TransferRow | None:
        """Record what became of an order and return what is recorded: an end never changes.

        `reason` belongs to a failed order and to no other. None if the order is unknown.
        """
        resolved = await self._one(
            TransferRow,
            "update transfers set state = $2, reason = $3, changed_at = now()"
            " where order_no = $1 and state in ('requested', 'processing')"
            f" returning {TransferRow.columns()}",
            order_no,
            state,
            reason,
        )
        return resolved or await self.get(order_no)


async def orders_in_doubt(url: str, since: timedelta) -> dict[str, int]:
    """Return how many orders have had no outcome for longer than `since`, by kind.

    On a connection of its own, for who watches; raises what the connection raises.
    """
    connection = await asyncpg.connect(url, timeout=_WATCH_SECONDS)
    try:
        rows = await connection.fetch(
            "select kind, count(*) as count from transfers"
            " where state in ('requested', 'processing') and requested_at < now() - $1::interval"
            " group by kind",
            since,
            timeout=_WATCH_SECONDS,
        )
    finally:
        connection.terminate()
    return {row["kind"]: row["count"] for row in rows}
