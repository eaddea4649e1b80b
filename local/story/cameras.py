"""How the pictures of a fictional person are made: drawn at once, or as photographs."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Final, Protocol

from sandbox import pictures
from sandbox.personas import Person
from sandbox.pictures import Quality

_OVERRIDES: Final = "LOANFLOW_PROVIDERS__OVERRIDES"
_LOOKED_AT: Final = ("identity_card", "liveness")
_STANDARD_ERROR: Final = 2


class Camera(Protocol):
    """Takes the pictures that elements carry."""

    def card_front(self, of: Person, quality: Quality = "clear") -> bytes:
        """Return a picture of the card's side with the person's data."""

    def card_back(self, of: Person) -> bytes:
        """Return a picture of the card's side with issuer and validity."""

    def frames(self, of: Person, actions: Sequence[str]) -> list[tuple[str, bytes]]:
        """Return the face at rest and doing `actions`: each frame with what it belongs to."""


class Drawn:
    """Pictures for the simulators, whose shades of gray they read."""

    def card_front(self, of: Person, quality: Quality = "clear") -> bytes:
        """See Camera.card_front."""
        return pictures.card_front(of, quality)

    def card_back(self, of: Person) -> bytes:
        """See Camera.card_back."""
        return pictures.card_back(of)

    def frames(self, of: Person, actions: Sequence[str]) -> list[tuple[str, bytes]]:
        """See Camera.frames."""
        return [(shown, pictures.face(of, shown)) for shown in ("neutral", *actions)]


class Photographed:
    """Pictures for who reads cards and faces; a sequence of a face takes a second of computing.

    The modules that make them are slow to load, and needed by nobody else.
    """

    def card_front(self, of: Person, quality: Quality = "clear") -> bytes:
        """See Camera.card_front."""
        from sandbox import id_cards

        return id_cards.card_front(of, quality)

    def card_back(self, of: Person) -> bytes:
        """See Camera.card_back."""
        from sandbox import id_cards

        return id_cards.card_back(of)

    def frames(self, of: Person, actions: Sequence[str]) -> list[tuple[str, bytes]]:
        """See Camera.frames."""
        return _sequence(of, tuple(actions))


DRAWN: Final[Camera] = Drawn()
PHOTOGRAPHED: Final[Camera] = Photographed()


def camera_for(environment: Mapping[str, str]) -> Camera:
    """Return the camera for whom the settings ask about cards and faces.

    A service of its own reads cards and faces; the simulators see nothing in a photograph.
    """
    told = environment.get(_OVERRIDES, "")
    return PHOTOGRAPHED if any(f'"{one}"' in told for one in _LOOKED_AT) else DRAWN


@cache
def _sequence(of: Person, actions: tuple[str, ...]) -> list[tuple[str, bytes]]:
    from sandbox import portraits

    with _native_logs_hidden():
        return portraits.frames(of, actions)


@contextmanager
def _native_logs_hidden() -> Iterator[None]:
    """Keep off the screen what the reader of landmarks says, which no setting silences."""
    kept = os.dup(_STANDARD_ERROR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STANDARD_ERROR)
    try:
        yield
    finally:
        os.dup2(kept, _STANDARD_ERROR)
        os.close(kept)
        os.close(nowhere)
