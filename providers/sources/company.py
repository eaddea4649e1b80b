"""Company: what the register of companies says about one."""

from datetime import date
from typing import Literal, Protocol, Self

from pydantic import Field, model_validator

from providers.http.client import ProviderClient
from providers.http.verdict import Answer
from providers.http.wire import PersonalWire
from providers.sources.adverse import AdverseFacts, Country, counts_of
from providers.verification.capture import Day, completed_months

CompanyStatus = Literal["active", "suspended", "dissolved", "revoked"]


class CompanyRecord(Answer):
    """A match is a company that exists under the asked name; its facts come with it and only then.

    It says nothing about whether the company is good: `status` may be `dissolved` and `adverse`
    may hold entries. Reasons: `not_registered`, `legal_name_mismatch`; `source_maintenance`
    (unavailable). A small firm can bear a person's name: `legal_name` is not among the facts.
    """

    legal_name: str | None = Field(default=None, min_length=1, max_length=200, repr=False)
    status: CompanyStatus | None = None
    constituted_on: Day | None = None
    adverse: AdverseFacts = ()

    @model_validator(mode="after")
    def _facts_come_with_a_match(self) -> Self:
        told = (self.legal_name, self.status, self.constituted_on)
        if any((fact is not None) != self.passed for fact in told):
            raise ValueError("name, status and constitution come exactly with a match")
        if self.adverse and not self.passed:
            raise ValueError("adverse facts come only with a match")
        return self

    def facts(self, on: date) -> dict[str, object]:
        """Return status, age in months on a business date, and adverse entries by kind."""
        if self.constituted_on is None:
            return {}
        return {
            "status": self.status,
            "months_since_constitution": completed_months(self.constituted_on, on),
            "adverse": counts_of(self.adverse),
        }


class Company(Protocol):
    """A register of companies."""

    async def check(
        self, *, request_id: str, country: Country, registration_number: str, legal_name: str
    ) -> CompanyRecord:
        """Return the register's record; raises ProviderUnavailable or ProviderRejected.

        `registration_number` is a CNPJ (numeric or alphanumeric) or a unified social credit code,
        upper-case and without a mask.
        """


class CompanyRequest(PersonalWire):
    """Which company, as sent."""

    country: Country
    registration_number: str = Field(pattern=r"^[0-9A-Z]{14}$|^[0-9A-Z]{18}$")
    legal_name: str


class HttpCompany:
    """Company over the common contract."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def check(
        self, *, request_id: str, country: Country, registration_number: str, legal_name: str
    ) -> CompanyRecord:
        """See Company.check."""
        request = CompanyRequest(
            country=country, registration_number=registration_number, legal_name=legal_name
        )
        return await self._client.call("company", "check", request, CompanyRecord, request_id)
