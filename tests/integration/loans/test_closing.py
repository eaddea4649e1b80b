"""Closing a period and handing days over, as the requirement W3 has it.

A loan of 10,000.00 of which January is closed; the balances expected are worked out by hand.
"""

import asyncio
import csv
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import asyncpg
import pytest
from temporalio.exceptions import ApplicationError

from domain.common.definitions import SecondPersonNeeded
from domain.common.errors import DomainError, NotFound
from domain.loans.account_mapping import ACCOUNT_MAPPING, STANDARD_MAPPING, MappedAccount
from domain.loans.closing import (
    DayNotReady,
    InvalidManualEntry,
    ManualEntry,
    ManualLine,
    PeriodClosed,
    RequestDecided,
)
from domain.loans.events import Paid
from domain.loans.ledger import Account
from domain.people.principals import Principal
from local.postgres import EmbeddedPostgres
from runtime.settings import Settings
from services.common.commands import Command
from services.loans.batches import batch_csv, make_batches
from services.loans.closing import (
    approve_request,
    close_period,
    reject_request,
    request_entry,
    request_reopening,
    request_reversal,
)
from services.loans.ledger_export import ledger_csv
from storage.loans.batches import BatchRow
from storage.loans.closings import RequestRow
from tests.definitions import forget, release, shipped
from tests.integration.loans.portfolio import Lent, Portfolio, fresh
from tests.integration.loans.test_accruals import ACCRUED, FIRST_DUE, MADE, terms

JANUARY = date(2026, 1, 31)
FEBRUARY = date(2026, 2, 28)
OVER = date(2026, 3, 19)
OTTO = Principal(role="ops", subject="otto")
ANNA = Principal(role="analyst", subject="anna")


@pytest.fixture
async def portfolio(postgres: EmbeddedPostgres, settings: Settings) -> AsyncIterator[Portfolio]:
    async with fresh(postgres, settings) as made:
        yield made


def command(key: str) -> Command:
    return Command("otto", "books", key)


async def close(portfolio: Portfolio, until: date) -> list[BatchRow]:
    async with portfolio.database.transaction() as tx:
        closed = await close_period(tx, OTTO, until, reason="month end", over=OVER)
    return closed.batches


async def batched(portfolio: Portfolio, until: date) -> list[BatchRow]:
    async with portfolio.database.transaction() as tx:
        return await make_batches(tx, until, "otto")


async def text_of(portfolio: Portfolio, number: int) -> str:
    async with portfolio.database.read() as tx:
        return await batch_csv(tx, number)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


async def approve(portfolio: Portfolio, request: RequestRow, by: Principal = ANNA) -> RequestRow:
    async with portfolio.database.transaction() as tx:
        return await approve_request(tx, by, request.id, OVER)


def entry(**values: Any) -> ManualEntry:
    return ManualEntry.model_validate(
        {
            "business_date": date(2026, 3, 2),
            "currency": "CNY",
            "product": "cash",
            "funder": "own",
            "lines": (
                ManualLine(account=Account.SUSPENSE, amount=5_000),
                ManualLine(account=Account.CASH, bank_account="icbc-0901", amount=-5_000),
            ),
            **values,
        }
    )


async def ask(portfolio: Portfolio, wanted: ManualEntry, key: str = "k") -> RequestRow:
    async with portfolio.database.transaction() as tx:
        return await request_entry(tx, OTTO, command(key), wanted, reason="bank charge", over=OVER)


async def test_after_a_period_is_closed_its_trial_balance_never_changes(
    portfolio: Portfolio,
) -> None:
    loan = await portfolio.lend(ACCRUED)
    await portfolio.accrue(JANUARY)
    january = await portfolio.sheet(JANUARY)
    await close(portfolio, JANUARY)
    text = await text_of(portfolio, 1)

    # Paid on 20 January, known on 3 February: interest runs on less from its own day on.
    backdated = Paid(
        key=loan.key("p"), on=date(2026, 1, 20), amount=400_000, excess="reduce_instalment"
    )
    await portfolio.record(loan, backdated, date(2026, 2, 3))
    await portfolio.accrue(FEBRUARY)

    assert await portfolio.sheet(JANUARY) == january
    assert await text_of(portfolio, 1) == text
    # 5 days on 10,000.00 and 11 on 6,000.00 to January's end, 28 more at 24 % over 365 days.
    by_hand = 1_000_000 * 24 * 5 + 600_000 * 24 * (11 + 14)
    async with portfolio.database.read() as tx:
        booked = await tx.connection.fetchval(
            "select business_date from journal where entry_key = $1", backdated.key
        )
    assert booked == date(2026, 2, 3)
    income = -(await portfolio.sheet(date(2026, 2, 14)))["interest_income"]
    assert abs(income - by_hand / 36_500) <= 1
    assert await portfolio.sheet(FEBRUARY) == portfolio.expected(FEBRUARY)


