"""Credit lines and the one place where their limit is guarded."""

from datetime import datetime
from typing import Literal

from domain.lines import LineState
from storage.common.repository import TableRepository
from storage.common.rows import Row


class LineCreate(Row):
    """A line as it is opened; `credit_limit` in minor units."""

    id: str
    application_id: str
    applicant_id: str
    offer_id: str
    mode: Literal["single_batch", "revolving"]
    currency: str
    credit_limit: int
    opened_at: datetime
    expires_at: datetime


class LineRow(LineCreate):
    """A line. Amounts in minor units: `reserved` is being disbursed, `drawn` is lent."""

    state: LineState
    reserved: int
    drawn: int

    @property
    def available(self) -> int:
        """Return what can still be drawn."""
        if self.state is not LineState.ACTIVE:
            return 0
        if self.mode == "single_batch" and self.reserved + self.drawn:
            return 0
        return self.credit_limit - self.reserved - self.drawn


class LineRepository(TableRepository[LineRow]):
    """The lines. Callers see to it that each change happens once, by the drawdown or loan event."""

    table = "lines"
    row = LineRow

    async def open(self, new: LineCreate) -> LineRow:
        """Open a line; a repeat returns the recorded one.

        Raises `IdempotencyMismatch` when application or offer have another line.
        """
        same = ("application_id", "offer_id")
        return await self._insert_once(new, same=same, state=LineState.ACTIVE)

    async def of_application(self, application_id: str) -> LineRow | None:
        """Return the application's line, None if it has none."""
        return await self._find("application_id = $1", application_id)

    async def reserve(self, line_id: str, amount: int) -> bool:
        """Take `amount` from what can be drawn; False, and nothing changes, if it is not there."""
        return await self._changed(
            "update lines set reserved = reserved + $2 where id = $1 and state = 'active'"
            " and reserved + drawn + $2 <= credit_limit"
            " and (mode = 'revolving' or reserved + drawn = 0)",
            line_id,
            amount,
        )

    async def release(self, line_id: str, amount: int) -> None:
        """Give a reserved `amount` back."""
        await self._connection.execute(
            "update lines set reserved = reserved - $2 where id = $1", line_id, amount
        )

    async def draw(self, line_id: str, amount: int) -> None:
        """Turn a reserved `amount` into a drawn one; a single-batch line is used then."""
        await self._connection.execute(
            "update lines set reserved = reserved - $2, drawn = drawn + $2,"
            " state = case when mode = 'single_batch' then 'used' else state end where id = $1",
            line_id,
            amount,
        )

    async def repay(self, line_id: str, amount: int) -> None:
        """Lower what is drawn by principal that came back."""
        await self._connection.execute(
            "update lines set drawn = drawn - $2 where id = $1", line_id, amount
        )

    async def set_state(self, line_id: str, state: LineState) -> bool:
        """Freeze, expire, close or thaw a line; False if it is used, expired or closed already."""
        return await self._changed(
            "update lines set state = $2 where id = $1 and state in ('active', 'frozen')",
            line_id,
            state,
        )
