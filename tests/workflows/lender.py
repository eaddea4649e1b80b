"""A whole lender in process: real workers, record and simulators; and what tests look at."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, TypeVar

import pytest
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    Client,
    WorkflowHandle,
    WorkflowHistory,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Replayer

from activities.registry import assemble, build
from domain.common.errors import DomainError
from messages import calls, queues
from messages.payments import TransferUpdated
from runtime.business_clock import BusinessClock
from runtime.settings import Settings
from runtime.temporal.plugin import LoanflowPlugin
from runtime.temporal.siblings import Siblings
from runtime.temporal.worker import build_workers
from runtime.time_travel import TimeTravel
from sandbox import personas
from sandbox.personas import Person
from storage.database import Database
from tests.integration.story import Bench, Book, RecordedStarts
from tests.simulators import Simulators
from workflows.registry import WORKFLOWS

Found = TypeVar("Found")
Handle = WorkflowHandle[Any, Any]

PATIENCE_SECONDS = 240.0 if os.environ.get("WORKFLOW_CACHE") == "0" else 45.0
"""Without a cache every task replays its workflow from the first event, which takes its time."""
PAUSE_SECONDS = 0.01

CACHED = 1000
also_uncached = pytest.mark.parametrize("workflow_cache", [CACHED, 0], ids=["cached", "uncached"])
"""Runs a test with workers that keep workflows in memory, and with workers that keep none."""
only_cached = pytest.mark.parametrize("workflow_cache", [CACHED], ids=["cached"])
"""Runs a test with workers that keep workflows, always: weeks of askings replay for minutes."""

# The members of a family are different people: no test sees another's applicant.
_members = itertools.count(1)


def person(key: str = "approved") -> Person:
    """Return a fictional person of a family whom no other test knows."""
    return personas.person(key, next(_members))


@dataclass(frozen=True)
class Lender:
    """One installation with task queues of its own."""

    client: Client
    settings: Settings
    database: Database
    simulators: Simulators
    bench: Bench
    desk: Bench
    """Performs activities like the bench, but starts no process that follows from them."""

    @property
    def workers_database(self) -> Database:
        """The pool, and so the cache of definitions, that the workers' activities have."""
        performing = next(
            activity
            for activities in self.bench.by_queue.values()
            for activity in activities
            if activity.call.name == calls.ASSESS_APPLICATION.name  # type: ignore[attr-defined]
        )
        database = performing.__self__.database  # type: ignore[attr-defined]
        assert isinstance(database, Database)
        return database

    @property
    def siblings(self) -> Siblings:
        return Siblings(self.client, self.settings.task_queue_prefix)

    @property
    def time_travel(self) -> TimeTravel:
        return TimeTravel(self.client, self.settings)

    @property
    def core_queue(self) -> str:
        return queues.queue_name(self.settings.task_queue_prefix, queues.CORE)

    def handle(self, workflow_id: str) -> Handle:
        return self.client.get_workflow_handle(workflow_id)

    async def pass_time(self, workflow_id: str, duration: timedelta) -> None:
        """Let a process live through `duration`, with everything that falls due in it."""
        skipper = TimeSkipper(self.client, config=TimeSkippingConfig(max_session_skip_count=10_000))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await skipper.fast_forward(self.handle(workflow_id), duration)

    async def settle(self, order_no: str, workflow_id: str, reason: str | None = None) -> None:
        """Have the payment channel settle an order, and pass its callback on as the API does."""
        settlement = {"reason": reason} if reason else {}
        event_id = await self.simulators.settle(order_no, **settlement)
        await self.call_back(workflow_id, order_no, event_id)

    async def call_back(self, workflow_id: str, order_no: str, event_id: str) -> None:
        update = TransferUpdated(order_no=order_no, event_id=event_id)
        await self.handle(workflow_id).signal("transfer_updated", update)

    async def clock(self, workflow_id: str) -> datetime:
        """Return the instant (UTC) at which a process stands."""
        return await BusinessClock(self.client, self.settings).exactly(workflow_id)

    async def search_attribute(self, workflow_id: str, key: Any) -> Any:
        return (await self.handle(workflow_id).describe()).typed_search_attributes.get(key)

    async def history(self, workflow_id: str) -> list[HistoryEvent]:
        return list((await self.handle(workflow_id).fetch_history()).events)

    async def scheduled(self, workflow_id: str, activity: str) -> list[datetime]:
        """Return when an activity was scheduled, by the process's own clock."""
        return scheduled(await self.history(workflow_id), activity)

    async def handles(self) -> list[Handle]:
        """Return every run of every process of this installation."""
        query = f"TaskQueue = '{self.core_queue}'"
        return [
            self.client.get_workflow_handle(found.id, run_id=found.run_id)
            async for found in self.client.list_workflows(query)
        ]


