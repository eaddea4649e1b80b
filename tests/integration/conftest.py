"""Activities on a real PostgreSQL and on stand-ins over real HTTP."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from activities.registry import assemble
from runtime import failpoints
from storage.database import Database
from tests.definitions import Sources
from tests.integration.story import Bench, Book, RecordedStarts
from tests.standins import Standins


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
