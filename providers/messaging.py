"""Messages to a mobile by an approved template."""

from typing import Annotated, Final

from pydantic import Field

from providers.http.requests import ProviderRequest
from providers.http.wire import CodeText, Received

_ACCEPTED: Final = "accepted"


class MessageReceipt(Received):
    """What the gateway says of a message that it took; whether it arrives is not known."""

    message_id: Annotated[str, Field(max_length=200)] | None = None
    status: CodeText = _ACCEPTED


class MessageRequest(ProviderRequest[MessageReceipt]):
    """Send the template filled with `variables`; a repeat under the same id sends nothing.

    A status that is not known does not say that the message was taken: it is sent again. The
    message id is the request id. Raises ProviderUnavailable or ProviderRejected
    (`message_conflict`: the id is taken).
    """

    provider = "messaging"
    operation = "send"

    message_id: str
    mobile: str
    template: str
    variables: dict[str, str]

    def is_answered_by(self, response: MessageReceipt) -> bool:
        """Say whether the gateway took the message."""
        return response.status == _ACCEPTED
