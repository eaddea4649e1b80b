"""Person: what registers say about a shareholder, representative or guarantor."""

from datetime import date
from typing import Literal, Protocol, Self

from pydantic import Field, model_validator

from providers.http.client import ProviderClient
from providers.http.verdict import Answer
from providers.http.wire import PersonalWire
from providers.sources.adverse import AdverseFacts, Country, counts_of

PersonStatus = Literal["regular", "suspended", "cancelled", "deceased"]


class PersonRecord(Answer):
    """A match is a person who is registered under the asked name; the status comes with it.

    It says nothing about whether the person is good: `status` may be `deceased` and `adverse` may
    hold entries. Reasons: `not_registered`, `name_mismatch`, `birth_date_mismatch`;
    `source_maintenance` (unavailable).
    """

    status: PersonStatus | None = None
    adverse: AdverseFacts = ()

    @model_validator(mode="after")
    def _facts_come_with_a_match(self) -> Self:
        if (self.status is not None) != self.passed:
            raise ValueError("the status comes exactly with a match")
        if self.adverse and not self.passed:
            raise ValueError("adverse facts come only with a match")
        return self

    def facts(self) -> dict[str, object]:
        """Return the status and adverse entries by kind, nothing without a match."""
        if self.status is None:
            return {}
        return {"status": self.status, "adverse": counts_of(self.adverse)}


class PersonRegister(Protocol):
    """A register of persons."""

    async def check(
        self,
        *,
        request_id: str,
        country: Country,
        document_number: str,
        name: str,
        birth_date: date | None = None,
    ) -> PersonRecord:
        """Return the register's record; raises ProviderUnavailable or ProviderRejected.

        `document_number` is a CPF without a mask or an identity number of 18 characters; a
        `birth_date` that is given must agree.
        """


class PersonRequest(PersonalWire):
    """Which person, as sent."""

    country: Country
    document_number: str = Field(pattern=r"^[0-9]{11}$|^[0-9]{17}[0-9X]$")
    name: str
    birth_date: date | None


class HttpPersonRegister:
    """PersonRegister over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def check(
        self,
        *,
        request_id: str,
        country: Country,
        document_number: str,
        name: str,
        birth_date: date | None = None,
    ) -> PersonRecord:
        """See PersonRegister.check."""
        request = PersonRequest(
            country=country, document_number=document_number, name=name, birth_date=birth_date
        )
        return await self._client.call("person", "check", request, PersonRecord, request_id)