async def test_what_comes_late_for_a_closed_day_is_booked_on_the_first_open_one(
    portfolio: Portfolio,
) -> None:
    """A step that began before midnight and went on after the month was closed."""
    loan = await portfolio.lend(terms())
    await portfolio.accrue(JANUARY)
    await close(portfolio, JANUARY)
    january = await portfolio.sheet(JANUARY)
    await portfolio.record(loan, Paid(key=loan.key("p"), on=JANUARY, amount=1_000), JANUARY)
    assert await portfolio.sheet(JANUARY) == january
    assert (await portfolio.sheet(date(2026, 2, 1)))["customer_credit"] == -1_000
    made = await portfolio.lend(terms())
    assert (await portfolio.sheet(date(2026, 2, 1), made))["cash"] == -1_000_000
    assert await portfolio.sheet(JANUARY) == january


async def test_nobody_posts_into_a_closed_period_past_the_application(
    portfolio: Portfolio,
) -> None:
    loan = await portfolio.lend(terms())
    await portfolio.accrue(JANUARY)
    await close(portfolio, JANUARY)
    with pytest.raises(asyncpg.RestrictViolationError, match="closed to 2026-01-31"):
        async with portfolio.database.transaction() as tx:
            await tx.connection.execute(
                "insert into journal (entry_key, loan_id, kind, business_date)"
                " values ('past', $1, 'bill', $2)",
                loan.id,
                JANUARY,
            )


async def test_days_are_caught_up_with_after_their_period_is_closed(portfolio: Portfolio) -> None:
    """A period without loans is closed to before the first: its accruals are booked after it."""
    await portfolio.lend(ACCRUED)
    with pytest.raises(DayNotReady, match="accruals"):
        await close(portfolio, JANUARY)
    with pytest.raises(DayNotReady, match="over"):
        await close(portfolio, date(2026, 3, 20))
    await portfolio.accrue(JANUARY)
    first = await close(portfolio, JANUARY)
    assert await close(portfolio, JANUARY) == []
    assert [batch.number for batch in first] == list(range(1, 18))
    with pytest.raises(PeriodClosed):
        await close(portfolio, JANUARY - timedelta(days=1))


async def test_a_batch_balances_and_is_the_same_for_ever(portfolio: Portfolio) -> None:
    loans = [await portfolio.lend(terms(), funder) for funder in ("own", "trust-7")]
    for loan in loans:
        await portfolio.bill(loan, FIRST_DUE)
        paid = Paid(key=loan.key("p"), on=FIRST_DUE, amount=94_560)
        await portfolio.record(loan, paid, FIRST_DUE)
    await portfolio.accrue(FIRST_DUE)
    made = await batched(portfolio, FIRST_DUE)
    assert [(batch.number, batch.business_date) for batch in made] == [
        (1, MADE),
        (2, FIRST_DUE),
    ]
    assert await batched(portfolio, FIRST_DUE) == []
    text = await text_of(portfolio, 2)
    rows = rows_of(text)
    assert sum(Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0) for row in rows) == 0
    assert [
        (row["code"], row["account"], row["funder"], row["debit"], row["credit"]) for row in rows
    ] == [
        ("1002", "cash", "own", "945.60", ""),
        ("1002", "cash", "trust-7", "945.60", ""),
        ("6011.01", "interest_income", "own", "", "200.00"),
        ("6011.01", "interest_income", "trust-7", "", "200.00"),
        ("1303.01", "principal_receivable", "own", "", "745.60"),
        ("1303.01", "principal_receivable", "trust-7", "", "745.60"),
    ]

    # The lender's codes change, and more of the same day is booked: it is in a further batch.
    mapping = shipped(ACCOUNT_MAPPING, STANDARD_MAPPING)
    own = MappedAccount(account=Account.CASH, funder="trust-7", code="1003.7")
    changed = mapping.model_copy(update={"rows": (*mapping.rows, own)})
    await release(portfolio.database, ACCOUNT_MAPPING, STANDARD_MAPPING, changed)
    forget(portfolio.database)
    late = Paid(key=loans[1].key("p2"), on=FIRST_DUE, amount=1_000)
    await portfolio.record(loans[1], late, FIRST_DUE)
    (third,) = await batched(portfolio, FIRST_DUE)
    assert (third.number, third.business_date) == (3, FIRST_DUE)
    assert [(row["code"], row["account"]) for row in rows_of(await text_of(portfolio, 3))] == [
        ("1003.7", "cash"),
        ("2241.01", "customer_credit"),
    ]
    assert await text_of(portfolio, 2) == text
    for statement in ("delete from ledger_batch_lines", "update ledger_batches set currency='EUR'"):
        with pytest.raises(asyncpg.RestrictViolationError):
            async with portfolio.database.transaction() as tx:
                await tx.connection.execute(statement)


