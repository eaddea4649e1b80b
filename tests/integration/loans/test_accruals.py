"""Income accrued by the day: the ledger is the loans' positions every day, run daily or late.

What a day should say is worked out from terms and events by `position` alone, loan by loan.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.loans.allocation import Component
from domain.loans.events import Charged, ChargedOff, Paid, Reversed, Waived
from domain.loans.terms import LoanTerms, monthly_terms
from local.postgres import EmbeddedPostgres
from runtime.settings import Settings
from services.loans.accruals import LOANS, accrual_detail, accrue_part, last_day_over
from storage.loans.accruals import AccrualRepository
from tests.integration.loans.portfolio import Lent, Portfolio, fresh

MADE = date(2026, 1, 15)
FIRST_DUE = date(2026, 2, 15)
DAY = timedelta(days=1)


def terms(**values: Any) -> LoanTerms:
    agreed = monthly_terms(
        currency="CNY",
        principal=1_000_000,
        annual_rate=Decimal("24"),
        instalments=12,
        disbursed_on=MADE,
        penalty_annual_rate=Decimal("36"),
    )
    return LoanTerms.model_validate({**dict(agreed), **values})


ACCRUED = terms(income="accrued", day_count="actual_365_fixed")


@pytest.fixture
async def portfolio(postgres: EmbeddedPostgres, settings: Settings) -> AsyncIterator[Portfolio]:
    async with fresh(postgres, settings) as made:
        yield made


async def test_a_loan_in_arrears_is_in_the_books_every_day(portfolio: Portfolio) -> None:
    """M17: nothing is booked of it after the due date; its penalty is, by the day."""
    loan = await portfolio.lend(terms())
    await portfolio.bill(loan, FIRST_DUE)
    for days in range(1, 40):
        on = FIRST_DUE + days * DAY
        await portfolio.accrue(on)
        assert await portfolio.sheet(on) == portfolio.expected(on)
        assert await portfolio.sheet(on, loan) == portfolio.expected(on)
    # 745.60 of principal at 36 % for 25 days over 365: 18.38.
    assert (await portfolio.sheet(FIRST_DUE + 25 * DAY))["penalty_receivable"] == 1_838


async def test_accrued_interest_is_booked_by_product_and_funder(portfolio: Portfolio) -> None:
    for funder, number in (("own", 2), ("trust-7", 3)):
        for _ in range(number):
            await portfolio.lend(ACCRUED, funder)
    on = MADE + DAY
    await portfolio.accrue(on)
    # A day's interest on 10,000.00 at 24 % over 365: 6.58.
    assert (await portfolio.sheet(on, funder="own"))["interest_accrued"] == 2 * 658
    assert (await portfolio.sheet(on, funder="trust-7"))["interest_income"] == -3 * 658
    async with portfolio.database.read() as tx:
        keys = await tx.connection.fetch("select entry_key from journal where kind = 'accrual'")
        detail, more = await accrual_detail(tx, on, ("CNY", "cash", "trust-7"), "", 50)
    assert sorted(record["entry_key"] for record in keys) == [
        "books:accrual:2026-01-16:CNY:cash:own",
        "books:accrual:2026-01-16:CNY:cash:trust-7",
    ]
    assert (sum(one.amounts.get("interest_accrued", 0) for one in detail), more) == (3 * 658, None)  # type: ignore[call-overload]


async def history(portfolio: Portfolio, *, daily: bool) -> None:
    """Three loans for some months: late, paid, reversed, backdated, waived, charged off.

    At 12 %: what is charged stays within the caps.
    """
    low, accrued = (
        LoanTerms.model_validate({**dict(agreed), "annual_rate": Decimal(12)})
        for agreed in (terms(), ACCRUED)
    )
    a, b, c = [
        await portfolio.lend(agreed, funder)
        for agreed, funder in ((low, "own"), (accrued, "trust-7"), (accrued, "own"))
    ]
    for loan in (a, b, c):
        await portfolio.bill(loan, FIRST_DUE)
    steps: list[tuple[Lent, Any, date]] = [
        (b, Paid(key=b.key("p1"), on=FIRST_DUE, amount=94_560), FIRST_DUE),
        (a, Paid(key=a.key("p1"), on=date(2026, 2, 20), amount=50_000), date(2026, 2, 27)),
        (c, Charged(key=c.key("c"), on=date(2026, 2, 25), amount=50), date(2026, 2, 28)),
        (b, Reversed(key=b.key("r"), on=date(2026, 3, 3), reverses=b.key("p1")), date(2026, 3, 3)),
        (
            a,
            Waived(key=a.key("w"), on=date(2026, 3, 1), component=Component.PENALTY, amount=300),
            date(2026, 3, 9),
        ),
        (c, ChargedOff(key=c.key("co"), on=date(2026, 3, 20)), date(2026, 3, 21)),
        (b, Paid(key=b.key("p2"), on=date(2026, 2, 18), amount=400_000), date(2026, 4, 2)),
    ]
    for loan, event, today in steps:
        if daily:
            await portfolio.accrue(today - DAY)
        await portfolio.record(loan, event, today)
    await portfolio.accrue(date(2026, 4, 30))


async def test_late_at_once_is_the_same_as_day_by_day(
    postgres: EmbeddedPostgres, settings: Settings
) -> None:
    async with fresh(postgres, settings) as daily, fresh(postgres, settings) as late:
        await history(daily, daily=True)
        await history(late, daily=False)
        on = MADE
        while on <= date(2026, 4, 30):
            sheet = await daily.sheet(on)
            assert sheet == daily.expected(on)
            assert sheet == await late.sheet(on)
            for funder in ("own", "trust-7"):
                assert await late.sheet(on, funder=funder) == late.expected(on, funder)
            on += DAY
        for loan in daily.loans:
            assert await daily.sheet(on - DAY, loan) == dict(
                sorted(loan.books_on(on - DAY).items())
            )


async def test_repeats_and_races_book_a_day_once(portfolio: Portfolio) -> None:
    for _ in range(3):
        await portfolio.lend(ACCRUED)
    on = MADE + 5 * DAY
    posted = await asyncio.gather(*(portfolio.accrue(on) for _ in range(4)))
    assert sum(posted) == 6
    sheet = await portfolio.sheet(on)
    assert await portfolio.accrue(on) == 0
    assert await portfolio.accrue(on - 3 * DAY) == 0
    assert await portfolio.sheet(on) == sheet == portfolio.expected(on)


async def test_a_day_interrupted_between_its_pages_goes_on(portfolio: Portfolio) -> None:
    first = await portfolio.lend(ACCRUED)
    async with portfolio.database.transaction() as tx:
        await AccrualRepository(tx).begin(MADE + DAY)
        await tx.connection.execute(
            "update accrual_days set done_to = $1, loans = 1 where business_date = $2",
            first.id,
            MADE + DAY,
        )
    await portfolio.lend(ACCRUED)
    assert await portfolio.accrue(MADE + DAY) == 1
    # What the interrupted run had worked out of the first loan was lost with it: it is put right.
    assert await portfolio.accrue(MADE + 2 * DAY) == 1
    assert await portfolio.sheet(MADE + 2 * DAY) == portfolio.expected(MADE + 2 * DAY)


async def test_what_was_booked_of_a_day_after_it_was_posted_is_in_the_next(
    portfolio: Portfolio,
) -> None:
    """A step that took from before midnight till after the day was posted."""
    loan = await portfolio.lend(terms())
    on = FIRST_DUE + 9 * DAY
    await portfolio.accrue(on)
    await portfolio.record(loan, Paid(key=loan.key("p"), on=on, amount=10_000), on)
    await portfolio.accrue(on + DAY)
    assert await portfolio.sheet(on + DAY) == portfolio.expected(on + DAY)


async def test_the_day_that_is_over_is_that_of_the_zone(portfolio: Portfolio) -> None:
    async with portfolio.database.transaction() as tx:
        assert await last_day_over(tx, datetime(2026, 3, 1, 15, 59, tzinfo=UTC)) is None
    await portfolio.lend(terms())
    async with portfolio.database.transaction() as tx:
        # Midnight in Shanghai is 16:00 UTC.
        before = await last_day_over(tx, datetime(2026, 3, 1, 15, 59, tzinfo=UTC))
        after = await last_day_over(tx, datetime(2026, 3, 1, 16, 0, tzinfo=UTC))
    assert (before, after) == (date(2026, 2, 28), date(2026, 3, 1))


async def test_a_loan_that_contradicts_itself_holds_nobody_up(portfolio: Portfolio) -> None:
    good, bad = await portfolio.lend(ACCRUED), await portfolio.lend(ACCRUED)
    async with portfolio.database.transaction() as tx:
        await tx.connection.execute(
            "insert into loan_events (loan_id, event_key, kind, business_date, booked_on, event)"
            " values ($1, 'x', 'reversed', $2, $2, $3)",
            bad.id,
            MADE,
            Reversed(key="x", on=MADE, reverses="nothing").model_dump_json(),
        )
    await portfolio.accrue(MADE + DAY)
    async with portfolio.database.read() as tx:
        day = await AccrualRepository(tx).day(MADE + DAY)
    assert day is not None
    assert (day.loans, day.refused) == (2, [bad.id])
    assert (await portfolio.sheet(MADE + DAY))["interest_accrued"] == 658
    assert good.id != bad.id


async def test_pages_add_up(portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LOANS > 2
    monkeypatch.setattr("services.loans.accruals.LOANS", 2)
    for _ in range(5):
        await portfolio.lend(ACCRUED)
    parts = []
    while True:
        async with portfolio.database.transaction() as tx:
            part = await accrue_part(tx, MADE + DAY)
        if part.day is None:
            break
        parts.append((part.day, part.loans, part.is_posted))
    assert parts == [(on, loans, loans == 1) for on in (MADE, MADE + DAY) for loans in (2, 2, 1)]
    assert await portfolio.sheet(MADE + DAY) == portfolio.expected(MADE + DAY)
