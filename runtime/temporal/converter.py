"""The payload converter: pydantic's JSON, and nothing that its reader does not expect."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter

UNREADABLE: Final = b"binary/unreadable"
"""The encoding of a payload that could not be opened (`runtime.temporal.codec.ProcessCodec`)."""

_UNCHECKED: Final = frozenset({b"binary/null", b"binary/plain"})


class TamperedPayload(Exception):
    """A payload was changed, cut short, or not encrypted by us where only ours are read."""


class CheckedPayloadConverter(PydanticPayloadConverter):
    """Refuses every payload that is not of the type asked for.

    The SDK checks JSON only: nothing, or plain bytes, it hands to a handler whatever its type. One
    signal from the command line with such an input would fail the process's tasks for ever; refused
    here, it is logged and dropped like any other that cannot be read.
    """

    def __init__(self) -> None:
        super().__init__()

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        """See the base class; raises pydantic's ValidationError and TamperedPayload besides."""
        if any(payload.metadata.get("encoding") == UNREADABLE for payload in payloads):
            raise TamperedPayload("a payload cannot be opened")
        values = super().from_payloads(payloads, type_hints)
        for payload, value, hint in zip(payloads, values, type_hints or (), strict=False):
            if payload.metadata.get("encoding") in _UNCHECKED and hint not in (None, type(value)):
                TypeAdapter(hint).validate_python(value, strict=True)
        return values
