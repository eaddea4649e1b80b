"""PNG files (ISO/IEC 15948): their size, and their picture without anything besides."""

import struct
import zlib
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

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_HEADER: Final = b"IHDR"
_PALETTE: Final = b"PLTE"
_DATA: Final = b"IDAT"
_END: Final = b"IEND"
_EXIF: Final = b"eXIf"
_TEXT: Final = b"iTXt"
_OLD_TEXTS: Final = (b"tEXt", b"zTXt")
_ANIMATION: Final = b"acTL"
# What pixels mean; everything else that is not critical tells of them.
_COLOURS: Final = (b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT")
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTED: Final = 3
_XMP: Final = b"XML:com.adobe.xmp\0"
# As EXIF was written before it had a chunk of its own: in hexadecimal, behind three lines.
_OLD_EXIF: Final = b"Raw profile type exif\0"
_MOST_TEXT: Final = 65_536

_Chunk = tuple[bytes, bytes]


def cleaned_png(content: bytes) -> Picture:
    """Return a PNG file's picture alone; raises BadPicture."""
    chunks = list(_chunks(content))
    names = [name for name, _ in chunks]
    if _ANIMATION in names:
        raise BadPicture(PictureFault.ANIMATED)
    width, height = _size(chunks[0])
    _check_order(names, paletted=chunks[0][1][9] == _PALETTED)
    turned = _turned(chunks)
    kept = [(name, body) for name, body in chunks if _is_critical(name) or name in _COLOURS]
    if turned > 1:
        kept.insert(1, (_EXIF, exif_of(turned)))
    whole = SIGNATURE + b"".join(_written(name, body) for name, body in kept)
    return Picture("image/png", width, height, whole)


def _chunks(content: bytes) -> Iterator[_Chunk]:
    """Yield name and body of each chunk to the last one; what stands behind it is not looked at."""
    at = len(SIGNATURE)
    for _ in range(MOST_PARTS):
        if at + 12 > len(content):
            break
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + 8 + length
        if end + 4 > len(content) or not name.isalpha():
            break
        (checksum,) = struct.unpack_from(">I", content, end)
        if zlib.crc32(content[at + 4 : end]) != checksum:
            break
        yield name, content[at + 8 : end]
        if name == _END:
            return
        at = end + 4
    raise damaged()


def _size(header: _Chunk) -> tuple[int, int]:
    name, body = header
    if name != _HEADER or len(body) != 13:
        raise damaged()
    width, height, depth, colour, compression, filtering, interlaced = struct.unpack(
        ">IIBBBBB", body
    )
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlaced > 1:
        raise damaged()
    check_size(width, height)
    return width, height


def _check_order(names: list[bytes], *, paletted: bool) -> None:
    """Refuse chunks that are missing, unknown and critical, given twice, or in the wrong place."""
    data = [place for place, name in enumerate(names) if name == _DATA]
    if not data or data[-1] - data[0] != len(data) - 1:
        raise damaged()
    if any(_is_critical(name) and name not in (_HEADER, _PALETTE, _DATA, _END) for name in names):
        raise damaged()
    if paletted and _PALETTE not in names:
        raise damaged()
    for name in (_HEADER, _PALETTE, *_COLOURS):
        places = [place for place, known in enumerate(names) if known == name]
        if len(places) > 1 or any(place > data[0] for place in places):
            raise damaged()


def _turned(chunks: list[_Chunk]) -> int:
    """Return the orientation by the last chunk that may say it: EXIF, or the texts that held it."""
    exif = old = xmp = None
    for name, body in chunks:
        if name == _EXIF:
            exif = body
        elif name in _OLD_TEXTS and body.startswith(_OLD_EXIF):
            old = (name, body)
        elif name == _TEXT and body.startswith(_XMP):
            xmp = body
    return orientation(exif or (_old_exif(*old) if old else None), _xmp(xmp) if xmp else None)


def _is_critical(name: bytes) -> bool:
    return name[:1].isupper()


def _old_exif(name: bytes, body: bytes) -> bytes | None:
    text = body.removeprefix(_OLD_EXIF)
    if name == b"zTXt":
        text = _inflated(text[1:])
    try:
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return None


def _xmp(body: bytes) -> bytes:
    """Return the XMP packet of a text: two flags, language and translation are before it."""
    compressed, rest = body[len(_XMP) :][:1], body[len(_XMP) + 2 :]
    text = rest.split(b"\0", 2)[-1]
    return text if compressed == b"\0" else _inflated(text)


def _inflated(text: bytes) -> bytes:
    """Return the beginning of a compressed text, nothing of one that cannot be read."""
    try:
        return zlib.decompressobj().decompress(text, _MOST_TEXT)
    except zlib.error:
        return b""


def _written(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
