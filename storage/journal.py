"""The double-entry journal: append-only, balanced by the database at commit."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from pydantic import Json

from domain.ledger import Account, JournalLine
from storage.rows import Row

if TYPE_CHECKING:
    from storage.rows import Connection

EntryKind = Literal["disbursement", "bill", "repayment", "payoff", "reversal"]


class JournalRow(Row):
    """One posted entry; amounts in minor units, debit positive."""

    id: int
    entry_key: str
    kind: EntryKind
    business_date: date
    currency: str
    lines: Json[tuple[JournalLine, ...]]
    recorded_at: datetime


class Journal:
    """The journal."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    async def post(
        self,
        loan_id: str,
        entry_key: str,
        kind: EntryKind,
        business_date: date,
        currency: str,
        lines: Sequence[JournalLine],
    ) -> bool:
        """Post an entry under its business key; False if it is posted already or has no lines.

        Lines that do not sum to zero make the transaction fail at its commit.
        """
        if not lines:
            return False
        posted = await self._connection.fetchval(
            "with header as ("
            " insert into journal (entry_key, loan_id, kind, business_date)"
            " values ($1, $2, $3, $4) on conflict (entry_key) do nothing returning id),"
            " body as ("
            " insert into entries (journal_id, line, account, currency, amount)"
            " select header.id, line.number, line.account, $5, line.amount from header,"
            " unnest($6::text[], $7::bigint[]) with ordinality as line(account, amount, number))"
            " select true from header",
            entry_key,
            loan_id,
            kind,
            business_date,
            currency,
            [line.account for line in lines],
            [line.amount for line in lines],
        )
        return posted is True

    async def posted_to(self, loan_id: str) -> date | None:
        """Return the business date up to which the loan's books are kept; None before any entry."""
        day: date | None = await self._connection.fetchval(
            "select max(business_date) from journal where loan_id = $1", loan_id
        )
        return day

    async def trial_balance(
        self, *, currency: str | None = None, loan_id: str | None = None, as_of: date | None = None
    ) -> dict[Account, int]:
        """Return the balance of every account that was ever posted to, up to business date `as_of`.

        Without `currency` and with loans in several, their minor units are added up.
        """
        records = await self._connection.fetch(
            "select account, sum(amount)::bigint as balance from entries"
            " join journal on journal.id = journal_id"
            " where ($1::text is null or currency = $1)"
            " and ($2::text is null or loan_id = $2)"
            " and ($3::date is null or business_date <= $3)"
            " group by account order by account",
            currency,
            loan_id,
            as_of,
        )
        return {Account(record["account"]): record["balance"] for record in records}

    async def balance_check(self) -> int:
        """Return the sum of all lines, which is zero."""
        total: int = await self._connection.fetchval(
            "select coalesce(sum(amount), 0)::bigint from entries"
        )
        return total

    async def of_loan(self, loan_id: str) -> list[JournalRow]:
        """Return a loan's entries in the order in which they were posted."""
        records = await self._connection.fetch(
            "select j.id, j.entry_key, j.kind, j.business_date, j.recorded_at, e.currency,"
            " json_agg(json_build_object('account', e.account, 'amount', e.amount)"
            " order by e.line)::text as lines"
            " from journal j join entries e on e.journal_id = j.id where j.loan_id = $1"
            " group by j.id, e.currency order by j.id",
            loan_id,
        )
        return [JournalRow.read(record) for record in records]
