"""The parts of the local stack, each by itself: ports, secrets, state, lock, supervisor, homes."""

import asyncio
import base64
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.credit_analysis.clients import client_of
from local import development_secrets as secrets_file
from local.child import ProcessSpec
from local.clean import remove_data
from local.commands import SANDBOX, explicit_ports, inherited
from local.errors import LocalStackError
from local.ports import HOST, choose_ports, is_free
from local.postgres import EmbeddedPostgres, create_database
from local.postgres_home import (
    homes_without_folder,
    open_home,
    remove_home,
    remove_unused_binaries,
)
from local.state import (
    FolderLock,
    StackState,
    process_start,
    running_stack,
    stack_environment,
    token_for,
    write_stack,
)
from local.supervisor import OnDeath, Supervisor
from runtime.keyring import Keyring
from runtime.settings import Settings

AS_ROOT = os.geteuid() == 0
REPOSITORY = Path(__file__).parents[3]
SHARED = Path("/var/tmp")  # noqa: S108 -- where others may make folders is the point


def output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 -- ours
    return done.stdout


def background(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 -- the tests' own code
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        text=True,
    )


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for what another process does, which no event of ours announces."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0.02)


def listening() -> socket.socket:
    server = socket.create_server((HOST, 0))
    server.listen()
    return server


class TestPorts:
    def test_the_same_folder_gets_the_same_ports_again(self, tmp_path: Path) -> None:
        first = choose_ports(tmp_path, ["api", "temporal"])
        assert len(set(first.values())) == 2
        assert choose_ports(tmp_path, ["temporal", "api"]) == first

    def test_a_port_taken_since_is_replaced(self, tmp_path: Path) -> None:
        port = choose_ports(tmp_path, ["api"])["api"]
        with socket.create_server((HOST, port)):
            assert not is_free(port)
            assert choose_ports(tmp_path, ["api"])["api"] != port

    def test_a_new_name_does_not_get_a_remembered_port(self, tmp_path: Path) -> None:
        api = choose_ports(tmp_path, ["api"])["api"]
        assert choose_ports(tmp_path, ["worker"])["worker"] != api

    def test_a_wanted_port_in_use_is_refused_by_name(self, tmp_path: Path) -> None:
        with listening() as server:
            port = server.getsockname()[1]
            with pytest.raises(LocalStackError, match=rf"port {port}, asked for api, is in use"):
                choose_ports(tmp_path, ["api"], {"api": port})

    def test_a_damaged_memory_is_forgotten(self, tmp_path: Path) -> None:
        (tmp_path / "ports.json").write_text("[1, 2")
        assert choose_ports(tmp_path, ["api"])["api"] > 1024

    def test_two_folders_differ(self, tmp_path: Path) -> None:
        one = choose_ports(tmp_path / "one", ["a", "b", "c"])
        two = choose_ports(tmp_path / "two", ["a", "b", "c"])
        assert not set(one.values()) & set(two.values())


