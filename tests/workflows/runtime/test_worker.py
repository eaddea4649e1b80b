"""Workers against a real server: draining, failing, versioned deployment, stuck workflows."""

import asyncio
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest
from temporalio import activity
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import Client
from temporalio.service import RPCError, ServiceClient
from temporalio.testing import WorkflowEnvironment

from activities.common.performing import failure_of
from messages.queues import ALL, CORE, PROVIDERS, queue_name
from providers.http.breaker import NotSent
from runtime import metrics
from runtime.settings import Settings
from runtime.temporal.client import TemporalUnavailableError, connect, telemetry
from runtime.temporal.codec import KeyringCodec
from runtime.temporal.worker import build_workers, run_workers
from tests.workflows.sealed_story import Clock, Crowd, Echo

ROOT: Final = Path(__file__).parents[3]


class Gate:
    """An activity that says when it began and waits until it may end."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    @activity.defn
    async def wait_at_gate(self) -> str:
        self.begun.set()
        await self.may_end.wait()
        return "through"


class Readiness:
    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.ended = asyncio.Event()

    @contextmanager
    def block(self) -> Iterator[None]:
        self.began.set()
        yield
        self.ended.set()


@pytest.fixture
def own_queues(settings: Settings, task_queue_prefix: str) -> Settings:
    return settings.model_copy(update={"task_queue_prefix": task_queue_prefix})


async def test_an_activity_under_way_ends_before_the_worker_does(
    dev_server: WorkflowEnvironment, own_queues: Settings
) -> None:
    gate, stop, readiness = Gate(), asyncio.Event(), Readiness()
    workers = build_workers(
        dev_server.client, own_queues, [PROVIDERS], [], {PROVIDERS: [gate.wait_at_gate]}
    )
    running = asyncio.create_task(run_workers(workers, stop, readiness.block()))
    handle = await dev_server.client.start_workflow(
        Echo.run,
        id=own_queues.task_queue_prefix,
        task_queue=queue_name(own_queues.task_queue_prefix, CORE),
    )
    core = build_workers(dev_server.client, own_queues, [CORE], [Echo], {})
    async with core[0]:
        await gate.begun.wait()
        assert readiness.began.is_set()
        stop.set()
        await readiness.ended.wait()
        assert not running.done()
        gate.may_end.set()
        await running
        assert await handle.result() == "through"


async def test_stopping_before_the_start_is_no_error(
    dev_server: WorkflowEnvironment, own_queues: Settings
) -> None:
    stop = asyncio.Event()
    stop.set()
    workers = build_workers(dev_server.client, own_queues, [CORE], [Clock], {})
    await run_workers(workers, stop, Readiness().block())
    assert workers[0].is_shutdown


async def test_a_worker_that_cannot_run_ends_all_with_its_error(
    dev_server: WorkflowEnvironment, own_queues: Settings
) -> None:
    config = dev_server.client.config()
    config["namespace"] = "nowhere"
    lost = build_workers(Client(**config), own_queues, [CORE], [Clock], {})
    sound = build_workers(dev_server.client, own_queues, [CORE], [Clock], {})
    with pytest.raises(RuntimeError, match="nowhere"):
        await run_workers([*sound, *lost], asyncio.Event(), Readiness().block())
    assert sound[0].is_shutdown


async def test_a_queue_without_work_is_refused(
    dev_server: WorkflowEnvironment, own_queues: Settings
) -> None:
    with pytest.raises(ValueError, match="At least one activity"):
        build_workers(dev_server.client, own_queues, [PROVIDERS], [Clock], {})


async def test_a_deployed_build_pins_its_workflows(
    dev_server: WorkflowEnvironment, own_queues: Settings
) -> None:
    name = f"loans-{secrets.token_hex(4)}"
    deployed = own_queues.model_copy(update={"deployment_name": name, "build_id": "b1"})
    workers = build_workers(dev_server.client, deployed, [CORE], [Clock], {})
    stop, readiness = asyncio.Event(), Readiness()
    running = asyncio.create_task(run_workers(workers, stop, readiness.block()))
    await readiness.began.wait()
    await make_current(dev_server.client, name, "b1")
    handle = await dev_server.client.start_workflow(
        Clock.run, id=name, task_queue=queue_name(own_queues.task_queue_prefix, CORE)
    )
    assert await handle.result() == "RestrictedWorkflowAccessError"
    info = (await handle.describe()).raw_description.workflow_execution_info
    assert info.versioning_info.deployment_version.build_id == "b1"
    stop.set()
    await running


async def make_current(client: Client, deployment: str, build_id: str) -> None:
    """Direct work to the build; the server knows it once its worker has polled."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace, deployment_name=deployment, build_id=build_id
    )
    async with asyncio.timeout(20):
        while True:
            try:
                await client.workflow_service.set_worker_deployment_current_version(request)
            except RPCError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_a_server_that_does_not_answer_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:9")
    monkeypatch.setattr("runtime.temporal.client._FIRST_PAUSE_SECONDS", 0.001)
    with pytest.raises(TemporalUnavailableError, match=r"127\.0\.0\.1:9 .*TEMPORAL_ADDRESS"):
        await connect(settings)


