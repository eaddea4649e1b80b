"""WebP files (RFC 9649): their size, and their picture without anything besides."""

import struct
from collections.abc import Iterator
from typing import Final

from domain.verification.picture_rules import (
    MOST_PARTS,
    BadPicture,
    Picture,
    PictureFault,
    check_size,
    damaged,
    exif_of,
    orientation,
)

_LOSSY: Final = b"VP8 "
_LOSSLESS: Final = b"VP8L"
_EXTENDED: Final = b"VP8X"
_ALPHA: Final = b"ALPH"
_PROFILE: Final = b"ICCP"
_EXIF: Final = b"EXIF"
_XMP: Final = b"XMP "
_MOVING: Final = (b"ANIM", b"ANMF")

_HAS_PROFILE, _HAS_ALPHA, _HAS_EXIF, _HAS_XMP, _MOVES = 0x20, 0x10, 0x08, 0x04, 0x02
_HEADER_BYTES: Final = 12
_LOSSY_START: Final = b"\x9d\x01\x2a"
_LOSSLESS_START: Final = 0x2F

_Chunk = tuple[bytes, bytes]


def is_webp(content: bytes) -> bool:
    """Say whether the file says that it is WebP."""
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def cleaned_webp(content: bytes) -> Picture:
    """Return a WebP file's picture alone; raises BadPicture."""
    chunks = list(_chunks(content))
    name, body = chunks[0] if chunks else (b"", b"")
    if name != _EXTENDED:
        # In the simple form nothing but the first chunk counts.
        width, height = _size(name, body)
        check_size(width, height)
        return Picture("image/webp", width, height, _file([(name, body)]))
    return _extended(body, chunks[1:])


def _extended(header: bytes, chunks: list[_Chunk]) -> Picture:
    if len(header) != 10:
        raise damaged()
    flags, canvas = header[0], header[4:]
    width = 1 + int.from_bytes(canvas[:3], "little")
    height = 1 + int.from_bytes(canvas[3:], "little")
    check_size(width, height)
    if flags & _MOVES or any(name in _MOVING for name, _ in chunks):
        raise BadPicture(PictureFault.ANIMATED)
    pictures = [_size(name, body) for name, body in chunks if name in (_LOSSY, _LOSSLESS)]
    if pictures != [(width, height)]:
        raise damaged()
    kept = [_LOSSY, _LOSSLESS, _ALPHA] + ([_PROFILE] if flags & _HAS_PROFILE else [])
    turned = orientation(
        _first(chunks, _EXIF) if flags & _HAS_EXIF else None,
        _first(chunks, _XMP) if flags & _HAS_XMP else None,
    )
    parts = [(name, body) for name, body in chunks if name in kept]
    flags &= _HAS_PROFILE | _HAS_ALPHA
    if turned > 1:
        flags |= _HAS_EXIF
        parts.append((_EXIF, exif_of(turned)))
    parts.insert(0, (_EXTENDED, bytes([flags, 0, 0, 0]) + canvas))
    return Picture("image/webp", width, height, _file(parts))


def _chunks(content: bytes) -> Iterator[_Chunk]:
    """Yield name and body of each chunk to the end that the file names."""
    end = 8 + int.from_bytes(content[4:8], "little")
    if end > len(content):
        raise damaged()
    at = _HEADER_BYTES
    for _ in range(MOST_PARTS):
        if at + 8 > end:
            return
        name, length = struct.unpack_from("<4sI", content, at)
        if at + 8 + length + length % 2 > end:
            raise damaged()
        yield name, content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    raise damaged()


def _size(name: bytes, body: bytes) -> tuple[int, int]:
    """Return width and height as the picture's own data have them."""
    if name == _LOSSY and len(body) >= 10 and body[3:6] == _LOSSY_START:
        tag = int.from_bytes(body[:3], "little")
        # The lowest bit is clear in a picture that needs no other before it; the upper 19 bits are
        # the length of its first part.
        if not tag & 1 and 10 + (tag >> 5) <= len(body):
            width, height = struct.unpack_from("<HH", body, 6)
            return width & 0x3FFF, height & 0x3FFF
    if name == _LOSSLESS and len(body) > 5 and body[0] == _LOSSLESS_START:
        packed = int.from_bytes(body[1:5], "little")
        if packed >> 29 == 0:
            return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    raise damaged()


def _first(chunks: list[_Chunk], wanted: bytes) -> bytes | None:
    return next((body for name, body in chunks if name == wanted), None)


def _file(chunks: list[_Chunk]) -> bytes:
    parts = [
        struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)
        for name, body in chunks
    ]
    length = 4 + sum(map(len, parts))
    return b"".join((b"RIFF", struct.pack("<I", length), b"WEBP", *parts))
