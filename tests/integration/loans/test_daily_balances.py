"""The ledger summed by day: at any moment what its lines sum to, whoever posts or sums."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, product
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.loans.ledger import Account
from storage.common.repository import Transaction
from storage.database import Database
from storage.loans.journal import JournalRepository
from tests.api import seeds

FUNDERS = ("own", "icbc", "trust-7")
DAYS = [date(2026, 3, day) for day in (1, 2, 3, 4)]
MIDNIGHTS = [datetime.combine(day, time(), UTC) for day in DAYS]
INSTANTS = [
    midnight + since for midnight, since in product(MIDNIGHTS, (timedelta(), timedelta(hours=9)))
]

_BY_LINE = """
select account, sum(amount)::bigint as balance
from entries join journal on journal.id = journal_id join loans on loans.id = journal.loan_id
where entries.currency = $1 and ($2::text is null or loans.funder = $2)
    and ($3::date is null or journal.business_date <= $3)
    and ($4::timestamptz is null or journal.recorded_at <= $4)
group by account
"""
_POST = """
with header as (
    insert into journal (entry_key, loan_id, kind, business_date, recorded_at)
    values ($1, $2, 'bill', $3, coalesce($4, now())) returning id)
insert into entries (journal_id, line, account, currency, amount)
select id, number, account, currency, amount
from header, unnest($5::integer[], $6::text[], $7::text[], $8::bigint[])
    as line (number, account, currency, amount)
