"""Event streams: everything once and in order, resumed where they broke off."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.http.services import Services
from api.serving import Server
from messages.ids import application_workflow
from runtime.settings import Settings
from storage.common.outbox import OutboxRepository
from storage.common.outbox_feed import OutboxFeed
from storage.common.repository import Transaction
from tests.api import seeds
from tests.api.conftest import bearer, serving


@pytest.fixture
async def application_id(services: Services) -> str:
    async with services.database.transaction() as tx:
        return (await seeds.application(tx, "app", "alice")).application_id


async def _tell(services: Services, application_id: str, *kinds: str, **payload: Any) -> None:
    aggregate = application_workflow(application_id)
    for kind in kinds:
        async with services.database.transaction() as tx:
            await OutboxRepository(tx).add(aggregate, kind, f"{aggregate}:{kind}", payload)


def _events(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if line and line[0] != ":")
        if lines:
            found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
    return found


async def test_a_final_application_streams_its_past_and_ends(
    http: httpx.AsyncClient, services: Services, application_id: str
) -> None:
    await _tell(services, application_id, "created", "verified", "withdrawn")
    await seeds.set_state(services.database, application_id, "withdrawn")
    answer = await http.get(
        f"/v1/applications/{application_id}/events", headers=bearer("applicant", "alice")
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    told = _events(answer.text)
    assert [kind for _, kind, _ in told] == ["created", "verified", "withdrawn"]
    ids = [event_id for event_id, _, _ in told]
    assert ids == sorted(ids)


async def test_a_stream_goes_on_behind_the_last_event(
    http: httpx.AsyncClient, services: Services, application_id: str
) -> None:
    await _tell(services, application_id, *(f"step_{number:03}" for number in range(150)))
    await seeds.set_state(services.database, application_id, "expired")
    url = f"/v1/applications/{application_id}/events"
    every = _events((await http.get(url, headers=bearer("ops", "otto"))).text)
    assert len(every) == 150
    seen = every[100][0]
    rest = await http.get(url, headers=bearer("ops", "otto") | {"Last-Event-ID": str(seen)})
    assert _events(rest.text) == every[101:]


@pytest.mark.parametrize("last", ["x", "-1", "9" * 30])
async def test_a_last_event_id_is_a_number(
    http: httpx.AsyncClient, application_id: str, last: str
) -> None:
    answer = await http.get(
        f"/v1/applications/{application_id}/events",
        headers=bearer("ops", "otto") | {"Last-Event-ID": last},
    )
    assert answer.status_code == 422


async def test_why_a_case_was_decided_is_not_streamed_to_borrowers(
    http: httpx.AsyncClient, services: Services, application_id: str
) -> None:
    await _tell(
        services,
        application_id,
        "rejected",
        state="rejected",
        score=430,
        rejection={"code": "R05"},
        elements=[{"kind": "operator", "facts": {"months": 3}}],
    )
    await seeds.set_state(services.database, application_id, "rejected", reject_code="R05")
    url = f"/v1/applications/{application_id}/events"
    borrower = _events((await http.get(url, headers=bearer("partner", "app"))).text)
    staff = _events((await http.get(url, headers=bearer("analyst", "anna"))).text)
    assert borrower[0][2]["payload"] == {"state": "rejected", "elements": [{"kind": "operator"}]}
    assert staff[0][2]["payload"]["score"] == 430


@pytest.mark.parametrize("last", ["", " "])
async def test_an_empty_last_event_id_is_none(
    http: httpx.AsyncClient, services: Services, application_id: str, last: str
) -> None:
    """A browser that reconnects before the first event sends the header empty (fault list, O10)."""
    await _tell(services, application_id, "created")
    await seeds.set_state(services.database, application_id, "withdrawn")
    answer = await http.get(
        f"/v1/applications/{application_id}/events",
        headers=bearer("ops", "otto") | {"Last-Event-ID": last},
    )
    assert [kind for _, kind, _ in _events(answer.text)] == ["created"]


@contextlib.asynccontextmanager
async def _streaming(
    api_settings: Settings, absent_temporal: Any, **settings: Any
) -> AsyncIterator[tuple[Services, httpx.AsyncClient, str]]:
    """Yield the services of a server of its own, a client, and a stream's path."""
    own = api_settings.model_copy(update=settings)
    async with serving(own, absent_temporal) as app:
        services: Services = app.state.services
        async with services.database.transaction() as tx:
            application_id = (await seeds.application(tx, "app", "bob")).application_id
        limits = httpx.Limits(max_connections=None)
        async with (
            _server(app, own) as (_, url),
            httpx.AsyncClient(base_url=url, timeout=20, limits=limits) as client,
        ):
            yield services, client, f"/v1/applications/{application_id}/events"


