"""A server that is lost in use: the caller is told soon, and told that it passes.

And what was lost with it: a row whose process was never started is carried on by the next one who
reads it, sends it a command, or is refused because of it.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from api.http.services import Services
from local.postgres import EmbeddedPostgres
from messages.ids import application_workflow
from runtime.settings import Settings
from runtime.temporal.client import connect
from services.set_up import set_up
from tests.api import seeds
from tests.api.conftest import add_staff, bearer, http_client, keyed, serving
from tests.definitions import CONSENTS

SOON_SECONDS = 3.0
_APPLICATION = {
    "product": "cash",
    "customer_reference": "alice",
    "amount": 1_000_000,
    "instalments": 12,
    "consents": list(CONSENTS),
}


@pytest.fixture
async def doomed(dev_server_options: dict[str, Any]) -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server of the test's own, to be killed."""
    async with await WorkflowEnvironment.start_local(**dev_server_options) as server:
        yield server


@pytest.fixture
def own_settings(api_settings: Settings) -> Settings:
    return api_settings.model_copy(update={"task_queue_prefix": "lost-servers-"})


async def test_a_temporal_that_is_lost_in_use_is_unavailable_and_said_soon(
    own_settings: Settings, doomed: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = doomed.client.service_client.config.target_host
    monkeypatch.setenv("TEMPORAL_ADDRESS", target)
    client = await connect(own_settings, lazy=True)
    async with serving(own_settings, client) as app, http_client(app) as web:
        services: Services = app.state.services
        await seeds.end_applications(services.database, "app", "alice")
        made = await web.post(
            "/v1/applications", headers=keyed("applicant", "alice"), json=_APPLICATION
        )
        assert made.status_code == 201, made.text
        path = f"/v1/applications/{made.json()['id']}"
        await doomed.shutdown()

        for url, body in ((f"{path}/withdraw", None), ("/v1/applications", _APPLICATION)):
            headers = keyed("applicant", "alice")
            if body is not None:
                await seeds.end_applications(services.database, "app", "alice")
            began = monotonic()
            answer = await web.post(url, headers=headers, json=body)
            assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
            assert monotonic() - began < SOON_SECONDS
        read = await web.get(path, headers=bearer("applicant", "alice"))
        assert read.status_code == 200, "what is read needs no Temporal"


async def test_a_postgres_that_is_lost_in_use_is_unavailable_and_said_soon(
    own_settings: Settings, dev_server: WorkflowEnvironment, tmp_path: Path
) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", keep_data=False)
    await server.start()
    try:
        await set_up(server.url)
        settings = own_settings.model_copy(update={"database_url": server.url})
        await add_staff(settings)
        async with serving(settings, dev_server.client) as app, http_client(app) as web:
            headers = bearer("applicant", "alice")
            assert (await web.get("/v1/applications", headers=headers)).status_code == 200
            await server.stop()
            for _ in range(3):
                began = monotonic()
                answer = await web.get("/v1/applications", headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
                assert int(answer.headers["retry-after"]) >= 1
                assert monotonic() - began < SOON_SECONDS
    finally:
        await server.stop()


@pytest.fixture
async def web(
    own_settings: Settings, dev_server: WorkflowEnvironment
) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(own_settings, dev_server.client) as app, http_client(app) as client:
        yield client


async def _lost(services: Services, reference: str) -> str:
    """An application whose request died between its row and its process."""
    async with services.database.transaction() as tx:
        return (await seeds.application(tx, "app", reference)).application_id


async def _runs(server: WorkflowEnvironment, application_id: str) -> bool:
    handle = server.client.get_workflow_handle(application_workflow(application_id))
    try:
        await handle.describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def test_whoever_reads_a_row_without_a_process_has_it_started(
    web: httpx.AsyncClient, services: Services, dev_server: WorkflowEnvironment
) -> None:
    application_id = await _lost(services, "alice")
    assert not await _runs(dev_server, application_id)
    read = await web.get(f"/v1/applications/{application_id}", headers=bearer("applicant", "alice"))
    assert read.status_code == 200
    assert await _runs(dev_server, application_id)


async def test_whoever_is_refused_because_of_it_has_it_started(
    web: httpx.AsyncClient, services: Services, dev_server: WorkflowEnvironment
) -> None:
    await seeds.end_applications(services.database, "app", "bob")
    application_id = await _lost(services, "bob")
    refused = await web.post(
        "/v1/applications",
        headers=keyed("applicant", "bob"),
        json=_APPLICATION | {"customer_reference": "bob"},
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "application_pending")
    assert int(refused.headers["retry-after"]) >= 1
    assert await _runs(dev_server, application_id)
