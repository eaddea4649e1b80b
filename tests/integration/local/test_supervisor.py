"""Processes of the local stack: watched, started again, stopped, and outlived by nothing."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from local import child
from local.child import ProcessSpec
from local.errors import LocalStackError
from local.state import (
    FolderLock,
    process_start,
)
from local.supervisor import OnDeath, Supervisor

REPOSITORY = Path(__file__).parents[3]

SLEEP = "import time; time.sleep(600)"


def background(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 -- the tests' own code
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        text=True,
    )


def run_to_its_end(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 -- the tests' own code


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for what another process does, which no event of ours announces."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0.02)


def spec(tmp_path: Path, code: str, name: str = "child", **options: Any) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        command=(sys.executable, "-c", code),
        environment={"PATH": os.environ["PATH"]},
        folder=tmp_path,
        **options,
    )


async def never() -> str | None:
    return "still thinking"


@asynccontextmanager
async def supervising(
    folder: Path, on_death: OnDeath = "leave", lines: list[str] | None = None
) -> AsyncIterator[Supervisor]:
    report = (list[str]() if lines is None else lines).append
    supervisor = Supervisor(folder / "logs", on_death=on_death, report=report)
    try:
        yield supervisor
    finally:
        await supervisor.stop()


class TestSupervisor:
    async def test_a_child_dead_at_start_shows_its_last_lines(self, tmp_path: Path) -> None:
        code = "for n in range(30): print('line', n)\nraise SystemExit(3)"
        async with supervising(tmp_path) as supervisor:
            with pytest.raises(LocalStackError) as raised:
                await supervisor.start(spec(tmp_path, code, probe=never))
        text = str(raised.value)
        assert "child ended at start with exit code 3" in text
        assert "line 29" in text
        assert "line 10" in text
        assert "line 9\n" not in text

    async def test_a_child_never_ready_is_stopped_and_the_reason_told(self, tmp_path: Path) -> None:
        async with supervising(tmp_path) as supervisor:
            slow = spec(tmp_path, SLEEP, name="slow", probe=never, start_seconds=0.3)
            with pytest.raises(LocalStackError, match=r"not ready within 0 s: still thinking"):
                await supervisor.start(slow)
            assert not supervisor.alive("slow")

    async def test_a_command_that_is_not_there(self, tmp_path: Path) -> None:
        missing = ProcessSpec(
            name="missing", command=("/nowhere/prog",), environment={}, folder=tmp_path
        )
        async with supervising(tmp_path) as supervisor:
            with pytest.raises(LocalStackError, match="cannot run prog: No such file"):
                await supervisor.run(missing)

    async def test_a_failing_command_is_told_with_its_output(self, tmp_path: Path) -> None:
        async with supervising(tmp_path) as supervisor:
            with pytest.raises(LocalStackError, match=r"(?s)failed with exit code 5.*boom"):
                await supervisor.run(spec(tmp_path, "print('boom'); raise SystemExit(5)"))

    async def test_a_killed_child_is_started_again(self, tmp_path: Path) -> None:
        lines: list[str] = []
        async with supervising(tmp_path, "restart", lines) as supervisor:
            await supervisor.start(spec(tmp_path, SLEEP))
            first = supervisor.pid("child")
            await supervisor.kill("child")
            await until(lambda: any("child is back" in line for line in lines))
            assert supervisor.pid("child") != first
            assert supervisor.alive("child")
        assert "child ended unexpectedly (killed by SIGKILL)" in lines[0]

    async def test_a_child_that_keeps_dying_is_tried_again_while_others_go_on(
        self, tmp_path: Path
    ) -> None:
        """Six deaths in a minute ended the whole stack (fault list, O7)."""
        lines: list[str] = []
        flag, up = tmp_path / "broken", tmp_path / "up"
        code = (
            "import os, time\n"
            f"if os.path.exists({str(flag)!r}):\n"
            "    print('no space left', flush=True)\n"
            "    os._exit(9)\n"
            f"open({str(up)!r}, 'w').close()\n"
            f"{SLEEP}"
        )
        async with supervising(tmp_path, "restart", lines) as supervisor:
            supervisor.longest_backoff_seconds = 0.2
            await supervisor.start(spec(tmp_path, SLEEP, "other"))
            other = supervisor.pid("other")
            await supervisor.start(spec(tmp_path, code))
            await until(up.exists)
            flag.touch()
            up.unlink()
            await supervisor.kill("child")
            await until(lambda: sum("starting it again" in line for line in lines) > 7, 30)
            flag.unlink()
            await until(up.exists, 30)
            assert supervisor.alive("child")
            assert (supervisor.alive("other"), supervisor.pid("other")) == (True, other)
        told = [line for line in lines if "starting it again" in line]
        assert "child ended unexpectedly (exit code 9): starting it again in" in told[1]
        assert "  child: no space left" in lines
        assert not any("::" in line for line in lines)

    async def test_a_full_disk_at_a_restart_is_waited_out(self, tmp_path: Path) -> None:
        """Neither the log nor the list of processes can be written, until there is room again."""
        lines: list[str] = []
        full = False

        def on_change() -> None:
            if full:
                raise OSError(errno.ENOSPC, "No space left on device")

        supervisor = Supervisor(
            tmp_path / "logs", on_death="restart", report=lines.append, on_change=on_change
        )
        tries = 0

        async def before() -> None:
            nonlocal tries
            tries += 1
            if full and tries < 4:
                raise OSError(errno.ENOSPC, "No space left on device")

        try:
            await supervisor.start(spec(tmp_path, SLEEP, before_start=before))
            full = True
            await supervisor.kill("child")
            await until(lambda: any("child is back" in line for line in lines), 30)
            assert supervisor.alive("child")
        finally:
            await supervisor.stop()
        assert sum("child cannot start: No space left on device" in line for line in lines) == 2
        assert "where things run could not be written: No space left on device" in lines

    async def test_a_hung_child_is_killed_and_started_again(self, tmp_path: Path) -> None:
        """It is alive, and answers nobody: only a question finds that out."""
        lines: list[str] = []
        hung = tmp_path / "hung"

        async def alive() -> str | None:
            return "no answer" if hung.exists() else None

        async with supervising(tmp_path, "restart", lines) as supervisor:
            watched = spec(tmp_path, SLEEP, alive=alive, alive_every_seconds=0.05, hung_seconds=0.3)
            await supervisor.start(watched)
            first = supervisor.pid("child")
            os.kill(first, signal.SIGSTOP)
            await asyncio.sleep(0.5)
            assert supervisor.pid("child") == first
            hung.touch()
            await until(lambda: any("did not answer" in line for line in lines))
            hung.unlink()
            await until(lambda: any("child is back" in line for line in lines))
            assert supervisor.pid("child") != first
        assert "child lived and did not answer, so it was killed (no answer)" in lines[0]

    async def test_a_long_log_is_rotated_while_the_child_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """3.5 MB in 16 minutes, for ever (fault list, O10)."""
        monkeypatch.setattr(child, "LOG_BYTES", 10_000)
        code = (
            "import time\n"
            "for number in range(10**9):\n"
            "    print('line', number, flush=True)\n"
            "    time.sleep(0.0005)\n"
        )
        async with supervising(tmp_path, "restart") as supervisor:
            await supervisor.start(spec(tmp_path, code, alive_every_seconds=0.05))
            log = supervisor.log("child")
            rotated = log.with_suffix(".log.1")
            await until(rotated.exists)
            first = rotated.stat().st_size
            assert first > 10_000
            await until(lambda: log.stat().st_size < 10_000)
            await until(lambda: log.stat().st_size > 0)
            assert supervisor.alive("child")
        assert "line" in log.read_text()

    async def test_stop_policy_gives_up_at_the_first_death(self, tmp_path: Path) -> None:
        async with supervising(tmp_path, "stop") as supervisor:
            await supervisor.start(spec(tmp_path, SLEEP))
            await supervisor.kill("child")
            async with asyncio.timeout(5):
                assert "killed by SIGKILL" in await supervisor.wait_given_up()

    async def test_leave_policy_leaves_it_to_restart(self, tmp_path: Path) -> None:
        lines: list[str] = []
        async with supervising(tmp_path, "leave", lines) as supervisor:
            await supervisor.start(spec(tmp_path, SLEEP))
            first = supervisor.pid("child")
            await supervisor.kill("child")
            assert not supervisor.alive("child")
            await supervisor.restart("child")
            assert supervisor.alive("child")
            assert supervisor.pid("child") != first

    async def test_a_terminated_child_is_not_started_again(self, tmp_path: Path) -> None:
        async with supervising(tmp_path, "restart") as supervisor:
            await supervisor.start(spec(tmp_path, SLEEP))
            await supervisor.terminate("child")
            await asyncio.sleep(0.4)  # longer than the first pause before a restart
            assert not supervisor.alive("child")

    async def test_children_stop_in_reverse_order(self, tmp_path: Path) -> None:
        record = tmp_path / "order"
        code = (
            "import signal, sys, time\n"
            "def bye(*_):\n"
            f"    open({str(record)!r}, 'a').write(NAME + ' ')\n"
            "    sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, bye)\n"
            "open(NAME, 'w').close()\n"
            "time.sleep(600)\n"
        )
        async with supervising(tmp_path) as supervisor:
            for name in ("one", "two", "three"):
                await supervisor.start(spec(tmp_path, f"NAME = {name!r}\n{code}", name))
            await until(lambda: all((tmp_path / name).exists() for name in ("one", "two", "three")))
        assert record.read_text().split() == ["three", "two", "one"]

    async def test_a_deaf_child_and_its_own_children_are_killed(self, tmp_path: Path) -> None:
        code = (
            "import signal, subprocess, sys, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
            "print('deaf', child.pid, flush=True)\n"
            "time.sleep(600)\n"
        )
        async with supervising(tmp_path) as supervisor:
            await supervisor.start(spec(tmp_path, code, stop_seconds=0.3))
            await until(lambda: "deaf" in supervisor.log("child").read_text())
            grandchild = int(supervisor.log("child").read_text().split()[1])
        assert not supervisor.alive("child")
        await until(lambda: process_start(grandchild) is None)

    async def test_an_unknown_name_is_refused(self, tmp_path: Path) -> None:
        async with supervising(tmp_path) as supervisor:
            with pytest.raises(LocalStackError, match="no process 'worker'"):
                await supervisor.kill("worker")

    async def test_children_end_when_the_supervisor_is_killed(self, tmp_path: Path) -> None:
        script = (
            "import asyncio, sys\n"
            "from pathlib import Path\n"
            "from local.child import ProcessSpec\n"
            "from local.supervisor import Supervisor\n"
            "async def main():\n"
            "    supervisor = Supervisor(Path('logs'))\n"
            f"    command = (sys.executable, '-c', {SLEEP!r})\n"
            "    await supervisor.start(ProcessSpec(name='c', command=command, environment={},\n"
            "                                       folder=Path.cwd()))\n"
            "    print(supervisor.pid('c'), flush=True)\n"
            "    await asyncio.sleep(600)\n"
            "asyncio.run(main())\n"
        )
        with background(script, tmp_path) as parent:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            assert process_start(child) is not None
            parent.kill()
        await until(lambda: process_start(child) is None)


async def test_a_child_of_a_dead_supervisor_is_waited_for(tmp_path: Path) -> None:
    hold = (
        "import fcntl, os, subprocess, sys, time\n"
        f"lock = os.open({str(tmp_path / 'lock')!r}, os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(0.7)'],"
        " pass_fds=[lock], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
    )
    run_to_its_end(hold)
    probe = FolderLock(tmp_path)
    began = asyncio.get_running_loop().time()
    await probe.acquire()
    assert asyncio.get_running_loop().time() - began > 0.1
    probe.release()


def test_a_process_that_ended_has_no_start(tmp_path: Path) -> None:
    with background(SLEEP, tmp_path) as process:
        assert process_start(process.pid) is not None
        process.kill()
        process.wait()
        assert process_start(process.pid) is None
