"""Bank flows: the authorised import of an account's lines over six to twelve months.

The user signs in on the bank's own page (`authorise_url`); what was collected is asked for until it
is done. The lines end here: only what they say of income and outgoings is handed on.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.sources import Capability
from domain.verification.bank_flows import BankFlows, FlowLine, FlowSummary, summary_of
from providers.http.wire import CodeText, PersonalReceived
from providers.verification.data_import import (
    Authorisation,
    BeginRequest,
    Currency,
    Day,
    ImportedFacts,
    Instant,
    ReportQuery,
    ReportState,
    SignedMinor,
)

Words = Annotated[str, Field(max_length=200)]


class AccountLine(PersonalReceived):
    """One movement, above zero if money came in, and the balance after it."""

    on: Day
    amount: SignedMinor
    balance: SignedMinor
    counterparty: Words = ""
    text: Words = ""
    category: CodeText | None = None


class FlowsDocument(PersonalReceived):
    """One account; amounts are minor units of `currency`, lines in the statement's order."""

    currency: Currency
    captured_at: Instant
    holder: str = Field(min_length=1, max_length=100)
    name_matches: bool
    first_day: Day
    last_day: Day
    opening_balance: SignedMinor
    lines: Annotated[tuple[AccountLine, ...], Field(max_length=20_000)] = ()

    @model_validator(mode="after")
    def _lines_lie_within_the_statement(self) -> Self:
        if not self.first_day <= self.last_day <= self.captured_at.date():
            raise ValueError("a statement tells of the days before it was imported")
        if not all(self.first_day <= line.on <= self.last_day for line in self.lines):
            raise ValueError("a statement has only lines of its own days")
        return self


class FlowsFacts(ImportedFacts):
    """What is kept: aggregates without personal data (`domain.verification.bank_flows`)."""

    currency: str
    name_matches: bool
    lines: int
    months: int
    balance_follows: bool
    income_monthly: int | None
    fixed_outgoings: int | None
    loan_instalments: int | None

    @property
    def mismatch(self) -> str | None:
        """Another holder's account says nothing of the applicant."""
        return None if self.name_matches else "name_mismatch"


def facts_of(document: FlowsDocument) -> FlowsFacts:
    """Return what the account says."""
    said: FlowSummary = summary_of(
        BankFlows(
            holder=document.holder,
            first_day=document.first_day,
            last_day=document.last_day,
            opening_balance=document.opening_balance,
            lines=tuple(
                FlowLine(
                    on=line.on,
                    amount=line.amount,
                    balance=line.balance,
                    counterparty=line.counterparty,
                    text=line.text,
                    category=line.category,
                )
                for line in document.lines
            ),
        )
    )
    return FlowsFacts(
        currency=document.currency,
        name_matches=document.name_matches,
        lines=len(document.lines),
        **said.model_dump(),
    )


class FlowsRequest(BeginRequest[Authorisation]):
    """Open the import of an account's lines; the response has the page for the user.

    Reasons: `bank_not_supported`, `source_maintenance` (unavailable).
    """

    capability = Capability.BANK_FLOWS

    bank_code: str
    months: int


class FlowsReportQuery(ReportQuery):
    """Ask for what was imported.

    Reasons of a failure: `not_authorised`, `sign_in_failed`, `source_failed`.
    """

    capability = Capability.BANK_FLOWS
    state = ReportState[FlowsDocument]

    def facts_of(self, document: FlowsDocument) -> FlowsFacts:
        """Return the aggregates."""
        return facts_of(document)
