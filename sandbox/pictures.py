"""Fictional pictures: small valid PNG files that carry what they show in a text chunk.

The stand-ins' readers look at the chunk, as a real reader looks at the pixels: a picture without
one shows nothing, a blurred one cannot be read.
"""

import json
import struct
import zlib
from typing import Literal

from sandbox.personas import Person

Quality = Literal["clear", "blurred"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"sandbox-picture"
_WIDTH, _HEIGHT = 86, 54
_SHADES: dict[str, int] = {"clear": 0xE0, "blurred": 0x90}


def card_front(person: Person, quality: Quality = "clear") -> bytes:
    """Return a picture of the card's side with the person's data."""
    return _picture(
        {
            "shows": "card_front",
            "quality": quality,
            "name": person.name,
            "identity_number": person.identity_number,
            "sex": person.sex,
            "birth_date": person.birth_date.isoformat(),
            "address": person.address,
        }
    )


def card_back(person: Person, quality: Quality = "clear") -> bytes:
    """Return a picture of the card's side with issuer and validity."""
    return _picture(
        {
            "shows": "card_back",
            "quality": quality,
            "issuer": person.issuer,
            "valid_from": person.valid_from.isoformat(),
            "valid_until": person.valid_until.isoformat() if person.valid_until else None,
        }
    )


def face(person: Person, action: str = "neutral", quality: Quality = "clear") -> bytes:
    """Return a picture of the person's face doing `action`."""
    return _picture(
        {
            "shows": "face",
            "quality": quality,
            "identity_number": person.identity_number,
            "action": action,
        }
    )


def shown(picture: bytes) -> dict[str, str | None] | None:
    """Return what a fictional picture shows, None for any other file."""
    if not picture.startswith(_SIGNATURE):
        return None
    offset = len(_SIGNATURE)
    while offset + 12 <= len(picture):
        length, kind = struct.unpack_from(">I4s", picture, offset)
        content = picture[offset + 8 : offset + 8 + length]
        keyword, _, rest = content.partition(b"\0")
        if kind == b"iTXt" and keyword == _KEYWORD:
            return _facts(rest)
        offset += 12 + length
    return None


def _facts(rest: bytes) -> dict[str, str | None] | None:
    """Read the chunk after its keyword: two flags, language and translation (empty), text."""
    try:
        facts = json.loads(rest[4:])
    except ValueError:
        return None
    if not isinstance(facts, dict):
        return None
    return {key: value for key, value in facts.items() if value is None or isinstance(value, str)}


def _picture(facts: dict[str, str | None]) -> bytes:
    shade = _SHADES[facts["quality"] or "clear"]
    rows = (b"\0" + bytes([shade]) * _WIDTH) * _HEIGHT
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 0, 0, 0, 0)),
            _chunk(b"iTXt", _KEYWORD + b"\0" + b"\0\0\0\0" + text),
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
