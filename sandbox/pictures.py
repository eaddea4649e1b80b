"""Fictional pictures: small valid PNG files that carry what they show in a text chunk.

The stand-ins' readers look at the chunk, as a real reader looks at the pixels: a picture without
one shows nothing, a blurred one cannot be read. These are quick to make and empty to look at;
`sandbox.id_cards` and `sandbox.portraits` make pictures for readers of pixels, which carry the same
facts in a JPEG comment.
"""

import json
import struct
import zlib
from typing import Literal

from sandbox.personas import Person

Quality = Literal["clear", "blurred"]
Facts = dict[str, str | None]

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_COMMENT = b"\xff\xfe"
_KEYWORD = b"sandbox-picture"
_WIDTH, _HEIGHT = 86, 54
_SHADES: dict[str, int] = {"clear": 0xE0, "blurred": 0x90}


def card_front(person: Person, quality: Quality = "clear") -> bytes:
    """Return a picture of the card's side with the person's data."""
    return _picture(front_facts(person, quality))


def card_back(person: Person, quality: Quality = "clear") -> bytes:
    """Return a picture of the card's side with issuer and validity."""
    return _picture(back_facts(person, quality))


def face(person: Person, action: str = "neutral", quality: Quality = "clear") -> bytes:
    """Return a picture of the person's face doing `action`."""
    return _picture(face_facts(person, action, quality))


def front_facts(person: Person, quality: Quality) -> Facts:
    """Return what a picture of the card's front says that it shows."""
    return {
        "shows": "card_front",
        "quality": quality,
        "name": person.name,
        "identity_number": person.identity_number,
        "sex": person.sex,
        "birth_date": person.birth_date.isoformat(),
        "address": person.address,
    }


def back_facts(person: Person, quality: Quality) -> Facts:
    """Return what a picture of the card's back says that it shows."""
    return {
        "shows": "card_back",
        "quality": quality,
        "issuer": person.issuer,
        "valid_from": person.valid_from.isoformat(),
        "valid_until": person.valid_until.isoformat() if person.valid_until else None,
    }


def face_facts(person: Person, action: str, quality: Quality) -> Facts:
    """Return what a picture of a face says that it shows."""
    return {
        "shows": "face",
        "quality": quality,
        "identity_number": person.identity_number,
        "action": action,
    }


def with_facts(jpeg: bytes, facts: Facts) -> bytes:
    """Return a JPEG file with a comment that says what it shows."""
    content = _KEYWORD + b"\0" + _text(facts)
    return _JPEG + _COMMENT + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


def shown(picture: bytes) -> Facts | None:
    """Return what a fictional picture shows, None for any other file."""
    if picture.startswith(_PNG):
        return _shown_by_png(picture)
    if picture.startswith(_JPEG + _COMMENT):
        (length,) = struct.unpack_from(">H", picture.ljust(6, b"\0"), 4)
        keyword, _, text = picture[6 : 4 + length].partition(b"\0")
        return _facts(text) if keyword == _KEYWORD else None
    return None


def _shown_by_png(picture: bytes) -> Facts | None:
    offset = len(_PNG)
    while offset + 12 <= len(picture):
        length, kind = struct.unpack_from(">I4s", picture, offset)
        content = picture[offset + 8 : offset + 8 + length]
        keyword, _, rest = content.partition(b"\0")
        if kind == b"iTXt" and keyword == _KEYWORD:
            # After the keyword: two flags, language and translation (empty), text.
            return _facts(rest[4:])
        offset += 12 + length
    return None


def _facts(text: bytes) -> Facts | None:
    try:
        facts = json.loads(text)
    except ValueError:
        return None
    if not isinstance(facts, dict):
        return None
    return {key: value for key, value in facts.items() if value is None or isinstance(value, str)}


def _text(facts: Facts) -> bytes:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()


def _picture(facts: Facts) -> bytes:
    shade = _SHADES[facts["quality"] or "clear"]
    rows = (b"\0" + bytes([shade]) * _WIDTH) * _HEIGHT
    return b"".join(
        (
            _PNG,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 0, 0, 0, 0)),
            _chunk(b"iTXt", _KEYWORD + b"\0" + b"\0\0\0\0" + _text(facts)),
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
