"""Drawdowns: from the reserved amount to the disbursed loan."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from storage.common.errors import QuoteUsed
from storage.common.repository import TableRepository, require_same
from storage.common.rows import RefName, Row


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


class DrawdownCreate(Row):
    """A drawdown as it is reserved; `amount` in minor units, `loan_id` the loan that it becomes.

    `contract` names the template of its contract.
    """

    id: str
    line_id: str
    quote_id: str
    loan_id: str
    currency: str
    amount: int
    contract_no: str
    requested_at: datetime
    contract: RefName


class DrawdownRow(DrawdownCreate):
    """A drawdown, and how far it has come."""

    state: DrawdownState
    contract_sha256: str | None
    evidence_id: str | None
    failure: str | None
    changed_at: datetime


class DrawdownRepository(TableRepository[DrawdownRow]):
    """Drawdowns by their id: a repeat of a reservation finds the first one."""

    table = "drawdowns"
    row = DrawdownRow

    async def reserve(self, new: DrawdownCreate) -> tuple[DrawdownRow, bool]:
        """Record a drawdown; return it and whether it is new.

        Raises `IdempotencyMismatch` when the id names another drawdown and `QuoteUsed` when another
        one drew the quote.
        """
        inserted = await self._insert_row(**dict(new), state=DrawdownState.RESERVED)
        if inserted is not None:
            return inserted, True
        row = await self.get(new.id)
        if row is None:
            raise QuoteUsed(f"{new.quote_id} was drawn by another drawdown")
        return require_same(row, new, "line_id", "quote_id", "loan_id", "amount"), False

    async def of_loan(self, loan_id: str) -> DrawdownRow | None:
        """Return the drawdown that becomes, or became, a loan; None if there is none."""
        return await self._find("loan_id = $1", loan_id)

    async def open_of(self, line_id: str) -> list[DrawdownRow]:
        """Return a line's drawdowns that have neither been disbursed nor failed."""
        return await self._list(
            "line_id = $1 and state in ('reserved', 'signed', 'disbursing') order by id", line_id
        )

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
        return await self._changed(
            "update drawdowns set state = $2, contract_sha256 = coalesce($3, contract_sha256),"
            " evidence_id = coalesce($4, evidence_id), failure = coalesce($5, failure),"
            " changed_at = now() where id = $1 and state = any($6::text[])",
            drawdown_id,
            state,
            contract_sha256,
            evidence_id,
            failure,
            list(_BEFORE[state]),
        )

    async def page(self, line_id: str) -> list[DrawdownRow]:
        """Return a line's drawdowns, the newest first."""
        return await self._list("line_id = $1 order by requested_at desc, id", line_id)
