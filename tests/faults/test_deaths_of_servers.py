"""kill -9 of the API inside requests, and of Temporal and PostgreSQL in the middle of a story."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from tests.faults.courses import EARLY
from tests.faults.endings import Ending, ending
from tests.faults.lives import AMOUNT, FRONT, LEVEL, OWED_AFTER, Life, early_settlement
from tests.faults.place import Place, Reply, new_key, until

pytestmark = [pytest.mark.stack, pytest.mark.fault]

BANK_SECONDS = 1.0
"""How long the bank takes to answer: long enough to die meanwhile."""


async def at_least_one(place: Place, statement: str, *values: object) -> None:
    await until(lambda: place.count(statement, *values), lambda count: count > 0, statement)


@asynccontextmanager
async def locked_line(place: Place, line_id: str) -> AsyncIterator[None]:
    """Hold a line's row, so that whoever draws on it waits."""
    connection = await asyncpg.connect(place.stack.database_url)
    try:
        async with connection.transaction():
            await connection.execute("select from lines where id = $1 for update", line_id)
            yield
    finally:
        await connection.close()


async def in_progress(place: Place, key: str) -> None:
    await at_least_one(
        place, "select count(*) from api_requests where key = $1 and state = 'in_progress'", key
    )


async def lease_is_over(place: Place, *keys: str) -> None:
    """Let pass the time that a dead process may keep a request for itself."""
    await place.rows(
        "update api_requests set leased_until = now() where key = any($1) returning key", keys
    )


async def test_the_api_dies_inside_a_drawdown_and_a_repayment(place: Place) -> None:
    drawer, payer = Life.of(place, "approved"), Life.of(place, "approved")
    await asyncio.gather(drawer.quoted(), payer.borrowed())
    await payer.live_until(payer.due_dates[0])
    payoff = {"payoff_total": await payer.payoff_total()}
    await place.fault("payments", operation="debit", latency_seconds=BANK_SECONDS)
    draw, pay = new_key(), new_key()
    to_draw = f"/v1/lines/{drawer.line_id}/drawdowns"
    to_pay = f"/v1/loans/{payer.loan_id}/repayments"

    async with locked_line(place, drawer.line_id):
        requests = [
            asyncio.create_task(place.send(FRONT, to_draw, drawer.to_draw(), key=draw)),
            asyncio.create_task(place.send(FRONT, to_pay, payoff, key=pay)),
        ]
        await in_progress(place, draw)
        await at_least_one(place, "select count(*) from pg_locks where not granted")
        await at_least_one(
            place,
            "select count(*) from repayments where loan_id = $1 and state = 'processing'",
            payer.loan_id,
        )
        await place.kill("api")
        cut_off = await asyncio.gather(*requests, return_exceptions=True)
    assert [isinstance(one, httpx.TransportError) for one in cut_off] == [True, True]
    await place.revive("api")

    early = await place.send(FRONT, to_draw, drawer.to_draw(), key=draw)
    assert (early.status, early.code) == (409, "request_in_progress")
    await lease_is_over(place, draw, pay)
    drawer.drew(await place.insist(FRONT, to_draw, drawer.to_draw(), key=draw))
    repayment = await payer.repay(payoff, key=pay)

    assert (repayment["state"], repayment["amount"]) == ("settled", OWED_AFTER[1])
    await drawer.disbursed()
    again = await place.send(FRONT, to_draw, drawer.to_draw(), key=draw)
    assert (again.status, again.body["id"]) == (201, drawer.drawdown_id)
    assert again.headers["idempotency-replayed"] == "true"
    assert (await ending(drawer)).moved == [("disbursement", AMOUNT)]
    assert [amount for _, amount in (await ending(payer)).moved] == [AMOUNT, LEVEL, OWED_AFTER[1]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("server", "code"),
    [("temporal", "engine_unavailable"), ("postgres", "database_unavailable")],
)
async def test_a_server_dies_in_the_middle_of_the_story(
    server: str, code: str, place: Place, undisturbed: Mapping[str, Ending]
) -> None:
    worker, api = place.stack.supervisor.pid("worker"), place.stack.supervisor.pid("api")
    await place.fault("payments", latency_seconds=BANK_SECONDS)
    life, other = Life.of(place, EARLY.persona), Life.of(place, "approved")
    living = asyncio.create_task(early_settlement(life))
    on_its_way = "select count(*) from transfers where state = 'requested' and kind = $1"

    await at_least_one(place, on_its_way, "disbursement")
    await place.kill(server)
    key = new_key()
    refused = await place.send(FRONT, "/v1/applications", other.to_apply(), key=key)
    await place.revive(server)
    taken = await place.insist(FRONT, "/v1/applications", other.to_apply(), key=key)
    await at_least_one(place, on_its_way, "debit")
    await place.kill(server)
    await place.revive(server)
    await living

    expect_unavailable(refused, code)
    applications = await place.rows(
        "select a.id from applications a join applicants p on p.id = a.applicant_id"
        " where p.customer_reference = $1",
        other.to_apply()["customer_reference"],
    )
    assert applications == [{"id": taken["id"]}]
    assert await ending(life) == undisturbed[EARLY.persona]
    # Whoever lost its server got it back by itself.
    assert (place.stack.supervisor.pid("worker"), place.stack.supervisor.pid("api")) == (
        worker,
        api,
    )
    assert place.alive("worker")


def expect_unavailable(reply: Reply, code: str) -> None:
    assert (reply.status, reply.code) == (503, code)
    assert int(reply.headers["retry-after"]) > 0
