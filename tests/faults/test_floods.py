"""While somebody floods the service, others are served: each flood of the fault list, section S."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final

import httpx
import pytest

from tests.faults.flooding import FLOODS
from tests.faults.lives import FRONT, Life
from tests.faults.place import REQUEST_SECONDS, Place

pytestmark = [pytest.mark.stack, pytest.mark.fault, pytest.mark.slow, pytest.mark.alone]

ROOT: Final = Path(__file__).parents[2]
LOOKS: Final = 12
PAUSE_SECONDS: Final = 0.15
WITHIN_SECONDS: Final = 1.0
FORGIVEN: Final = 1
"""So many of the looks may take longer: other work on the machine may hold any process up once."""

ANSWERS: Final[dict[str, set[str]]] = {
    "unknown fields": {"422", "503"},
    "wrong items": {"404", "422", "503"},
    "empty objects": {"400", "503"},
    "anonymous bodies": {"404", "429", "503"},
    "wrong tokens": {"401", "429", "503"},
    "reads": {"200", "503"},
    "half-sent bodies": {"408", "503", "closed"},
    "half-sent heads": {"closed"},
    "event streams": {"200", "429", "503"},
}
"""What those who flood are told. 503: they find no free slot among themselves."""


@pytest.fixture(scope="module")
async def stream(place: Place) -> str:
    """A stream that stays open: of an application that waits for its elements."""
    life = Life.of(place, "approved")
    await life.apply()
    return f"/v1/applications/{life.application_id}/events"


@asynccontextmanager
async def flood(kind: str, place: Place, stream: str) -> AsyncIterator[dict[str, int]]:
    """Flood the API while the block runs; what was answered stands in the mapping afterwards."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.flooding"),
        *(kind, str(place.stack.ports["api"]), place.tokens[FRONT], stream),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    answered: dict[str, int] = {}
    try:
        assert process.stdout is not None
        async with asyncio.timeout(REQUEST_SECONDS):
            assert await process.stdout.readline() == b"under way\n"
        yield answered
        told, _ = await asyncio.wait_for(process.communicate(b""), REQUEST_SECONDS)
        answered.update(json.loads(told))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def looked(place: Place, path: str, headers: dict[str, str]) -> list[float]:
    """Look again and again, each time as somebody who comes anew, and return how long it took."""
    seconds = []
    for _ in range(LOOKS):
        began = monotonic()
        async with httpx.AsyncClient(
            base_url=place.stack.api_url, timeout=REQUEST_SECONDS, trust_env=False
        ) as client:
            answer = await client.get(path, headers=headers)
        seconds.append(monotonic() - began)
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(PAUSE_SECONDS)
    return seconds


@pytest.fixture(scope="module")
async def quiet(place: Place) -> float:
    """How long the slowest look takes when nobody floods: that of a machine that others use too."""
    return max(await looked(place, "/v1/products/cash", place.proof("ops")))


@pytest.mark.parametrize("kind", FLOODS)
async def test_others_are_served_while_it_lasts(
    kind: str, place: Place, stream: str, quiet: float
) -> None:
    async with flood(kind, place, stream) as answered:
        waits = await asyncio.gather(
            looked(place, "/health", {}),
            looked(place, "/v1/products/cash", place.proof("ops")),
        )
    for each in waits:
        assert sorted(each)[-1 - FORGIVEN] < max(WITHIN_SECONDS, 5 * quiet), sorted(each)
    assert set(answered) <= ANSWERS[kind], answered
    assert place.alive("api")
