"""Messages to customers, as they and staff see them."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, StringConstraints

from api.http.schemas import Body, Reason, ResponseBody
from domain.common.typed_text import cleaned, email
from domain.messaging.events import MessageChannel, MessagePurpose
from services.messaging.reading import ShownMessage
from storage.messaging.contact_addresses import ContactAddresses
from storage.messaging.outbox import MessageState

_Email = Annotated[
    str,
    cleaned(email),
    StringConstraints(pattern=r"^[^@\s]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}$"),
]
_Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
_PushToken = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:\-]{1,250}$")]


class MessageResponse(ResponseBody):
    """A message: what it tells of, in which values, and what came of it.

    `address` is masked. The text is not kept: `template`, `language` and `text_sha256` say which it
    was.
    """

    id: str
    purpose: MessagePurpose
    about: str
    said: dict[str, Any]
    state: MessageState
    channel: MessageChannel | None
    address: str | None
    language: str | None
    template: str | None
    text_sha256: str | None
    failure: str | None
    sent_again: str | None
    created_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, shown: ShownMessage) -> Self:
        """Return a message as callers see it."""
        row = shown.row
        return cls(
            id=row.id,
            purpose=row.purpose,
            about=row.subject,
            said=row.said,
            state=row.state,
            channel=row.via,
            address=shown.address,
            language=row.language,
            template=row.template,
            text_sha256=row.text_sha256,
            failure=row.failure,
            sent_again=row.sent_again,
            created_at=row.created_at,
            sent_at=row.sent_at,
        )


class ResendBody(Body):
    """Why a message is sent once more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "asked for it again"}]})

    reason: Reason


class ContactBody(Body):
    """Where a customer is reached besides the verified mobile, in place of what was there."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"language": "en", "email": "someone@example.com", "push_token": "tok-1"}]
        }
    )

    language: _Language | None = Field(default=None, description="of messages; without, Chinese")
    email: _Email | None = None
    push_token: _PushToken | None = Field(
        default=None, description="what the app got from its push service"
    )

    def addresses(self) -> ContactAddresses:
        """Return what was given."""
        return ContactAddresses(self.language, self.email, self.push_token)


class ContactResponse(ResponseBody):
    """Where a customer is reached besides the mobile, masked."""

    language: str | None
    email: str | None
    push_token: str | None
