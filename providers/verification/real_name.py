"""Real name: do a name and an identity number belong together (two factors)."""

from typing import Protocol

from providers.http.client import ProviderClient
from providers.http.verdict import Answer
from providers.http.wire import PersonalWire


class RealName(Protocol):
    """A registry of citizens."""

    async def verify(self, *, request_id: str, name: str, identity_number: str) -> Answer:
        """Return the registry's verdict; raises ProviderUnavailable or ProviderRejected.

        Reasons: `name_mismatch`, `not_in_registry` (unavailable), `source_maintenance`.
        """


class RealNameRequest(PersonalWire):
    """Two factors, as sent."""

    name: str
    identity_number: str


class HttpRealName:
    """RealName over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def verify(self, *, request_id: str, name: str, identity_number: str) -> Answer:
        """See RealName.verify."""
        request = RealNameRequest(name=name, identity_number=identity_number)
        return await self._client.call("real_name", "verify", request, Answer, request_id)
