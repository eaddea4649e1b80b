"""Credit bureau: a score and what other lenders reported.

Several bureaus speak this contract under a name each; `domain.decisioning.bureau_merge` merges
what they say.
"""

from typing import Annotated, Protocol, Self

from pydantic import Field, model_validator

from providers.http.client import ProviderClient
from providers.http.verdict import Answer
from providers.http.wire import PersonalWire

Count = Annotated[int, Field(ge=0, le=100_000)]


class BureauReport(Answer):
    """A match is a file that was found; its four facts come with it and only with it.

    `score` runs from 300 (worst) to 1000. `overdue_history` counts overdue instalments reported in
    two years, `lenders_queried_30d` the distinct lenders that asked about the person in 30 days.
    Reasons: `identity_mismatch`, `no_file` (unavailable), `source_maintenance` (unavailable).
    """

    score: Annotated[int, Field(ge=300, le=1000)] | None = None
    overdue_history: Count | None = None
    lenders_queried_30d: Count | None = None
    blacklisted: bool | None = None

    @model_validator(mode="after")
    def _facts_come_with_a_match(self) -> Self:
        facts = (self.score, self.overdue_history, self.lenders_queried_30d, self.blacklisted)
        if any((fact is not None) != self.passed for fact in facts):
            raise ValueError("the four facts are given exactly when a file was found")
        return self


class Bureau(Protocol):
    """A credit bureau."""

    async def score(
        self, *, request_id: str, name: str, identity_number: str, mobile: str
    ) -> BureauReport:
        """Return the person's report; raises ProviderUnavailable or ProviderRejected."""


class BureauRequest(PersonalWire):
    """Whom to look up, as sent."""

    name: str
    identity_number: str
    mobile: str


class HttpBureau:
    """Bureau over the common contract; `provider` is the name under which it is reached."""

    def __init__(self, client: ProviderClient, provider: str = "bureau") -> None:
        self._client = client
        self._provider = provider

    async def score(
        self, *, request_id: str, name: str, identity_number: str, mobile: str
    ) -> BureauReport:
        """See Bureau.score."""
        request = BureauRequest(name=name, identity_number=identity_number, mobile=mobile)
        return await self._client.call(self._provider, "score", request, BureauReport, request_id)
