"""Messages to customers: by SMS (an approved template), by e-mail and to the borrower's app.

Each gateway sends a message id once, whatever it is asked. Whoever does not know whether a gateway
took a message asks it by the id (`...Query`) before sending again.
"""

from typing import Annotated, Final

from pydantic import Field

from providers.http.requests import ProviderRequest
from providers.http.wire import CodeText, Received

_ACCEPTED: Final = "accepted"


class MessageReceipt(Received):
    """What the gateway says of a message that it took; whether it arrives is not known."""

    message_id: Annotated[str, Field(max_length=200)] | None = None
    status: CodeText = _ACCEPTED


class _Sending(ProviderRequest[MessageReceipt]):
    """A message under its id, which is the request id too; a repeat of it sends nothing.

    A status that is not known does not say that the message was taken: it is sent again. Raises
    ProviderUnavailable or ProviderRejected (`message_conflict`: the id is taken).
    """

    operation = "send"

    message_id: str

    def is_answered_by(self, response: MessageReceipt) -> bool:
        """Say whether the gateway took the message."""
        return response.status == _ACCEPTED


class MessageRequest(_Sending):
    """Send an SMS by the template filled with `variables`."""

    provider = "messaging"

    mobile: str
    template: str
    variables: dict[str, str]


class EmailRequest(_Sending):
    """Send an e-mail; `address_refused`: nothing reaches the address."""

    provider = "email"

    address: str
    subject: str
    body: str


class PushRequest(_Sending):
    """Show a notice in the borrower's app; `unregistered`: the app is not there any more."""

    provider = "push"

    token: str
    title: str
    body: str


class MessageFound(Received):
    """Whether the gateway took a message."""

    message_id: str
    found: bool


class _Query(ProviderRequest[MessageFound]):
    """Ask whether a message was taken."""

    operation = "query"
    echoed = ("message_id",)

    message_id: str


class MessageQuery(_Query):
    """The same of an SMS."""

    provider = "messaging"


class EmailQuery(_Query):
    """The same of an e-mail."""

    provider = "email"


class PushQuery(_Query):
    """The same of a push."""

    provider = "push"
