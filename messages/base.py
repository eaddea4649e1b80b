"""The form shared by all messages."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """An immutable message; unknown fields of a newer sender are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