class TestSecrets:
    def test_made_once_private_and_read_back(self, tmp_path: Path) -> None:
        made = secrets_file.ensure_secrets(tmp_path)
        assert secrets_file.ensure_secrets(tmp_path) == made
        assert secrets_file.read_secrets(tmp_path) == made
        mode = (tmp_path / secrets_file.FILE).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600

    def test_an_opened_file_is_closed_again(self, tmp_path: Path) -> None:
        secrets_file.ensure_secrets(tmp_path)
        (tmp_path / secrets_file.FILE).chmod(0o644)
        secrets_file.ensure_secrets(tmp_path)
        assert stat.S_IMODE((tmp_path / secrets_file.FILE).stat().st_mode) == 0o600

    def test_missing_names_are_added_and_others_kept(self, tmp_path: Path) -> None:
        kept = f"old-1:{base64.b64encode(bytes(32)).decode()}"
        (tmp_path / secrets_file.FILE).write_text(f"LOANFLOW_PII_KEYS={kept}\n")
        made = secrets_file.ensure_secrets(tmp_path)
        assert made["LOANFLOW_PII_KEYS"] == kept
        assert made["LOANFLOW_PAYLOAD_KEYS"]

    def test_a_damaged_file_is_refused_not_replaced(self, tmp_path: Path) -> None:
        (tmp_path / secrets_file.FILE).write_text("LOANFLOW_PII_KEYS\n")
        with pytest.raises(LocalStackError, match="line 1"):
            secrets_file.ensure_secrets(tmp_path)
        assert (tmp_path / secrets_file.FILE).read_text() == "LOANFLOW_PII_KEYS\n"

    def test_processes_accept_them(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made = secrets_file.ensure_secrets(tmp_path)
        for name, value in made.items():
            monkeypatch.setenv(name, value)
        settings = Settings()
        assert {token.role for token in settings.tokens} == set(secrets_file.SUBJECTS)
        keyring = Keyring.parse(settings.pii_keys.get_secret_value())
        assert keyring.primary == "local-1"
        assert len(base64.b64decode(settings.blind_index_key.get_secret_value())) == 32

    def test_the_key_is_that_of_the_client_of_the_credit_analysis(self, tmp_path: Path) -> None:
        made = secrets_file.ensure_secrets(tmp_path)
        given = json.loads(made["LOANFLOW_CREDIT_ANALYSIS_CLIENTS"])
        settings = Settings.model_validate({"credit_analysis_clients": given})
        known = client_of(settings, made["LOANFLOW_LOCAL_ANALYSIS_KEY"])
        assert (known.client, known.webhook_url) == ("local", "")

    def test_clients_that_somebody_wrote_are_kept(self, tmp_path: Path) -> None:
        kept = "LOANFLOW_CREDIT_ANALYSIS_CLIENTS='[]'\n"
        (tmp_path / secrets_file.FILE).write_text(kept)
        assert secrets_file.ensure_secrets(tmp_path)["LOANFLOW_CREDIT_ANALYSIS_CLIENTS"] == "[]"

    def test_a_shell_reads_the_same(self, tmp_path: Path) -> None:
        made = secrets_file.ensure_secrets(tmp_path)
        script = f'. "{tmp_path}/{secrets_file.FILE}"; printf %s "$LOANFLOW_TOKENS"'
        assert output(["/bin/sh", "-c", script]) == made["LOANFLOW_TOKENS"]


class TestEnvironment:
    def test_a_stand_in_gets_its_secrets_and_none_of_ours(self, tmp_path: Path) -> None:
        environment = {
            **secrets_file.ensure_secrets(tmp_path),
            "DATABASE_URL": "postgresql://x",
            "TEMPORAL_ADDRESS": "127.0.0.1:1",
        }
        given = SANDBOX.spec(environment, 1234, tmp_path).environment
        assert given["LOANFLOW_SANDBOX_PORT"] == "1234"
        assert given["LOANFLOW_PROVIDERS__SIGNING_SECRET"]
        withheld = {*secrets_file.OUR_KEYS, "DATABASE_URL", "TEMPORAL_ADDRESS"}
        assert not withheld & set(given)

    def test_the_callers_temporal_profile_does_not_reach_an_own_server(self) -> None:
        caller = {"TEMPORAL_API_KEY": "k", "TEMPORAL_PROFILE": "cloud", "NO_PROXY": "corp"}
        own = inherited(caller, own_temporal=True)
        assert "TEMPORAL_API_KEY" not in own
        assert "TEMPORAL_PROFILE" not in own
        assert own["NO_PROXY"] == f"corp,{HOST},localhost"
        assert inherited(caller, own_temporal=False)["TEMPORAL_API_KEY"] == "k"

    def test_the_caller_may_fix_ports(self) -> None:
        assert explicit_ports({"LOANFLOW_API_PORT": "8001", "HOME": "/"}) == {"api": 8001}


def a_state(pid: int, started: str) -> StackState:
    return StackState(
        pid=pid,
        pid_started=started,
        started_at="2026-01-01T00:00:00+00:00",
        api_url="http://127.0.0.1:1",
        sandbox_url="http://127.0.0.1:2",
        temporal_address="127.0.0.1:3",
        temporal_ui_url="http://127.0.0.1:4",
        processes={"api": 1},
        environment={"LOANFLOW_API_PORT": "1"},
    )


class TestState:
    def test_a_running_stack_is_found_with_its_settings_and_tokens(self, tmp_path: Path) -> None:
        secrets_file.ensure_secrets(tmp_path)
        state = a_state(os.getpid(), process_start(os.getpid()) or "")
        write_stack(tmp_path, state)
        assert running_stack(tmp_path) == state
        environment = stack_environment(tmp_path)
        assert environment["LOANFLOW_API_PORT"] == "1"
        assert token_for(environment, "reviewer").startswith("reviewer-")
        assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600

    def test_an_unknown_role_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(LocalStackError, match="'banker'"):
            token_for(secrets_file.ensure_secrets(tmp_path), "banker")

    def test_what_a_dead_supervisor_left_is_stale(self, tmp_path: Path) -> None:
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        write_stack(tmp_path, a_state(ended.pid, "1"))
        assert running_stack(tmp_path) is None
        with pytest.raises(LocalStackError, match="no stack is running"):
            stack_environment(tmp_path)

    def test_a_process_id_used_again_is_not_the_supervisor(self, tmp_path: Path) -> None:
        write_stack(tmp_path, a_state(os.getpid(), "another start"))
        assert running_stack(tmp_path) is None

    @pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"pid": 1}'])
    def test_a_damaged_file_is_no_stack(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "stack.json").write_text(text)
        assert running_stack(tmp_path) is None

    async def test_a_second_lock_is_refused_with_the_holders_id(self, tmp_path: Path) -> None:
        first, second = FolderLock(tmp_path), FolderLock(tmp_path)
        await first.acquire()
        with pytest.raises(LocalStackError, match=rf"already runs .* \(process {os.getpid()}\)"):
            await second.acquire()
        first.release()
        await second.acquire()
        second.release()

    async def test_a_child_of_a_dead_supervisor_is_waited_for(self, tmp_path: Path) -> None:
        hold = (
            "import fcntl, os, subprocess, sys, time\n"
            f"lock = os.open({str(tmp_path / 'lock')!r}, os.O_RDWR | os.O_CREAT)\n"
            "fcntl.flock(lock, fcntl.LOCK_EX)\n"
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(0.7)'],"
            " pass_fds=[lock], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        )
        output([sys.executable, "-c", hold])
        probe = FolderLock(tmp_path)
        began = asyncio.get_running_loop().time()
        await probe.acquire()
        assert asyncio.get_running_loop().time() - began > 0.1
        probe.release()


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


SLEEP = "import time; time.sleep(600)"


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

    async def test_a_child_that_keeps_dying_is_given_up(self, tmp_path: Path) -> None:
        lines: list[str] = []
        flag = tmp_path / "broken"
        code = f"import os, time; os.path.exists({str(flag)!r}) and os._exit(9); {SLEEP}"
        async with supervising(tmp_path, "restart", lines) as supervisor:
            await supervisor.start(spec(tmp_path, code))
            flag.touch()
            await supervisor.kill("child")
            async with asyncio.timeout(30):
                reason = await supervisor.wait_given_up()
        assert "too often" in reason
        assert sum("starting it again" in line for line in lines) == 5

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


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder that no other user can reach, as a clone under /root is."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return folder


class TestPostgres:
    async def test_data_survives_and_databases_are_made(self, private: Path) -> None:
        folder = private / "postgres"
        server = EmbeddedPostgres(folder)
        try:
            async with server:
                url = await create_database(server.url, "case_1")
                with pytest.raises(asyncpg.DuplicateDatabaseError):
                    await create_database(server.url, "case_1")
                connection = await asyncpg.connect(url)
                assert (await connection.fetchval("SHOW server_version")).startswith("18")
                assert await connection.fetchval("SHOW server_encoding") == "UTF8"
                await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
                await connection.close()
            async with EmbeddedPostgres(folder) as again:
                assert again.url == server.url
                connection = await asyncpg.connect(url)
                assert await connection.fetchval("SELECT n FROM kept") == 7
                await connection.close()
            with pytest.raises(LocalStackError, match="refuses the password"):
                await EmbeddedPostgres(folder, password="another").start()
        finally:
            remove_home(folder)

    async def test_data_to_throw_away_is_gone_at_the_end(self, private: Path) -> None:
        folder = private / "postgres"
        async with EmbeddedPostgres(folder, keep_data=False):
            home = open_home(folder).folder
            assert (home / "data" / "PG_VERSION").exists()
        assert not folder.exists()
        assert not (home / "data").exists()

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            ({"PG_VERSION": "18"}, "half-written"),
            ({}, "half-written"),
            ({"loanflow-complete": "", "PG_VERSION": "17"}, "PostgreSQL 17, the server is 18"),
            ({"loanflow-complete": ""}, "PostgreSQL unknown"),
        ],
    )
    async def test_doubtful_data_is_refused_and_left_alone(
        self, private: Path, files: dict[str, str], message: str
    ) -> None:
        folder = private / "postgres"
        data = open_home(folder).data
        data.mkdir()
        for name, text in files.items():
            (data / name).write_text(text)
        with pytest.raises(LocalStackError, match=message) as raised:
            await EmbeddedPostgres(folder).start()
        assert "make clean-data" in str(raised.value)
        assert {path.name for path in data.iterdir()} == set(files)
        remove_home(folder)

    async def test_an_interrupted_first_start_is_begun_anew(self, private: Path) -> None:
        folder, lines = private / "postgres", list[str]()
        unfinished = open_home(folder).folder / "data-unfinished"
        unfinished.mkdir()
        (unfinished / "PG_VERSION").write_text("18")
        async with EmbeddedPostgres(folder, keep_data=False, report=lines.append):
            pass
        assert "interrupted" in lines[0]

    async def test_a_name_that_is_not_plain_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not a plain database name"):
            await create_database("postgresql://nowhere/x", 'a"; DROP DATABASE x; --')


