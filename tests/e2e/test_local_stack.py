"""The local stack as a whole, on real servers, with small processes in place of the product's."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from local.errors import LocalStackError
from local.postgres import EmbeddedPostgres, create_database, drop_database
from local.postgres_home import remove_home
from local.stack import LocalStack
from local.state import FolderLock, process_start, running_stack, stack_environment
from local.temporal_server import DevServer

pytestmark = pytest.mark.stack

REPOSITORY = Path(__file__).parents[2]
ALL = ("sandbox", "worker", "api")

SERVICE = """
import http.server, json, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"path": self.path, "environment": dict(os.environ)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
def serve(setting):
    http.server.HTTPServer(("127.0.0.1", int(os.environ[setting])), Answer).serve_forever()
"""
MIGRATE = """
import asyncio, asyncpg, os
async def main():
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    await connection.execute("CREATE TABLE IF NOT EXISTS starts (at timestamptz)")
    await connection.execute("INSERT INTO starts VALUES (now())")
    await connection.close()
asyncio.run(main())
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A code folder whose processes answer what the stack asks and show their environment."""
    folder = tmp_path / "code"
    files = {
        "service.py": SERVICE,
        "services/set_up.py": MIGRATE,
        "local/staff.py": "",
        "sandbox/__main__.py": "import service; service.serve('LOANFLOW_SANDBOX_PORT')",
        "worker.py": "import service; service.serve('LOANFLOW_METRICS_PORT')",
        "api/__main__.py": "import service; service.serve('LOANFLOW_API_PORT')",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """The stack's folder, in one that no other user can enter."""
    closed = tmp_path / "clone"
    closed.mkdir(mode=0o700)
    yield closed / ".local"
    remove_home(closed / ".local" / "postgres")


Stacks = Callable[..., LocalStack]


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, str]]:
    """The environment that names servers which run elsewhere."""
    folder = tmp_path_factory.mktemp("servers")
    async with (
        EmbeddedPostgres(folder / "postgres", keep_data=False) as postgres,
        DevServer(folder / "temporal") as temporal,
    ):
        yield {
            "DATABASE_URL": postgres.url,
            "TEMPORAL_ADDRESS": temporal.address,
            "PATH": os.environ["PATH"],
        }


@pytest.fixture
async def fresh(servers: dict[str, str]) -> AsyncIterator[dict[str, str]]:
    """The same with a database of the test's own."""
    url = await create_database(servers["DATABASE_URL"], "fresh")
    yield {**servers, "DATABASE_URL": url}
    await drop_database(url, "fresh")


@pytest.fixture
def make(folder: Path, code: Path) -> Stacks:
    """Make a stack on the folder that ignores this process's own settings."""
    base = {"PATH": os.environ["PATH"]}

    def build(where: Path = folder, **options: Any) -> LocalStack:
        return LocalStack(where, **{"code": code, "base_environment": base, **options})

    return build


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for what another process does, which no event of ours announces."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- as above
            await asyncio.sleep(0.05)


async def starts(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM starts"))
    finally:
        await connection.close()


async def environment_of(url: str) -> dict[str, str]:
    async with httpx.AsyncClient(trust_env=False) as client:
        shown: dict[str, str] = (await client.get(url)).json()["environment"]
    return shown


@pytest.mark.slow
async def test_everything_is_up_found_and_found_again(make: Stacks, folder: Path) -> None:
    async with make(on_death="leave") as stack:
        pids = [stack.supervisor.pid(name) for name in ("postgres", "temporal", *ALL)]
        first_ports = stack.ports
        found = running_stack(folder)
        assert found is not None
        assert (found.api_url, found.pid) == (stack.api_url, os.getpid())
        assert stack_environment(folder)["DATABASE_URL"] == stack.database_url

        api = await environment_of(stack.api_url)
        assert api["TEMPORAL_ADDRESS"] == stack.temporal_address
        assert api["LOANFLOW_PROVIDERS__BASE_URL"] == stack.sandbox_url
        assert api["LOANFLOW_TIME_TRAVEL"] == "true"
        assert "LOANFLOW_PII_KEYS" not in await environment_of(stack.sandbox_url)

        await check_namespace(stack)
        with pytest.raises(LocalStackError, match="already runs"):
            await make().start()
        assert running_stack(folder) is not None

        client = await Client.connect(stack.temporal_address)
        await client.start_workflow("Kept", id="kept", task_queue="none")
        assert await starts(stack.database_url) == 1
    assert running_stack(folder) is None
    assert [pid for pid in pids if process_start(pid) is not None] == []

    async with make(on_death="leave") as stack:
        assert stack.ports == first_ports
        assert await starts(stack.database_url) == 2
        client = await Client.connect(stack.temporal_address)
        assert (await client.get_workflow_handle("kept").describe()).id == "kept"


async def check_namespace(stack: LocalStack) -> None:
    client = await Client.connect(stack.temporal_address)
    namespace = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="default")
    )
    kept = namespace.config.workflow_execution_retention_ttl.ToTimedelta()
    assert kept == timedelta(days=90)
    attributes = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace="default")
    )
    assert {"LoanState", "NextDueAt"} <= set(attributes.custom_attributes)


