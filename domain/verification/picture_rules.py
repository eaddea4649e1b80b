"""What every picture is held to: why one is refused, how large it may be, which way up it is."""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

MOST_PIXELS: Final = 24_000_000
LONGEST_SIDE: Final = 10_000
SHORTEST_SIDE: Final = 64
"""Limits of a picture in pixels; those of the vision service, which reads it later."""

MOST_PARTS: Final = 4_096
"""Most segments or chunks of a file, and fields of its EXIF. Writers make hundreds at most."""


class PictureFault(StrEnum):
    """Why a file is not taken as a picture."""

    NOT_AN_IMAGE = "not_an_image"
    TOO_LARGE = "image_too_large"
    TOO_SMALL = "image_too_small"
    ANIMATED = "image_animated"
    DAMAGED = "image_damaged"


_MESSAGES: Final[Mapping[PictureFault, str]] = MappingProxyType(
    {
        PictureFault.NOT_AN_IMAGE: "not a picture: JPEG, PNG and WebP are read, by their content",
        PictureFault.TOO_LARGE: "the picture has too many pixels: at most 24 million,"
        " and 10,000 a side",
        PictureFault.TOO_SMALL: "the picture is too small: at least 64 pixels a side",
        PictureFault.ANIMATED: "the picture moves: a still one is needed",
        PictureFault.DAMAGED: "the picture is damaged or cut short",
    }
)


class BadPicture(ValueError):
    """A file that is not taken as a picture; says nothing of what is in it."""

    def __init__(self, fault: PictureFault) -> None:
        super().__init__(_MESSAGES[fault])
        self.fault = fault


@dataclass(frozen=True)
class Picture:
    """A picture of which nothing is left but what shows it.

    `width` and `height` are those of the file, before it is turned upright.
    """

    media_type: str
    width: int
    height: int
    content: bytes


def damaged() -> BadPicture:
    """Return the refusal of a file whose structure is wrong or ends too early."""
    return BadPicture(PictureFault.DAMAGED)


def check_size(width: int, height: int) -> None:
    """Refuse what would take too much to decode, or shows too little; raises BadPicture."""
    if width == 0 or height == 0:
        raise damaged()
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise BadPicture(PictureFault.TOO_LARGE)
    if min(width, height) < SHORTEST_SIDE:
        raise BadPicture(PictureFault.TOO_SMALL)


EXIF_NAME: Final = b"Exif\0\0"

_ORIENTATION: Final = 0x0112
_TURNED: Final = range(2, 9)
# Types of a TIFF field that hold one whole number; a short is what the tag is defined as.
_NUMBERS: Final[Mapping[int, str]] = MappingProxyType({1: "B", 3: "H", 4: "L"})
_XMP_ORIENTATION: Final = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def orientation(exif: bytes | None, xmp: bytes | None) -> int:
    """Return how the picture is to be turned to be upright: 1 (not at all) to 8, as EXIF counts.

    Where EXIF does not say, XMP may. What neither says well is 1.
    """
    told = _told_by_exif(exif) if exif else None
    if told is None and xmp:
        match = _XMP_ORIENTATION.search(xmp)
        told = int(match[1]) if match else None
    return told if told is not None and told in _TURNED else 1


def exif_of(turned: int) -> bytes:
    """Return EXIF data (a TIFF structure) that says the orientation and nothing else."""
    entry = struct.pack(">HHIHxx", _ORIENTATION, 3, 1, turned)
    return struct.pack(">2sHIH", b"MM", 42, 8, 1) + entry + struct.pack(">I", 0)


def _told_by_exif(exif: bytes) -> int | None:
    tiff = exif.removeprefix(EXIF_NAME)
    order = {b"MM\0*": ">", b"II*\0": "<"}.get(tiff[:4])
    if order is None or len(tiff) < 10:
        return None
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return None
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    told = None
    end = start + 2 + 12 * min(count, MOST_PARTS)
    for entry in range(start + 2, min(end, len(tiff) - 11), 12):
        tag, kind, values = struct.unpack_from(f"{order}HHI", tiff, entry)
        if tag == _ORIENTATION:
            number = _NUMBERS.get(kind) if values == 1 else None
            told = struct.unpack_from(f"{order}{number}", tiff, entry + 8)[0] if number else 0
    return told
