"""The plugin against a real server: what is sealed, logged, counted and replayed."""

import asyncio
import io
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import prometheus_client
import pytest
import structlog
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import TimeSkipper, WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from messages.queues import CORE, PROVIDERS
from messages.search_attributes import APPLICATION_STATE, WAITING
from runtime import logging
from runtime.keyring import Keyring
from runtime.settings import Settings
from runtime.temporal.plugin import LoanflowPlugin
from runtime.temporal.worker import build_workers, run_workers
from tests.workflows.sealed_story import Case, Clock, Story, remember

FreshKeys = Callable[..., str]

CANARY = "Canary-Zhang-San"


@asynccontextmanager
async def working(client: Client, settings: Settings) -> AsyncIterator[Sequence[Worker]]:
    workers = build_workers(
        client, settings, [CORE, PROVIDERS], [Story, Clock], {PROVIDERS: [remember]}
    )
    stop = asyncio.Event()
    ready = asyncio.Event()

    @contextmanager
    def announce() -> Iterator[None]:
        ready.set()
        yield

    running = asyncio.create_task(run_workers(workers, stop, announce()))
    await ready.wait()
    try:
        yield workers
    finally:
        stop.set()
        await running


@pytest.fixture(scope="session")
def time_skipping(dev_server: WorkflowEnvironment) -> Client:
    """A client whose workflows do not wait for their timers."""
    return TimeSkipper(dev_server.client).client


@pytest.fixture
def own_queues(settings: Settings, task_queue_prefix: str) -> Settings:
    return settings.model_copy(update={"task_queue_prefix": task_queue_prefix})


@dataclass(frozen=True)
class Told:
    """A finished story: its handle and its history as the server stores it."""

    handle: WorkflowHandle[Story, Case]
    raw: bytes
    history: WorkflowHistory


async def tell(client: Client, settings: Settings, case: Case) -> Told:
    handle = await client.start_workflow(
        Story.run,
        case,
        id=f"application:app_{secrets.token_hex(6)}",
        task_queue=f"{settings.task_queue_prefix}core",
        memo={"label": case.note},
        static_summary=f"about {case.note}",
        search_attributes=TypedSearchAttributes([SearchAttributePair(APPLICATION_STATE, "draft")]),
    )
    try:
        assert await handle.result() == case
    except WorkflowFailureError:
        assert case.fails
    answer = await client.workflow_service.get_workflow_execution_history(
        GetWorkflowExecutionHistoryRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=handle.id),
        )
    )
    return Told(handle, answer.history.SerializeToString(), await handle.fetch_history())


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_told_to_temporal_is_stored_readable(
    time_skipping: Client, own_queues: Settings, fails: bool
) -> None:
    async with working(time_skipping, own_queues):
        told = await tell(time_skipping, own_queues, Case(note=CANARY, fails=fails))
    assert b"Story" in told.raw
    assert CANARY.encode() not in told.raw
    assert CANARY not in told.history.to_json()


async def test_failures_are_sealed_in_history_and_readable_to_us(
    time_skipping: Client, own_queues: Settings
) -> None:
    async with working(time_skipping, own_queues):
        told = await tell(time_skipping, own_queues, Case(note=CANARY, fails=True))
    assert b"Encoded failure" in told.raw
    with pytest.raises(WorkflowFailureError) as caught:
        await told.handle.result()
    assert isinstance(caught.value.cause, ActivityError)
    refusal = caught.value.cause.cause
    assert isinstance(refusal, ApplicationError)
    assert (refusal.message, refusal.type) == (CANARY, "Refused")


async def test_a_new_key_in_front_leaves_old_workflows_readable(
    time_skipping: Client, own_queues: Settings, fresh_keys: FreshKeys
) -> None:
    async with working(time_skipping, own_queues):
        told = await tell(time_skipping, own_queues, Case(note=CANARY))
    old = own_queues.payload_keys.get_secret_value()
    rotated = LoanflowPlugin(Keyring.parse(f"{fresh_keys('test-2')},{old}"))
    config = time_skipping.config()
    config["plugins"] = [rotated]
    handle = Client(**config).get_workflow_handle(told.handle.id, result_type=Case)
    assert (await handle.result()).note == CANARY


async def test_a_replayer_with_the_plugin_replays(
    time_skipping: Client,
    own_queues: Settings,
    plugin: LoanflowPlugin,
    fresh_keys: FreshKeys,
) -> None:
    async with working(time_skipping, own_queues):
        told = await tell(time_skipping, own_queues, Case(note=CANARY))
    history = WorkflowHistory.from_json(told.handle.id, told.history.to_json())
    await Replayer(workflows=[Story], plugins=[plugin]).replay_workflow(history)
    without_keys = Replayer(
        workflows=[Story], plugins=[LoanflowPlugin(Keyring.parse(fresh_keys("test-1")))]
    )
    with pytest.raises(Exception, match="Tampered"):
        await without_keys.replay_workflow(history)


async def test_search_attributes_are_found(time_skipping: Client, own_queues: Settings) -> None:
    async with working(time_skipping, own_queues):
        told = await tell(time_skipping, own_queues, Case(note=CANARY))
    attributes = (await told.handle.describe()).typed_search_attributes
    assert attributes[APPLICATION_STATE] == "draft"
    assert attributes[WAITING] == "provider"


async def test_log_lines_carry_ids_and_no_personal_data(
    time_skipping: Client, own_queues: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout = io.StringIO()
    monkeypatch.setattr("sys.stdout", stdout)
    logging.configure(own_queues, "worker")
    try:
        async with working(time_skipping, own_queues):
            told = await tell(time_skipping, own_queues, Case(note=CANARY))
    finally:
        logging.stop()
        structlog.reset_defaults()
    lines = {line["event"]: line for line in map(json.loads, stdout.getvalue().splitlines())}
    assert lines["asked"]["temporal_workflow"]["workflow_id"] == told.handle.id
    for event in ("remembering", "remembering_too"):
        assert lines[event]["temporal_activity"]["workflow_id"] == told.handle.id
        assert lines[event]["temporal_activity"]["activity_type"] == "remember"
    for event in ("asked", "remembering", "remembering_too"):
        assert lines[event]["application_id"] == told.handle.id.removeprefix("application:")
    assert CANARY not in stdout.getvalue()


def attempts(outcome: str) -> float:
    labels = {"activity": "remember", "outcome": outcome}
    counted = prometheus_client.REGISTRY.get_sample_value(
        "loanflow_activity_attempts_total", labels
    )
    return counted or 0.0


async def test_interceptors_run_once_for_an_attempt(
    time_skipping: Client, own_queues: Settings
) -> None:
    completed, failed = attempts("completed"), attempts("failed")
    async with working(time_skipping, own_queues):
        await tell(time_skipping, own_queues, Case(note="x"))
        await tell(time_skipping, own_queues, Case(note="x", fails=True))
    assert (attempts("completed"), attempts("failed")) == (completed + 1, failed + 1)


async def test_the_sandbox_still_guards_workflow_code(
    dev_server: WorkflowEnvironment, own_queues: Settings
) -> None:
    async with working(dev_server.client, own_queues):
        name = await dev_server.client.execute_workflow(
            Clock.run,
            id=own_queues.task_queue_prefix,
            task_queue=f"{own_queues.task_queue_prefix}core",
        )
    assert name == "RestrictedWorkflowAccessError"
