"""What a face is asked to do before the camera: drawn anew for every attempt, and checked.

A recording made earlier cannot know what will be asked. A picture tilted before the camera can
imitate a nod or a shake of the head, so that there is always a blink or an open mouth among them.
"""

from collections.abc import Iterable
from itertools import groupby, permutations
from typing import Final, Literal

Action = Literal["blink", "open_mouth", "nod", "shake"]
Shown = Literal["neutral", "blink", "open_mouth", "nod", "shake"]
"""What a frame belongs to: an action, or a face at rest."""

_ACTIONS: Final[tuple[Action, ...]] = ("blink", "open_mouth", "nod", "shake")
_CANNOT_BE_TILTED: Final[frozenset[Action]] = frozenset({"blink", "open_mouth"})

CHALLENGES: Final[tuple[tuple[Action, ...], ...]] = tuple(
    asked
    for length in (2, 3)
    for asked in permutations(_ACTIONS, length)
    if not _CANNOT_BE_TILTED.isdisjoint(asked)
)
"""Everything that may be asked: two or three different actions, in their order."""


def actions(seed: bytes) -> tuple[Action, ...]:
    """Return what is asked for; every challenge is as likely as the others for a random `seed`.

    `seed` is secret and differs between attempts. Raises ValueError for fewer than 16 bytes, of
    which the remainder would not be even.
    """
    if len(seed) < 16:
        raise ValueError("a seed has 16 bytes or more")
    return CHALLENGES[int.from_bytes(seed) % len(CHALLENGES)]


def done(shown: Iterable[Shown]) -> tuple[Action, ...]:
    """Return the actions that frames belong to: in order, equal ones in a row are one.

    Faces at rest between two frames of an action do not make it two.
    """
    return tuple(action for action, _ in groupby(one for one in shown if one != "neutral"))
