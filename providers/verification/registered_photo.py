"""Registered photo: the photograph that the registry of citizens keeps of a person."""

from base64 import b64decode
from typing import Annotated, Final, Protocol, Self

from pydantic import BeforeValidator, Field, model_validator

from providers.http.client import ProviderClient
from providers.http.images import Image
from providers.http.verdict import Answer
from providers.http.wire import PersonalWire

SMALLEST_PHOTO: Final = 64
LARGEST_PHOTO: Final = 700_000
"""Bytes of a photo; base64 makes a third more of it, within what an answer may have."""

_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def _picture(value: object) -> object:
    """Return the bytes of a picture in base64; raises ValueError for anything else."""
    if not isinstance(value, str):
        return value
    picture = b64decode(value, validate=True)
    if not picture.startswith((_JPEG, _PNG)) and (picture[:4], picture[8:12]) != (b"RIFF", b"WEBP"):
        raise ValueError("a photo is a JPEG, PNG or WebP file")
    return picture


Photo = Annotated[
    Image, BeforeValidator(_picture), Field(min_length=SMALLEST_PHOTO, max_length=LARGEST_PHOTO)
]


class RegisteredPhotoAnswer(PersonalWire, Answer):
    """A match carries the `photo` and nothing else does.

    Reasons: `no_registered_photo`, `name_mismatch`, `not_in_registry` (unavailable),
    `source_maintenance`.
    """

    photo: Photo | None = None

    @model_validator(mode="after")
    def _a_match_carries_the_photo(self) -> Self:
        if self.passed != (self.photo is not None):
            raise ValueError("a photo is given exactly with a match")
        return self


class RegisteredPhoto(Protocol):
    """A registry of citizens with their photographs."""

    async def fetch(
        self, *, request_id: str, name: str, identity_number: str
    ) -> RegisteredPhotoAnswer:
        """Return the photograph; raises ProviderUnavailable or ProviderRejected."""


class RegisteredPhotoRequest(PersonalWire):
    """Two factors, as sent: a number without its name fetches nobody's photograph."""

    name: str
    identity_number: str


class HttpRegisteredPhoto:
    """RegisteredPhoto over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def fetch(
        self, *, request_id: str, name: str, identity_number: str
    ) -> RegisteredPhotoAnswer:
        """See RegisteredPhoto.fetch."""
        request = RegisteredPhotoRequest(name=name, identity_number=identity_number)
        return await self._client.call(
            "registered_photo", "fetch", request, RegisteredPhotoAnswer, request_id
        )
