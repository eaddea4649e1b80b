"""Whether the loop of a process still turns: one that lives and hangs is to be started again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

_BEAT_SECONDS: Final = 1.0
HUNG_SECONDS: Final = 20.0
"""Longer than anything in a worker may keep its loop."""


class Pulse:
    """Beats once a second as long as the loop turns; it is read from other threads."""

    def __init__(self) -> None:
        self._beat_at = monotonic()

    @property
    def is_steady(self) -> bool:
        """Say whether it has beaten lately."""
        return monotonic() - self._beat_at < HUNG_SECONDS

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat while the block runs."""
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()

    async def _beat(self) -> None:
        while True:
            self._beat_at = monotonic()
            await asyncio.sleep(_BEAT_SECONDS)
