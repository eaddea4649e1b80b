"""How long the database keeps what was only to be passed on."""

from typing import Final

from pydantic import Field

from domain.common.definitions import Content, Kind


class Retention(Content):
    """Days after which outbox events and stored answers to requests may be deleted."""

    outbox_days: int = Field(ge=1, strict=True)
    stored_answers_days: int = Field(ge=1, strict=True)


RETENTION: Final = Kind("retention", Retention)

STANDARD_RETENTION: Final = "standard"
"""The periods that an installation goes by, by code."""
