"""Mobile operator: do name, identity number and mobile belong together (three factors)."""

from typing import Protocol

from providers.http.client import ProviderClient
from providers.http.verdict import Answer
from providers.http.wire import PersonalWire


class Operator(Protocol):
    """The operators' real-name register."""

    async def verify(
        self, *, request_id: str, name: str, identity_number: str, mobile: str
    ) -> Answer:
        """Return the register's verdict; raises ProviderUnavailable or ProviderRejected.

        Reasons: `mobile_mismatch`, `name_mismatch`, `not_in_registry` (unavailable).
        """


class OperatorRequest(PersonalWire):
    """Three factors, as sent."""

    name: str
    identity_number: str
    mobile: str


class HttpOperator:
    """Operator over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def verify(
        self, *, request_id: str, name: str, identity_number: str, mobile: str
    ) -> Answer:
        """See Operator.verify."""
        request = OperatorRequest(name=name, identity_number=identity_number, mobile=mobile)
        return await self._client.call("operator", "verify", request, Answer, request_id)
