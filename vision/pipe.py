"""How the service and its worker processes talk: two lengths, a head, a body."""

import struct
from typing import BinaryIO, Final

LENGTHS: Final = struct.Struct(">II")


def packed(head: str, body: bytes) -> bytes:
    """Return a message: an operation, or an answer's status, and its content."""
    name = head.encode()
    return LENGTHS.pack(len(name), len(body)) + name + body


def received(pipe: BinaryIO) -> tuple[str, bytes] | None:
    """Wait for a message and return it, None when the other side has gone."""
    lengths = pipe.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head, body = LENGTHS.unpack(lengths)
    name, content = pipe.read(head), pipe.read(body)
    return (name.decode(), content) if len(content) == body else None
