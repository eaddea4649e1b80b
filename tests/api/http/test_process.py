"""The API as a process of its own, and its reference page."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
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
