"""Messages to a mobile by an approved template."""

from typing import Literal

from providers.http.requests import ProviderRequest
from providers.http.wire import Wire


class MessageReceipt(Wire):
    """The gateway took the message; delivery is not known."""

    message_id: str
    status: Literal["accepted"]


class MessageRequest(ProviderRequest[MessageReceipt]):
    """Send the template filled with `variables`; a repeat under the same id sends nothing.

    The message id is the request id. Raises ProviderUnavailable or ProviderRejected
    (`message_conflict`: the id is taken).
    """

    provider = "messaging"
    operation = "send"

    message_id: str
    mobile: str
    template: str
    variables: dict[str, str]
