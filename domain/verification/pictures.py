"""Pictures that applicants give, read with Pillow: checked by their header, then kept as pixels.

`check` looks at type and size and decodes nothing; `clean` decodes a picture, turns it upright and
writes it anew. What a telephone stores beside the pixels (where and when and with what the picture
was taken, thumbnails, a second view, texts, whatever follows the end) does not survive that.
`clean` takes up to a tenth of a second, of HEIC up to a second: do not call it on an event loop.
"""

import hashlib
import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from types import MappingProxyType
from typing import Any, Final

from pi_heif import register_heif_opener
from PIL import ExifTags, Image

MAX_PIXELS: Final = 24_000_000
MAX_SIDE: Final = 10_000
MIN_SIDE: Final = 64
"""Limits of a picture in pixels; those of the vision service, which reads it later."""
MAX_BYTES: Final = 2_000_000
"""Limit of a file, of what is given and of what is stored."""
MAX_STORED_SIDE: Final = 2_000
"""Larger pictures are stored at this many pixels a side: the size at which cards are read."""

# Pillow warns of what declares more pixels than this and refuses twice as many, before it allocates
# anything: both are refusals here. It also warns of EXIF that it cannot read, which nobody needs.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
register_heif_opener(thumbnails=False)
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module="PIL")

_TYPES: Final = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}
# Telephones write HEIC; both it and AVIF are of one family of containers, told apart by brands.
_BRANDS: Final = MappingProxyType(
    dict.fromkeys((b"avif", b"avis"), "AVIF")
    | dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "HEIF")
)
_OTHER_FILES: Final = MappingProxyType(
    {
        b"GIF8": "GIF",
        b"II*\0": "TIFF",
        b"MM\0*": "TIFF",
        b"BM": "BMP",
        b"%PDF": "PDF",
        b"8BPS": "Photoshop",
        b"\xff\x0a": "JPEG XL",
        b"\0\0\0\x0cJXL ": "JPEG XL",
        b"\0\0\0\x0cjP  ": "JPEG 2000",
        b"PK\3\4": "ZIP",
        b"<svg": "SVG",
        b"<?xml": "SVG",
    }
)
"""Formats that people send and that are not taken, by how their files begin."""
# An MPO file is a JPEG with a second view behind it, as some telephones write.
_JPEG: Final = ("JPEG", "MPO")
# Each scan goes over the whole picture: many of them keep a decoder busy. Encoders write ten or so.
_SCAN: Final = b"\xff\xda"
_MAX_SCANS: Final = 64
# What Pillow is known to raise for broken files.
_BROKEN: Final = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error),
    *(ArithmeticError, LookupError, TypeError, AttributeError, MemoryError, RuntimeError),
)
_BOMBS: Final = (Image.DecompressionBombError, Image.DecompressionBombWarning)
# How to turn a picture so that it is upright, by the EXIF tag Orientation (CIPA DC-008, 4.6.4).
_TURNS: Final = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
# The last one brings even noise below `MAX_BYTES`.
_QUALITIES: Final = (90, 75, 50)


class PictureFault(StrEnum):
    """Why a file is not taken as a picture."""

    NOT_AN_IMAGE = "not_an_image"
    TOO_LARGE = "image_too_large"
    TOO_SMALL = "image_too_small"
    ANIMATED = "image_animated"
    DAMAGED = "image_damaged"


_MESSAGES: Final = MappingProxyType(
    {
        PictureFault.NOT_AN_IMAGE: "not a picture: send a JPEG, PNG, WebP, HEIC or AVIF file",
        PictureFault.TOO_LARGE: "the picture has too many pixels: at most 24 million,"
        " and 10,000 a side",
        PictureFault.TOO_SMALL: "the picture is too small: at least 64 pixels a side",
        PictureFault.ANIMATED: "the picture moves: a still one is needed",
        PictureFault.DAMAGED: "the picture is damaged or cut short: take it or send it again",
    }
)


class BadPicture(ValueError):
    """A file that is not taken as a picture; says nothing of what is in it.

    `field` is where it stands in what was given, such as `elements.0.front`, if that is known,
    `named` its format, where that is one that people know.
    """

    def __init__(self, fault: PictureFault, field: str = "", *, named: str | None = None) -> None:
        message = _MESSAGES[fault]
        if named is not None:
            message = message.replace("not a picture", f"a {named} file is not taken")
        super().__init__(message)
        self.named = named
        self.fault = fault
        self.field = field

    @property
    def complaints(self) -> Sequence[Mapping[str, Any]]:
        """The refusal as pydantic would tell it."""
        return [{"loc": self.field.split("."), "type": self.fault, "msg": str(self)}]


@dataclass(frozen=True)
class Picture:
    """A picture as it is stored: upright, opaque, nothing but pixels.

    `digest` is the SHA-256 of size and pixels (RGB, row by row) before `content` was written: it is
    the same for the same picture, however its file was dressed and whatever writes it.
    """

    media_type: str
    width: int
    height: int
    content: bytes
    digest: str


def check(content: bytes) -> None:
    """Refuse what is no still picture of a permitted size, by its header; raises `BadPicture`."""
    _opened(content)


