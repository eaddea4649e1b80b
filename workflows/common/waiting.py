"""Waiting for an update or a timer, whichever comes first: the one place where it is done."""

from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow


async def holds_within(condition: Callable[[], bool], within: timedelta, what_for: str) -> bool:
    """Wait until `condition` holds, at most `within`, and say whether it does.

    Operators read `what_for` beside the timer. Without time left there is no timer.
    """
    if within <= timedelta():
        return condition()
    try:
        await workflow.wait_condition(condition, timeout=within, timeout_summary=what_for)
    except TimeoutError:
        return False
    return True


class Updates:
    """Updates from outside that say only that it is worth asking now: each counts once."""

    def __init__(self) -> None:
        self._received: set[str] = set()
        self._followed = 0

    def receive(self, event_id: str) -> None:
        """Take an update; one that comes twice counts once."""
        self._received.add(event_id)

    async def next_or_timer(self, within: timedelta, what_for: str) -> None:
        """Wait for an update that was not waited for yet, at most `within`."""
        await holds_within(lambda: len(self._received) > self._followed, within, what_for)
        self.follow()

    def follow(self) -> None:
        """Wait no more for those that were received: what they are about is looked at now."""
        self._followed = len(self._received)
