"""The API as a process of its own, and its reference page."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from temporalio.client import Client

from api.http.access import RULES
from api.http.schemas import Body
from local.ports import choose_ports
from runtime.settings import Settings
from tests.api.conftest import http_client, serving

ROOT = Path(__file__).parents[3]


@pytest.fixture
def environment(api_settings: Settings, tmp_path: Path) -> dict[str, str]:
    ports = choose_ports(tmp_path, ("api", "temporal"), {})
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": api_settings.database_url,
        "LOANFLOW_API_PORT": str(ports["api"]),
        "LOANFLOW_PAYLOAD_KEYS": api_settings.payload_keys.get_secret_value(),
        "LOANFLOW_PII_KEYS": api_settings.pii_keys.get_secret_value(),
        "LOANFLOW_BLIND_INDEX_KEY": api_settings.blind_index_key.get_secret_value(),
        "LOANFLOW_TOKENS": json.dumps(
            [{"token": "secret-of-otto", "role": "ops", "subject": "otto"}]
        ),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{ports['temporal']}",
    }


@pytest.fixture
def process(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (tmp_path / "api.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "api"], cwd=ROOT, env=environment, stdout=log
        )
        yield child
        child.kill()
        child.wait()


async def test_it_serves_without_temporal_and_stops_when_asked(
    process: subprocess.Popen[bytes], environment: dict[str, str], tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{environment['LOANFLOW_API_PORT']}"
    async with httpx.AsyncClient(base_url=url) as client:
        await _until_up(client, process)
        answer = await client.get("/v1/loans", headers={"Authorization": "Bearer secret-of-otto"})
        assert answer.status_code == 200
        assert "server" not in answer.headers
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 10) == 0
    log = (tmp_path / "api.log").read_text()
    assert '"route": "/v1/loans"' in log
    assert "secret-of-otto" not in log


def _serving(process: subprocess.Popen[bytes]) -> set[int]:
    return {one.pid for one in psutil.Process(process.pid).children()}


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 -- the operating system tells no event
            await asyncio.sleep(0.02)


async def test_a_killed_process_is_missed_by_nobody_and_replaced(
    process: subprocess.Popen[bytes], environment: dict[str, str]
) -> None:
    url = f"http://127.0.0.1:{environment['LOANFLOW_API_PORT']}"
    async with httpx.AsyncClient(base_url=url) as client:
        await _until_up(client, process)
    before = _serving(process)
    assert len(before) == 2
    for killed in before:
        os.kill(killed, signal.SIGKILL)
        await _until(lambda killed=killed: killed not in _serving(process))  # type: ignore[misc]  # mypy does not infer a default's type
        for _ in range(20):
            async with httpx.AsyncClient(base_url=url) as client:
                assert (await client.get("/health")).status_code == 200
        await _until(lambda: len(_serving(process)) == 2)
        await _until(lambda: len(_listening(process)) == 2)
    assert _serving(process).isdisjoint(before)


def _listening(process: subprocess.Popen[bytes]) -> set[int]:
    """Return the processes that accept connections."""
    return {
        one.pid
        for one in psutil.Process(process.pid).children()
        if any(socket.status == psutil.CONN_LISTEN for socket in one.net_connections("tcp"))
    }


async def test_all_processes_count_together(
    process: subprocess.Popen[bytes], environment: dict[str, str]
) -> None:
    url = f"http://127.0.0.1:{environment['LOANFLOW_API_PORT']}"
    async with httpx.AsyncClient(base_url=url) as client:
        await _until_up(client, process)
    await _until(lambda: len(_listening(process)) == 2)
    before = await _count(url)
    # A connection each: they go to either process.
    for _ in range(30):
        async with httpx.AsyncClient(base_url=url) as client:
            await client.get("/v1/loans")
    assert await _count(url) == before + 30
    killed = min(_serving(process))
    os.kill(killed, signal.SIGKILL)
    await _until(lambda: killed not in _serving(process))
    assert await _count(url) == before + 30


async def _count(url: str) -> float:
    async with httpx.AsyncClient(base_url=url) as client:
        lines = (await client.get("/metrics")).text.splitlines()
    counted = 'loanflow_http_requests_total{method="GET",route="/v1/loans",status="401"} '
    return sum(float(line.removeprefix(counted)) for line in lines if line.startswith(counted))


@pytest.mark.slow
async def test_a_hung_process_is_killed_and_replaced(
    process: subprocess.Popen[bytes], environment: dict[str, str], tmp_path: Path
) -> None:
    """One that lives and does nothing keeps its share of the connections waiting for ever."""
    url = f"http://127.0.0.1:{environment['LOANFLOW_API_PORT']}"
    async with httpx.AsyncClient(base_url=url) as client:
        await _until_up(client, process)
    await _until(lambda: len(_listening(process)) == 2)
    hung = min(_serving(process))
    os.kill(hung, signal.SIGSTOP)
    async with asyncio.timeout(60):
        while hung in _serving(process):  # noqa: ASYNC110 -- the operating system tells no event
            await asyncio.sleep(0.1)
    await _until(lambda: len(_listening(process)) == 2)
    for _ in range(20):
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/health")).status_code == 200
    assert "api_process_hung" in (tmp_path / "api.log").read_text()


async def test_without_the_first_process_the_others_end(
    process: subprocess.Popen[bytes], environment: dict[str, str]
) -> None:
    url = f"http://127.0.0.1:{environment['LOANFLOW_API_PORT']}"
    async with httpx.AsyncClient(base_url=url) as client:
        await _until_up(client, process)
    serving = _serving(process)
    process.kill()
    process.wait()
    await _until(lambda: not any(map(psutil.pid_exists, serving)))


async def test_a_port_that_another_api_has_is_not_shared(
    process: subprocess.Popen[bytes], environment: dict[str, str]
) -> None:
    url = f"http://127.0.0.1:{environment['LOANFLOW_API_PORT']}"
    async with httpx.AsyncClient(base_url=url) as client:
        await _until_up(client, process)
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api", cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await second.communicate()
    assert second.returncode == 3
    assert b"api_port_in_use" in told


async def test_it_ends_when_it_cannot_start(environment: dict[str, str], tmp_path: Path) -> None:
    nowhere = choose_ports(tmp_path / "none", ("postgres",), {})["postgres"]
    ended = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api"),
        cwd=ROOT,
        env=environment | {"DATABASE_URL": f"postgresql://nobody@127.0.0.1:{nowhere}/nothing"},
        stdout=asyncio.subprocess.PIPE,
    )
    await ended.communicate()
    assert ended.returncode == 3


async def _until_up(client: httpx.AsyncClient, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(120):
        while process.poll() is None:
            try:
                await client.get("/health")
            except httpx.ConnectError:
                await asyncio.sleep(0.1)
            else:
                return
    raise AssertionError(f"the API ended with {process.returncode}")


async def test_the_reference_lists_every_route_and_runs_no_script(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    for method, path in RULES:
        assert f"<b>{method}</b> <code>{path}</code>" in page.text
    assert "<script" not in page.text
    assert "http:" not in page.text
    assert "https:" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha")


async def test_production_shows_no_reference(
    api_settings: Settings, absent_temporal: Client
) -> None:
    settings = api_settings.model_copy(update={"environment": "production"})
    async with serving(settings, absent_temporal) as app, http_client(app) as client:
        for path in ("/docs", "/openapi.json", "/redoc"):
            assert (await client.get(path)).status_code == 404


def _bodies(base: type[Body] = Body) -> Iterator[type[Body]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _bodies(kind)


@pytest.mark.parametrize("body", list(_bodies()), ids=lambda body: body.__name__)
def test_every_body_has_examples_that_it_accepts(body: type[Body]) -> None:
    examples = body.model_json_schema()["examples"]
    assert examples
    for example in examples:
        body.model_validate(example)
