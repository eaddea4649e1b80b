"""What keeps a process from calling a third party that is down: a circuit breaker.

It stands in front of one source in one process, so every process finds out for itself.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import IntEnum
from typing import Final

from providers.http.errors import ProviderError, ProviderRejected, ProviderUnavailable

WINDOW: Final = 20
FAILURES: Final = WINDOW // 2
COOLING: Final = timedelta(seconds=30)
PROBE_WAIT: Final = timedelta(seconds=1)

REFUSES_US: Final = frozenset(
    {"unauthorized", "forbidden", "bad_credential", "not_enabled", "bad_signature"}
    | {"stale_signature", "http_401", "http_403"}
)
"""Codes that speak of our contract with the provider: no other question will fare better."""

_ASKS_FOR_LESS: Final = frozenset({"rate_limited"})

Clock = Callable[[], float]


class NotSent(ProviderUnavailable):
    """The call was not made: `breaker_open` or `throttled`. Nothing reached the provider."""


class State(IntEnum):
    """Whether calls go through. The numbers are the metric's."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Opens when half of the last 20 calls failed, or at once when the provider refuses us.

    After 30 seconds it is half open: one call probes, and closes it by succeeding. A provider that
    refuses one request, or wants to be asked less, works.
    """

    def __init__(
        self,
        source: str,
        clock: Clock = time.monotonic,
        on_change: Callable[[str, State], None] | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._on_change = on_change
        self._failed: deque[bool] = deque(maxlen=WINDOW)
        self._opened_at: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """Whether calls go through now."""
        if self._opened_at is None:
            return State.CLOSED
        return State.OPEN if self._cooling() else State.HALF_OPEN

    def wait(self) -> timedelta | None:
        """Return how long to wait before a call may be tried, None if it may be now."""
        match self.state:
            case State.OPEN:
                return timedelta(seconds=self._cooling())
            case State.HALF_OPEN if self._probing:
                return PROBE_WAIT
        return None

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Let one call through and learn from how the block ends; raises NotSent when open."""
        wait = self.wait()
        if wait is not None:
            raise NotSent(self._source, "breaker_open", wait)
        probe = self._probing = self.state is State.HALF_OPEN
        if probe:
            self._tell(State.HALF_OPEN)
        try:
            yield
        except ProviderError as error:
            self._learn(error)
            raise
        else:
            self._count(failed=False)
        finally:
            if probe:
                self._probing = False

    def _learn(self, error: ProviderError) -> None:
        if isinstance(error, NotSent):
            return
        if error.code in REFUSES_US:
            self._open()
        else:
            works = isinstance(error, ProviderRejected) or error.code in _ASKS_FOR_LESS
            self._count(failed=not works)

    def _count(self, *, failed: bool) -> None:
        if self._opened_at is not None:
            if self._cooling():
                return  # a call that began before the breaker opened
            self._open() if failed else self._close()
            return
        self._failed.append(failed)
        if sum(self._failed) >= FAILURES:
            self._open()

    def _open(self) -> None:
        self._opened_at = self._clock()
        self._failed.clear()
        self._tell(State.OPEN)

    def _close(self) -> None:
        self._opened_at = None
        self._tell(State.CLOSED)

    def _cooling(self) -> float:
        """Return the seconds for which an open breaker stays so."""
        if self._opened_at is None:
            return 0
        return max(0.0, self._opened_at + COOLING.total_seconds() - self._clock())

    def _tell(self, state: State) -> None:
        if self._on_change is not None:
            self._on_change(self._source, state)
