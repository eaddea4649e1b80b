"""Whatever was done to it: the product never met an error that it did not foresee.

Runs after the other tests of this folder and reads the logs that all of them left behind.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.faults.lives import Life, early_settlement
from tests.faults.place import Place

pytestmark = [pytest.mark.stack, pytest.mark.fault]

BUGS: Final = frozenset(
    {"unforeseen_error", "activity_bug", "unknown_refusal", "code_without_status", "worker_failed"}
)


def lines(place: Place, process: str) -> Iterator[dict[str, Any]]:
    """Yield a process's own lines; the Temporal client's core writes others between them."""
    log = place.stack.folder / "logs" / f"{process}.log"
    for line in log.read_text().splitlines():
        if line.startswith("{"):
            yield json.loads(line)


async def test_nothing_unforeseen(place: Place) -> None:
    await early_settlement(Life.of(place, "approved"))
    told = [*lines(place, "api"), *lines(place, "worker")]

    assert [line for line in told if line["event"] in BUGS] == []
    served = [line["status"] for line in told if line["event"] == "http_request"]
    assert 201 in served
    assert 500 not in served
