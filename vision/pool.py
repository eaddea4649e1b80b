"""A few worker processes behind a bounded queue.

A call waits for a free process for a limited time, and is then given a limited time. A process that
dies or takes longer is killed and replaced; its call is answered as unavailable, never as done.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vision.config import VisionConfig
from vision.process import Answer, WorkerLostError, WorkerProcess
from vision.refusal import RefusalError

_RETRY_SECONDS = 2
_RESTART_SECONDS = 1.0
_MAX_RESTART_SECONDS = 30.0

_logger = logging.getLogger("vision.pool")


class Pool:
    """The processes; use it between `start` and `close`."""

    def __init__(self, config: VisionConfig) -> None:
        self._config = config
        self._idle: asyncio.Queue[WorkerProcess] = asyncio.Queue()
        self._workers: set[WorkerProcess] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._inside = 0
        self._closed = False
        self.models: dict[str, str] = {}

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that are ready or at work."""
        return sorted(worker.pid for worker in self._workers if worker.alive)

    def start(self) -> None:
        """Begin to start the processes; calls wait for the first that is ready."""
        for _ in range(self._config.processes):
            self._start_one()

    async def run(self, operation: str, body: bytes) -> Answer:
        """Do an operation in one of the processes.

        Raises RefusalError of status 503: `busy` (too many wait, or for too long), `worker_lost`
        (the process died), `too_slow` (it was given up).
        """
        most = self._config.processes + self._config.waiting
        if self._inside >= most or self._closed:
            raise RefusalError(503, "busy", _RETRY_SECONDS)
        self._inside += 1
        try:
            async with self._worker() as worker, asyncio.timeout(self._config.job_seconds):
                return await worker.call(operation, body)
        except WorkerLostError:
            raise RefusalError(503, "worker_lost", _RETRY_SECONDS) from None
        except TimeoutError:
            raise RefusalError(503, "too_slow", _RETRY_SECONDS) from None
        finally:
            self._inside -= 1

    async def close(self) -> None:
        """End all processes."""
        self._closed = True
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator[WorkerProcess]:
        """Lend an idle process; one that is not given back in order is replaced."""
        worker = await self._next_idle()
        try:
            yield worker
        except BaseException:
            # Also when the call was cancelled: an answer still to come must not reach another.
            self._replace(worker)
            raise
        self._idle.put_nowait(worker)

    async def _next_idle(self) -> WorkerProcess:
        try:
            async with asyncio.timeout(self._config.wait_seconds):
                while not (worker := await self._idle.get()).alive:
                    self._replace(worker)
        except TimeoutError:
            raise RefusalError(503, "busy", _RETRY_SECONDS) from None
        return worker

    def _replace(self, worker: WorkerProcess) -> None:
        _logger.warning("worker %d is replaced", worker.pid)
        self._workers.discard(worker)
        self._start_one(worker)

    def _start_one(self, instead_of: WorkerProcess | None = None) -> None:
        if self._closed:
            return
        task = asyncio.create_task(self._bring_up(instead_of))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _bring_up(self, instead_of: WorkerProcess | None) -> None:
        if instead_of is not None:
            await instead_of.kill()
        pause = _RESTART_SECONDS
        while True:
            try:
                worker = await WorkerProcess.start(self._config.threads_each)
            except WorkerLostError:
                _logger.error("a worker could not start, again in %g s", pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _MAX_RESTART_SECONDS)
                continue
            self.models = worker.models
            self._workers.add(worker)
            self._idle.put_nowait(worker)
            return
