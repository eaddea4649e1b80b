"""A line is opened once, and its limit holds against everything at once."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.applications.application import ApplicationState
from domain.common.suspensions import Suspendable
from domain.lines import LineState
from domain.loans.schedule import build_plan
from domain.people.principals import Principal
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS
from messages import calls, ids
from messages.ids import new_id
from messages.lines import CloseLine, ReserveDrawdown
from runtime.clock import utc_now
from sandbox.personas import person
from services.definitions.suspending import lift, suspend
from storage.applications.applications import ApplicationRepository
from storage.applications.offers import OfferRepository, OfferState
from storage.common.outbox import OutboxRepository
from storage.lines.drawdowns import DrawdownRepository
from storage.lines.lines import LineRepository
from storage.lines.quotes import QuoteRepository
from tests.definitions import ref
from tests.integration.story import (
    AMOUNT,
    Bench,
    Borrower,
    applicant,
    borrower,
    offer,
    opening,
    quoted_terms,
)


async def refused(someone: Borrower, reservation: ReserveDrawdown) -> ApplicationError:
    with pytest.raises(ApplicationError) as error:
        await someone.bench.perform(calls.RESERVE_DRAWDOWN, reservation)
    assert error.value.non_retryable
    return error.value


async def test_an_accepted_offer_opens_one_line_and_one_process(bench: Bench) -> None:
    known = await applicant(bench, person("approved", 401))
    accepted, now = offer(), utc_now()
    async with bench.database.transaction() as tx:
        await OfferRepository(tx).make(accepted, known.start.application_id, now)
    request = opening(known, accepted, now)
    await asyncio.gather(*(bench.perform(calls.OPEN_LINE, request) for _ in range(3)))
    async with bench.database.read() as tx:
        row = await ApplicationRepository(tx).get(known.start.application_id)
        made = await OfferRepository(tx).get(accepted.offer_id)
        line = await LineRepository(tx).get(request.line_id)
    assert row is not None
    assert made is not None
    assert line is not None
    assert (row.state, made.state) == (ApplicationState.ACCEPTED, OfferState.ACCEPTED)
    assert (line.state, line.credit_limit, line.available) == (LineState.ACTIVE, AMOUNT, AMOUNT)
    assert all(start == bench.starts.lines[0] for start in bench.starts.lines)
    assert bench.starts.lines[0].expires_at == request.expires_at


async def test_a_drawdown_takes_the_quoted_amount_once(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 402))
    request = someone.reservation(someone.command(await someone.quote()))
    receipts = await asyncio.gather(
        *(bench.perform(calls.RESERVE_DRAWDOWN, request) for _ in range(5))
    )
    assert len(set(receipts)) == 1
    assert receipts[0].state == "reserved"
    async with bench.database.read() as tx:
        line = await LineRepository(tx).get(someone.line_id)
        facts = await OutboxRepository(tx).since(ids.line_workflow(someone.line_id), 0)
    assert line is not None
    assert (line.reserved, line.drawn, line.available) == (AMOUNT, 0, 0)
    assert [fact.kind for fact in facts] == ["opened", "drawdown_reserved"]
    assert {start.drawdown_id for start in bench.starts.drawdowns} == {receipts[0].drawdown_id}


async def test_a_repeat_counts_even_when_the_quote_has_expired_since(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 403))
    request = someone.reservation(someone.command(await someone.quote()))
    first = await bench.perform(calls.RESERVE_DRAWDOWN, request)
    late = request.model_copy(update={"at": request.at + timedelta(hours=2)})
    assert await bench.perform(calls.RESERVE_DRAWDOWN, late) == first


async def test_two_drawdowns_at_once_cannot_overdraw(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 404), mode="revolving")
    part = 600_000
    requests = [
        someone.reservation(someone.command(await someone.quote(amount=part), part))
        for _ in range(4)
    ]
    results = await asyncio.gather(
        *(bench.perform(calls.RESERVE_DRAWDOWN, request) for request in requests),
        return_exceptions=True,
    )
    refusals = [result for result in results if isinstance(result, ApplicationError)]
    assert [error.type for error in refusals] == ["LimitExceeded"] * 3
    assert refusals[0].category is ApplicationErrorCategory.BENIGN
    async with bench.database.read() as tx:
        line = await LineRepository(tx).get(someone.line_id)
        drawdowns = await DrawdownRepository(tx).page(someone.line_id)
    assert line is not None
    assert (line.reserved, line.available, len(drawdowns)) == (part, AMOUNT - part, 1)


async def test_a_single_batch_line_is_drawn_once_whatever_is_left(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 405))
    await someone.reserve(amount=500_000)
    again = someone.command(await someone.quote(amount=100_000), 100_000)
    assert (await refused(someone, someone.reservation(again))).type == "LimitExceeded"


async def test_a_quote_is_good_for_its_line_amount_and_time_only(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 406))
    other = await borrower(bench, person("approved", 407))
    foreign = someone.reservation(someone.command(await other.quote()))
    assert (await refused(someone, foreign)).type == "QuoteMismatch"
    cheaper = someone.reservation(someone.command(await someone.quote(), AMOUNT - 100))
    assert (await refused(someone, cheaper)).type == "QuoteMismatch"
    expired = someone.reservation(
        someone.command(await someone.quote(valid_for=timedelta(minutes=1)))
    )
    assert (await refused(someone, expired)).type == "QuoteExpired"
    unknown = someone.reservation(someone.command(new_id("quo")))
    assert (await refused(someone, unknown)).type == "RecordMissing"


async def test_a_quote_whose_plan_does_not_follow_from_its_terms_is_refused(
    bench: Bench,
) -> None:
    someone = await borrower(bench, person("approved", 408))
    quote_id = new_id("quo")
    async with bench.database.transaction() as tx:
        await QuoteRepository(tx).insert(
            quote_id=quote_id,
            line_id=someone.line_id,
            terms=quoted_terms(),
            plan=build_plan(quoted_terms(900_000)),
            quoted_at=someone.opened_at,
            expires_at=someone.opened_at + timedelta(minutes=30),
            rate_caps=ref(RATE_CAPS, HOME_CAPS),
        )
    request = someone.reservation(someone.command(quote_id))
    assert (await refused(someone, request)).type == "QuoteMismatch"


async def test_a_quote_is_drawn_by_one_drawdown(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 409), mode="revolving")
    quote_id = await someone.quote(amount=100_000)
    requests = [someone.reservation(someone.command(quote_id, 100_000)) for _ in range(2)]
    results = await asyncio.gather(
        *(bench.perform(calls.RESERVE_DRAWDOWN, request) for request in requests),
        return_exceptions=True,
    )
    (error,) = (result for result in results if isinstance(result, ApplicationError))
    assert error.type == "QuoteUsed"
    async with bench.database.read() as tx:
        line = await LineRepository(tx).get(someone.line_id)
    assert line is not None
    assert line.reserved == 100_000


async def test_a_closed_or_expired_line_is_not_drawn_on(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 410))
    request = someone.reservation(someone.command(await someone.quote()))
    too_late = request.model_copy(update={"at": someone.opened_at + timedelta(days=15)})
    assert (await refused(someone, too_late)).type == "LineClosed"
    closing = CloseLine(line_id=someone.line_id, state="expired", at=utc_now())
    for _ in range(2):
        await bench.perform(calls.CLOSE_LINE, closing)
    assert (await refused(someone, request)).type == "LineClosed"


@pytest.mark.parametrize(
    ("kind", "code"), [(Suspendable.PRODUCT, "cash"), (Suspendable.FUNDER, "own")]
)
async def test_nothing_is_drawn_of_what_is_suspended(
    bench: Bench, kind: Suspendable, code: str
) -> None:
    someone = await borrower(bench, person("approved", 430 + len(kind)))
    reservation = someone.reservation(someone.command(await someone.quote()))
    otto = Principal("ops", "otto")
    async with bench.database.transaction() as tx:
        await suspend(tx, otto, kind, code, reason="arrears")
    # Processes know within a second.
    await asyncio.sleep(1.1)
    error = await refused(someone, reservation)
    assert (error.type, error.category) == ("Suspended", ApplicationErrorCategory.BENIGN)
    async with bench.database.transaction() as tx:
        await lift(tx, otto, kind, code, reason="over")
    await asyncio.sleep(1.1)
    receipt = await bench.perform(calls.RESERVE_DRAWDOWN, reservation)
    assert receipt.state == "reserved"
