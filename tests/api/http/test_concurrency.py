"""How many requests are served at once, and what those hear who are turned away."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from api.app import create_app
from api.http.concurrency import EXEMPT, ConcurrencyLimit
from api.http.middleware import RequestLine
from api.http.slots import Overloaded, Slot, Slots
from runtime.settings import Settings
from tests.api.conftest import http_client

LIMITS = {
    "api_reads": 2,
    "api_reads_queued": 1,
    "api_commands": 1,
    "api_commands_queued": 0,
    "api_wait_seconds": 30,
}


class Held:
    """An application that answers when it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.media_type = b"application/json"
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        start: Message = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", self.media_type)],
        }
        if self.media_type == b"text/event-stream":
            await send(start)
            await self.go.wait()
        else:
            await self.go.wait()
            await send(start)
        await send({"type": "http.response.body", "body": b"{}"})

    async def until_begun(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.begun < count:  # noqa: ASYNC110 -- any of several counts
                await asyncio.sleep(0)


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
async def client(held: Held) -> AsyncIterator[httpx.AsyncClient]:
    limited = ConcurrencyLimit(held, Settings().model_copy(update=LIMITS))
    around = CorrelationIdMiddleware(
        RequestLine(limited), header_name="X-Request-Id", validator=None
    )
    async with http_client(around) as client:
        yield client


async def test_who_finds_neither_slot_nor_queue_is_told_to_come_back(
    held: Held, client: httpx.AsyncClient
) -> None:
    served = [asyncio.create_task(client.get("/v1/loans")) for _ in range(3)]
    await held.until_begun(2)
    turned_away = await client.get("/v1/loans", headers={"X-Request-Id": "of-the-fourth"})
    assert turned_away.status_code == 503
    assert turned_away.headers["retry-after"] == "1"
    assert turned_away.headers["content-type"] == "application/problem+json"
    assert turned_away.json() == {
        "type": "urn:loanflow:problem:overloaded",
        "title": "Too many requests at once",
        "status": 503,
        "code": "overloaded",
        "detail": "Repeat the same request.",
        "request_id": "of-the-fourth",
    }
    assert held.begun == 2
    held.go.set()
    assert [answer.status_code for answer in await asyncio.gather(*served)] == [200, 200, 200]
    assert (await client.get("/v1/loans")).status_code == 200


async def test_commands_and_reads_do_not_take_each_others_places(
    held: Held, client: httpx.AsyncClient
) -> None:
    command = asyncio.create_task(client.post("/v1/applications"))
    await held.until_begun(1)
    assert (await client.post("/v1/applications")).json()["code"] == "overloaded"
    read = asyncio.create_task(client.get("/v1/loans"))
    await held.until_begun(2)
    held.go.set()
    assert (await command).status_code == (await read).status_code == 200


async def test_a_long_read_of_the_ledger_keeps_no_short_ones_out(
    held: Held, client: httpx.AsyncClient
) -> None:
    report = asyncio.create_task(client.get("/v1/ledger/reconciliation"))
    await held.until_begun(1)
    assert (await client.get("/v1/ledger/trial-balance")).json()["code"] == "overloaded"
    reads = [asyncio.create_task(client.get("/v1/loans")) for _ in range(3)]
    await held.until_begun(3)
    held.go.set()
    assert {answer.status_code for answer in await asyncio.gather(report, *reads)} == {200}


async def test_an_event_stream_counts_until_it_begins(
    held: Held, client: httpx.AsyncClient
) -> None:
    held.media_type = b"text/event-stream"
    streams = [asyncio.create_task(client.get("/v1/loans/l/events")) for _ in range(5)]
    await held.until_begun(5)
    held.go.set()
    assert {answer.status_code for answer in await asyncio.gather(*streams)} == {200}


async def test_health_is_answered_when_nothing_else_is(
    held: Held, client: httpx.AsyncClient
) -> None:
    full = [asyncio.create_task(client.get("/v1/loans")) for _ in range(3)]
    await held.until_begun(2)
    asked = [asyncio.create_task(client.get(path)) for path in sorted(EXEMPT)]
    await held.until_begun(2 + len(EXEMPT))
    held.go.set()
    assert {answer.status_code for answer in await asyncio.gather(*full, *asked)} == {200}


async def test_an_error_gives_the_slot_back(settings: Settings) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("of this test")

    limited = RequestLine(ConcurrencyLimit(failing, settings.model_copy(update=LIMITS)))
    async with http_client(limited) as client:
        assert {(await client.post("/v1/loans")).status_code for _ in range(3)} == {500}


async def test_callers_take_turns_and_each_is_served_in_the_order_it_asked() -> None:
    """One who asks for a hundred things at once keeps nobody else waiting for all of them."""
    slots, order = Slots(1, 3, 30), list[str]()

    async def use(caller: str, what: str) -> None:
        await slots.take(caller)
        order.append(what)

    await use("flood", "first")
    waiting = []
    for caller, what in (("flood", "f1"), ("flood", "f2"), ("flood", "f3"), ("other", "o1")):
        waiting.append(asyncio.create_task(use(caller, what)))
        await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await slots.take("flood")
    for _ in waiting:
        slots.give_back()
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert order == ["first", "f1", "o1", "f2", "f3"]


async def test_thirty_reads_at_once_are_all_answered(held: Held) -> None:
    """A front end that opens a page asks for thirty things: none of them is told to come back."""
    settings = Settings()
    around = RequestLine(ConcurrencyLimit(held, settings))
    async with http_client(around) as client:
        asked = [asyncio.create_task(client.get("/v1/loans")) for _ in range(30)]
        await held.until_begun(settings.api_reads)
        held.go.set()
        assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}


