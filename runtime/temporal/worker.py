"""Building and running Worker objects."""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Final

import structlog
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import PollerBehaviorAutoscaling, Worker, WorkerDeploymentConfig

from messages.queues import CORE, PROVIDERS, queue_name
from runtime.settings import Settings
from runtime.temporal.plugin import UNVERSIONED

_log = structlog.get_logger(__name__)

_GRACE: Final = timedelta(seconds=30)
_HEARTBEAT_THROTTLE: Final = timedelta(seconds=5)
_START_POLL_SECONDS: Final = 0.02


def build_workers(
    client: Client,
    settings: Settings,
    queues: Sequence[str],
    workflows: Sequence[type],
    activities_by_queue: Mapping[str, Sequence[Callable[..., Any]]],
) -> list[Worker]:
    """Return one worker for each of `queues` (constants of messages.queues).

    The core queue's runs all `workflows`. Raises ValueError for an unknown queue or one that has
    nothing to run.
    """
    return [
        Worker(
            client,
            task_queue=queue_name(settings.task_queue_prefix, queue),
            workflows=workflows if queue == CORE else [],
            activities=activities_by_queue.get(queue, []),
            identity=identity(settings),
            max_cached_workflows=settings.max_cached_workflows,
            max_concurrent_activities=settings.max_concurrent_activities,
            max_task_queue_activities_per_second=_starts_per_second(settings, queue),
            graceful_shutdown_timeout=_GRACE,
            max_heartbeat_throttle_interval=_HEARTBEAT_THROTTLE,
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
            # An unforeseen error must park a workflow, never end a loan.
            workflow_failure_exception_types=[],
            on_fatal_error=_log_fatal,
            deployment_config=_deployment(settings),
        )
        for queue in queues
    ]


def identity(settings: Settings) -> str:
    """Return how this process calls itself in Temporal: host, process id, build."""
    return f"{socket.gethostname()}@{os.getpid()}@{settings.build_id or UNVERSIONED}"


async def run_workers(
    workers: Sequence[Worker], stop: asyncio.Event, ready: AbstractContextManager[object]
) -> None:
    """Run `workers` until `stop` is set or one of them fails, then drain all of them.

    The `ready` block is entered when all poll and left when draining starts. Raises the error of
    a worker that failed.
    """
    runs = [asyncio.create_task(worker.run()) for worker in workers]
    stopping = asyncio.create_task(stop.wait())
    try:
        if await _started(workers, runs, stop):
            with ready:
                await asyncio.wait([stopping, *runs], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        await asyncio.gather(*(worker.shutdown() for worker in workers))
        ended = await asyncio.gather(*runs, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, BaseException):
            raise outcome


async def _started(
    workers: Sequence[Worker], runs: Sequence[asyncio.Task[None]], stop: asyncio.Event
) -> bool:
    """Wait until all workers poll; False when one failed or stopping was asked for before."""
    while not all(worker.is_running for worker in workers):
        if stop.is_set() or any(run.done() for run in runs):
            return False
        await asyncio.sleep(_START_POLL_SECONDS)
    return True


def _starts_per_second(settings: Settings, queue: str) -> float | None:
    """Return the limit that is sent to the server with each poll, None for none."""
    if queue != PROVIDERS or not settings.provider_activities_per_second:
        return None
    return settings.provider_activities_per_second


def _deployment(settings: Settings) -> WorkerDeploymentConfig | None:
    if not (settings.deployment_name and settings.build_id):
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment_name, settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


async def _log_fatal(error: BaseException) -> None:
    _log.critical("worker_failed", exc_info=error)
