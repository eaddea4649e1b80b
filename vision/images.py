"""From an uploaded file to pixels: nothing is decoded before its type and size are known."""

import io
import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pi_heif import register_heif_opener
from PIL import Image, ImageOps, UnidentifiedImageError

Pixels = NDArray[np.uint8]
"""Rows, columns, and red, green, blue."""

MAX_PIXELS: Final = 24_000_000
MAX_SIDE: Final = 10_000
MIN_SIDE: Final = 64

# Pillow warns of what declares more pixels than this, and refuses twice as many.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
register_heif_opener(thumbnails=False)

_TYPES: Final = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n", "WEBP": b"RIFF"}
# HEIC, as telephones write it, and AVIF are one family of containers, told apart by brands.
_BRANDS: Final = {
    "AVIF": (b"avif", b"avis"),
    "HEIF": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"),
}
# An MPO file is a JPEG with a second view behind it, as some telephones write.
_JPEG: Final = ("JPEG", "MPO")
# Of several pictures in a HEIC file the first is meant.
_STILLS: Final = (*_JPEG, "HEIF")
# What the readers of broken files are known to raise.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error),
    *(ArithmeticError, LookupError, TypeError, RuntimeError),
)


class BadPictureError(Exception):
    """A file that is not a usable picture.

    Codes: `not_an_image`, `image_too_large`, `image_too_small`, `image_animated`, `image_damaged`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def decoded(content: bytes, longest: int) -> Pixels:
    """Return a picture upright and at most `longest` pixels a side; raises BadPictureError.

    What the file carries besides pixels (position, device, comments) goes no further.
    """
    picture = _identified(content)
    width, height = picture.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise BadPictureError("image_too_large")
    if min(width, height) < MIN_SIDE:
        raise BadPictureError("image_too_small")
    if picture.format not in _STILLS and getattr(picture, "n_frames", 1) > 1:
        raise BadPictureError("image_animated")
    try:
        if picture.format in _JPEG:
            picture.draft("RGB", (longest, longest))
        upright = _opaque(ImageOps.exif_transpose(picture))
    except _BROKEN:
        raise BadPictureError("image_damaged") from None
    upright.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.asarray(upright, dtype=np.uint8))


def _identified(content: bytes) -> Image.Image:
    """Read the header alone."""
    name = _type_of(content)
    if name is None:
        raise BadPictureError("not_an_image")
    try:
        return Image.open(io.BytesIO(content), formats=(name,))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadPictureError("image_too_large") from None
    except (UnidentifiedImageError, *_BROKEN):
        raise BadPictureError("not_an_image") from None


def _type_of(content: bytes) -> str | None:
    if content[4:8] == b"ftyp":
        brands = content[8 : min(int.from_bytes(content[:4], "big"), 256)]
        found = {brands[at : at + 4] for at in range(0, len(brands), 4)}
        return next((name for name, known in _BRANDS.items() if found.intersection(known)), None)
    return next((name for name, start in _TYPES.items() if content.startswith(start)), None)


def _opaque(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        # 16 bits of gray: converting would clip instead of scaling.
        return picture.point(lambda value: value / 256).convert("RGB")
    if picture.has_transparency_data:
        paper = Image.new("RGBA", picture.size, "white")
        paper.alpha_composite(picture.convert("RGBA"))
        return paper.convert("RGB")
    return picture.convert("RGB")
