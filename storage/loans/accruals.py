# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Income accrued by the end of each day: one sum for all loans of a product, funder and currency.

What a day comes to follows from terms, from the events that the books knew by then and from the
days to which each loan's own entries went. So it can be worked out loan by loan at any later time,
and is worked out page by page without holding anybody up.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from pydantic import Json

from domain.loans.ledger import Account
from domain.loans.terms import LoanTerms
from storage.common.repository import Repository
from storage.common.rows import Row
from storage.loans.journal import kept_to_sql

_ACCRUING: Final = 4_201_006
"""Names the booking of accruals among the advisory locks of the database."""

Group = tuple[str, str, str]
"""Currency, product and funder."""


class AccrualDayRow(Row):
    """A day's accruals: how many loans were worked out, and when the sums were posted.

    `refused` are the loans whose events and terms contradict each other: they accrue nothing until
    that is mended. `done_to` is the last loan of a day that is not finished.
    """

    business_date: date
    done_to: str
    loans: int
    refused: list[str]
    posted_at: datetime | None


class AccruingLoan(Row):
    """A loan that may accrue on a day; its own entries go to `kept_to`."""

    id: str
    currency: str
    product: str
    funder: str
    terms: Json[LoanTerms]
    kept_to: date | None

    @property
    def group(self) -> Group:
        """Return what its accruals are summed by."""
        return self.currency, self.product, self.funder


class AccrualRepository(Repository):
    """The days that were accrued, and the levels that they came to."""

    async def lock(self) -> None:
        """Let one transaction at a time book accruals."""
        await self._connection.execute("select pg_advisory_xact_lock($1)", _ACCRUING)

    async def zones(self) -> dict[str, date]:
        """Return the zones of loans, each with the latest business date on record."""
        records = await self._connection.fetch(
            "select zone, max(business_date) as latest from loans group by zone"
        )
        return {record["zone"]: record["latest"] for record in records}

    async def first_disbursement(self) -> date | None:
        """Return the day of the first loan."""
        day: date | None = await self._connection.fetchval("select min(disbursed_on) from loans")
        return day

    async def last(self) -> AccrualDayRow | None:
        """Return the latest day, posted or still being worked out."""
        return await self._one(
            AccrualDayRow,
            f"select {AccrualDayRow.columns()} from accrual_days"
            " order by business_date desc limit 1",
        )

    async def posted(self, until: date | None = None) -> date | None:
        """Return the last day that was posted, none after `until`."""
        day: date | None = await self._connection.fetchval(
            "select max(business_date) from accrual_days where posted_at is not null"
            " and ($1::date is null or business_date <= $1)",
            until,
        )
        return day

    async def day(self, business_date: date) -> AccrualDayRow | None:
        """Return a day, None if it was not begun."""
        return await self._one(
            AccrualDayRow,
            f"select {AccrualDayRow.columns()} from accrual_days where business_date = $1",
            business_date,
        )

    async def begin(self, business_date: date) -> AccrualDayRow:
        """Record that a day is worked out from now on."""
        (row,) = await self._all(
            AccrualDayRow,
            "insert into accrual_days (business_date) values ($1)"
            f" returning {AccrualDayRow.columns()}",
            business_date,
        )
        return row

    async def loans(
        self, business_date: date, after: str, limit: int, group: Group | None = None
    ) -> list[AccruingLoan]:
        """Return the loans behind `after` that may accrue on a day, by id.

        A loan that is settled or written off accrues nothing once its own entries say so.
        """
        currency, product, funder = group or (None, None, None)
        return await self._all(
            AccruingLoan,
            "select id, currency, product, funder, terms,"
            f" {kept_to_sql('loans.id', '$2')} as kept_to from loans"
            " where id > $1 and disbursed_on <= $2"
            " and (state not in ('settled', 'written_off') or business_date > $2)"
            " and ($4::text is null or (currency, product, funder) = ($4, $5, $6))"
            " order by id limit $3",
            after,
            business_date,
            limit,
            currency,
            product,
            funder,
        )

    async def kept_to(self, loan_id: str, business_date: date) -> date | None:
        """Return the day to which a loan's own entries went at the end of a day."""
        day: date | None = await self._connection.fetchval(
            f"select {kept_to_sql('$1', '$2')}",
            loan_id,
            business_date,
        )
        return day

    async def add(
        self,
        business_date: date,
        sums: Mapping[Group, Mapping[Account, int]],
        *,
        loans: Sequence[str],
        refused: Sequence[str],
    ) -> None:
        """Add what a page of loans comes to, and remember how far it went."""
        rows = [
            (*group, account.value, amount)
            for group, accounts in sums.items()
            for account, amount in accounts.items()
        ]
        if rows:
            currencies, products, funders, accounts, amounts = zip(*rows, strict=True)
            await self._connection.execute(
                "insert into accruals as known"
                " (business_date, currency, product, funder, account, amount)"
                " select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[],"
                " $6::bigint[])"
                " on conflict (business_date, currency, product, funder, account)"
                " do update set amount = known.amount + excluded.amount",
                business_date,
                currencies,
                products,
                funders,
                accounts,
                amounts,
            )
        if loans:
            await self._connection.execute(
                "update accrual_days set done_to = $2, loans = loans + $3, refused = refused || $4"
                " where business_date = $1",
                business_date,
                loans[-1],
                len(loans),
                list(refused),
            )

    async def finish(self, business_date: date) -> None:
        """Record that a day's sums are posted."""
        await self._connection.execute(
            "update accrual_days set posted_at = now() where business_date = $1", business_date
        )

    async def levels(self, business_date: date | None) -> dict[Group, dict[Account, int]]:
        """Return what was accrued by the end of a day; nothing of None."""
        records = await self._connection.fetch(
            "select currency, product, funder, account, amount from accruals"
            " where business_date = $1 and amount <> 0"
            " order by currency, product, funder, account",
            business_date,
        )
        levels: dict[Group, dict[Account, int]] = {}
        for record in records:
            group = record["currency"], record["product"], record["funder"]
            levels.setdefault(group, {})[Account(record["account"])] = record["amount"]
        return levels
