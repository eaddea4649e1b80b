"""Consents: the texts that are shown, and what applicants agreed to."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from api.http.schemas import Body, ResponseBody
from domain.people.consents import Purpose
from services.people.consenting import ShownText

TextVersion = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="of the text in UTF-8")]


class ConsentCreate(Body):
    """An applicant agreed to the text of a purpose, as it was shown."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "purpose": "face_recognition",
                    "text_version": "1",
                    "text_sha256": "61da387be3c3e71d7f44ca07051f1aa0"
                    "f6988082bf97d34924287b2e5d2e5b26",
                }
            ]
        }
    )

    purpose: Purpose
    text_version: TextVersion
    text_sha256: Sha256

    def shown(self) -> ShownText:
        """Return the text that was shown."""
        return ShownText(self.purpose, self.text_version, self.text_sha256)


class ConsentTextResponse(ResponseBody):
    """What is to be shown for a purpose today."""

    purpose: Purpose
    version: str
    text: str
    sha256: str


class ConsentResponse(ResponseBody):
    """A consent; in force until it is revoked."""

    id: str
    purpose: Purpose
    text_version: str
    text_sha256: str
    channel: str
    given_at: datetime
    revoked_at: datetime | None
