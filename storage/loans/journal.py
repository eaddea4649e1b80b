# ruff: noqa: S608 -- statements join constant conditions; values are always parameters
"""The double-entry journal: append-only, balanced by the database at commit."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from pydantic import Json

from domain.loans.ledger import Account, JournalLine
from storage.common.repository import Repository, given
from storage.common.rows import Row

EntryKind = Literal[
    "disbursement",
    "bill",
    "repayment",
    "payoff",
    "reversal",
    "charge",
    "waiver",
    "rate_change",
    "reschedule",
    "holiday",
    "write_off",
    "recovery",
    "refund",
]


class EntryLine(Row):
    """A line as it stands in the ledger: cash may name its bank, as in `cash:icbc`."""

    account: str
    amount: int


class JournalRow(Row):
    """One posted entry; amounts in minor units, debit positive.

    `business_date` is the day it counts from, `recorded_at` when it was posted.
    """

    id: int
    entry_key: str
    kind: EntryKind
    business_date: date
    currency: str
    lines: Json[tuple[EntryLine, ...]]
    recorded_at: datetime


class JournalRepository(Repository):
    """The journal."""

    async def post(
        self,
        loan_id: str,
        entry_key: str,
        kind: EntryKind,
        business_date: date,
        currency: str,
        lines: Sequence[JournalLine],
        settlement_bank: str | None = None,
    ) -> bool:
        """Post an entry under its business key; False if it is posted already or has no lines.

        Cash is that in transit at the settlement bank, if one is named. Lines that do not sum to
        zero make the transaction fail at its commit.
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
            [_account(line, settlement_bank) for line in lines],
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
        self,
        *,
        currency: str | None = None,
        loan_id: str | None = None,
        funder: str | None = None,
        as_of: date | None = None,
        recorded_until: datetime | None = None,
    ) -> dict[str, int]:
        """Return the balance in minor units of every account that was ever posted to.

        `as_of` leaves out entries of later business dates, `recorded_until` those posted after that
        instant: what was on record then. Raises `ValueError` unless a currency or a loan, which has
        one currency, is given: amounts of several currencies have no sum.
        """
        if currency is None and loan_id is None:
            raise ValueError("a trial balance is of one currency or of one loan")
        by_entry = {
            "journal.loan_id = {}": loan_id,
            "loans.funder = {}": funder,
            "journal.business_date <= {}": as_of,
            "journal.recorded_at <= {}": recorded_until,
        }
        tests, values = given({"entries.currency = {}": currency, **by_entry})
        joins = ""
        if any(value is not None for value in by_entry.values()):
            joins += " join journal on journal.id = journal_id"
        if funder is not None:
            joins += " join loans on loans.id = journal.loan_id"
        records = await self._connection.fetch(
            f"select account, sum(amount)::bigint as balance from entries{joins}"
            f" where {' and '.join(tests)} group by account order by account",
            *values,
        )
        return {record["account"]: record["balance"] for record in records}

    async def balance_check(self) -> int:
        """Return the sum of all lines, which is zero."""
        total: int = await self._connection.fetchval(
            "select coalesce(sum(amount), 0)::bigint from entries"
        )
        return total

    async def of_loan(
        self, loan_id: str, after: int = 0, limit: int | None = None
    ) -> list[JournalRow]:
        """Return a loan's entries in the order in which they were posted, those behind `after`."""
        return await self._all(
            JournalRow,
            "select j.id, j.entry_key, j.kind, j.business_date, j.recorded_at, e.currency,"
            " json_agg(json_build_object('account', e.account, 'amount', e.amount)"
            " order by e.line)::text as lines"
            " from journal j join entries e on e.journal_id = j.id"
            " where j.loan_id = $1 and j.id > $2"
            " group by j.id, e.currency order by j.id limit $3",
            loan_id,
            after,
            limit,
        )


def _account(line: JournalLine, settlement_bank: str | None) -> str:
    if line.account is Account.CASH and settlement_bank is not None:
        return f"{Account.CASH}:{settlement_bank}"
    return line.account