async def test_a_caller_has_so_many_streams_and_all_together_so_many(
    api_settings: Settings, absent_temporal: Any
) -> None:
    """3,000 streams by one token left everybody else with 503 (fault list, S2)."""
    caps = {"api_streams": 5, "api_streams_of_one": 3}
    async with (
        _streaming(api_settings, absent_temporal, **caps) as (_, client, path),
        contextlib.AsyncExitStack() as open_streams,
    ):

        async def opened(role: str, subject: str) -> int:
            request = client.stream("GET", path, headers=bearer(role, subject))
            answer = await open_streams.enter_async_context(request)
            if answer.status_code != 200:
                assert int(answer.headers["retry-after"]) > 0
            return answer.status_code

        assert [await opened("applicant", "bob") for _ in range(4)] == [200, 200, 200, 429]
        assert [await opened("ops", "otto") for _ in range(3)] == [200, 200, 503]
        assert (await client.get("/v1/loans", headers=bearer("ops", "otto"))).status_code == 200
        await open_streams.aclose()
        async with asyncio.timeout(10):
            while await opened("applicant", "bob") != 200:  # noqa: ASYNC110 -- the other side's matter
                await asyncio.sleep(0.05)


async def test_a_stream_ends_at_its_greatest_age(
    api_settings: Settings, absent_temporal: Any
) -> None:
    async with _streaming(api_settings, absent_temporal, api_stream_seconds=0.5) as (
        services,
        client,
        path,
    ):
        await _tell(services, path.split("/")[3], "created")
        answer = await client.get(path, headers=bearer("applicant", "bob"))
        assert [kind for _, kind, _ in _events(answer.text)] == ["created"]


async def test_fifty_streams_are_read_for_together(
    api_settings: Settings, absent_temporal: Any
) -> None:
    """They share one reader: what all of them ask for at once takes a few statements."""
    async with _streaming(api_settings, absent_temporal) as (services, client, path):
        statements = 0

        async def one() -> str:
            headers = bearer("applicant", "bob")
            async with client.stream("GET", path, headers=headers) as stream:
                return await _next_event(stream.aiter_lines())

        streams = [asyncio.create_task(one()) for _ in range(50)]
        async with asyncio.timeout(20):
            while services.streams.count < 50:  # noqa: ASYNC110 -- the other side's matter
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        rows = OutboxRepository.since_each

        async def counted(*arguments: Any) -> Any:
            nonlocal statements
            statements += 1
            return await rows(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(OutboxRepository, "since_each", counted)
            await _tell(services, path.split("/")[3], "created")
            assert await asyncio.gather(*streams) == ["created"] * 50
        assert statements <= 10


@contextlib.asynccontextmanager
async def _server(app: FastAPI, settings: Settings) -> AsyncIterator[tuple[Server, str]]:
    """Serve `app`, which has started already, on a port of its own."""
    server = Server(app, settings.model_copy(update={"api_port": 0}))
    server.config.lifespan = "off"
    listener = socket.create_server(("127.0.0.1", 0))
    # Not `serve`, which takes the signals of the whole process.
    running = asyncio.create_task(server._serve([listener]))
    try:
        yield server, f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def test_news_arrive_as_they_commit_and_a_stopping_server_lets_go(
    api_settings: Settings, absent_temporal: Any
) -> None:
    async with serving(api_settings, absent_temporal) as app:
        services: Services = app.state.services
        async with services.database.transaction() as tx:
            application_id = (await seeds.application(tx, "app", "bob")).application_id
        async with (
            _server(app, api_settings) as (server, url),
            httpx.AsyncClient(base_url=url) as client,
            client.stream(
                "GET",
                f"/v1/applications/{application_id}/events",
                headers=bearer("applicant", "bob"),
                timeout=10,
            ) as stream,
        ):
            lines = stream.aiter_lines()
            for kind in ("created", "verified"):
                await _tell(services, application_id, kind)
                assert await _next_event(lines) == kind
            server.handle_exit(15, None)
            # The stream ends although the application goes on.
            assert [line async for line in lines if line.startswith("event")] == []


async def _next_event(lines: AsyncIterator[str]) -> str:
    async with asyncio.timeout(4):
        async for line in lines:
            if line.startswith("event: "):
                return line.removeprefix("event: ")
    raise AssertionError("the stream ended")


async def test_a_reader_that_fails_tells_whoever_waits_and_goes_on(
    services: Services, application_id: str
) -> None:
    # A stream that hears of it ends, and its client comes back; one that does not stands for ever.
    await _tell(services, application_id, "created")
    fails = [ValueError("a row that nobody can read")]

    @contextlib.asynccontextmanager
    async def read() -> AsyncIterator[Transaction]:
        if fails:
            raise fails.pop()
        async with services.database.read() as tx:
            yield tx

    async with OutboxFeed(read, services.database.outbox) as feed:
        with feed.follow(application_workflow(application_id), 0) as follower:
            async with asyncio.timeout(5):
                with pytest.raises(ValueError, match="nobody can read"):
                    await feed.more(follower)
                assert [row.kind for row in await feed.more(follower)] == ["created"]
