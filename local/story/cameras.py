"""How the pictures of a fictional person are made: drawn at once, or as photographs."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final

from sandbox import pictures
from sandbox.personas import Person
from sandbox.pictures import Quality

_OVERRIDES: Final = "LOANFLOW_PROVIDERS__OVERRIDES"
_LOOKED_AT: Final = ("identity_card", "liveness")
_STANDARD_ERROR: Final = 2


@dataclass(frozen=True)
class Camera:
    """Takes the pictures that elements carry: both sides of the card, and a sequence of the face.

    `frames` returns the face at rest and doing the actions: each frame with what it belongs to.
    """

    card_front: Callable[[Person, Quality], bytes]
    card_back: Callable[[Person], bytes]
    frames: Callable[[Person, Sequence[str]], Sequence[tuple[str, bytes]]]


def _drawn_frames(of: Person, actions: Sequence[str]) -> list[tuple[str, bytes]]:
    return [(shown, pictures.face(of, shown)) for shown in ("neutral", *actions)]


DRAWN: Final = Camera(pictures.card_front, pictures.card_back, _drawn_frames)
"""Pictures for the simulators, whose shades of gray they read."""


@cache
def photographed() -> Camera:
    """Return the camera for who reads cards and faces; a sequence takes a second of computing."""
    # Slow to load, and needed by nobody else.
    from sandbox import id_cards, portraits

    @cache
    def sequence(of: Person, actions: tuple[str, ...]) -> list[tuple[str, bytes]]:
        with _native_logs_hidden():
            return portraits.frames(of, actions)

    return Camera(
        id_cards.card_front, id_cards.card_back, lambda of, actions: sequence(of, tuple(actions))
    )


def camera_for(environment: Mapping[str, str]) -> Camera:
    """Return the camera for whom the settings ask about cards and faces.

    A service of its own reads cards and faces; the simulators see nothing in a photograph.
    """
    overrides = environment.get(_OVERRIDES, "")
    return photographed() if any(f'"{one}"' in overrides for one in _LOOKED_AT) else DRAWN


@contextmanager
def _native_logs_hidden() -> Iterator[None]:
    """Keep the log of the landmark model off the screen; no setting silences it."""
    original = os.dup(_STANDARD_ERROR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STANDARD_ERROR)
    try:
        yield
    finally:
        os.dup2(original, _STANDARD_ERROR)
        os.close(original)
        os.close(nowhere)
