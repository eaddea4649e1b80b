"""What a running stack publishes to other processes of its clone, and the lock on its folder.

`stack.json` is private because it holds the database's password.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from local.development_secrets import read_secrets
from local.errors import LocalStackError

CODE_FOLDER: Final = Path(__file__).resolve().parents[1]

_STACK_FILE = "stack.json"
_LOCK_FILE = "lock"
_ENDING_SECONDS = 30.0


def default_folder() -> Path:
    """Return the clone's `.local`, or what `LOANFLOW_LOCAL_FOLDER` names."""
    named = os.environ.get("LOANFLOW_LOCAL_FOLDER")
    return Path(named).resolve() if named else CODE_FOLDER / ".local"


@dataclass(frozen=True, slots=True)
class StackState:
    """Where a stack's parts are; `environment` holds the settings of its processes but no keys."""

    pid: int
    pid_started: str
    started_at: str
    api_url: str
    sandbox_url: str
    temporal_address: str
    temporal_ui_url: str
    processes: Mapping[str, int]
    environment: Mapping[str, str]


def write_stack(folder: Path, state: StackState) -> None:
    """Publish a stack as running, in place of what was published before."""
    draft = folder / f"{_STACK_FILE}.new"
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(state), indent=2) + "\n")
    draft.replace(folder / _STACK_FILE)


def remove_stack(folder: Path) -> None:
    """Take back what `write_stack` published."""
    (folder / _STACK_FILE).unlink(missing_ok=True)


def running_stack(folder: Path | None = None) -> StackState | None:
    """Return the stack that runs on the folder, or `None` when none does.

    What a stack left behind whose supervisor was killed is recognised and not returned.
    """
    try:
        found = json.loads(((folder or default_folder()) / _STACK_FILE).read_text())
        state = StackState(**found)
    except (OSError, ValueError, TypeError):
        return None
    return state if process_start(state.pid) == state.pid_started else None


def stack_environment(folder: Path | None = None) -> dict[str, str]:
    """Return all settings, keys and tokens of the running stack, as its API process has them.

    This is what a command line needs to talk to the stack; LocalStackError when none runs.
    """
    folder = folder or default_folder()
    state = running_stack(folder)
    if state is None:
        raise LocalStackError("no stack is running here: start one with `make run`")
    return {**read_secrets(folder), **state.environment}


def process_start(pid: int) -> str | None:
    """Return what a later process with the same id would not have; `None` when it is gone."""
    try:
        # The name, in parentheses, may hold anything; the start is the 20th field after it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return ""
    return ""


class FolderLock:
    """One stack a folder. Children inherit the lock, so it is held until the last one has ended."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _LOCK_FILE
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """The open file that children keep open."""
        if self._descriptor is None:
            raise LocalStackError(f"{self._path} is not locked")
        return self._descriptor

    async def acquire(self) -> None:
        """Take the lock.

        Raises LocalStackError at once when another supervisor lives. When it was killed, waits for
        its children, which are ending, and raises only if they do not.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = monotonic() + _ENDING_SECONDS
        try:
            while not _try_lock(descriptor):
                self._refuse_if_held(descriptor, monotonic() > deadline)
                await asyncio.sleep(0.05)
        except BaseException:
            os.close(descriptor)
            raise
        holder = json.dumps([os.getpid(), process_start(os.getpid())])
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode(), 0)
        self._descriptor = descriptor

    def _refuse_if_held(self, descriptor: int, too_late: bool) -> None:
        try:
            pid, started = json.loads(os.pread(descriptor, 200, 0))
        except ValueError:
            pid, started = 0, ""
        if pid and process_start(pid) == started:
            raise LocalStackError(
                f"a stack already runs in {self._path.parent} (process {pid}): stop it first, "
                "or make a second clone"
            )
        if too_late:
            raise LocalStackError(
                f"processes of an earlier stack in {self._path.parent} do not end: "
                f"see who holds {self._path} open, and stop them"
            )

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
