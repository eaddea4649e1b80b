"""Whole lenders in process, on a Temporal server whose workflows have clocks that tests turn."""

import os
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from local.postgres import EmbeddedPostgres, create_database
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import ProviderSettings, Settings
from runtime.temporal.plugin import LoanflowPlugin
from services.set_up import set_up
from storage.database import Database
from tests.products import release_products
from tests.standins import Standins, connected, sandbox_config
from tests.workflows.asking import ASKING
from tests.workflows.lender import CACHED, Lender, open_lender

TEMPLATE = "loanflow_template"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let workers without a cache cancel local activities: the SDK warns when one has just ended.

    It runs them again when it replays, which is what such workers are here for.
    """
    for item in items:
        if "workflow_cache" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.filterwarnings("ignore:Cannot find activity to cancel"))


@pytest.fixture(scope="session")
async def time_skipping(dev_server_options: dict[str, Any]) -> AsyncIterator[WorkflowEnvironment]:
    """The environment: timers of workflows that `client` starts are skipped as they come up.

    To stop at an instant, start under `with env.with_time_skipping_disabled():` and move the
    clock by `await env.fast_forward(client.get_workflow_handle(id), timedelta(days=31))`: a handle
    without a run id, which follows continue-as-new. The server allows 200 skips unless told.
    """
    async with await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(max_session_skip_count=10_000), **dev_server_options
    ) as env:
        yield env


@pytest.fixture(scope="session")
async def record_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[EmbeddedPostgres]:
    folder = tmp_path_factory.mktemp("record") / "postgres"
    async with EmbeddedPostgres(folder, keep_data=False) as running:
        await set_up(await create_database(running.url, TEMPLATE))
        yield running


@pytest.fixture(scope="module")
async def running_standins(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Standins]:
    async with connected(sandbox_config(tmp_path_factory.mktemp("standins"))) as standins:
        yield standins


@pytest.fixture(scope="module")
async def lender_settings(
    settings: Settings, record_server: EmbeddedPostgres, running_standins: Standins
) -> Settings:
    """Settings of a lender with a record and stand-ins of the module's own."""
    url = await create_database(record_server.url, f"m{secrets.token_hex(6)}", template=TEMPLATE)
    third_parties = ProviderSettings(base_url=running_standins.url, timeout_seconds=1.0)
    return settings.model_copy(
        update={"database_url": url, "providers": third_parties, "time_travel": True}
    )


@pytest.fixture(scope="module")
async def record(lender_settings: Settings) -> AsyncIterator[Database]:
    keyring = Keyring.parse(lender_settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(lender_settings.blind_index_key.get_secret_value())
    async with Database.open(lender_settings.database_url, 4, keyring, blind_index) as opened:
        yield opened


@pytest.fixture
def workflow_cache() -> int:
    """How many workflows a worker keeps; `WORKFLOW_CACHE=0` runs every test without a cache.

    `also_uncached` gives a test both. Without a cache each task replays its workflow from the
    first event.
    """
    return int(os.environ.get("WORKFLOW_CACHE", str(CACHED)))


@pytest.fixture
def own_settings(
    workflow_cache: int, lender_settings: Settings, task_queue_prefix: str
) -> Settings:
    """The lender's settings with queues of the test's own."""
    return lender_settings.model_copy(
        update={"task_queue_prefix": task_queue_prefix, "max_cached_workflows": workflow_cache}
    )


@pytest.fixture(scope="module")
async def more_products(record: Database) -> None:
    """Offer the products of `asking` too. For use by `pytest.mark.usefixtures`."""
    await release_products(record, *ASKING)


@pytest.fixture
async def lender(
    dev_server: WorkflowEnvironment,
    own_settings: Settings,
    record: Database,
    running_standins: Standins,
    plugin: LoanflowPlugin,
) -> AsyncIterator[Lender]:
    async with open_lender(
        dev_server.client, own_settings, record, running_standins, plugin
    ) as opened:
        yield opened
