"""One child process: started in a session of its own, observed, signalled, reaped."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")
_POLL_SECONDS = 0.05
_TAIL_LINES = 20
_TAIL_BYTES = 64 * 1024
LOG_BYTES = 10 * 1024 * 1024

Probe = Callable[[], Awaitable[str | None]]
"""Tells whether a process is ready: `None` when it is, else in a few words why it is not."""


async def ready_at_once() -> str | None:
    """Be the probe of a process that has nothing to ask."""
    return None


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a child runs as; only root can choose one."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """How a process is started, recognised as ready, and stopped.

    `before_start` is awaited before every start, also after a death. `stop_signal` also reaches
    the child when its supervisor dies. `alive` is asked again and again once the child is ready:
    one that does not answer for `hung_seconds` is killed.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    probe: Probe = ready_at_once
    alive: Probe = ready_at_once
    alive_every_seconds: float = 10.0
    hung_seconds: float = 30.0
    before_start: Callable[[], Awaitable[None]] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    account: Account | None = None
    start_seconds: float = 60.0
    stop_seconds: float = 20.0


class Child:
    """A running, or ended, process of a `ProcessSpec`; its output is appended to `log`.

    Start children from a thread that outlives them (the main thread): Linux counts the end of the
    thread that forked as the parent's death.
    """

    def __init__(self, spec: ProcessSpec, log: Path, keep_open: Sequence[int] = ()) -> None:
        self.spec = spec
        self.log = log
        self._log_start = 0
        self.rotate_log()
        with log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(  # noqa: S603 -- a fixed launcher, no shell
                self._launcher(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(spec.environment),
                pass_fds=tuple(keep_open),
                start_new_session=True,
            )

    def _launcher(self) -> list[str]:
        options = [f"--parent={os.getpid()}", f"--death-signal={int(self.spec.stop_signal)}"]
        if self.spec.account is not None:
            options += [f"--uid={self.spec.account.uid}", f"--gid={self.spec.account.gid}"]
        options.append(f"--folder={self.spec.folder}")
        return [sys.executable, "-I", "-S", str(_LAUNCH), *options, "--", *self.spec.command]

    @property
    def pid(self) -> int:
        """The process id, also after the end."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal, or `None` while the process lives.

        What is left of its process group is killed before it is reaped: until then no other
        process can have got its id.
        """
        if self._process.returncode is None and self._has_ended():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        return self._process.returncode

    def _has_ended(self) -> bool:
        if not hasattr(os, "waitid"):
            return self._process.poll() is not None
        try:
            options = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self.pid, options) is not None
        except ChildProcessError:
            return True

    async def ended(self) -> int:
        """Wait for the end and return the exit code."""
        # A process has no event to wait for that works on every system.
        while (code := self.exit_code()) is None:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)
        return code

    async def ended_within(self, seconds: float) -> int | None:
        """Wait for the end and return the exit code, or `None` after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self.ended()
        return None

    def rotate_log(self) -> None:
        """Put what the log holds aside when it is long; the file before that is dropped.

        The child goes on with the file that it has open, which is copied and emptied: it appends.
        """
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)
            self._log_start = 0

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process unless it has ended."""
        if self.exit_code() is None:
            self._process.send_signal(number)

    async def stop(self) -> None:
        """Ask the process to stop and wait; kill it when it takes longer than its spec allows."""
        self.signal(self.spec.stop_signal)
        if await self.ended_within(self.spec.stop_seconds) is None:
            self.signal(signal.SIGKILL)
            await self.ended()

    def last_lines(self) -> str:
        """Return the last lines that this start of the process wrote."""
        with self.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, end - _TAIL_BYTES))
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-_TAIL_LINES:])


def describe_exit(code: int) -> str:
    """Say an exit code in words: `exit code 3`, `killed by SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