async def test_a_request_that_waits_too_long_is_told_to_come_back() -> None:
    slots = Slots(1, 5, 0.05)
    await slots.take("a")
    with pytest.raises(Overloaded):
        await slots.take("b")
    slots.give_back()
    await asyncio.wait_for(slots.take("b"), 1)


@pytest.mark.parametrize("given_back", ["before", "at the same moment", "after"])
async def test_who_goes_away_while_waiting_leaves_no_slot_behind(given_back: str) -> None:
    slots = Slots(1, 1, 30)
    await slots.take("a")
    waiting = asyncio.create_task(slots.take("b"))
    await asyncio.sleep(0)
    if given_back == "before":
        slots.give_back()
    waiting.cancel()
    if given_back == "at the same moment":
        slots.give_back()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    if given_back == "after":
        slots.give_back()
    await asyncio.wait_for(slots.take("c"), 1)
    assert await asyncio.wait_for(_full(slots), 1)


async def _full(slots: Slots) -> bool:
    """Say whether exactly the one slot is taken: one more may wait, the next may not."""
    waiting = asyncio.create_task(slots.take("d"))
    await asyncio.sleep(0)
    try:
        await slots.take("d")
    except Overloaded:
        return not waiting.done()
    finally:
        waiting.cancel()
    return False


async def test_a_slot_is_lent_while_its_request_waits_for_its_sender() -> None:
    slots = Slots(1, 1, 30)
    slow, other = Slot(slots, "slow"), Slot(slots, "other")
    await slow.take()
    async with slow.lent():
        await asyncio.wait_for(other.take(), 1)
        other.release()
        other.release()
    assert await _full(slots)


async def test_the_application_is_limited_and_counts_whom_it_turns_away(
    api_settings: Settings, app: FastAPI
) -> None:
    none = api_settings.model_copy(update={"api_reads": 1, "api_reads_queued": 0})
    limited = create_app(none)
    limited.state.services = app.state.services
    async with http_client(limited) as client:
        answers = await asyncio.gather(
            *(
                client.get("/v1/loans", headers={"Authorization": "Bearer token-of-ops-otto"})
                for _ in range(3)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 503, 503]
        text = (await client.get("/metrics")).text
    assert 'loanflow_http_turned_away_total{kind="read"}' in text