async def test_a_client_is_made_ours_from_the_environment(
    dev_server: WorkflowEnvironment, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = dev_server.client.service_client.config.target_host
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    client = await connect(settings)
    assert isinstance(client.data_converter.payload_codec, KeyringCodec)
    assert (await client.count_workflows("WorkflowType = 'Nothing'")).count == 0


async def test_a_server_without_stuck_workflows_counts_none(
    dev_server: WorkflowEnvironment,
) -> None:
    assert await metrics.count_stuck(dev_server.client) == 0


async def test_the_sdk_serves_the_metrics_that_alerts_watch(
    dev_server: WorkflowEnvironment, own_queues: Settings
) -> None:
    alerts = (ROOT / "deploy/prometheus/alerts.yml").read_text()
    watched = set(re.findall(r"\b(temporal_\w+)", alerts))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    measured = own_queues.model_copy(update={"sdk_metrics_port": port})
    config = dev_server.client.config()
    config["service_client"] = await ServiceClient.connect(
        replace(dev_server.client.service_client.config, runtime=telemetry(measured))
    )
    turnstile = Turnstile()
    workers = build_workers(
        Client(**config), measured, ALL, [Crowd], {PROVIDERS: [turnstile.pass_through]}
    )
    async with workers[0], workers[1], httpx.AsyncClient() as prometheus:
        await queue_up(dev_server.client, own_queues, 1)
        page = await prometheus.get(f"http://127.0.0.1:{port}/metrics")
    assert watched
    assert watched <= set(re.findall(r"^(\w+)", page.text, re.MULTILINE))


class Turnstile:
    """An activity that says when it was started."""

    def __init__(self) -> None:
        self.started: list[float] = []

    @activity.defn(name="wait_at_gate")
    async def pass_through(self) -> str:
        self.started.append(time.monotonic())
        return "through"


async def test_two_workers_together_start_no_more_activities_a_second_than_allowed(
    dev_server: WorkflowEnvironment, own_queues: Settings
) -> None:
    """The server lets a second's worth through at once, then keeps to the rate."""
    rate, crowd = 5, 20
    turnstile = Turnstile()
    limited = own_queues.model_copy(update={"provider_activities_per_second": rate})
    # A client has one worker of a queue: another process has a connection of its own.
    config = dev_server.client.config()
    config["service_client"] = await ServiceClient.connect(dev_server.client.service_client.config)
    workers = [
        build_workers(client, limited, [PROVIDERS], [], {PROVIDERS: [turnstile.pass_through]})[0]
        for client in (dev_server.client, Client(**config))
    ]
    core = build_workers(dev_server.client, own_queues, [CORE], [Crowd], {})
    async with workers[0], workers[1], core[0]:
        # The limit is known to the server from the first poll on.
        await queue_up(dev_server.client, own_queues, 1)
        began = time.monotonic()
        await queue_up(dev_server.client, own_queues, crowd)
    after = [moment - began for moment in turnstile.started[1:]]
    assert len(after) == crowd
    for calls, seconds in enumerate(sorted(after)):
        assert calls <= 2 * rate + 1.2 * rate * seconds


class ThrottledOnce(Turnstile):
    """An activity whose first attempt finds the source's turns taken for two seconds."""

    @activity.defn(name="wait_at_gate")
    async def pass_through(self) -> str:
        await super().pass_through()
        if len(self.started) == 1:
            raise failure_of(NotSent("bureau", "throttled", timedelta(seconds=2)))
        return "through"


async def test_a_throttled_attempt_is_repeated_after_the_wait_it_was_told(
    dev_server: WorkflowEnvironment, own_queues: Settings
) -> None:
    """Left to itself the server repeats after a second."""
    turnstile = ThrottledOnce()
    workers = build_workers(
        dev_server.client, own_queues, ALL, [Echo], {PROVIDERS: [turnstile.pass_through]}
    )
    prefix = own_queues.task_queue_prefix
    async with workers[0], workers[1]:
        answer = await dev_server.client.execute_workflow(
            Echo.run, id=prefix, task_queue=queue_name(prefix, CORE)
        )
    assert answer == "through"
    first, second = turnstile.started
    assert second - first >= 1.9


async def queue_up(client: Client, settings: Settings, size: int) -> None:
    prefix = settings.task_queue_prefix
    await client.execute_workflow(
        Crowd.run, size, id=f"{prefix}{size}", task_queue=queue_name(prefix, CORE)
    )


@pytest.mark.parametrize(
    ("told", "limits"),
    [
        ({}, [(None, 100), (None, 100)]),
        (
            {"provider_activities_per_second": 2.5, "max_concurrent_activities": 7},
            [(None, 7), (2.5, 7)],
        ),
    ],
)
async def test_only_the_queue_of_third_parties_is_limited(
    dev_server: WorkflowEnvironment,
    own_queues: Settings,
    told: dict[str, float],
    limits: list[tuple[float | None, int]],
) -> None:
    activities = {CORE: [Gate().wait_at_gate], PROVIDERS: [Gate().wait_at_gate]}
    settings = own_queues.model_copy(update=told)
    workers = build_workers(dev_server.client, settings, [CORE, PROVIDERS], [Echo], activities)
    configs = [worker.config() for worker in workers]
    assert limits == [
        (one["max_task_queue_activities_per_second"], one["max_concurrent_activities"])
        for one in configs
    ]