@pytest.mark.skipif(not AS_ROOT, reason="only root hands PostgreSQL to another user")
class TestRootsHome:
    def test_our_own_folders_stay_closed(self, private: Path) -> None:
        open_home(private / "postgres")
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert stat.S_IMODE((private / "postgres").stat().st_mode) == 0o700
        remove_home(private / "postgres")

    def test_data_lies_where_nobody_can_reach_and_only_root_can_write(self, private: Path) -> None:
        home = open_home(private / "postgres")
        try:
            assert home.account is not None
            assert home.account.uid != 0
            assert not home.folder.is_relative_to(private)
            assert (private / "postgres" / "home").readlink() == home.folder
            for folder in (home.folder, *home.folder.parents):
                assert folder.stat().st_uid == 0
                assert folder.stat().st_mode & stat.S_IXOTH
            assert stat.S_IMODE(home.socket.stat().st_mode) == 0o700
            assert home.socket.stat().st_uid == home.account.uid
            binary = home.binaries / "postgres"
            assert stat.S_IMODE(binary.stat().st_mode) == 0o755
            assert binary.stat().st_uid == 0
        finally:
            remove_home(private / "postgres")

    def test_a_folder_that_somebody_else_made_is_refused(self, private: Path) -> None:
        with_others = SHARED / f"loanflow-test-{os.getpid()}"
        with_others.mkdir()
        try:
            os.chown(with_others, 65534, 65534)
            with pytest.raises(LocalStackError, match="somebody else made it"):
                open_home(private / "postgres", [with_others])
            os.chown(with_others, 0, 0)
            with_others.chmod(0o777)
            with pytest.raises(LocalStackError, match="somebody else made it"):
                open_home(private / "postgres", [with_others])
        finally:
            with_others.rmdir()

    def test_a_link_that_somebody_else_made_is_refused(self, private: Path) -> None:
        link = SHARED / f"loanflow-link-{os.getpid()}"
        link.symlink_to("/etc")
        try:
            with pytest.raises(LocalStackError, match="somebody else made it"):
                open_home(private / "postgres", [link])
        finally:
            link.unlink()

    def test_no_place_is_a_clear_message(self, private: Path) -> None:
        with pytest.raises(LocalStackError, match="set DATABASE_URL"):
            open_home(private / "postgres", [private / "unreachable"])

    def test_only_the_own_home_is_deleted(self, private: Path) -> None:
        moved, ours = private / "moved" / "postgres", private / "ours" / "postgres"
        other, mine = open_home(moved).folder, open_home(ours).folder
        shutil.move(private / "moved", private / "elsewhere")
        assert other in homes_without_folder()
        assert mine not in homes_without_folder()
        assert remove_home(ours) == [mine]
        assert other.exists()
        assert open_home(private / "elsewhere" / "postgres").folder == other
        assert other not in homes_without_folder()
        assert remove_home(private / "elsewhere" / "postgres") == [other]

    def test_a_copied_folder_does_not_share_the_data(self, private: Path) -> None:
        original, copy = private / "postgres", private / "copy"
        home = open_home(original).folder
        shutil.copytree(original, copy, symlinks=True)
        with pytest.raises(LocalStackError, match="is a copy of"):
            open_home(copy)
        assert remove_home(copy) == []
        assert remove_home(original) == [home]

    def test_binaries_go_with_the_last_home(self, private: Path) -> None:
        bases = [SHARED / f"loanflow-last-{os.getpid()}"]
        try:
            open_home(private / "postgres", bases)
            assert remove_unused_binaries(bases) == []
            remove_home(private / "postgres", bases)
            assert len(remove_unused_binaries(bases)) == 1
        finally:
            shutil.rmtree(bases[0])


async def test_data_is_not_deleted_under_a_running_stack(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    await lock.acquire()
    (tmp_path / "secrets.env").touch()
    with pytest.raises(LocalStackError, match="already runs"):
        await remove_data(tmp_path)
    lock.release()
    choose_ports(tmp_path, ["api"])
    assert await remove_data(tmp_path) == [tmp_path / "secrets.env"]
    assert json.loads((tmp_path / "ports.json").read_text())


def test_a_process_that_ended_has_no_start(tmp_path: Path) -> None:
    with background(SLEEP, tmp_path) as process:
        assert process_start(process.pid) is not None
        process.kill()
        process.wait()
        assert process_start(process.pid) is None