@pytest.mark.slow
async def test_killed_parts_come_back_at_the_same_place(make: Stacks, folder: Path) -> None:
    lines: list[str] = []
    async with make(report=lines.append) as stack:
        client = await Client.connect(stack.temporal_address)
        await client.start_workflow("Kept", id="kept", task_queue="none")
        ports = stack.ports
        for name in ("postgres", "temporal", *ALL):
            before = stack.supervisor.pid(name)
            await stack.supervisor.kill(name)
            await until(lambda name=name: any(f"{name} is back" in line for line in lines))  # type: ignore[misc]  # mypy does not infer a default's type
            assert stack.supervisor.pid(name) != before
        assert stack.ports == ports
        assert await starts(stack.database_url) == 1
        assert (await client.get_workflow_handle("kept").describe()).id == "kept"
        await environment_of(stack.api_url)
        found = running_stack(folder)
        assert found is not None
        assert found.processes["api"] == stack.supervisor.pid("api")


@pytest.mark.slow
async def test_a_part_killed_and_left_is_started_by_hand(make: Stacks) -> None:
    async with make(on_death="leave", processes=(), report=[].append) as stack:
        for name in ("postgres", "temporal"):
            await stack.supervisor.kill(name)
            await stack.supervisor.restart(name)
        connection = await asyncpg.connect(stack.database_url)
        await connection.close()
        await Client.connect(stack.temporal_address)


SUPERVISOR = """
import asyncio, json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from local.stack import LocalStack
from local.story.performance import INTERRUPTED, cancel_on_signals
async def main():
    cancel_on_signals()
    async with LocalStack(Path(sys.argv[1]), code=Path(sys.argv[2])) as stack:
        supervisor = stack.supervisor
        pids = json.dumps([supervisor.pid(name) for name in supervisor.names])
        asyncio.get_running_loop().call_soon(lambda: print(pids, flush=True))
        await stack.run_until_signal()
    print("stopped", flush=True)
try:
    asyncio.run(main())
except asyncio.CancelledError:
    sys.exit(INTERRUPTED)
"""


def supervisor(
    folder: Path, code: Path, base: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "TEMPORAL_ADDRESS")}
    return subprocess.Popen(  # noqa: S603 -- the test's own code
        [sys.executable, "-c", SUPERVISOR, str(folder), str(code), str(REPOSITORY)],
        env=kept | (base or {}),
        stdout=subprocess.PIPE,
        text=True,
    )


async def children_of(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout is not None
    pids: list[int] = json.loads(await asyncio.to_thread(process.stdout.readline))
    assert all(process_start(pid) is not None for pid in pids)
    return pids


async def test_kill_9_of_the_supervisor_leaves_no_child_and_the_data(
    make: Stacks, folder: Path, code: Path
) -> None:
    with supervisor(folder, code) as process:
        pids = await children_of(process)
        process.kill()
    # At once: the new stack itself waits until the children of the old one have ended.
    async with make() as stack:
        assert [pid for pid in pids if process_start(pid) is not None] == []
        assert await starts(stack.database_url) == 2


@pytest.mark.slow
async def test_sigterm_stops_everything_in_good_order(folder: Path, code: Path) -> None:
    with supervisor(folder, code) as process:
        pids = await children_of(process)
        await stops_on(process, signal.SIGTERM)
    assert len(pids) == 5
    assert [pid for pid in pids if process_start(pid) is not None] == []
    log = (folder / "logs" / "postgres.log").read_text()
    assert "database system is shut down" in log


async def test_ctrl_c_stops_everything(folder: Path, code: Path, servers: dict[str, str]) -> None:
    with supervisor(folder, code, servers) as process:
        pids = await children_of(process)
        await stops_on(process, signal.SIGINT)
    assert len(pids) == 3
    assert [pid for pid in pids if process_start(pid) is not None] == []


async def test_a_signal_during_the_start_stops_what_was_started(
    folder: Path, code: Path, servers: dict[str, str]
) -> None:
    (code / "api" / "__main__.py").write_text("import time; print('asleep'); time.sleep(600)")
    log = folder / "logs" / "api.log"
    with supervisor(folder, code, servers) as process:
        await until(lambda: log.exists() and "asleep" in log.read_text())
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait) == 130
    lock = FolderLock(folder)  # which the children hold as long as one lives
    await asyncio.wait_for(lock.acquire(), 5)
    lock.release()


