"""Calls a second of a source: kept by all processes together, measured where the calls arrive."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Final

import pytest
from prometheus_client import REGISTRY

from activities.common.performing import failure_of
from activities.sources.enquiries import DataSourceGateway, SourceResponse
from providers import ProviderUnavailable, Verdict
from providers.http.breaker import NotSent
from runtime.clock import utc_now
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings
from storage.database import Database
from tests.integration.sources.test_enquiries import Scene, scene, someone, spare_simulators

__all__ = ["scene", "spare_simulators"]

LONGEST: Final = timedelta(seconds=2)
JITTER: Final = timedelta(milliseconds=400)
"""By how much the way to a simulator may bring two calls closer together than their turns are."""


@pytest.fixture
async def processes(
    scene: Scene, database_url: str, settings: Settings
) -> AsyncIterator[list[Database]]:
    """The record as two processes have it, each with connections of its own."""
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    async with AsyncExitStack() as stack:
        scene.processes = [
            await stack.enter_async_context(Database.open(database_url, 5, keyring, blind_index))
            for _ in range(2)
        ]
        yield scene.processes


def gateways_of(scene: Scene, processes: list[Database]) -> list[DataSourceGateway]:
    return [DataSourceGateway(one, scene.providers, now=lambda: scene.now) for one in processes]


async def arrivals(scene: Scene) -> list[datetime]:
    """When the simulators were called in this scene."""
    ours = {row.request_id for row in await scene.rows()}
    calls = await scene.bench.simulators.calls(provider="real_name")
    return sorted(
        datetime.fromisoformat(call["at"]) for call in calls if call["request_id"] in ours
    )


async def next_turn(scene: Scene) -> datetime | None:
    async with scene.bench.database.read() as tx:
        at: datetime | None = await tx.connection.fetchval(
            "select next_at from enquiry_turns where source = $1", scene.main
        )
    return at


def assert_in_turn(at: list[datetime], began: datetime, rate: int) -> None:
    """Check that no call came before its turn; one may be late, which this does not mind."""
    for calls, arrived in enumerate(at):
        assert calls <= rate * (arrived - began).total_seconds()


def throttled(source: str) -> float:
    labels = {"source": source, "outcome": "throttled"}
    return REGISTRY.get_sample_value("loanflow_enquiries_total", labels) or 0.0


@pytest.mark.alone
@pytest.mark.slow
async def test_two_processes_together_keep_to_the_contract(
    scene: Scene, processes: list[Database]
) -> None:
    """Ninety questions at once at twenty a second: forty have a turn within two seconds."""
    rate = 20
    scene.source(calls_per_second=rate)
    gateways = gateways_of(scene, processes)
    began = utc_now()
    results = await asyncio.gather(
        *(scene.ask(someone(), gateway=gateways[turn % 2]) for turn in range(90)),
        return_exceptions=True,
    )

    told = [(turn % 2, one) for turn, one in enumerate(results) if isinstance(one, SourceResponse)]
    refused = [one for one in results if not isinstance(one, SourceResponse)]
    assert {type(one) for one in refused} == {ProviderUnavailable}
    at = await arrivals(scene)
    assert len(at) == len(told)
    assert_in_turn(at, began, rate)
    for first, later in zip(at, at[rate:], strict=False):
        assert later - first >= timedelta(seconds=1) - JITTER
    # All that fitted were let through: what the contract allows in two seconds and more.
    assert len(told) >= 2 * rate
    # Neither process starved the other.
    share = Counter(process for process, _ in told)
    assert min(share.values()) >= len(told) / 5
    assert {one.code for one in refused if isinstance(one, ProviderUnavailable)} == {"throttled"}
    waits = [one.retry_after for one in refused if isinstance(one, ProviderUnavailable)]
    assert all(wait is not None and 0.9 * LONGEST < wait < 1.1 * LONGEST for wait in waits)


async def test_who_is_throttled_pays_nothing_and_takes_nobodys_turn(scene: Scene) -> None:
    scene.source(calls_per_second="0.1", daily_quota=3, billed_on="call")
    gateway = scene.gateway()
    await scene.ask(someone(), gateway=gateway)
    turn, before = await next_turn(scene), throttled(scene.main)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable) as failed:
            await scene.ask(someone(), gateway=gateway)
        assert failed.value.code == "throttled"
        assert failed.value.retry_after is not None
        assert timedelta(seconds=5) < failed.value.retry_after <= timedelta(seconds=10)
    assert await next_turn(scene) == turn
    assert throttled(scene.main) == before + 3
    [usage] = await scene.usage()
    assert (usage.asked, usage.failed, usage.cost) == (1, 0, 30)
    assert [row.outcome for row in await scene.rows()] == ["match"]


async def test_the_engine_is_told_when_to_come_again() -> None:
    failure = failure_of(NotSent("bureau", "throttled", timedelta(seconds=2.5)))
    assert failure.next_retry_delay == timedelta(seconds=2.5)
    assert not failure.non_retryable


async def test_who_comes_again_when_told_to_is_served(scene: Scene) -> None:
    scene.source(calls_per_second="0.4")
    gateway, who = scene.gateway(), someone()
    await scene.ask(someone(), gateway=gateway)
    with pytest.raises(ProviderUnavailable) as failed:
        await scene.ask(who, gateway=gateway)
    assert failed.value.retry_after is not None
    await asyncio.sleep(failed.value.retry_after.total_seconds())
    assert (await scene.ask(who, gateway=gateway)).answer.verdict is Verdict.MATCH
    first, second = await arrivals(scene)
    assert second - first >= timedelta(seconds=2.5) - JITTER


async def test_a_throttled_source_hands_over_to_the_next(scene: Scene) -> None:
    scene.source(calls_per_second="0.01")
    spare = scene.add_spare(f"spare{scene.main}")
    gateway = scene.gateway()
    assert [(await scene.ask(someone(), gateway=gateway)).source for _ in range(2)] == [
        scene.main,
        spare,
    ]


async def test_no_turn_is_taken_where_no_call_is_made(scene: Scene) -> None:
    scene.source(calls_per_second="0.01", daily_quota=1)
    who, gateway = someone(), scene.gateway()
    await scene.ask(who, gateway=gateway)
    turn = await next_turn(scene)
    assert (await scene.ask(who, gateway=gateway)).reused
    with pytest.raises(ProviderUnavailable, match="quota_exhausted"):
        await scene.ask(someone(), gateway=gateway)
    assert await next_turn(scene) == turn


async def test_an_open_breaker_takes_no_turn(scene: Scene) -> None:
    scene.source(calls_per_second=1000)
    await scene.bench.simulators.fault("real_name", status=500)
    gateway = scene.gateway()
    for _ in range(10):
        with pytest.raises(ProviderUnavailable, match="server_error"):
            await scene.ask(someone(), gateway=gateway)
    turn = await next_turn(scene)
    with pytest.raises(ProviderUnavailable, match="breaker_open"):
        await scene.ask(someone(), gateway=gateway)
    assert await next_turn(scene) == turn


async def test_equal_questions_take_one_turn(scene: Scene) -> None:
    scene.source(calls_per_second="0.01")
    await scene.bench.simulators.fault("real_name", latency_seconds=0.2)
    who, gateways = someone(), [scene.gateway(), scene.gateway()]
    told = await asyncio.gather(*(scene.ask(who, gateway=gateways[turn % 2]) for turn in range(6)))
    assert {one.answer.verdict for one in told} == {Verdict.MATCH}


async def test_sources_do_not_wait_for_each_other(scene: Scene) -> None:
    scene.source(calls_per_second="0.01")
    other = scene.add_spare(f"other{scene.main}", calls_per_second="0.01", order=1)
    questions = [someone(), someone()]
    gateway = scene.gateway()
    for source in (scene.main, other):
        scene.changes[source]["enabled"] = True
    told = [await scene.ask(who, gateway=gateway) for who in questions]
    assert {one.source for one in told} == {scene.main, other}


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=400)])
async def test_a_turn_that_no_limit_gave_holds_nobody_up(scene: Scene, ahead: timedelta) -> None:
    """A clock that was set back, or a limit that was a call a day until now."""
    scene.source(calls_per_second=5)
    async with scene.bench.database.autocommit() as tx:
        await tx.connection.execute(
            "insert into enquiry_turns (source, next_at) values ($1, clock_timestamp() + $2)",
            scene.main,
            ahead,
        )
    await scene.ask(someone())
    after = await next_turn(scene)
    async with scene.bench.database.read() as tx:
        now = await tx.connection.fetchval("select clock_timestamp()")
    assert after is not None
    assert after < now + LONGEST


async def test_turns_quotas_and_lost_attempts_do_not_lock_each_other_up(
    scene: Scene, processes: list[Database]
) -> None:
    """Attempts that outlive their lease touch rows of usage, which those who take a turn hold."""
    scene.source(calls_per_second=200, daily_quota=60, billed_on="call", validity_days=0)
    await scene.bench.simulators.fault("real_name", latency_seconds=0.03)
    people = [someone() for _ in range(6)]
    lease = timedelta(milliseconds=20)
    gateways = [
        DataSourceGateway(one, scene.providers, now=lambda: scene.now, lease=lease)
        for one in processes
    ]
    results = await asyncio.wait_for(
        asyncio.gather(
            *(scene.ask(people[turn % 6], gateway=gateways[turn % 2]) for turn in range(90)),
            return_exceptions=True,
        ),
        60,
    )
    assert {type(one) for one in results} <= {SourceResponse, ProviderUnavailable}
    rows = await scene.rows()
    [usage] = await scene.usage()
    made = [row for row in rows if row.outcome not in ("reused", "unsent", "exhausted")]
    assert usage.asked == len(made) == usage.answered + usage.failed <= 60
    assert usage.cost == sum(row.cost for row in rows)


async def test_turns_lie_evenly_apart(scene: Scene) -> None:
    """Nothing is saved up while nobody asks: two seconds' worth would fall into one."""
    scene.source(calls_per_second=10)
    gateway = scene.gateway()
    await scene.ask(someone(), gateway=gateway)
    began = utc_now()
    await asyncio.gather(*(scene.ask(someone(), gateway=gateway) for _ in range(6)))
    assert_in_turn((await arrivals(scene))[1:], began, 10)