def clean(content: bytes) -> Picture:
    """Return a picture upright, at most `MAX_STORED_SIDE` a side, written anew.

    A PNG file stays one, everything else becomes JPEG, as does a PNG above `MAX_BYTES`. Transparent
    parts become white. Raises `BadPicture`.
    """
    picture = _opened(content)
    is_png = picture.format == "PNG"
    if picture.format in _JPEG and content.count(_SCAN) > _MAX_SCANS:
        raise BadPicture(PictureFault.DAMAGED)
    size = _stored_size(*picture.size)
    try:
        if is_png:
            # Decoding leaves checksums out; what was verified has to be opened again.
            picture.verify()
            picture = _opened(content)
        picture.draft(None, size)
        picture.load()
        pixels = _opaque(picture)
    except _BROKEN:
        raise BadPicture(PictureFault.DAMAGED) from None
    if pixels.size != size:
        pixels = pixels.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)
    turn = _TURNS.get(_orientation(picture))
    pixels = pixels if turn is None else pixels.transpose(turn)
    pixels.info.clear()
    media_type, stored = _written(pixels, is_png=is_png)
    digest = hashlib.sha256(struct.pack(">II", *pixels.size) + pixels.convert("RGB").tobytes())
    return Picture(media_type, *pixels.size, stored, digest.hexdigest())


def pixels_of(content: bytes) -> Image.Image:
    """Return the gray or coloured pixels of a picture as it lies; raises `BadPicture`."""
    picture = _opened(content)
    try:
        picture.load()
        return _opaque(picture)
    except _BROKEN:
        raise BadPicture(PictureFault.DAMAGED) from None


def _opened(content: bytes) -> Image.Image:
    """Read the header alone."""
    kind = _type_of(content)
    if kind is None:
        raise BadPicture(PictureFault.NOT_AN_IMAGE, named=_other_file(content))
    try:
        picture = Image.open(BytesIO(content), formats=(kind,))
        # Of several pictures in a HEIC file, such as those of a burst, the first is meant.
        moves = kind not in ("JPEG", "HEIF") and getattr(picture, "is_animated", False)
    except _BOMBS:
        raise BadPicture(PictureFault.TOO_LARGE) from None
    except _BROKEN:
        raise BadPicture(PictureFault.DAMAGED) from None
    if max(picture.size) > MAX_SIDE:
        raise BadPicture(PictureFault.TOO_LARGE)
    if min(picture.size) < MIN_SIDE:
        raise BadPicture(PictureFault.TOO_SMALL)
    if moves:
        raise BadPicture(PictureFault.ANIMATED)
    return picture


def _type_of(content: bytes) -> str | None:
    """Return the type of a picture by its first bytes, None for another file."""
    if content.startswith(b"RIFF"):
        return "WEBP" if content[8:12] == b"WEBP" else None
    if content[4:8] == b"ftyp":
        brands = content[8 : min(int.from_bytes(content[:4], "big"), 256)]
        known = (_BRANDS.get(brands[at : at + 4]) for at in range(0, len(brands), 4))
        return next(filter(None, known), None)
    return next((name for start, name in _TYPES.items() if content.startswith(start)), None)


def _other_file(content: bytes) -> str | None:
    """Return the format of a file that is no picture of ours, None for an unknown one."""
    if content[4:8] == b"ftyp":
        return "MP4"
    begin = content[:64].lstrip()
    return next((name for start, name in _OTHER_FILES.items() if begin.startswith(start)), None)


def _stored_size(width: int, height: int) -> tuple[int, int]:
    """Return the size to store: smaller where a side is too long, but no side below `MIN_SIDE`."""
    factor = min(1, max(MAX_STORED_SIDE / max(width, height), MIN_SIDE / min(width, height)))
    return round(width * factor), round(height * factor)


def _opaque(picture: Image.Image) -> Image.Image:
    """Return gray or coloured pixels of 8 bits, on white where they were transparent."""
    if picture.mode.startswith("I"):
        # 16 bits of gray: converting would clip instead of scaling.
        return picture.point(lambda value: value / 256).convert("L")
    if picture.has_transparency_data:
        paper = Image.new("RGBA", picture.size, "white")
        paper.alpha_composite(picture.convert("RGBA"))
        return paper.convert("RGB")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _orientation(picture: Image.Image) -> int:
    """Return EXIF's orientation, or XMP's; 1 (upright) where neither can be read."""
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return 1


def _written(pixels: Image.Image, *, is_png: bool) -> tuple[str, bytes]:
    if is_png:
        content = _saved(pixels, "PNG", compress_level=3)
        if len(content) <= MAX_BYTES:
            return "image/png", content
    for quality in _QUALITIES:
        content = _saved(pixels, "JPEG", quality=quality)
        if len(content) <= MAX_BYTES:
            return "image/jpeg", content
    raise BadPicture(PictureFault.TOO_LARGE)


def _saved(pixels: Image.Image, kind: str, **options: int) -> bytes:
    file = BytesIO()
    pixels.save(file, kind, **options)
    return file.getvalue()
