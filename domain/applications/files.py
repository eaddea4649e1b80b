"""Files that people attach: a PDF, or a picture, told by their content and never by their name.

A picture is written anew. A PDF is kept as it is and only ever offered for download; one that runs
something, holds other files or hides its content from this check is refused.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.common.errors import FieldError
from domain.verification.pictures import BadPicture, clean

MAX_FILE_BYTES: Final = 10 * 1024 * 1024
MAX_FILES: Final = 50
"""So many files an application has."""
PDF: Final = "application/pdf"

_UNPACKED: Final = 32 * 1024 * 1024
_MAX_OBJECT_STREAMS: Final = 2_000
_CHUNK: Final = 64 * 1024
_DICTIONARY: Final = 512
_STREAM: Final = re.compile(rb"stream\r?\n")
_OBJECTS: Final = re.compile(rb"/ObjStm(?![A-Za-z0-9])")
_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
# What acts or holds files, by ISO 32000-1: 12.6.4 (actions), 7.11.4 (embedded files), 13 (media).
# Each name is too long to stand in the bytes of a picture by chance.
_ACTIVE: Final = re.compile(
    rb"/(JavaScript|Launch|SubmitForm|ImportData|RichMedia|EmbeddedFiles?|AcroForm\s*<<[^>]*/XFA)"
    rb"(?![A-Za-z0-9])"
)
_ENCRYPTED: Final = re.compile(rb"/Encrypt(?![A-Za-z0-9])")


class FileRefused(FieldError):
    """A file that is not taken; the message says what to send."""


@dataclass(frozen=True)
class CheckedFile:
    """A file as it is stored."""

    media_type: str
    content: bytes


def checked_file(content: bytes, field: str = "content") -> CheckedFile:
    """Return what is stored of a file; raises `FileRefused`.

    A picture takes up to a tenth of a second, a PDF less: not on an event loop.
    """
    if len(content) > MAX_FILE_BYTES:
        raise FileRefused("the file is too large: at most 10 MB", field=field)
    if content.startswith(b"%PDF-"):
        _check_pdf(content, field)
        return CheckedFile(PDF, content)
    try:
        picture = clean(content)
    except BadPicture as error:
        why = str(error).replace("send a JPEG", "send a PDF, JPEG")
        raise FileRefused(why, field=field) from None
    return CheckedFile(picture.media_type, picture.content)


def _check_pdf(content: bytes, field: str) -> None:
    if b"%%EOF" not in content[-2048:]:
        raise FileRefused("the PDF is damaged or cut short: send it again", field=field)
    for part in (content, *_object_streams(content, field)):
        plain = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), part)
        if _ENCRYPTED.search(plain):
            raise FileRefused("the PDF is protected: send it without a password", field=field)
        if _ACTIVE.search(plain):
            raise FileRefused(
                "the PDF runs something, or holds other files: print it to a PDF and send that",
                field=field,
            )


def _object_streams(content: bytes, field: str) -> Iterator[bytes]:
    """Yield what is packed in the file and may hold more of its structure (ISO 32000-1, 7.5.7)."""
    room, streams = _UNPACKED, 0
    for found in _STREAM.finditer(content):
        before = content[max(0, found.start() - _DICTIONARY) : found.start()]
        before = before.rpartition(b"endobj")[2]
        if not _OBJECTS.search(_ESCAPED.sub(lambda one: bytes([int(one[1], 16)]), before)):
            continue
        unpacked = _inflated(content, found.end(), room)
        streams += 1
        if unpacked is None or streams > _MAX_OBJECT_STREAMS:
            raise FileRefused(
                "the PDF cannot be looked into: print it to a PDF and send that", field=field
            )
        room -= len(unpacked)
        yield unpacked


def _inflated(content: bytes, start: int, room: int) -> bytes | None:
    """Return what is packed from `start` on; None if it is not, or takes more than `room` bytes."""
    inflating = zlib.decompressobj()
    unpacked = bytearray()
    try:
        for at in range(start, len(content), _CHUNK):
            unpacked += inflating.decompress(content[at : at + _CHUNK], room + 1 - len(unpacked))
            if inflating.eof or len(unpacked) > room:
                break
    except zlib.error:
        return None
    return bytes(unpacked) if inflating.eof and len(unpacked) <= room else None
