"""What a face is asked to do before the camera: drawn anew for every attempt, and checked.

A recording made earlier cannot know what will be asked, and for one made to order there are only
minutes. A picture tilted before the camera can imitate a nod or a shake of the head, so that there
is always a blink or an open mouth among them.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby, permutations
from typing import Final, Literal

from domain.common.errors import DomainError

Action = Literal["blink", "open_mouth", "nod", "shake"]
Shown = Literal["neutral", "blink", "open_mouth", "nod", "shake"]
"""What a frame belongs to: an action, or a face at rest."""


class ChallengeExpired(DomainError):
    """A face was shown that nothing was asked of, or too late."""


_ACTIONS: Final[tuple[Action, ...]] = ("blink", "open_mouth", "nod", "shake")
_CANNOT_BE_TILTED: Final[frozenset[Action]] = frozenset({"blink", "open_mouth"})

CHALLENGES: Final[tuple[tuple[Action, ...], ...]] = tuple(
    asked
    for length in (2, 3)
    for asked in permutations(_ACTIONS, length)
    if not _CANNOT_BE_TILTED.isdisjoint(asked)
)
"""Everything that may be asked: two or three different actions, in their order."""


def actions(seed: bytes, after: tuple[Action, ...] | None = None) -> tuple[Action, ...]:
    """Return what is asked for; every challenge is as likely as the others for a random `seed`.

    `seed` is secret and differs between attempts. What was asked `after` which this is, is not
    asked again. Raises ValueError for fewer than 16 bytes, of which the remainder would not be
    even.
    """
    if len(seed) < 16:
        raise ValueError("a seed has 16 bytes or more")
    left = [asked for asked in CHALLENGES if asked != after]
    return left[int.from_bytes(seed) % len(left)]


def issued_actions(seeds: Sequence[bytes]) -> tuple[Action, ...]:
    """Return what is asked for in the last of several issues, each other than the one before.

    `seeds` are those of all issues, the first one first. Raises ValueError without any.
    """
    asked: tuple[Action, ...] | None = None
    for seed in seeds:
        asked = actions(seed, asked)
    if asked is None:
        raise ValueError("there is no issue without a seed")
    return asked


def done(shown: Iterable[Shown]) -> tuple[Action, ...]:
    """Return the actions that frames belong to: in order, equal ones in a row are one.

    Faces at rest between two frames of an action do not make it two.
    """
    return tuple(action for action, _ in groupby(one for one in shown if one != "neutral"))
