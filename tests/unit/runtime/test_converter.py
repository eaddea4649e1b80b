"""Payloads of the wrong type are refused whatever their encoding."""

from typing import Any

import pytest
from pydantic import ValidationError
from temporalio.api.common.v1 import Payload

from messages.applications import ReviewCommand
from messages.payments import TransferUpdated
from runtime.temporal.converter import CheckedPayloadConverter

NOTHING = Payload(metadata={"encoding": b"binary/null"})
BYTES = Payload(metadata={"encoding": b"binary/plain"}, data=b"garbage")
converter = CheckedPayloadConverter()


@pytest.mark.parametrize("payload", [NOTHING, BYTES])
def test_what_is_no_message_is_refused(payload: Payload) -> None:
    with pytest.raises(ValidationError):
        converter.from_payload(payload, TransferUpdated)


def test_bytes_are_no_optional_message() -> None:
    with pytest.raises(ValidationError):
        converter.from_payload(BYTES, ReviewCommand | None)  # type: ignore[arg-type]  # as the SDK


@pytest.mark.parametrize(
    ("payload", "hint", "value"),
    [
        (NOTHING, type(None), None),
        (NOTHING, ReviewCommand | None, None),
        (NOTHING, Any, None),
        (NOTHING, None, None),
        (BYTES, bytes, b"garbage"),
    ],
)
def test_what_was_asked_for_is_returned(payload: Payload, hint: Any, value: object) -> None:
    assert converter.from_payload(payload, hint) == value


def test_messages_come_back_as_they_were() -> None:
    command = ReviewCommand(reviewer="lin", reason="seen")
    [payload] = converter.to_payloads([command])
    assert converter.from_payload(payload, ReviewCommand) == command
