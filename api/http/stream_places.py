"""How many event streams may be open: a stream is a connection that stays."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from api.http.errors import later
from runtime import metrics

_RETRY_SECONDS: Final = 30


class StreamPlaces:
    """How many streams are open in this process, by caller."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._open: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many are open."""
        return self._open.total()

    @contextmanager
    def take(self, caller: str) -> Iterator[None]:
        """Count a stream while the block runs; raises the problem 429 or 503."""
        if self._open[caller] >= self._most_of_one:
            raise later(
                "too_many_requests",
                f"You have {self._most_of_one} event streams open: close some.",
                _RETRY_SECONDS,
            )
        if self.count >= self._most:
            raise later("overloaded", "No more event streams can be open.", _RETRY_SECONDS)
        self._open[caller] += 1
        metrics.streams_open(self.count)
        try:
            yield
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]
            metrics.streams_open(self.count)
