"""Registered photo: the photograph that the registry of citizens keeps of a person."""

from base64 import b64decode
from dataclasses import replace
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from domain.sources import Capability
from providers.http.images import Image
from providers.http.verdict import Assessment, VerificationResponse
from providers.http.wire import PersonalReceived
from providers.verification.factors import TwoFactorRequest

MIN_PHOTO_BYTES: Final = 64
MAX_PHOTO_BYTES: Final = 700_000
"""Base64 makes a third more of it, within what a response may have."""

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
    Image, BeforeValidator(_picture), Field(min_length=MIN_PHOTO_BYTES, max_length=MAX_PHOTO_BYTES)
]


class RegisteredPhotoResponse(PersonalReceived, VerificationResponse):
    """A match carries the `photo` and nothing else does.

    Reasons: `no_registered_photo`, `name_mismatch`, `not_in_registry` (unavailable),
    `source_maintenance`.
    """

    given_with_match = ("photo",)

    photo: Photo | None = None

    @property
    def assessment(self) -> Assessment:
        """A photo is never stored, so it cannot answer again; any other verdict can."""
        return replace(super().assessment, cacheable=self.photo is None)


class RegisteredPhotoRequest(TwoFactorRequest[RegisteredPhotoResponse]):
    """Fetch the photograph of a person: a number without its name fetches nobody's."""

    capability = Capability.REGISTERED_PHOTO
    operation = "fetch"
