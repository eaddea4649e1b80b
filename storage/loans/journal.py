# ruff: noqa: S608 -- statements join constant conditions; values are always parameters
"""The double-entry journal: append-only, each entry checked by the database as it is posted.

Trial balances read the sums of days, and line by line what these do not hold yet (decision record
0023).
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, Literal

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
    "charge_off",
    "charge_off_undone",
    "recovery",
    "refund",
    "accrual",
    "manual",
]

_LINES: Final = (
    "select account, amount, entries.currency, product, funder, journal.business_date,"
    " journal.recorded_at, loan_id"
    " from entries join journal on journal.id = journal_id"
)
_DAYS: Final = (
    "select account, amount, currency, product, funder, business_date,"
    " (recorded_on + 1)::timestamp at time zone 'UTC' as recorded_at, null from daily_balances"
)
"""The sums of days in the columns of `_LINES`: all of a day is on record when the next begins."""
_UNSUMMED: Final = "select journal_id from unsummed_journal"
_POSTED_THAT_DAY: Final = (
    "select id from journal where recorded_at between date_trunc('day', {0}, 'UTC') and {0}"
)
_SUM_DAYS: Final = (
    "with added as (delete from unsummed_journal where journal_id in"
    f" ({_UNSUMMED} order by journal_id limit $1) returning journal_id),"
    " summed as (insert into daily_balances as day"
    " (currency, funder, product, account, business_date, recorded_on, amount)"
    " select currency, funder, product, account, business_date,"
    " (recorded_at at time zone 'UTC')::date, sum(amount)"
    f" from ({_LINES} where journal.id in (select journal_id from added)) as lines"
    " group by 1, 2, 3, 4, 5, 6"
    " on conflict (currency, funder, product, account, business_date, recorded_on)"
    " do update set amount = day.amount + excluded.amount)"
    " select count(*) from added"
)
LEDGER: Final = f"{_DAYS} union all {_LINES} where journal.id in ({_UNSUMMED})"
"""Every line of the ledger, summed by day where it is summed already."""
_SUMMING: Final = 4_201_005
"""Names the summing of days among the advisory locks of the database."""


class EntryLine(Row):
    """A line as it stands in the ledger: cash may name its bank account, as in `cash:icbc`."""

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


class ManualRow(Row):
    """An entry that people posted."""

    currency: str
    product: str
    funder: str
    lines: Json[tuple[EntryLine, ...]]


def kept_to_sql(loan: str, until: str = "'infinity'") -> str:
    """Return the SQL of the day to which a loan's own books went at the end of the day `until`."""
    return (
        f"greatest((select max(business_date) from journal where loan_id = {loan}"
        f" and business_date <= {until}), (select max(booked_on) from loan_events"
        f" where loan_id = {loan} and booked_on <= {until}))"
    )


