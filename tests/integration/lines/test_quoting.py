"""Quoting and drawing: once a command, with the soft rate caps that a plan is above."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.common.errors import NotFound
from domain.lines import LimitExceeded, LineClosed, LineState, PlanChanged, QuoteUnusable
from domain.pricing.rate_caps import LenderKind, RateCapExceeded
from domain.products.products import OutsideProduct
from runtime.clock import utc_now
from services.lines.quoting import QuoteRequest, prepare_drawdown, quote_plan
from storage.database import Database
from storage.lines.lines import LineRepository
from storage.lines.quotes import QuoteRepository, QuoteRow
from tests.api import seeds
from tests.integration.commands import ALICE, BOB, command
from tests.products import CASH, changed, release_products

REQUEST = QuoteRequest(amount=1_000_000, instalments=12)


@pytest.fixture
async def line_id(database: Database) -> str:
    async with database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")
        _, line_id = await seeds.line(tx, start)
    return line_id


async def lent_by(database: Database, kind: LenderKind) -> str:
    """A line of a product that a lender of this kind lends."""
    product = changed(CASH, kind.lower(), lender_kind=kind)
    await release_products(database, product)
    async with database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice", product=product.code)
        _, line_id = await seeds.line(tx, start)
    return line_id


async def test_a_plan_above_a_soft_cap_is_quoted_with_the_warning_on_record(
    database: Database,
) -> None:
    # Consumer finance: 24 % a year is the hard cap, 20 % the one that supervisors ask for.
    line_id = await lent_by(database, LenderKind.CONSUMER_FINANCE)
    async with database.transaction() as tx:
        quote = await quote_plan(tx, ALICE, command(ALICE), line_id, REQUEST, utc_now())
        stored = await QuoteRepository(tx).get(quote.id)
    assert stored == quote
    [warning] = quote.cap_warnings
    assert warning.limit == Decimal(20)
    assert Decimal("23.99") < warning.rate < Decimal("24.01")
    assert warning.source
    assert "is above the 20 %" in warning.detail


async def test_a_plan_below_every_cap_has_no_warning(database: Database, line_id: str) -> None:
    async with database.transaction() as tx:
        quote = await quote_plan(tx, ALICE, command(ALICE), line_id, REQUEST, utc_now())
    assert quote.cap_warnings == ()


async def test_a_plan_above_a_hard_cap_is_not_quoted(
    database: Database,
) -> None:
    line_id = await lent_by(database, LenderKind.UNLICENSED)
    once = command(ALICE)
    async with database.transaction() as tx:
        with pytest.raises(RateCapExceeded):
            await quote_plan(tx, ALICE, once, line_id, REQUEST, utc_now())
        assert await QuoteRepository(tx).get(once.new_id("quo")) is None


async def test_a_command_repeated_later_or_at_once_gives_the_first_quote(
    database: Database, line_id: str
) -> None:
    once = command(ALICE)
    now = utc_now()

    async def quote(later: timedelta) -> QuoteRow:
        async with database.transaction() as tx:
            return await quote_plan(tx, ALICE, once, line_id, REQUEST, now + later)

    at_once = await asyncio.gather(*(quote(timedelta()) for _ in range(4)))
    assert len(set(map(str, at_once))) == 1
    assert await quote(timedelta(days=1)) == at_once[0]


async def test_what_cannot_be_quoted(database: Database, line_id: str) -> None:
    now = utc_now()
    async with database.transaction() as tx:
        for caller, request, at, refusal in (
            (BOB, REQUEST, now, NotFound),
            (ALICE, QuoteRequest(1_000_000, 5), now, OutsideProduct),
            (ALICE, QuoteRequest(2_000_000, 12), now, LimitExceeded),
            (ALICE, REQUEST, now + timedelta(days=16), LineClosed),
        ):
            with pytest.raises(refusal):
                await quote_plan(tx, caller, command(caller), line_id, request, at)
        await LineRepository(tx).set_state(line_id, LineState.FROZEN)
        with pytest.raises(LineClosed):
            await quote_plan(tx, ALICE, command(ALICE), line_id, REQUEST, now)


async def test_only_the_plan_that_was_seen_is_drawn(database: Database, line_id: str) -> None:
    async with database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")
        _, other_line = await seeds.line(tx, start)
        quote = await quote_plan(tx, ALICE, command(ALICE), line_id, REQUEST, utc_now())
        once = command(ALICE)
        seen = {"quote_id": quote.id, "plan_hash": quote.plan_hash}
        first = await prepare_drawdown(tx, ALICE, once, line_id, **seen)
        assert await prepare_drawdown(tx, ALICE, once, line_id, **seen) == first
        assert (first.line.id, first.draw.amount) == (line_id, 1_000_000)
        with pytest.raises(PlanChanged):
            await prepare_drawdown(tx, ALICE, once, line_id, quote_id=quote.id, plan_hash="0" * 64)
        with pytest.raises(QuoteUnusable):
            await prepare_drawdown(tx, ALICE, once, other_line, **seen)
        with pytest.raises(NotFound):
            await prepare_drawdown(tx, BOB, command(BOB), line_id, **seen)
