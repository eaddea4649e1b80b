# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Drawdowns: from the reserved amount to the disbursed loan."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from storage.common.errors import IdempotencyMismatch, QuoteUsed
from storage.common.repository import TableRepository
from storage.common.rows import Row

_COLUMNS: Final = (
    "id, line_id, quote_id, loan_id, currency, amount, state, contract_no, contract_sha256,"
    " evidence_id, failure, requested_at, changed_at"
)


class DrawdownState(StrEnum):
    """The states in their order; the last two are final."""

    RESERVED = "reserved"
    SIGNED = "signed"
    DISBURSING = "disbursing"
    DISBURSED = "disbursed"
    FAILED = "failed"


_BEFORE: Final[dict[DrawdownState, tuple[DrawdownState, ...]]] = {
    DrawdownState.RESERVED: (),
    DrawdownState.SIGNED: (DrawdownState.RESERVED,),
    DrawdownState.DISBURSING: (DrawdownState.SIGNED,),
    DrawdownState.DISBURSED: (DrawdownState.SIGNED, DrawdownState.DISBURSING),
    DrawdownState.FAILED: (
        DrawdownState.RESERVED,
        DrawdownState.SIGNED,
        DrawdownState.DISBURSING,
    ),
}


class DrawdownRow(Row):
    """A drawdown; `amount` in minor units, `loan_id` the loan that it becomes."""

    id: str
    line_id: str
    quote_id: str
    loan_id: str
    currency: str
    amount: int
    state: DrawdownState
    contract_no: str
    contract_sha256: str | None
    evidence_id: str | None
    failure: str | None
    requested_at: datetime
    changed_at: datetime


class DrawdownRepository(TableRepository[DrawdownRow]):
    """The drawdowns."""

    table = "drawdowns"
    columns = _COLUMNS
    row = DrawdownRow

    async def reserve(
        self,
        *,
        drawdown_id: str,
        line_id: str,
        quote_id: str,
        loan_id: str,
        currency: str,
        amount: int,
        contract_no: str,
        requested_at: datetime,
    ) -> tuple[DrawdownRow, bool]:
        """Record a drawdown; return it and whether it is new.

        Raises `IdempotencyMismatch` when the id names another drawdown and `QuoteUsed` when another
        one drew the quote.
        """
        record = await self._connection.fetchrow(
            "insert into drawdowns (id, line_id, quote_id, loan_id, currency, amount, state,"
            " contract_no, requested_at)"
            " values ($1, $2, $3, $4, $5, $6, 'reserved', $7, $8)"
            f" on conflict do nothing returning {_COLUMNS}",
            drawdown_id,
            line_id,
            quote_id,
            loan_id,
            currency,
            amount,
            contract_no,
            requested_at,
        )
        if record is not None:
            return DrawdownRow.read(record), True
        row = await self.get(drawdown_id)
        if row is None:
            raise QuoteUsed(f"{quote_id} was drawn by another drawdown")
        if (row.line_id, row.quote_id, row.loan_id, row.amount) != (
            line_id,
            quote_id,
            loan_id,
            amount,
        ):
            raise IdempotencyMismatch(f"{drawdown_id} draws something else")
        return row, False

    async def of_loan(self, loan_id: str) -> DrawdownRow | None:
        """Return the drawdown that becomes, or became, a loan; None if there is none."""
        return await self._find("loan_id = $1", loan_id)

    async def set_state(
        self,
        drawdown_id: str,
        state: DrawdownState,
        *,
        contract_sha256: str | None = None,
        evidence_id: str | None = None,
        failure: str | None = None,
    ) -> bool:
        """Move a drawdown on; False, and nothing changes, if `state` does not follow its own."""
        changed = await self._connection.fetchval(
            "update drawdowns set state = $2, contract_sha256 = coalesce($3, contract_sha256),"
            " evidence_id = coalesce($4, evidence_id), failure = coalesce($5, failure),"
            " changed_at = now() where id = $1 and state = any($6::text[]) returning true",
            drawdown_id,
            state,
            contract_sha256,
            evidence_id,
            failure,
            list(_BEFORE[state]),
        )
        return changed is True

    async def page(self, line_id: str) -> list[DrawdownRow]:
        """Return a line's drawdowns, the newest first."""
        return await self._list("line_id = $1 order by requested_at desc, id", line_id)