class JournalRepository(Repository):
    """Entries under their business keys, each posted once, and the balances that they come to."""

    async def post(
        self,
        loan_id: str,
        entry_key: str,
        kind: EntryKind,
        business_date: date,
        currency: str,
        lines: Sequence[JournalLine],
        bank_account: str | None = None,
    ) -> bool:
        """Post an entry under its business key; False if it is posted already or has no lines.

        Cash is that of the bank account, if one is named. Raises
        `asyncpg.CheckViolationError` for lines that do not sum to zero.
        """
        named = [(_account(line, bank_account), line.amount) for line in lines]
        return await self._post(entry_key, kind, business_date, currency, named, loan_id=loan_id)

    async def post_summed(
        self,
        entry_key: str,
        kind: Literal["accrual", "manual"],
        business_date: date,
        currency: str,
        lines: Sequence[tuple[str, int]],
        *,
        product: str,
        funder: str,
    ) -> bool:
        """Post an entry that is no single loan's, once; False if it is posted or has no lines.

        `lines` are accounts, as they stand in the ledger, with amounts. Raises
        `asyncpg.CheckViolationError` for lines that do not sum to zero.
        """
        return await self._post(
            entry_key, kind, business_date, currency, lines, product=product, funder=funder
        )

    async def _post(
        self,
        entry_key: str,
        kind: EntryKind,
        business_date: date,
        currency: str,
        lines: Sequence[tuple[str, int]],
        *,
        loan_id: str | None = None,
        product: str | None = None,
        funder: str | None = None,
    ) -> bool:
        """Post an entry once; the database gives that of a loan the loan's product and funder."""
        if not lines:
            return False
        posted = await self._connection.fetchval(
            "with header as ("
            " insert into journal (entry_key, loan_id, kind, business_date, product, funder)"
            " values ($1, $2, $3, $4, $5, $6) on conflict (entry_key) do nothing returning id),"
            " body as ("
            " insert into entries (journal_id, line, account, currency, amount)"
            " select header.id, line.number, line.account, $7, line.amount from header,"
            " unnest($8::text[], $9::bigint[]) with ordinality as line(account, amount, number))"
            " select true from header",
            entry_key,
            loan_id,
            kind,
            business_date,
            product,
            funder,
            currency,
            [account for account, _ in lines],
            [amount for _, amount in lines],
        )
        return posted is True

    async def manual(self, entry_key: str) -> ManualRow | None:
        """Return an entry that people posted; None without one under this key."""
        return await self._one(
            ManualRow,
            "select e.currency, j.product, j.funder,"
            " json_agg(json_build_object('account', e.account, 'amount', e.amount)"
            " order by e.line)::text as lines"
            " from journal j join entries e on e.journal_id = j.id"
            " where j.entry_key = $1 and j.kind = 'manual'"
            " group by j.id, e.currency",
            entry_key,
        )

    async def bank_account(self, entry_key: str) -> str | None:
        """Return the bank account through which the cash of an entry moved; None without one."""
        account: str | None = await self._connection.fetchval(
            "select split_part(account, ':', 2) from entries join journal on journal.id ="
            " journal_id where entry_key = $1 and account like 'cash:%'",
            entry_key,
        )
        return account

    async def kept_to(self, loan_id: str) -> tuple[date | None, date | None]:
        """Return the day to which the loan's books are kept, and that to which all are closed.

        The first is the day of its last entry, or of a later event that moved no account; None
        before any event. The second is None while no period is closed.
        """
        (record,) = await self._connection.fetch(
            f"select {kept_to_sql('$1')} as kept_to,"
            " (select closed_to from book_closings order by id desc limit 1) as closed_to",
            loan_id,
        )
        return record["kept_to"], record["closed_to"]

    async def trial_balance(
        self,
        *,
        currency: str | None = None,
        loan_id: str | None = None,
        product: str | None = None,
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
        tests, values = given(
            {
                "currency = {}": currency,
                "loan_id = {}": loan_id,
                "product = {}": product,
                "funder = {}": funder,
                "business_date <= {}": as_of,
                "recorded_at <= {}": recorded_until,
            }
        )
        if loan_id is not None:
            source = _LINES
        elif recorded_until is None:
            source = LEDGER
        else:
            # A day that had not ended at that instant counts line by line.
            singly = f"{_UNSUMMED} union {_POSTED_THAT_DAY.format(f'${len(values)}')}"
            source = f"{_DAYS} union all {_LINES} where journal.id in ({singly})"
        records = await self._connection.fetch(
            "select account, sum(amount)::bigint as balance"
            f" from ({source}) as ledger where {' and '.join(tests)}"
            " group by account order by account",
            *values,
        )
        return {record["account"]: record["balance"] for record in records}

    async def sum_days(self, limit: int) -> int:
        """Add at most `limit` entries to the sums of their days; return how many were added.

        One transaction at a time does so. Whoever posts or reads meanwhile waits for nothing.
        """
        await self._connection.execute("select pg_advisory_xact_lock($1)", _SUMMING)
        summed: int = await self._connection.fetchval(_SUM_DAYS, limit)
        return summed

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


def _account(line: JournalLine, bank_account: str | None) -> str:
    if line.account is Account.CASH and bank_account is not None:
        return f"{Account.CASH}:{bank_account}"
    return line.account
