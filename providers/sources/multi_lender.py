"""Multi-lender exposure: how many lenders the person turned to, and what is still owed."""

from typing import Annotated, Protocol, Self

from pydantic import Field, model_validator

from providers.http.client import ProviderClient
from providers.http.verdict import Answer
from providers.http.wire import PersonalWire

Count = Annotated[int, Field(ge=0, le=100_000)]


class MultiLenderReport(Answer):
    """A match is a person whom the source could look up; the five counts come with it and only so.

    `lenders_queried_*` count distinct lenders that asked about the person in so many days,
    `unsettled_loans` those open now, `new_loans_30d` those disbursed in 30 days. A person without
    an entry is a match with zeros. Reasons: `identity_mismatch`; `source_maintenance`
    (unavailable).
    """

    lenders_queried_7d: Count | None = None
    lenders_queried_30d: Count | None = None
    lenders_queried_90d: Count | None = None
    unsettled_loans: Count | None = None
    new_loans_30d: Count | None = None

    @model_validator(mode="after")
    def _counts_come_with_a_match(self) -> Self:
        windows = (self.lenders_queried_7d, self.lenders_queried_30d, self.lenders_queried_90d)
        counts = (*windows, self.unsettled_loans, self.new_loans_30d)
        if any((count is not None) != self.passed for count in counts):
            raise ValueError("the five counts are given exactly with a match")
        queried = [count for count in windows if count is not None]
        if queried != sorted(queried):
            raise ValueError("a longer window holds at least the lenders of a shorter one")
        return self

    def facts(self) -> dict[str, object]:
        """Return what a decision may read, nothing without a match."""
        if not self.passed:
            return {}
        return self.model_dump(exclude={"verdict", "reasons"})


class MultiLender(Protocol):
    """A source that many lenders report to."""

    async def query(
        self, *, request_id: str, name: str, identity_number: str, mobile: str
    ) -> MultiLenderReport:
        """Return the person's counts; raises ProviderUnavailable or ProviderRejected."""


class MultiLenderRequest(PersonalWire):
    """Whom to look up, as sent."""

    name: str
    identity_number: str
    mobile: str


class HttpMultiLender:
    """MultiLender over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def query(
        self, *, request_id: str, name: str, identity_number: str, mobile: str
    ) -> MultiLenderReport:
        """See MultiLender.query."""
        request = MultiLenderRequest(name=name, identity_number=identity_number, mobile=mobile)
        return await self._client.call(
            "multi_lender", "query", request, MultiLenderReport, request_id
        )
