"""Faces for fictional people: photographs that installed packages ship as samples.

A persona is given one of them by sex and identity number. Nobody shown has anything to do with what
the stories say, and there are fewer faces than people, so that some share one. The photographs
are read where the packages keep them.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from PIL import Image

from sandbox import camera, expressions
from sandbox.expressions import Pixels, Points
from sandbox.personas import Person, Sex, Trait
from sandbox.pictures import Quality

SIZE = (480, 600)
"""Pixels of a portrait and of a frame."""

NEUTRAL: Final = "neutral"
ACTIONS: Final = ("blink", "open_mouth", "nod", "shake")

_GROUP = ("insightface", "data/images/t1.jpg")
_COURSES: Final[dict[str, tuple[float, ...]]] = {
    "blink": (0.5, 1.0, 0.5),
    "open_mouth": (0.07, 0.14, 0.07),
    "nod": (6, 12, -12),
    "shake": (9, 18, -18),
}
_PEAK = 1


@dataclass(frozen=True)
class Sample:
    """One face: the package's file, the middle of the face and its width in pixels."""

    package: str
    path: str
    middle: tuple[float, float]
    width: float
    sex: Sex


ACTING: Final = (
    Sample("skimage", "data/astronaut.png", (220.5, 121.5), 91, "female"),
    Sample("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (273.5, 232.5), 187, "female"),
    Sample(*_GROUP, (504, 349), 108, "male"),
)
"""Faces that look at the camera with open eyes: those that personas have."""

OTHERS: Final = (
    Sample(*_GROUP, (1172.5, 337.5), 109, "female"),
    Sample(*_GROUP, (121.5, 337.5), 109, "female"),
    Sample(*_GROUP, (320, 221), 90, "female"),
    Sample(*_GROUP, (778.5, 421.5), 109, "male"),
    Sample(*_GROUP, (935, 132), 130, "male"),
)
"""Further faces, for comparisons only."""


def sample_of(person: Person) -> Sample:
    """Return the face of a fictional person."""
    return _chosen(ACTING, person.identity_number, person.sex)


def portrait(person: Person) -> Image.Image:
    """Return the portrait on the person's card."""
    return picture(sample_of(person))


def registered_photo(person: Person) -> bytes:
    """Return the photograph that the registry keeps of the person (JPEG), or of somebody else."""
    if person.persona.trait is Trait.REGISTERED_AS_ANOTHER:
        return photo_of(OTHERS, person.identity_number, person.sex)
    return photo_of(ACTING, person.identity_number, person.sex)


def photo_of(samples: Sequence[Sample], identity_number: str, sex: Sex) -> bytes:
    """Return a photograph (JPEG) as registries keep it, of one of the samples of a sex."""
    return _registry_print(_chosen(samples, identity_number, sex))


@cache
def _registry_print(sample: Sample) -> bytes:
    return camera.jpeg(camera.narrowed(picture(sample), 358))


def _chosen(samples: Sequence[Sample], identity_number: str, sex: Sex) -> Sample:
    fitting = [sample for sample in samples if sample.sex == sex]
    return fitting[zlib.crc32(identity_number.encode()) % len(fitting)]


@cache
def picture(sample: Sample) -> Image.Image:
    """Return a sample's face in the size of a portrait."""
    file = expressions.package_file(sample.package, sample.path)
    x, y = sample.middle
    reach = 1.05 * sample.width
    with Image.open(file) as photograph:
        cut = photograph.convert("RGB").crop(
            (round(x - reach), round(y - 1.2 * reach), round(x + reach), round(y + 1.3 * reach))
        )
    return cut.resize(SIZE, Image.Resampling.LANCZOS)


def face(person: Person, action: str = NEUTRAL, quality: Quality = "clear") -> bytes:
    """Return one frame (JPEG) of the person at the height of `action`.

    A person of the trait `not_live` is a still photograph whatever is asked.
    """
    return _shot(person, action, quality, 0 if action == NEUTRAL else _PEAK)


def frames(person: Person, actions: Sequence[str]) -> list[tuple[str, bytes]]:
    """Return a sequence with the action that each frame belongs to: neutral twice, then each."""
    shots = [(NEUTRAL, _shot(person, NEUTRAL, "clear", at)) for at in range(2)]
    for action in actions:
        steps = range(len(_COURSES[action]))
        shots += [(action, _shot(person, action, "clear", at)) for at in steps]
    return shots


def photograph(shot: Image.Image, person: Person, quality: Quality) -> bytes:
    """Return what the person's own telephone makes of a view: a JPEG file.

    Its sensor's noise is another one than other people's: two photographs are never the same file,
    even where they show the same face or the same printed text.
    """
    if quality == "blurred":
        shot = camera.blurred(shot, 14)
    seed = zlib.crc32(person.identity_number.encode())
    return camera.jpeg(camera.with_noise(shot, 1, seed))


def acted(sample: Sample, action: str, at: int) -> Image.Image:
    """Return step `at` of a sample's course through `action`."""
    still = np.asarray(picture(sample))
    if action == NEUTRAL:
        return _lit(still, at)
    return Image.fromarray(_step(sample, action, at))


@cache
def _step(sample: Sample, action: str, at: int) -> Pixels:
    movement = next(known for known in ACTIONS if known == action)
    extent = _COURSES[movement][at]
    return expressions.moved(np.asarray(picture(sample)), _mesh(sample), movement, extent)


@cache
def _mesh(sample: Sample) -> Points:
    return expressions.mesh(np.asarray(picture(sample)))


def _shot(person: Person, action: str, quality: Quality, at: int) -> bytes:
    still = person.persona.trait is Trait.NOT_LIVE
    shot = acted(sample_of(person), NEUTRAL if still else action, 0 if still else at)
    return photograph(shot, person, quality)


def _lit(still: Pixels, at: int) -> Image.Image:
    """Return the still in a light that differs a little from frame to frame."""
    return camera.darkened(Image.fromarray(still), 1 - 0.03 * at)
