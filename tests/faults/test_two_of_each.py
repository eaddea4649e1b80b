"""Two workers and two APIs of different ages: none of them assumes that it is the only one.

The second of each is started when the story is under way, and the first is then restarted, as in
any update. Each request goes to the other API than the one before.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from local.postgres_home import remove_home
from tests.faults.conftest import SETTINGS
from tests.faults.courses import EARLY, LATE, Course
from tests.faults.endings import Ending, ending
from tests.faults.lives import FRONT, Life
from tests.faults.place import TWO_OF_EACH, Place, place_in
from tests.faults.test_parallel_requests import TIMES
from tests.invariants import violations

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.slow]

NAMES: Final = ("worker-2", "api-2")


@pytest.fixture(scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder: Path = tmp_path_factory.mktemp("two-of-each")
    async with place_in(folder, SETTINGS, TWO_OF_EACH) as place:
        yield place
    remove_home(folder / ".local" / "postgres")


async def lived(place: Place, course: Course) -> Ending:
    life = Life.of(place, course.persona)
    await course.live(life)
    return await ending(life)


async def ages_change(place: Place) -> None:
    """Start the second of each anew, then the first, while lives go on."""
    for name in (*NAMES, "api", "worker"):
        await asyncio.sleep(1)
        await place.stack.supervisor.restart(name)


async def test_the_whole_story_ends_as_with_one_of_each(
    pair: Place, undisturbed: Mapping[str, Ending]
) -> None:
    for name in NAMES:
        await pair.stack.supervisor.terminate(name)

    early, late, _ = await asyncio.gather(lived(pair, EARLY), lived(pair, LATE), ages_change(pair))

    assert {EARLY.persona: early, LATE.persona: late} == dict(undisturbed)
    stack = pair.stack
    assert await violations(stack.database_url, stack.sandbox_url, pair.client) == []
    assert pair.alive("worker")
    assert pair.alive("api")


async def test_one_of_each_dies_and_the_others_finish(
    pair: Place, undisturbed: Mapping[str, Ending]
) -> None:
    living = asyncio.create_task(lived(pair, EARLY))
    await asyncio.sleep(2)
    for name in ("worker", "api-2"):
        await pair.stack.supervisor.kill(name)
    assert await living == undisturbed[EARLY.persona]
    for name in ("worker", "api"):
        await pair.revive(name)


async def test_one_key_at_both_apis_has_one_effect(pair: Place) -> None:
    """Twenty equal requests go to the two in turn."""
    life = Life.of(pair, "approved")
    replies = await asyncio.gather(
        *(
            pair.settled(FRONT, "/v1/applications", life.to_apply(), f"both-{life.who.index}")
            for _ in range(TIMES)
        )
    )
    assert {reply.status for reply in replies} == {201}
    assert len({reply.body["id"] for reply in replies}) == 1
