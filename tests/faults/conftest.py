"""One stack for all tests of faults, and what must hold after each of them."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic

import pytest

from local.postgres_home import remove_home
from tests.faults.courses import EARLY, LATE, lived
from tests.faults.endings import Ending
from tests.faults.place import (
    LONGEST_PAUSE_SECONDS,
    ONE_OF_EACH,
    PAUSE_SECONDS,
    TWO_OF_EACH,
    Place,
    place_in,
)
from tests.invariants import violations

REST_SECONDS = 30.0
SETTINGS = {
    # So short that a slow third party costs a test seconds, so long that a busy machine does not.
    "LOANFLOW_PROVIDERS__TIMEOUT_SECONDS": "3",
    "LOANFLOW_LOG_LEVEL": "INFO",
}


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("faults")
    yield made
    remove_home(made / ".local" / "postgres")


@pytest.fixture(scope="package")
async def place(folder: Path) -> AsyncIterator[Place]:
    """The stack of these tests. Its processes stay dead when they die.

    With `LOANFLOW_FAULTS_OF_EACH=2` it has two workers and two APIs, the second of each younger.
    """
    twice = os.environ.get("LOANFLOW_FAULTS_OF_EACH") == "2"
    async with place_in(folder, SETTINGS, TWO_OF_EACH if twice else ONE_OF_EACH) as started:
        for name in ("worker-2", "api-2") if twice else ():
            await started.stack.supervisor.restart(name)
        yield started


@pytest.fixture(scope="package")
async def undisturbed(place: Place) -> dict[str, Ending]:
    """How the lives end when nobody dies, by persona."""
    early, late = await asyncio.gather(lived(place, EARLY), lived(place, LATE))
    return {EARLY.persona: early, LATE.persona: late}


@pytest.fixture(autouse=True)
async def everything_holds(place: Place) -> AsyncIterator[None]:
    """After every test no fault is left in force, and every invariant holds once all is at rest."""
    yield
    place.disarm()
    await place.heal()
    left = await _at_rest(place)
    new = [violation for violation in left if violation not in place.known_violations]
    place.known_violations.update(new)
    assert not new, "\n".join(new)


async def _at_rest(place: Place) -> list[str]:
    """Return the violations that do not pass by themselves."""
    stack = place.stack
    deadline, pause = monotonic() + REST_SECONDS, PAUSE_SECONDS
    while True:
        found = await violations(stack.database_url, stack.sandbox_url, place.client)
        if place.known_violations.issuperset(found) or monotonic() > deadline:
            return found
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
