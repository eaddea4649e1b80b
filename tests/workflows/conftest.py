"""Whole lenders in process, on a Temporal server whose workflows have clocks that tests turn."""

import os
from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from runtime.settings import AnalysisClient, ProviderSettings, Settings
from runtime.temporal.plugin import LoanflowPlugin
from storage.database import Database
from tests.products import release_products
from tests.simulators import Simulators
from tests.workflows.analysing import CLIENT
from tests.workflows.asking import ASKING
from tests.workflows.lender import CACHED, Lender, open_lender


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let workers without a cache cancel local activities: the SDK warns when one has just ended.

    It runs them again when it replays, which is what such workers are here for.
    """
    for item in items:
        if "workflow_cache" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.filterwarnings("ignore:Cannot find activity to cancel"))


@pytest.fixture(scope="module")
def lender_settings(
    settings: Settings, database_url: str, running_simulators: Simulators
) -> Settings:
    """Settings of a lender with a record and simulators of the module's own."""
    third_parties = ProviderSettings(base_url=running_simulators.url, timeout_seconds=5.0)
    return settings.model_copy(
        update={
            "database_url": database_url,
            "providers": third_parties,
            "time_travel": True,
            "credit_analysis_clients": (AnalysisClient(client=CLIENT, api_key_sha256="0" * 64),),
        }
    )


@pytest.fixture(scope="module")
def record(database: Database) -> Database:
    """The lender's record."""
    return database


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
    running_simulators: Simulators,
    plugin: LoanflowPlugin,
) -> AsyncIterator[Lender]:
    async with open_lender(
        dev_server.client, own_settings, record, running_simulators, plugin
    ) as opened:
        yield opened
