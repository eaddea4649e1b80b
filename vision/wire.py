"""The requests that the service accepts, field by field; anything else is refused."""

from base64 import b64decode
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Action = Literal["neutral", "blink", "open_mouth", "nod", "shake"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]

PICTURE_BYTES = 8 * 1024 * 1024
FRAMES = 20


def _picture_bytes(value: object) -> object:
    return b64decode(value, validate=True) if isinstance(value, str) else value


Picture = Annotated[bytes, BeforeValidator(_picture_bytes), Field(max_length=PICTURE_BYTES)]
"""A picture's file; standard base64 on the wire."""


class Request(BaseModel):
    """Base of all requests: exact fields, exact types, no values in errors or logs."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    def __repr_args__(self) -> list[tuple[str | None, object]]:
        return []


class CardPictures(Request):
    """identity_card/read: both sides."""

    front: Picture
    back: Picture


class LivenessCheck(Request):
    """liveness/check: frames in the order of time, and the action that each belongs to.

    Equal actions in a row are one action. `neutral` frames show the face at rest; the others are
    measured against them.
    """

    frames: Annotated[list[Picture], Field(min_length=1, max_length=FRAMES)]
    actions: Annotated[list[Action], Field(min_length=1, max_length=FRAMES)]


class FaceCompare(Request):
    """liveness/compare: a face, and a picture of the person it should be (photo or card's front).

    `identity_number` is for providers that keep photographs; this one does not.
    """

    face: Picture
    identity_number: Text
    reference: Picture | None = None
