"""Activities on a real PostgreSQL and on stand-ins over real HTTP."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from activities.registry import assemble
from local.postgres import EmbeddedPostgres, create_database
from runtime import failpoints
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings
from services.set_up import set_up
from storage.database import Database
from tests.definitions import Sources
from tests.integration.story import Bench, Book, RecordedStarts
from tests.standins import Standins, connected, sandbox_config

TEMPLATE = "loanflow_template"


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    folder = tmp_path_factory.mktemp("record") / "postgres"
    async with EmbeddedPostgres(folder, keep_data=False) as running:
        await set_up(await create_database(running.url, TEMPLATE))
        yield running


@pytest.fixture(scope="module")
async def database_url(server: EmbeddedPostgres) -> str:
    """A migrated database of the module's own."""
    return await create_database(server.url, f"m{secrets.token_hex(6)}", template=TEMPLATE)


@pytest.fixture(scope="module")
async def database(database_url: str, settings: Settings) -> AsyncIterator[Database]:
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    async with Database.open(database_url, 10, keyring, blind_index) as opened:
        yield opened


@pytest.fixture(scope="module")
async def running_standins(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Standins]:
    async with connected(sandbox_config(tmp_path_factory.mktemp("standins"))) as standins:
        yield standins


@pytest.fixture
async def standins(running_standins: Standins) -> AsyncIterator[Standins]:
    """The stand-ins without the faults of other tests."""
    yield running_standins
    response = await running_standins.console.delete("/sandbox/faults")
    response.raise_for_status()


@pytest.fixture
async def sources(database: Database) -> AsyncIterator[Sources]:
    """The sources in force; those that a test changes are as shipped again after it."""
    changing = Sources(database)
    yield changing
    await changing.be({})


@pytest.fixture
def bench(database: Database, standins: Standins) -> Bench:
    """All activities, ready to be performed by their call."""
    starts = RecordedStarts()
    by_queue = assemble(database, standins.providers, starts)
    return Bench(database, standins, starts, Book(standins), by_queue)


@pytest.fixture
def arm(tmp_path: Path) -> Iterator["Arm"]:
    """Arm fail points; they are disarmed when the test ends."""
    yield Arm(tmp_path)
    failpoints.arm("local", {})


class Arm:
    """Called with `point=action` texts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *points: str) -> None:
        failpoints.arm(
            "local",
            {
                "LOANFLOW_FAILPOINTS": ",".join(points),
                "LOANFLOW_FAILPOINT_DIR": str(self._folder),
            },
        )
