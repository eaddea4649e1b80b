"""Whether anything can be done: the record answers, the engine answers, and it can write.

A server whose disk is full answers that it serves, and starts nothing. So it is asked to write
something: a limit of a task queue that nobody uses, one row of its database that stays one row.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from time import monotonic
from typing import Final

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit
from temporalio.api.workflowservice.v1 import UpdateTaskQueueConfigRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from api.http.refusals import DATABASE_DOWN
from storage.database import Database

_log = structlog.stdlib.get_logger(__name__)

_PATIENCE: Final = timedelta(seconds=3)
_KNOWN_SECONDS: Final = 1.0
_WRITTEN_SECONDS: Final = 10.0
"""What was found holds for so long, however often it is asked: anybody may ask."""
_QUEUE: Final = "readiness"
# What else it refuses, a right for one, does not say that it cannot write.
_CANNOT: Final = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
        RPCStatusCode.DATA_LOSS,
    }
)


class _Known:
    """An answer that holds for a while; who asks meanwhile, or at once, gets the same one."""

    def __init__(self, ask: Callable[[], Awaitable[bool]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._until = 0.0
        self._answer = False

    async def get(self) -> bool:
        async with self._lock:
            if monotonic() >= self._until:
                self._answer = await self._ask()
                # A bad one is asked for again sooner: it may be over.
                seconds = self._seconds if self._answer else min(self._seconds, _KNOWN_SECONDS)
                self._until = monotonic() + seconds
            return self._answer


@dataclass(frozen=True)
class Ready:
    """What answers, and whether the engine can write."""

    database: bool
    engine: bool
    engine_writes: bool


class ReadinessCheck:
    """Asks the database and the engine of this process."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database = database
        self._client = client
        self._numbers = count()
        self._answers = _Known(self._database_answers, _KNOWN_SECONDS)
        self._serves = _Known(self._engine_serves, _KNOWN_SECONDS)
        self._writes = _Known(self._engine_writes, _WRITTEN_SECONDS)

    async def ask(self) -> Ready:
        """Return how things stand, as found a moment ago."""
        database, engine = await asyncio.gather(self._answers.get(), self._serves.get())
        return Ready(database, engine, engine and await self._writes.get())

    async def _database_answers(self) -> bool:
        try:
            await self._database.ping()
        except DATABASE_DOWN:
            return False
        return True

    async def _engine_serves(self) -> bool:
        try:
            return await self._client.service_client.check_health(timeout=timedelta(seconds=2))
        except (RPCError, RuntimeError):
            return False

    async def _engine_writes(self) -> bool:
        # Another value than last time: the same one would not be written again.
        limit = RateLimit(requests_per_second=1_000 + next(self._numbers) % 1_000)
        try:
            await self._client.workflow_service.update_task_queue_config(
                UpdateTaskQueueConfigRequest(
                    namespace=self._client.namespace,
                    identity=_QUEUE,
                    task_queue=_QUEUE,
                    task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
                    update_queue_rate_limit=UpdateTaskQueueConfigRequest.RateLimitUpdate(
                        rate_limit=limit, reason="asked whether anything can be written"
                    ),
                ),
                timeout=_PATIENCE,
            )
        except RPCError as error:
            if error.status in _CANNOT:
                _log.warning("engine_cannot_write", status=error.status.name)
                return False
        except RuntimeError:
            return False
        return True
