# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Orders to move money: one row each, written before the order is sent."""

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from storage.common.errors import IdempotencyMismatch
from storage.common.repository import TableRepository
from storage.common.rows import Row

TransferKind = Literal["disbursement", "debit"]
_COLUMNS: Final = (
    "order_no, kind, workflow_id, loan_id, currency, amount, state, reason, requested_at,"
    " changed_at"
)


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


class TransferRow(Row):
    """An order; `amount` in minor units, `workflow_id` the workflow that waits for its end.

    `fresh` says that this very call wrote the row: the order was not sent before.
    """

    order_no: str
    kind: TransferKind
    workflow_id: str
    loan_id: str
    currency: str
    amount: int
    state: TransferState
    reason: str | None
    requested_at: datetime
    changed_at: datetime
    fresh: bool = False


class TransferRepository(TableRepository[TransferRow]):
    """The orders."""

    table = "transfers"
    columns = _COLUMNS
    row = TransferRow
    key = "order_no"

    async def request(
        self,
        *,
        order_no: str,
        kind: TransferKind,
        workflow_id: str,
        loan_id: str,
        currency: str,
        amount: int,
    ) -> TransferRow:
        """Record the intent to send an order; an existing one wins.

        Raises `IdempotencyMismatch` when the number names an order of another content.
        """
        inserted = await self._one(
            TransferRow,
            "insert into transfers (order_no, kind, workflow_id, loan_id, currency, amount, state)"
            " values ($1, $2, $3, $4, $5, $6, 'requested')"
            f" on conflict (order_no) do nothing returning {_COLUMNS}, true as fresh",
            order_no,
            kind,
            workflow_id,
            loan_id,
            currency,
            amount,
        )
        row = inserted or await self.get(order_no)
        if row is None or (row.kind, row.loan_id, row.currency, row.amount) != (
            kind,
            loan_id,
            currency,
            amount,
        ):
            raise IdempotencyMismatch(f"{order_no} orders something else")
        return row

    async def resolve(
        self, order_no: str, state: TransferState, reason: str | None = None
    ) -> TransferRow | None:
        """Record what became of an order and return what is recorded: an end never changes.

        `reason` belongs to a failed order and to no other. None if the order is unknown.
        """
        await self._connection.execute(
            "update transfers set state = $2, reason = $3, changed_at = now()"
            " where order_no = $1 and state in ('requested', 'processing')",
            order_no,
            state,
            reason,
        )
        return await self.get(order_no)
