"""JPEG files (ITU-T T.81, JFIF, EXIF): their size, and their picture without anything besides."""

import re
import struct
from dataclasses import dataclass, field
from typing import Final

from domain.verification.picture_rules import (
    EXIF_NAME,
    MOST_PARTS,
    Picture,
    check_size,
    damaged,
    exif_of,
    orientation,
)

SIGNATURE: Final = b"\xff\xd8\xff"

_SOI: Final = b"\xff\xd8"
_EOI_CODE: Final = 0xD9
_SOS: Final = 0xDA
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_COMMENT: Final = 0xFE
_LINES: Final = 0xDC
# Baseline, extended and progressive; Huffman codes. Nothing else is met outside of archives.
_FRAMES: Final = (0xC0, 0xC1, 0xC2)
_TABLES: Final = (0xC4, 0xDB, 0xDD)
_COMPONENTS: Final = (1, 3, 4)
# Every scan goes over the whole picture: many of them are a way to keep a decoder busy. Encoders
# write ten or so.
_MOST_SCANS: Final = 64
_MARKER: Final = re.compile(rb"\xff+([^\xff])", re.DOTALL)
# Inside a scan FF stands before 00, for itself, and before the eight restarts; FF fills.
_END_OF_SCAN: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

_JFIF: Final = b"JFIF\0"
_ICC: Final = b"ICC_PROFILE\0"
_ADOBE: Final = b"Adobe"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_JFIF_BYTES: Final = 14
_ADOBE_BYTES: Final = 12


@dataclass
class _Found:
    """What is kept of a file while it is read."""

    jfif: bytes | None = None
    exif: bytes = b""
    xmp: bytes | None = None
    size: tuple[int, int] | None = None
    components: int = 0
    scans: int = 0
    parts: list[bytes] = field(default_factory=list)

    def head(self) -> bytes:
        """Return what stands before everything else: JFIF, and EXIF if it is to say something."""
        turned = orientation(self.exif, self.xmp)
        jfif = _segment(_APP0, self.jfif) if self.jfif else b""
        return _SOI + jfif + (_segment(_APP1, EXIF_NAME + exif_of(turned)) if turned > 1 else b"")


def cleaned_jpeg(content: bytes) -> Picture:
    """Return a JPEG file's first picture alone; raises BadPicture."""
    found = _Found()
    at = len(_SOI)
    for _ in range(MOST_PARTS):
        code, at = _marker(content, at)
        if code == _EOI_CODE and found.scans and found.size:
            whole = b"".join((found.head(), *found.parts, b"\xff\xd9"))
            return Picture("image/jpeg", *found.size, whole)
        body = _body(content, at)
        at += 2 + len(body)
        if code == _SOS:
            end = _end_of_scan(content, at, body, found)
            found.parts.append(_segment(code, body) + content[at:end])
            found.scans += 1
            at = end
        else:
            _take(found, code, body)
    raise damaged()


def _marker(content: bytes, at: int) -> tuple[int, int]:
    """Return the marker's code and what follows it; any number of FF may stand before it."""
    found = _MARKER.match(content, at)
    if found is None:
        raise damaged()
    return found[1][0], found.end()


def _body(content: bytes, at: int) -> bytes:
    if at + 2 > len(content):
        raise damaged()
    (length,) = struct.unpack_from(">H", content, at)
    if length < 2 or at + length > len(content):
        raise damaged()
    return content[at + 2 : at + length]


def _end_of_scan(content: bytes, at: int, header: bytes, found: _Found) -> int:
    count = header[0] if header else 0
    if found.scans == _MOST_SCANS:
        raise damaged()
    if found.size is None or not 1 <= count <= found.components or len(header) != 4 + 2 * count:
        raise damaged()
    end = _END_OF_SCAN.search(content, at)
    if end is None or end.start() == at:
        raise damaged()
    return end.start()


def _take(found: _Found, code: int, body: bytes) -> None:
    if code in _FRAMES:
        _take_frame(found, body)
        found.parts.append(_segment(code, body))
    elif code in _TABLES:
        found.parts.append(_segment(code, body))
    elif _APP0 <= code <= _APP15:
        if not found.scans:
            _take_application(found, code, body)
    elif code not in (_COMMENT, _LINES):
        raise damaged()


def _take_frame(found: _Found, body: bytes) -> None:
    if found.size is not None or len(body) < 6:
        raise damaged()
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if precision != 8 or components not in _COMPONENTS or len(body) != 6 + 3 * components:
        raise damaged()
    check_size(width, height)
    found.size, found.components = (width, height), components


def _take_application(found: _Found, code: int, body: bytes) -> None:
    """Keep what colours depend on; look for the orientation in the rest."""
    if code == _APP0 and body.startswith(_JFIF) and len(body) >= _JFIF_BYTES:
        # A thumbnail may follow, which is a picture of its own: none has no width and no height.
        found.jfif = found.jfif or body[: _JFIF_BYTES - 2] + b"\0\0"
    elif code == _APP14 and body.startswith(_ADOBE) and len(body) >= _ADOBE_BYTES:
        found.parts.append(_segment(code, body[:_ADOBE_BYTES]))
    elif code == _APP2 and body.startswith(_ICC):
        found.parts.append(_segment(code, body))
    elif code == _APP1 and body.startswith(EXIF_NAME):
        found.exif += body.removeprefix(EXIF_NAME)
    elif code == _APP1 and body.startswith(_XMP):
        found.xmp = body.removeprefix(_XMP)


def _segment(code: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body
