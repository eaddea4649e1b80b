# ruff: noqa: S608 -- statements join constant texts; values are always parameters
"""The ledger line by line, in an order that never changes: by day, entry and line."""

from datetime import date, datetime
from typing import Any

from storage.common.repository import Repository, given
from storage.common.rows import Row

Place = tuple[date, int, int]
"""After which line to go on: its day, its entry, its number in it."""


class LedgerLine(Row):
    """One line with what its entry says; amounts in minor units, debit positive."""

    business_date: date
    entry: int
    line: int
    recorded_at: datetime
    kind: str
    entry_key: str
    loan_id: str | None
    product: str
    funder: str
    account: str
    currency: str
    amount: int

    @property
    def place(self) -> Place:
        """Return where it stands."""
        return self.business_date, self.entry, self.line


class LedgerLineRepository(Repository):
    """Reads lines, page by page."""

    async def last_entry(self) -> int:
        """Return the number of the last entry that is on record now."""
        last: int = await self._connection.fetchval("select coalesce(max(id), 0) from journal")
        return last

    async def page(
        self,
        first: date,
        last: date,
        *,
        account: str | None,
        funder: str | None,
        until_entry: int,
        after: Place | None,
        limit: int,
    ) -> list[LedgerLine]:
        """Return the lines of the days from `first` to `last` behind a place.

        `account` stands for all bank accounts of cash unless it names one. Entries behind
        `until_entry` are left out.
        """
        tests, values = given(
            {
                "business_date >= {}": first,
                "business_date <= {}": last,
                "journal.id <= {}": until_entry,
                "funder = {}": funder,
                "{} in (account, split_part(account, ':', 1))": account,
            }
        )
        if after is not None:
            count = len(values)
            tests.append(
                f"(business_date, journal.id, line) > (${count + 1}, ${count + 2}, ${count + 3})"
            )
            values += after
        values.append(limit)
        arguments: list[Any] = values
        return await self._all(
            LedgerLine,
            "select business_date, journal.id as entry, line, recorded_at, kind, entry_key,"
            " loan_id, product, funder, account, currency, amount"
            " from journal join entries on entries.journal_id = journal.id"
            f" where {' and '.join(tests)} order by business_date, journal.id, line"
            f" limit ${len(values)}",
            *arguments,
        )
