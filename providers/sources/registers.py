"""What registers say of a company, or of a shareholder, representative or guarantor.

A match is one who is registered under the asked name; the facts come with it and only with it. It
does not say whether the one is good: the status may be `dissolved` or `deceased`, and `adverse` may
hold entries.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from domain.sources import Capability
from providers.http.requests import SourceRequest
from providers.http.verdict import VerificationResponse
from providers.http.wire import CodeText, Received
from providers.verification.data_import import Day, completed_months

Country = Literal["CN", "BR"]
"""Whose register is asked; it decides what the number is: USCC or CNPJ, identity number or CPF."""

AdverseKind = CodeText
"""`insolvency`, `court_enforcement`, `tax_debt`, `sanction`, `protest`, `abnormal_operation`, or
one that we do not know, which counts as well."""


class AdverseFact(Received):
    """How many entries of a kind there are, and the day of the newest if the register tells it."""

    kind: AdverseKind
    count: Annotated[int, Field(ge=1, le=100_000)]
    latest_on: Day | None = None


def _each_kind_once(facts: tuple[AdverseFact, ...]) -> tuple[AdverseFact, ...]:
    if len({fact.kind for fact in facts}) < len(facts):
        raise ValueError("a kind of adverse fact is counted once")
    return facts


class _Registered(VerificationResponse):
    adverse: Annotated[
        tuple[AdverseFact, ...], Field(max_length=20), AfterValidator(_each_kind_once)
    ] = ()

    def _counts(self) -> dict[str, int]:
        """Return the number of entries by kind."""
        return {fact.kind: fact.count for fact in self.adverse}


class CompanyRecord(_Registered):
    """What is on the register of companies.

    The status is `active`, or anything else. Reasons: `not_registered`, `legal_name_mismatch`;
    `source_maintenance` (unavailable). A small firm can bear a person's name: `legal_name` is not
    among the facts.
    """

    given_with_match = ("legal_name", "status", "constituted_on")

    legal_name: str | None = Field(default=None, min_length=1, max_length=200, repr=False)
    status: CodeText | None = None
    constituted_on: Day | None = None

    def facts(self, on: date) -> dict[str, object]:
        """Return status, age in months on a business date, and adverse entries by kind."""
        if self.constituted_on is None:
            return {}
        return {
            "status": self.status,
            "months_since_constitution": completed_months(self.constituted_on, on),
            "adverse": self._counts(),
        }


class CompanyRequest(SourceRequest[CompanyRecord]):
    """Look a company up.

    `registration_number` is a CNPJ (numeric or alphanumeric) or a unified social credit code,
    upper-case and without a mask.
    """

    capability = Capability.COMPANY
    operation = "check"

    country: Country
    registration_number: str = Field(pattern=r"^[0-9A-Z]{14}$|^[0-9A-Z]{18}$")
    legal_name: str


class PersonRecord(_Registered):
    """What is on a register of persons.

    The status is `regular`, or anything else. Reasons: `not_registered`, `name_mismatch`,
    `birth_date_mismatch`; `source_maintenance` (unavailable).
    """

    given_with_match = ("status",)

    status: CodeText | None = None

    def facts(self) -> dict[str, object]:
        """Return the status and adverse entries by kind, nothing without a match."""
        if self.status is None:
            return {}
        return {"status": self.status, "adverse": self._counts()}


class PersonRequest(SourceRequest[PersonRecord]):
    """Look a person up.

    `document_number` is a CPF without a mask or an identity number of 18 characters; a `birth_date`
    that is given must agree.
    """

    capability = Capability.PERSON
    operation = "check"

    country: Country
    document_number: str = Field(pattern=r"^[0-9]{11}$|^[0-9]{17}[0-9X]$")
    name: str
    birth_date: date | None = None
