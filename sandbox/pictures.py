"""Fictional pictures: small valid PNG files whose pixels say what they show.

The first shades of gray, from 0 to 255 like bytes, are the text of what is shown; the last row is
the camera's grain, which no two people's pictures have in common. The simulators look at these
pixels, as a real reader looks at its own, and at nothing else in the file: a picture without them
shows nothing, a blurred one cannot be read. These are quick to make and empty to look at;
`sandbox.id_cards` and `sandbox.portraits` make pictures for who reads cards and faces.
"""

import hashlib
import io
import json
import struct
from typing import Literal

from PIL import Image

from sandbox.personas import Person

Quality = Literal["clear", "blurred"]
Facts = dict[str, str | None]

WIDTH, HEIGHT = 102, 64
"""Pixels of a picture: the shape of a card, no smaller than a picture may be."""

_MARK = b"sandbox-picture"
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
    file = io.BytesIO()
    Image.frombytes("L", (WIDTH, HEIGHT), pixels).save(file, "PNG")
    return file.getvalue()


def _pixels(picture: bytes) -> bytes | None:
    """Return the shades row by row, None unless the file is of the kind that is made here."""
    try:
        with Image.open(io.BytesIO(picture), formats=["PNG"]) as opened:
            known = (opened.mode, opened.size) == ("L", (WIDTH, HEIGHT))
            return opened.tobytes() if known else None
    except (OSError, SyntaxError, ValueError):
        return None
