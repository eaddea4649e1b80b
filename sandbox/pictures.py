"""Fictional pictures: small valid PNG files whose pixels say what they show.

The first shades of gray, from 0 to 255 like bytes, are the text of what is shown; the last row is
the camera's grain, which no two people's pictures have in common. The simulators look at these
pixels, as a real reader looks at its own, and at nothing else in the file: a picture without them
shows nothing, a blurred one cannot be read. These are quick to make and empty to look at;
`sandbox.id_cards` and `sandbox.portraits` make pictures for who reads cards and faces.
"""

import hashlib
import json
import struct
import zlib
from typing import Literal

from sandbox.personas import Person

Quality = Literal["clear", "blurred"]
Facts = dict[str, str | None]

WIDTH, HEIGHT = 102, 64
"""Pixels of a picture: the shape of a card, no smaller than a picture may be."""

_PNG = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
_MARK = b"sandbox-picture"
_UNFILTERED = 0
_SHADES: dict[str, int] = {"clear": 0xE0, "blurred": 0x90}


def card_front(person: Person, quality: Quality = "clear") -> bytes:
    """Return a picture of the card's side with the person's data."""
    return _picture(person, _front_facts(person, quality))


def card_back(person: Person, quality: Quality = "clear") -> bytes:
    """Return a picture of the card's side with issuer and validity."""
    return _picture(person, _back_facts(person, quality))


def face(person: Person, action: str = "neutral", quality: Quality = "clear") -> bytes:
    """Return a picture of the person's face doing `action`."""
    return _picture(person, _face_facts(person, action, quality))


def shown(picture: bytes) -> Facts | None:
    """Return what a fictional picture shows, None for any other file."""
    pixels = _pixels(picture)
    if pixels is None or not pixels.startswith(_MARK):
        return None
    (length,) = struct.unpack_from(">H", pixels, len(_MARK))
    text = pixels[len(_MARK) + 2 :][:length]
    try:
        facts = json.loads(text)
    except ValueError:
        return None
    if not isinstance(facts, dict):
        return None
    return {key: value for key, value in facts.items() if value is None or isinstance(value, str)}


def _front_facts(person: Person, quality: Quality) -> Facts:
    return {
        "shows": "card_front",
        "quality": quality,
        "name": person.name,
        "identity_number": person.identity_number,
        "sex": person.sex,
        "birth_date": person.birth_date.isoformat(),
        "address": person.address,
    }


def _back_facts(person: Person, quality: Quality) -> Facts:
    return {
        "shows": "card_back",
        "quality": quality,
        "issuer": person.issuer,
        "valid_from": person.valid_from.isoformat(),
        "valid_until": person.valid_until.isoformat() if person.valid_until else None,
    }


def _face_facts(person: Person, action: str, quality: Quality) -> Facts:
    return {
        "shows": "face",
        "quality": quality,
        "identity_number": person.identity_number,
        "action": action,
    }


def _picture(person: Person, facts: Facts) -> bytes:
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
    told = _MARK + struct.pack(">H", len(text)) + text
    shade = bytes([_SHADES[facts["quality"] or "clear"]])
    grain = hashlib.sha256(person.identity_number.encode()).digest()
    pixels = told.ljust(WIDTH * (HEIGHT - 1), shade) + grain.ljust(WIDTH, shade)
    rows = (pixels[start : start + WIDTH] for start in range(0, len(pixels), WIDTH))
    return b"".join(
        (
            _PNG,
            _chunk(b"IHDR", _HEADER),
            _chunk(b"IDAT", zlib.compress(b"".join(bytes([_UNFILTERED]) + row for row in rows))),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _pixels(picture: bytes) -> bytes | None:
    """Return the shades row by row, None unless the file is of the kind that is made here."""
    size = (WIDTH + 1) * HEIGHT
    try:
        rows = zlib.decompressobj().decompress(_data(picture), size)
    except zlib.error:
        return None
    if len(rows) != size or any(rows[:: WIDTH + 1]):
        return None
    return b"".join(rows[start + 1 : start + 1 + WIDTH] for start in range(0, size, WIDTH + 1))


def _data(picture: bytes) -> bytes:
    """Return the compressed rows, none unless the header is that of the pictures made here."""
    if not picture.startswith(_PNG):
        return b""
    parts: dict[bytes, bytes] = {}
    offset = len(_PNG)
    while offset + 12 <= len(picture):
        length, kind = struct.unpack_from(">I4s", picture, offset)
        content = picture[offset + 8 : offset + 8 + length]
        parts[kind] = parts.get(kind, b"") + content
        offset += 12 + length
    return parts.get(b"IDAT", b"") if parts.get(b"IHDR") == _HEADER else b""