async def test_batches_add_up_to_the_trial_balance(portfolio: Portfolio) -> None:
    loans = [await portfolio.lend(agreed) for agreed in (terms(), ACCRUED)]
    for loan in loans:
        await portfolio.bill(loan, FIRST_DUE)
    await portfolio.accrue(date(2026, 2, 20))
    await batched(portfolio, date(2026, 2, 10))
    await close(portfolio, date(2026, 2, 12))
    paid = Paid(key=loans[1].key("p"), on=date(2026, 2, 16), amount=50_000)
    await portfolio.record(loans[1], paid, date(2026, 2, 16))
    await batched(portfolio, date(2026, 2, 20))
    total: dict[str, int] = {}
    async with portfolio.database.read() as tx:
        records = await tx.connection.fetch(
            "select account, sum(amount)::bigint as amount from ledger_batch_lines group by account"
        )
    total = {record["account"]: record["amount"] for record in records if record["amount"]}
    assert dict(sorted(total.items())) == await portfolio.sheet(date(2026, 2, 20))


async def test_reopening_takes_two_people(portfolio: Portfolio) -> None:
    loan = await portfolio.lend(terms())
    await portfolio.accrue(FEBRUARY)
    await close(portfolio, FEBRUARY)
    async with portfolio.database.transaction() as tx:
        with pytest.raises(PeriodClosed):
            await request_reopening(tx, OTTO, command("no"), date(2026, 3, 1), reason="none")
        asked = await request_reopening(tx, OTTO, command("o"), date(2026, 2, 1), reason="audit")
        again = await request_reopening(tx, OTTO, command("o"), date(2026, 2, 1), reason="audit")
    assert again.id == asked.id
    with pytest.raises(SecondPersonNeeded):
        await approve(portfolio, asked, OTTO)
    with pytest.raises(PeriodClosed):
        await ask(portfolio, entry(business_date=date(2026, 2, 10)))
    assert (await approve(portfolio, asked)).state == "approved"
    with pytest.raises(RequestDecided):
        await approve(portfolio, asked)
    posted = await approve(
        portfolio, await ask(portfolio, entry(business_date=date(2026, 2, 10)), "february")
    )
    assert posted.state == "approved"
    with pytest.raises(PeriodClosed):
        await ask(portfolio, entry(business_date=JANUARY), "january")
    # Handed over again: what the reopened days hold now and no batch holds yet.
    (more,) = await close(portfolio, FEBRUARY)
    assert more.business_date == date(2026, 2, 10)
    assert loan.seq == 1


