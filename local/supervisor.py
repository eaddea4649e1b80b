"""Keeps a set of child processes running, in order, until they are to stop."""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Literal

from local.child import Child, ProcessSpec, describe_exit
from local.errors import LocalStackError

OnDeath = Literal["restart", "stop", "leave"]
"""What follows when a child ends by itself: start it again, give up, or only report it.

Started again it is as often as it takes, with growing pauses, while the others go on.
"""

_PROBE_PAUSE_SECONDS = 0.05
_CALM_SECONDS = 60.0
"""After so long without a death the next one is the first again."""
_FIRST_BACKOFF_SECONDS = 0.2
_DOUBLINGS = 10
_SHOWN_LINES = 5

_logger = logging.getLogger(__name__)


class ChildFailed(LocalStackError):
    """A child ended or did not become ready: what happened, and the last lines that it wrote."""

    def __init__(self, what: str, child: Child) -> None:
        self.what = what
        self.lines = child.last_lines() or "(it wrote nothing)"
        super().__init__(f"{what}. Last lines of {child.log}:\n{self.lines}")


class Supervisor:
    """Starts children, waits until each is ready, watches them and stops them in reverse order.

    `report` gets one line for a person whenever something happens unasked. `on_change` is called
    after a child got another process id. `keep_open` are file descriptors that children inherit.
    """

    def __init__(
        self,
        logs: Path,
        *,
        on_death: OnDeath = "leave",
        report: Callable[[str], None] = _logger.warning,
        on_change: Callable[[], None] | None = None,
        keep_open: Sequence[int] = (),
    ) -> None:
        self._logs = logs
        self._on_death = on_death
        self._report = report
        self._on_change = on_change
        self._keep_open = tuple(keep_open)
        self._children: dict[str, Child] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._deaths: dict[str, int] = {}
        self._given_up = asyncio.Event()
        self._reason = ""
        self.longest_backoff_seconds = 30.0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all children, in the order of their first start."""
        return tuple(self._children)

    def pid(self, name: str) -> int:
        """Return the process id of the present, or last, run of the child."""
        return self._child(name).pid

    def alive(self, name: str) -> bool:
        """Tell whether the child runs now."""
        return self._child(name).exit_code() is None

    def log(self, name: str) -> Path:
        """Return the file that gets the child's output."""
        return self._logs / f"{name}.log"

    def _child(self, name: str) -> Child:
        try:
            return self._children[name]
        except KeyError:
            raise LocalStackError(f"there is no process {name!r} in this stack") from None

    async def start(self, spec: ProcessSpec) -> None:
        """Start a child and wait until it is ready; then watch it.

        Raises LocalStackError with the last lines of its log when it ends or is not ready in time.
        """
        if spec.name in self._children and self.alive(spec.name):
            raise LocalStackError(f"{spec.name} runs already")
        await self._start(spec)
        watcher = self._watchers[spec.name] = asyncio.create_task(self._watch(spec.name))
        watcher.add_done_callback(self._watcher_ended)

    async def run(self, spec: ProcessSpec) -> None:
        """Run a command to its end; LocalStackError unless it ends with exit code 0 in time."""
        child = self._spawn(spec)
        try:
            code = await child.ended_within(spec.start_seconds)
        finally:
            await child.stop()
        if code is None:
            raise LocalStackError(f"{spec.name} did not end within {spec.start_seconds:.0f} s")
        if code != 0:
            raise self._failure(child, f"{spec.name} failed with {describe_exit(code)}")

    async def kill(self, name: str) -> None:
        """Send SIGKILL as if from outside and wait for the end; `on_death` then applies."""
        child = self._child(name)
        child.signal(signal.SIGKILL)
        await child.ended()

    async def terminate(self, name: str) -> None:
        """Stop one child in good order and leave it stopped until `restart`."""
        await self._unwatch(name)
        await self._child(name).stop()

    async def restart(self, name: str) -> None:
        """Stop the child if it lives, start it again with the same ports and wait until ready."""
        await self.terminate(name)
        await self.start(self._child(name).spec)

    async def stop(self) -> None:
        """Stop all children, last started first."""
        for name in tuple(self._watchers):
            await self._unwatch(name)
        for child in reversed(self._children.values()):
            await child.stop()

    async def wait_given_up(self) -> str:
        """Wait until a child died for good by the policy and return what happened."""
        await self._given_up.wait()
        return self._reason

    def _spawn(self, spec: ProcessSpec) -> Child:
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            return Child(spec, self.log(spec.name), self._keep_open)
        except OSError as error:
            raise LocalStackError(f"cannot start {spec.name}: {error}") from error

    async def _start(self, spec: ProcessSpec) -> None:
        if spec.before_start is not None:
            await spec.before_start()
        child = self._children[spec.name] = self._spawn(spec)
        await self._until_ready(child)
        self._changed()

    def _changed(self) -> None:
        if self._on_change is None:
            return
        try:
            self._on_change()
        except OSError as error:
            # The children run all the same: a full disk is no reason to end them.
            self._report(f"where things run could not be written: {error.strerror}")

    async def _until_ready(self, child: Child) -> None:
        spec, reason = child.spec, "no answer"
        deadline = monotonic() + spec.start_seconds
        while monotonic() < deadline:
            answer = await spec.probe()
            if (code := child.exit_code()) is not None:
                raise self._failure(child, f"{spec.name} ended at start with {describe_exit(code)}")
            if answer is None:
                return
            reason = answer
            await asyncio.sleep(_PROBE_PAUSE_SECONDS)
        await child.stop()
        raise self._failure(
            child, f"{spec.name} was not ready within {spec.start_seconds:.0f} s: {reason}"
        )

    @staticmethod
    def _failure(child: Child, what: str) -> ChildFailed:
        return ChildFailed(what, child)

    async def _watch(self, name: str) -> None:
        while True:
            began = monotonic()
            what = await self._end_of(self._child(name))
            if self._on_death == "leave":
                self._report(what)
                return
            if self._on_death == "stop":
                self._give_up(str(self._failure(self._child(name), what)))
                return
            if monotonic() - began > _CALM_SECONDS:
                self._deaths.pop(name, None)
            await self._revive(name, what)

    async def _end_of(self, child: Child) -> str:
        """Wait until a child ends, or is killed because it answers no more; return what happened.

        Its probe is asked now and then; one that was ready and does not answer for long has hung.
        """
        spec = child.spec
        answered = monotonic()
        while True:
            asked = monotonic()
            code = await child.ended_within(spec.alive_every_seconds)
            if code is not None:
                return f"{spec.name} ended unexpectedly ({describe_exit(code)})"
            if monotonic() - asked > 2 * spec.alive_every_seconds:
                # We were held still ourselves: that nobody was asked is not the child's fault.
                answered = monotonic()
            self._rotate_log(child)
            reason = await spec.alive()
            if reason is None:
                answered = monotonic()
            elif monotonic() - answered > spec.hung_seconds:
                child.signal(signal.SIGKILL)
                await child.ended()
                return f"{spec.name} lived and did not answer, so it was killed ({reason})"

    def _rotate_log(self, child: Child) -> None:
        try:
            child.rotate_log()
        except OSError as error:
            self._report(f"the log of {child.spec.name} cannot be rotated: {error.strerror}")

    async def _revive(self, name: str, what: str) -> None:
        """Start a dead child again, as often as it takes, with growing pauses."""
        lines = self._child(name).last_lines()
        while True:
            deaths = self._deaths[name] = self._deaths.get(name, 0) + 1
            pause = _FIRST_BACKOFF_SECONDS * 2 ** min(deaths - 1, _DOUBLINGS)
            pause = min(pause, self.longest_backoff_seconds)
            self._report(f"{what}: starting it again in {pause:.1f} s")
            if deaths > 1:
                self._report_lines(name, lines)
            await asyncio.sleep(pause)
            try:
                await self._start(self._child(name).spec)
            except ChildFailed as error:
                what, lines = error.what, error.lines
            except LocalStackError as error:
                what, lines = str(error), ""
            except OSError as error:
                what, lines = f"{name} cannot start: {error.strerror}", ""
            else:
                self._report(f"{name} is back (pid {self.pid(name)})")
                return

    def _report_lines(self, name: str, lines: str) -> None:
        for line in lines.splitlines()[-_SHOWN_LINES:]:
            self._report(f"  {name}: {line}")

    def _watcher_ended(self, watcher: asyncio.Task[None]) -> None:
        if not watcher.cancelled() and (error := watcher.exception()) is not None:
            self._give_up(f"the supervisor failed: {error!r}")

    def _give_up(self, reason: str) -> None:
        self._reason = reason
        self._given_up.set()

    async def _unwatch(self, name: str) -> None:
        watcher = self._watchers.pop(name, None)
        if watcher is not None:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
