"""Every threshold of the service in one table, with what it was set by (`docs/vision.md`)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FACE_DISTANCE: Final = 0.52
"""Faces at most this far apart are one person's. On the sample photographs the same person stays
below 0.45 and different people above 0.58; the network's author uses 0.6."""

FACE_THRESHOLD: Final = 1 - FACE_DISTANCE
"""The same on the contract's scale, where a similarity is 1 - distance, and not below 0."""

ACTION_CHANGES: Final[Mapping[str, float]] = MappingProxyType(
    {"blink": 0.15, "open_mouth": 0.12, "nod": 5.5, "shake": 5.5}
)
"""By how much an action changes its signal against the person's own neutral frames: scores of the
eyelids and the jaw (0 to 1), degrees of the head."""

OTHER_ACTION: Final = 2.0
"""An action is not the one asked for if another one is so many times clearer."""

STILL: Final = 0.25
"""A sequence in which no signal changes by this part of its threshold is a still picture."""

SHARPNESS: Final = 4.0
"""Variance of the Laplacian, at 640 pixels, below which a picture is called blurred."""

BUSY: Final = 5.0
"""Standard deviation of grey, of 255, above which a square of a picture shows something."""

BUSY_PART: Final = 0.35
"""A picture of which fewer squares show something is empty: a surface, at most with the edges of a
blank card on it (0.31 and less, however blurred). Cards and faces stay above 0.38, those that are
out of focus too."""