@asynccontextmanager
async def open_lender(
    client: Client,
    settings: Settings,
    database: Database,
    simulators: Simulators,
    plugin: LoanflowPlugin,
) -> AsyncIterator[Lender]:
    """Run the workers of `settings` and yield their lender.

    At the end no workflow task may have failed, and every history must replay. Workers without a
    cache replayed it at every task.
    """
    async with _at_work(client, settings, database, simulators) as lender:
        yield lender
    await simulators.repair()
    histories = [await handle.fetch_history() for handle in await lender.handles()]
    for history in histories:
        assert not task_failures(list(history.events)), history.workflow_id
    if not settings.max_cached_workflows:
        return
    replayer = Replayer(workflows=WORKFLOWS, plugins=[plugin])
    await replayer.replay_workflows(_each(history for history in histories if _begun(history)))


async def _each(histories: Iterable[WorkflowHistory]) -> AsyncIterator[WorkflowHistory]:
    for history in histories:
        yield history


def _begun(history: WorkflowHistory) -> bool:
    """Say whether a task of a run was completed: a replayer waits for one that never comes."""
    return bool(of_type(list(history.events), EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED))


@asynccontextmanager
async def _at_work(
    client: Client, settings: Settings, database: Database, simulators: Simulators
) -> AsyncIterator[Lender]:
    starts = RecordedStarts()
    async with build(settings, client) as activities:
        core, providers = build_workers(client, settings, queues.ALL, WORKFLOWS, activities)
        book = Book(simulators)
        async with core, providers:
            yield Lender(
                client,
                settings,
                database,
                simulators,
                Bench(database, simulators, starts, book, activities),
                Bench(
                    database,
                    simulators,
                    starts,
                    book,
                    assemble(database, simulators.providers, starts),
                ),
            )


async def eventually(
    look: Callable[[], Awaitable[Found]], holds: Callable[[Found], object] = bool
) -> Found:
    """Return what `look` sees as soon as it `holds`; fails after PATIENCE_SECONDS."""
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        found = await look()
        if holds(found):
            return found
        assert monotonic() < deadline, f"still {found!r}"
        await asyncio.sleep(PAUSE_SECONDS)


@contextmanager
def refused(error: type[DomainError]) -> Iterator[None]:
    """An update inside fails with this refusal, as its caller sees it."""
    with pytest.raises(WorkflowUpdateFailedError) as failure:
        yield
    cause = failure.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == error.__name__, cause


@contextmanager
def ended() -> Iterator[None]:
    """A command inside reaches a process that has ended."""
    with pytest.raises(RPCError) as failure:
        yield
    assert failure.value.status is RPCStatusCode.NOT_FOUND


def of_type(events: list[HistoryEvent], kind: "EventType.ValueType") -> list[HistoryEvent]:
    return [event for event in events if event.event_type == kind]


def instant(event: HistoryEvent) -> datetime:
    """Return when an event happened by the process's own clock."""
    return event.event_time.ToDatetime(tzinfo=UTC)


def scheduled(events: list[HistoryEvent], activity: str) -> list[datetime]:
    """Return when an activity was scheduled, by the process's own clock."""
    return [
        instant(event)
        for event in of_type(events, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
        if event.activity_task_scheduled_event_attributes.activity_type.name == activity
    ]


def task_failures(events: list[HistoryEvent]) -> list[str]:
    """Return what failed workflow tasks, apart from news that came while one was completed."""
    news = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    causes = [
        event.workflow_task_failed_event_attributes.cause
        for event in of_type(events, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED)
    ]
    return [WorkflowTaskFailedCause.Name(cause) for cause in causes if cause != news]
