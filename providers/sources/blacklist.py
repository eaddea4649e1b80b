"""Blacklist: is the person on a list that lenders share."""

from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, model_validator

from providers.http.client import ProviderClient
from providers.http.verdict import Answer
from providers.http.wire import PersonalWire

Category = Literal["court_enforcement", "fraud", "overdue", "collusion"]


class BlacklistReport(Answer):
    """A match is a list that was searched for this person: `listed` comes with it and only with it.

    A listed person has at least one category. Reasons: `identity_mismatch`; `source_maintenance`
    (unavailable).
    """

    listed: bool | None = None
    categories: Annotated[tuple[Category, ...], Field(strict=False, max_length=16)] = ()

    @model_validator(mode="after")
    def _categories_come_with_an_entry(self) -> Self:
        if (self.listed is not None) != self.passed:
            raise ValueError("whether the person is listed is told exactly with a match")
        if bool(self.categories) != bool(self.listed):
            raise ValueError("categories are given exactly when the person is listed")
        return self

    def facts(self) -> dict[str, object]:
        """Return what a decision may read, nothing without a match."""
        if self.listed is None:
            return {}
        return {"listed": self.listed, "categories": sorted(set(self.categories))}


class Blacklist(Protocol):
    """A keeper of lists."""

    async def check(
        self, *, request_id: str, name: str, identity_number: str, mobile: str
    ) -> BlacklistReport:
        """Return whether the person is listed; raises ProviderUnavailable or ProviderRejected."""


class BlacklistRequest(PersonalWire):
    """Whom to look up, as sent."""

    name: str
    identity_number: str
    mobile: str


class HttpBlacklist:
    """Blacklist over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def check(
        self, *, request_id: str, name: str, identity_number: str, mobile: str
    ) -> BlacklistReport:
        """See Blacklist.check."""
        request = BlacklistRequest(name=name, identity_number=identity_number, mobile=mobile)
        return await self._client.call("blacklist", "check", request, BlacklistReport, request_id)