"""
_keys = count()

Lines = list[tuple[int, str, str, int]]


@dataclass(frozen=True)
class Entry:
    """An entry of two lines; one of an earlier recorded day than another may be posted later."""

    funder: str
    currency: str
    business_date: date
    recorded_at: datetime
    account: Account
    amount: int

    def reversed(self, recorded_at: datetime) -> "Entry":
        """Return the entry that takes this one back."""
        return Entry(
            *(self.funder, self.currency, self.business_date, recorded_at),
            *(self.account, -self.amount),
        )

    @property
    def lines(self) -> Lines:
        return [
            (1, self.account, self.currency, self.amount),
            (2, Account.CUSTOMER_CREDIT, self.currency, -self.amount),
        ]


ENTRIES = st.builds(
    Entry,
    st.sampled_from(FUNDERS),
    st.sampled_from(("CNY", "USD")),
    st.sampled_from(DAYS),
    st.sampled_from(INSTANTS),
    st.sampled_from([Account.CASH, Account.LOSS, Account.INTEREST_INCOME]),
    st.integers(1, 10**12),
)
REVERSALS = st.tuples(st.integers(0, 100), st.sampled_from(INSTANTS))
SUMMINGS = st.integers(1, 5)


async def post(
    tx: Transaction,
    loan_id: str,
    lines: Lines,
    *,
    on: date = DAYS[0],
    at: datetime | None = None,
) -> None:
    columns = zip(*lines, strict=True) if lines else ([], [], [], [])
    await tx.connection.execute(
        _POST, f"{loan_id}:{next(_keys)}", loan_id, on, at, *map(list, columns)
    )


async def agree(database: Database, currency: str, **of: Any) -> dict[str, int]:
    """Return a trial balance; what the lines sum to is the same, read at the same moment."""
    async with database.snapshot() as tx:
        balances = await JournalRepository(tx).trial_balance(currency=currency, **of)
        records = await tx.connection.fetch(
            _BY_LINE, currency, of.get("funder"), of.get("as_of"), of.get("recorded_until")
        )
    assert balances == {record["account"]: record["balance"] for record in records}
    assert sum(balances.values()) == 0
    return balances


async def sum_days(database: Database, limit: int = 1_000) -> int:
    async with database.transaction() as tx:
        return await JournalRepository(tx).sum_days(limit)


async def unsummed(database: Database) -> int:
    async with database.read() as tx:
        waiting: int = await tx.connection.fetchval("select count(*) from unsummed_journal")
        return waiting


@pytest.fixture(scope="module")
async def loans(database: Database) -> dict[str, str]:
    """A loan of each funder."""
    found = {}
    for funder in FUNDERS:
        loan_id = (await seeds.credit(database, "app", f"days-{funder}")).loan_id
        async with database.transaction() as tx:
            # As only the owner of the database can: past the trigger that keeps a loan's funder.
            await tx.connection.execute("set local session_replication_role = replica")
            await tx.connection.execute(
                "update loans set funder = $2 where id = $1", loan_id, funder
            )
        found[funder] = loan_id
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ENTRIES | REVERSALS | SUMMINGS, min_size=1, max_size=12))
async def test_sums_of_days_are_the_sums_of_lines(
    database: Database, loans: dict[str, str], steps: list[Any]
) -> None:
    posted: list[Entry] = []
    for step in steps:
        if isinstance(step, int):
            await sum_days(database, step)
            continue
        if isinstance(step, Entry):
            entry = step
        elif posted:
            entry = posted[step[0] % len(posted)].reversed(step[1])
        else:
            continue
        posted.append(entry)
        async with database.transaction() as tx:
            await post(
                tx,
                loans[entry.funder],
                entry.lines,
                on=entry.business_date,
                at=entry.recorded_at,
            )
    for currency, funder in product(("CNY", "USD"), (None, *FUNDERS)):
        await agree(database, currency, funder=funder)
        for day, instant in zip(DAYS, INSTANTS[::2], strict=True):
            await agree(database, currency, funder=funder, as_of=day)
            await agree(database, currency, funder=funder, recorded_until=instant)
            later = instant + timedelta(hours=9)
            await agree(database, currency, funder=funder, as_of=day, recorded_until=later)


async def test_who_posts_waits_neither_for_the_sums_nor_for_others(
    database: Database, loans: dict[str, str]
) -> None:
    entry = Entry("own", "CNY", DAYS[0], INSTANTS[0], Account.LOSS, 7)
    await sum_days(database)
    before = await agree(database, "CNY", funder="own")
    async with database.transaction() as summing:
        await post(summing, loans["own"], entry.lines)
        await JournalRepository(summing).sum_days(100)
        # The row of this day, funder and account is being written: others post to it all the same.
        async with asyncio.timeout(5), database.transaction() as other:
            await post(other, loans["own"], entry.lines)
        assert await unsummed(database) == 1
    after = await agree(database, "CNY", funder="own")
    assert after[Account.LOSS] - before.get(Account.LOSS, 0) == 14


async def test_balances_hold_while_many_post_and_sum(
    database: Database, loans: dict[str, str]
) -> None:
    each = 25

    async def work(funder: str) -> None:
        for number in range(each):
            entry = Entry(funder, "CNY", DAYS[number % 4], INSTANTS[0], Account.CASH, 1 + number)
            async with database.transaction() as tx:
                await post(tx, loans[funder], entry.lines, on=entry.business_date)

    before = {funder: await agree(database, "CNY", funder=funder) for funder in FUNDERS}
    working = asyncio.gather(*(work(funder) for funder in FUNDERS for _ in range(2)))
    while not working.done():
        await asyncio.gather(
            sum_days(database, 7),
            sum_days(database, 3),
            agree(database, "CNY"),
            agree(database, "CNY", funder="icbc", as_of=DAYS[1]),
        )
    await working
    for funder in FUNDERS:
        after = await agree(database, "CNY", funder=funder)
        came = after[Account.CASH] - before[funder].get(Account.CASH, 0)
        assert came == 2 * sum(range(1, each + 1))


async def test_each_entry_is_summed_once_by_however_many(
    database: Database, loans: dict[str, str]
) -> None:
    await sum_days(database)
    async with database.transaction() as tx:
        for _ in range(9):
            await post(tx, loans["own"], [(1, "cash", "CNY", 5), (2, "loss", "CNY", -5)])
    counted = await asyncio.gather(*(sum_days(database, 4) for _ in range(5)))
    assert (sum(counted), await unsummed(database)) == (9, 0)
    await agree(database, "CNY")


async def test_the_sums_can_be_made_anew(database: Database, loans: dict[str, str]) -> None:
    """As the operations guide says."""
    async with database.transaction() as tx:
        await post(tx, loans["own"], [(1, "cash", "CNY", 5), (2, "loss", "CNY", -5)])
    await sum_days(database)
    async with database.transaction() as tx:
        await tx.connection.execute("truncate daily_balances, unsummed_journal")
        await tx.connection.execute("insert into unsummed_journal select id from journal")
    before = await agree(database, "CNY")
    while await sum_days(database):
        pass
    assert await agree(database, "CNY") == before


# What an entry is


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([(1, "cash", "CNY", 5), (2, "loss", "CNY", -4)], "does not balance"),
        ([(1, "cash", "CNY", 5)], "does not balance"),
        ([(1, "cash", "CNY", 5), (2, "loss", "USD", -5)], "does not balance"),
        (
            [
                *((1, "cash", "CNY", 5), (2, "loss", "CNY", -5)),
                *((3, "cash", "USD", 5), (4, "loss", "USD", -5)),
            ],
            "does not balance",
        ),
        ([], "has no lines"),
    ],
)
async def test_what_is_no_entry_is_refused(
    database: Database, loans: dict[str, str], lines: Lines, what: str
) -> None:
    before = await agree(database, "CNY")
    with pytest.raises(asyncpg.CheckViolationError, match=what):
        async with database.transaction() as tx:
            await post(tx, loans["own"], lines)
    assert await agree(database, "CNY") == before


async def test_a_posted_entry_gets_no_further_lines(
    database: Database, loans: dict[str, str]
) -> None:
    async with database.transaction() as tx:
        await post(tx, loans["own"], [(1, "cash", "CNY", 5), (2, "loss", "CNY", -5)])
    before = await agree(database, "CNY")
    for numbers in ((3, 4), (1, 3)):
        with pytest.raises((asyncpg.RestrictViolationError, asyncpg.UniqueViolationError)):
            async with database.transaction() as tx:
                await tx.connection.execute(
                    "insert into entries (journal_id, line, account, currency, amount)"
                    " select (select max(id) from journal), number, account, 'CNY', amount"
                    " from unnest($1::integer[], '{cash,loss}'::text[], '{5,-5}'::bigint[])"
                    " as line (number, account, amount)",
                    list(numbers),
                )
    assert await agree(database, "CNY") == before


async def test_lines_may_follow_their_entry_in_one_transaction(
    database: Database, loans: dict[str, str]
) -> None:
    async with database.transaction() as tx:
        journal_id = await tx.connection.fetchval(
            "insert into journal (entry_key, loan_id, kind, business_date)"
            " values ('apart', $1, 'bill', $2) returning id",
            loans["own"],
            DAYS[0],
        )
        await tx.connection.execute(
            "insert into entries (journal_id, line, account, currency, amount)"
            " values ($1, 1, 'cash', 'CNY', 5), ($1, 2, 'loss', 'CNY', -5)",
            journal_id,
        )
    await agree(database, "CNY")


async def test_a_loan_keeps_its_funder(database: Database, loans: dict[str, str]) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="funder"):
        async with database.transaction() as tx:
            await tx.connection.execute(
                "update loans set funder = 'icbc' where id = $1", loans["own"]
            )
