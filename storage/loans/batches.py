# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""The sums of days as they are handed to the lender's accounting: numbered, and never changed."""

from collections.abc import Sequence
from datetime import date, datetime

from storage.common.repository import Repository
from storage.common.rows import Row
from storage.loans.journal import LEDGER


class DaySum(Row):
    """What was booked on an account on a day, and is in no batch yet. Minor units."""

    business_date: date
    currency: str
    product: str
    funder: str
    account: str
    amount: int


class BatchRow(Row):
    """A batch: all that was booked of a day in a currency and was in none before.

    `mapping` is the version of the account mapping that its codes are of.
    """

    number: int
    business_date: date
    currency: str
    mapping: str
    made_by: str
    made_at: datetime


class BatchLineRow(Row):
    """One line of a batch: debit positive, credit negative, minor units."""

    line: int
    code: str
    account: str
    product: str
    funder: str
    amount: int


class BatchRepository(Repository):
    """Batches with their lines."""

    async def waiting(self, after: date | None, until: date) -> list[DaySum]:
        """Return what the days behind `after` come to beyond their batches, by day and account."""
        return await self._all(
            DaySum,
            "select business_date, currency, product, funder, account,"
            " sum(amount)::bigint as amount from ("
            " select business_date, currency, product, funder, account, amount"
            f" from ({LEDGER}) as ledger"
            " where business_date <= $2 and ($1::date is null or business_date > $1)"
            " union all select business_date, currency, product, funder, account, -amount"
            " from ledger_batches join ledger_batch_lines using (number)"
            " where business_date <= $2 and ($1::date is null or business_date > $1)"
            ") as booked group by 1, 2, 3, 4, 5 having sum(amount) <> 0"
            " order by 1, 2, account, product, funder",
            after,
            until,
        )

    async def add(
        self,
        business_date: date,
        currency: str,
        *,
        mapping: str,
        made_by: str,
        lines: Sequence[tuple[str, DaySum]],
    ) -> BatchRow:
        """Record a batch under the next number; `lines` are sums with the lender's codes."""
        (row,) = await self._all(
            BatchRow,
            "insert into ledger_batches (number, business_date, currency, mapping, made_by)"
            " select coalesce(max(number), 0) + 1, $1, $2, $3, $4 from ledger_batches"
            f" returning {BatchRow.columns()}",
            business_date,
            currency,
            mapping,
            made_by,
        )
        await self._connection.execute(
            "insert into ledger_batch_lines (number, line, code, account, product, funder, amount)"
            " select $1, line.number, line.code, line.account, line.product, line.funder,"
            " line.amount from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])"
            " with ordinality as line(code, account, product, funder, amount, number)",
            row.number,
            [code for code, _ in lines],
            [one.account for _, one in lines],
            [one.product for _, one in lines],
            [one.funder for _, one in lines],
            [one.amount for _, one in lines],
        )
        return row

    async def page(self, after: int, limit: int) -> list[BatchRow]:
        """Return batches behind a number, in their order."""
        return await self._all(
            BatchRow,
            f"select {BatchRow.columns()} from ledger_batches where number > $1"
            " order by number limit $2",
            after,
            limit,
        )

    async def get(self, number: int) -> BatchRow | None:
        """Return a batch, None if there is none of this number."""
        return await self._one(
            BatchRow, f"select {BatchRow.columns()} from ledger_batches where number = $1", number
        )

    async def lines(self, number: int) -> list[BatchLineRow]:
        """Return the lines of a batch in their order."""
        return await self._all(
            BatchLineRow,
            f"select {BatchLineRow.columns()} from ledger_batch_lines where number = $1"
            " order by line",
            number,
        )
