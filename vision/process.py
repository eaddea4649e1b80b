"""One worker process as the service sees it."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from vision.pipe import LENGTHS, packed

START_SECONDS = 120.0
_STOP_SECONDS = 3.0
_CODE = Path(__file__).parents[1]


class WorkerLostError(Exception):
    """The process ended, or its pipe closed, before it had answered."""


@dataclass(frozen=True)
class Answer:
    """A worker's answer: an HTTP status and a JSON body, ready to be sent."""

    status: int
    body: bytes


class WorkerProcess:
    """A started process. Whoever gives up waiting for an answer must `kill` it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.models: dict[str, str] = {}

    @classmethod
    async def start(cls, threads: int) -> Self:
        """Start one and wait until its models are loaded; raises WorkerLostError."""
        worker = cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "vision.worker", str(threads)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=_CODE,
            )
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                worker.models = json.loads((await worker._received()).body)
        except TimeoutError:
            await worker.kill()
            raise WorkerLostError from None
        except BaseException:
            await worker.kill()
            raise
        return worker

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process has not been seen to end."""
        return self._process.returncode is None

    async def call(self, operation: str, body: bytes) -> Answer:
        """Do one operation; raises WorkerLostError."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 -- started with a pipe
        try:
            stdin.write(packed(operation, body))
            await stdin.drain()
        except ConnectionError:
            raise WorkerLostError from None
        return await self._received()

    async def stop(self) -> None:
        """Close its input, which ends it; kill it if that does not."""
        stdin = self._process.stdin
        if stdin is not None:
            stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once."""
        if self.alive:
            # Not asyncio's own: it may reap the process before its watcher, which then complains.
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        await self._process.wait()

    async def _received(self) -> Answer:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101 -- started with a pipe
        try:
            head, body = LENGTHS.unpack(await stdout.readexactly(LENGTHS.size))
            status = await stdout.readexactly(head)
            return Answer(int(status), await stdout.readexactly(body))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise WorkerLostError from None