async def test_an_entry_by_hand_is_posted_by_a_second_person_and_reversed_once(
    portfolio: Portfolio,
) -> None:
    await portfolio.lend(terms())
    before = await portfolio.sheet(date(2026, 3, 10))
    asked = await ask(portfolio, entry())
    assert await portfolio.sheet(date(2026, 3, 10)) == before
    with pytest.raises(SecondPersonNeeded):
        await approve(portfolio, asked, OTTO)
    await approve(portfolio, asked)
    sheet = await portfolio.sheet(date(2026, 3, 10))
    assert (sheet["suspense"], sheet["cash:icbc-0901"]) == (5_000, -5_000)

    async def reverse(key: str) -> RequestRow:
        async with portfolio.database.transaction() as tx:
            return await request_reversal(
                tx,
                OTTO,
                command(key),
                f"books:manual:{asked.id}",
                date(2026, 3, 5),
                reason="wrong account",
                over=OVER,
            )

    first = await reverse("r1")
    with pytest.raises(InvalidManualEntry):
        await reverse("r2")
    async with portfolio.database.transaction() as tx:
        await reject_request(tx, ANNA, first.id)
    await approve(portfolio, await reverse("r3"))
    assert await portfolio.sheet(date(2026, 3, 10)) == before
    with pytest.raises(InvalidManualEntry):
        await reverse("r4")
    async with portfolio.database.transaction() as tx:
        with pytest.raises(NotFound):
            await request_reversal(
                tx, OTTO, command("x"), "loan:none", date(2026, 3, 5), reason="x", over=OVER
            )


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"lines": ()}, "lines"),
        ({"lines": (ManualLine(account=Account.CASH, amount=5),) * 2}, "lines"),
        (
            {
                "lines": (
                    ManualLine(account=Account.PRINCIPAL_RECEIVABLE, amount=5),
                    ManualLine(account=Account.CASH, amount=-5),
                )
            },
            "lines.0.account",
        ),
        (
            {
                "lines": (
                    ManualLine(account=Account.CASH, amount=0),
                    ManualLine(account=Account.CASH, amount=0),
                )
            },
            "lines.0.amount",
        ),
        (
            {
                "lines": (
                    ManualLine(account=Account.LOSS, bank_account="icbc", amount=5),
                    ManualLine(account=Account.CASH, amount=-5),
                )
            },
            "lines.0.bank_account",
        ),
        ({"business_date": date(2026, 3, 21)}, "business_date"),
        ({"currency": "XXX"}, None),
    ],
)
async def test_what_nobody_may_book_by_hand_is_refused(
    portfolio: Portfolio, values: dict[str, Any], field: str | None
) -> None:
    with pytest.raises(DomainError) as refusal:
        await ask(portfolio, entry(**values))
    assert getattr(refusal.value, "field", None) == field


async def test_the_ledger_is_exported_line_by_line(
    portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.loans.ledger_export.LINES", 2)
    for funder in ("own", "trust-7"):
        loan = await portfolio.lend(terms(), funder)
        await portfolio.bill(loan, FIRST_DUE)
    await portfolio.accrue(FIRST_DUE + timedelta(days=2))

    async def read(first: date, last: date, **of: str) -> str:
        return "".join([part async for part in ledger_csv(portfolio.database, first, last, **of)])

    text = await read(MADE, FEBRUARY)
    assert text == await read(MADE, FEBRUARY)
    rows = rows_of(text)
    places = [(row["business_date"], int(row["entry"]), int(row["line"])) for row in rows]
    assert places == sorted(places)
    total: dict[str, Decimal] = {}
    for row in rows:
        total[row["account"]] = total.get(row["account"], Decimal(0)) + Decimal(row["amount"])
    sheet = await portfolio.sheet(FEBRUARY)
    assert {account: int(100 * amount) for account, amount in total.items()} == sheet
    own = rows_of(await read(MADE, FEBRUARY, funder="own", account="cash"))
    assert [(row["business_date"], row["amount"], row["code"]) for row in own] == [
        ("2026-01-15", "-10000.00", "1002")
    ]
    assert rows_of(await read(date(2026, 3, 1), date(2026, 3, 31))) == []


async def test_whoever_posts_while_a_period_is_closed_is_in_it_or_after_it(
    portfolio: Portfolio,
) -> None:
    """Twenty payments of the last day race with the closing of the month, and with its batches."""
    loans = [await portfolio.lend(terms()) for _ in range(20)]
    await portfolio.accrue(JANUARY)

    async def pay(loan: Lent) -> None:
        paid = Paid(key=loan.key("p"), on=JANUARY, amount=1_000)
        try:
            await portfolio.record(loan, paid, JANUARY)
        except ApplicationError:
            # Closed between reading and posting: the step is repeated.
            await portfolio.record(loan, paid, JANUARY)

    await asyncio.gather(
        *(pay(loan) for loan in loans[:10]),
        close(portfolio, JANUARY),
        *(pay(loan) for loan in loans[10:]),
    )
    async with portfolio.database.read() as tx:
        handed_over = await tx.connection.fetch(
            "select account, sum(amount)::bigint as amount from ledger_batch_lines"
            " group by account order by account"
        )
    january = {record["account"]: record["amount"] for record in handed_over if record["amount"]}
    assert january == await portfolio.sheet(JANUARY)
    assert (await portfolio.sheet(date(2026, 2, 1)))["customer_credit"] == -20_000
