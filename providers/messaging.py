"""Messages to a mobile by an approved template."""

from collections.abc import Mapping
from typing import Literal, Protocol

from providers.http.client import ProviderClient
from providers.http.wire import PersonalWire, Wire


class MessageReceipt(Wire):
    """The gateway took the message; delivery is not known."""

    message_id: str
    status: Literal["accepted"]


class Messaging(Protocol):
    """A text-message gateway; a message id is sent once."""

    async def send(
        self, *, message_id: str, mobile: str, template: str, variables: Mapping[str, str]
    ) -> MessageReceipt:
        """Send the template filled with `variables`; a repeat sends nothing.

        Raises ProviderUnavailable or ProviderRejected (`message_conflict`: the id is taken).
        """


class MessageRequest(PersonalWire):
    """A message as sent."""

    message_id: str
    mobile: str
    template: str
    variables: dict[str, str]


class HttpMessaging:
    """Messaging over the common contract; the message id is the request id."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def send(
        self, *, message_id: str, mobile: str, template: str, variables: Mapping[str, str]
    ) -> MessageReceipt:
        """See Messaging.send."""
        request = MessageRequest(
            message_id=message_id, mobile=mobile, template=template, variables=dict(variables)
        )
        return await self._client.call("messaging", "send", request, MessageReceipt, message_id)
