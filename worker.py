"""The worker process: runs workflows and activities until SIGTERM or SIGINT, then drains.

    python -m worker [--queue core] [--queue providers]

Exit codes: 0 stopped as asked, 1 a worker failed, 2 it could not start (the message says why).
"""

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Final

import asyncpg
import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from activities import registry
from messages.queues import ALL, CORE
from runtime import logging, metrics
from runtime.keyring import KeyringError
from runtime.production import SettingsRefused, settings_of
from runtime.pulse import Pulse
from runtime.settings import Settings
from runtime.temporal import schedules, search_attributes
from runtime.temporal.client import TemporalUnavailableError, connect, telemetry
from runtime.temporal.search_attributes import SearchAttributesMissingError
from runtime.temporal.worker import build_workers, run_workers
from storage.payments import orders_in_doubt
from workflows.registry import WORKFLOWS

_log = structlog.get_logger("worker")

_WATCH_SECONDS: Final = 30.0
_DOUBTFUL_AFTER: Final = timedelta(minutes=10)
_CANNOT_START: Final = (
    TemporalUnavailableError,
    SearchAttributesMissingError,
    KeyringError,
    RPCError,
    OSError,
)


async def run(settings: Settings, queues: Sequence[str]) -> None:
    """Serve `queues` until a signal asks to stop; raises what keeps it from starting or running."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    client = await connect(settings, runtime=telemetry(settings))
    if settings.environment == "local":
        await search_attributes.register(client)
    else:
        await search_attributes.check(client)
    if CORE in queues:
        await schedules.set_up(client, settings.task_queue_prefix)
    async with registry.build(settings, client) as activities:
        workers = build_workers(client, settings, queues, WORKFLOWS, activities)
        pulse = Pulse()
        watching = _watching(client, settings) if CORE in queues else contextlib.nullcontext()
        async with pulse.beating(), watching:
            await run_workers(workers, stop, _ready(settings, queues, pulse))
    _log.info("worker_stopped")


@contextlib.contextmanager
def _ready(settings: Settings, queues: Sequence[str], pulse: Pulse) -> Iterator[None]:
    with metrics.serve(settings.metrics_port, is_alive=lambda: pulse.is_steady):
        _log.info("worker_ready", queues=list(queues), metrics_port=settings.metrics_port)
        yield
        _log.info("worker_draining")


@contextlib.asynccontextmanager
async def _watching(client: Client, settings: Settings) -> AsyncIterator[None]:
    watches = [
        asyncio.create_task(_watch(lambda: _look_for_stuck(client))),
        asyncio.create_task(_watch(lambda: _look_for_doubt(settings.database_url))),
    ]
    try:
        yield
    finally:
        for watch in watches:
            watch.cancel()


async def _watch(look: Callable[[], Awaitable[None]]) -> None:
    """Keep a gauge fresh. Every worker of the queue does, so that none has to be there."""
    while True:
        await look()
        await asyncio.sleep(_WATCH_SECONDS)


async def _look_for_stuck(client: Client) -> None:
    try:
        stuck = await metrics.count_stuck(client)
    except RPCError as error:
        _log.warning("stuck_count_failed", status=error.status.name)
        return
    if stuck:
        _log.error("workflows_stuck", stuck_count=stuck, query=metrics.STUCK_QUERY)


async def _look_for_doubt(url: str) -> None:
    try:
        counts = await orders_in_doubt(url, _DOUBTFUL_AFTER)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        _log.warning("doubt_count_failed", error_type=type(error).__name__)
        return
    metrics.money_in_doubt(counts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process; returns its exit code."""
    parser = argparse.ArgumentParser(prog="worker", description="Run workflows and activities.")
    parser.add_argument(
        "--queue", action="append", choices=ALL, help="task queue to serve; repeat (default: all)"
    )
    queues = parser.parse_args(arguments).queue or ALL
    try:
        settings = settings_of("worker")
    except SettingsRefused as error:
        sys.stderr.write(f"worker: {error}\n")
        return 2
    logging.configure(settings, "worker")
    try:
        asyncio.run(run(settings, queues))
    except _CANNOT_START as error:
        _log.critical("worker_cannot_start", reason=str(error))
        sys.stderr.write(f"worker: {error}\n")
        return 2
    except Exception:  # noqa: BLE001 -- the last line of the process: tell all, then the exit code
        _log.critical("worker_failed", exc_info=True)
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    # The SDK's threads may outlive the interpreter and abort it (temporalio/sdk-python#300):
    # let go of them, then give them a moment.
    gc.collect()
    time.sleep(0.4)
    sys.exit(code)