async def stops_on(process: subprocess.Popen[str], number: signal.Signals) -> None:
    process.send_signal(number)
    assert process.stdout is not None
    assert await asyncio.to_thread(process.stdout.readline) == "stopped\n"
    assert await asyncio.to_thread(process.wait) == 0


@pytest.mark.slow
async def test_two_clones_run_side_by_side(make: Stacks, tmp_path: Path) -> None:
    other = tmp_path / "other"
    try:
        async with make(processes=()) as one, make(other, processes=()) as two:
            assert not set(one.ports.values()) & set(two.ports.values())
            assert one.database_url != two.database_url
    finally:
        remove_home(other / "postgres")


async def test_a_port_in_use_is_named(make: Stacks, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        base = {"PATH": os.environ["PATH"], "LOANFLOW_API_PORT": str(port)}
        with pytest.raises(LocalStackError, match=f"port {port}, asked for api, is in use"):
            await make(base_environment=base).start()
    assert running_stack(folder) is None


async def test_a_process_that_cannot_start_is_shown_and_all_is_stopped(
    make: Stacks, code: Path, folder: Path, fresh: dict[str, str]
) -> None:
    (code / "worker.py").write_text("raise SystemExit('no such queue: core')")
    stack = make(base_environment=fresh)
    with pytest.raises(LocalStackError) as raised:
        await stack.start()
    assert "worker ended at start with exit code 1" in str(raised.value)
    assert "no such queue: core" in str(raised.value)
    assert not (folder / "stack.json").exists()
    with pytest.raises(LocalStackError, match="has not been started"):
        stack.supervisor.pid("api")
    async with make(processes=("api",), base_environment=fresh):
        pass  # nothing of the failed start is in the way


async def test_a_failing_migration_stops_the_start(
    make: Stacks, code: Path, servers: dict[str, str]
) -> None:
    (code / "services" / "set_up.py").write_text("raise SystemExit('revision 7 is missing')")
    with pytest.raises(LocalStackError, match=r"(?s)migrate failed.*revision 7 is missing"):
        await make(base_environment=servers).start()


async def test_servers_named_by_the_caller_are_used_and_not_started(
    make: Stacks, fresh: dict[str, str]
) -> None:
    async with make(base_environment=fresh) as stack:
        assert stack.supervisor.names == ALL
        assert await starts(fresh["DATABASE_URL"]) == 1
        shown = await environment_of(stack.api_url)
        assert {name: shown[name] for name in fresh} == fresh


@pytest.mark.slow
async def test_a_named_server_out_of_reach_is_told_without_its_password(
    make: Stacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.probes._EXTERNAL_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    base = {"DATABASE_URL": f"postgresql://u:hidden@127.0.0.1:{port}/x"}
    with pytest.raises(LocalStackError, match="DATABASE_URL is set, but not usable") as raised:
        await make(base_environment=base, processes=()).start()
    assert "hidden" not in str(raised.value)
    base = {"TEMPORAL_ADDRESS": f"127.0.0.1:{port}"}
    with pytest.raises(LocalStackError, match="TEMPORAL_ADDRESS is set, but not usable"):
        await make(base_environment=base, processes=()).start()


@pytest.fixture
def foreign(folder: Path) -> None:
    folder.mkdir()
    os.chown(folder, 65534, 65534)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.usefixtures("foreign")
async def test_a_folder_of_another_user_is_refused(make: Stacks) -> None:
    with pytest.raises(LocalStackError, match="belongs to another user"):
        await make().start()


@pytest.mark.slow
async def test_data_to_throw_away_leaves_nothing(make: Stacks, folder: Path) -> None:
    async with make(processes=(), keep_data=False):
        home = (folder / "postgres" / "home").resolve()
    with suppress(FileNotFoundError):
        assert "data" not in {path.name for path in home.iterdir()}
    assert not (folder / "postgres").exists()
    assert not (folder / "temporal").exists()
