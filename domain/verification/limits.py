"""How often a person may be wrong about an element in a day, over all applications and channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.common.errors import TryLater

# Our own default, no published rule: a day's mismatches for one identity number, then a day's lock.
WINDOW: Final = timedelta(hours=24)
LOCK: Final = timedelta(hours=24)
LOOK_BACK: Final = WINDOW + LOCK
"""A mismatch that is older can neither lock nor keep a lock."""
ASK_AGAIN: Final = timedelta(minutes=1)
"""When a last attempt that is still being verified may be over."""


class ElementLocked(TryLater):
    """The person was wrong too often about an element."""


@dataclass(frozen=True)
class Attempts:
    """What is known of a person's attempts at one kind of element.

    `wrong` are the instants of the mismatches in the last `LOOK_BACK`, `under_way` counts the
    attempts in other applications that have no verdict yet.
    """

    wrong: Sequence[datetime]
    under_way: int


def locked_until(attempts: Attempts, limit: int, now: datetime) -> datetime | None:
    """Return until when no element of the kind is taken, None if one may be now.

    The mismatch that is the `limit`-th within a day locks for a day from its own instant. An
    attempt that is under way may become a mismatch, so it takes its place among them until it has
    ended.
    """
    wrong = sorted(attempts.wrong)
    completing = (
        last
        for first, last in zip(wrong, wrong[limit - 1 :], strict=False)
        if last - first < WINDOW
    )
    locks = [last + LOCK for last in completing if last + LOCK > now]
    if locks:
        return max(locks)
    recent = sum(at > now - WINDOW for at in wrong)
    return now + ASK_AGAIN if attempts.under_way and recent + attempts.under_way >= limit else None
