"""Activities on a real PostgreSQL and on simulators over real HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from activities.registry import assemble
from runtime import failpoints
from storage.database import Database
from tests.definitions import Sources
from tests.integration.story import Bench, Book, RecordedStarts
from tests.simulators import Simulators, connected, sandbox_config


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulators]:
    """Simulators of a module's own, which it may leave in any state."""
    async with connected(sandbox_config(tmp_path_factory.mktemp("sandbox"))) as running:
        yield running


@pytest.fixture
async def simulators(running_simulators: Simulators) -> AsyncIterator[Simulators]:
    """The simulators without the faults of other tests."""
    yield running_simulators
    response = await running_simulators.console.delete("/sandbox/faults")
    response.raise_for_status()


@pytest.fixture
async def sources(database: Database) -> AsyncIterator[Sources]:
    """The sources in force; those that a test changes are as shipped again after it."""
    changing = Sources(database)
    yield changing
    await changing.be({})


@pytest.fixture
def bench(database: Database, simulators: Simulators) -> Bench:
    """All activities, ready to be performed by their call."""
    starts = RecordedStarts()
    by_queue = assemble(database, simulators.providers, starts)
    return Bench(database, simulators, starts, Book(simulators), by_queue)


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
