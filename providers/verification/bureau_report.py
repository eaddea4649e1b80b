"""The full report of a credit bureau: accounts, enquiries, what was overdue month by month.

The person signs in at the bureau (`authorise_url`) and has it handed over; what was collected is
asked for until it is done.
"""

from collections import defaultdict
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.sources import Capability
from providers.http.wire import CodeText, PersonalReceived
from providers.verification.data_import import (
    Authorisation,
    BeginRequest,
    Currency,
    Day,
    ImportedFacts,
    Instant,
    Minor,
    Month,
    ReportQuery,
    ReportState,
)

Bureau = Literal["pboc", "baihang", "pudao", "other"]

_QUARTER = timedelta(days=90)
_CLOSED = frozenset({"closed", "settled"})
_APPLYING = frozenset({"loan_application", "card_application", "guarantee_review"})
"""The reasons of enquiries that a wish for credit had; lenders also look after their own loans."""


class OverdueMonth(PersonalReceived):
    """What an account owed too late at the end of a month."""

    month: Month
    overdue: Minor


class BureauAccount(PersonalReceived):
    """A loan or card; `monthly_payment` is what is due each month, one not told counts as none."""

    kind: CodeText
    status: CodeText
    opened_on: Day
    credit_limit: Minor = 0
    outstanding: Minor = 0
    monthly_payment: Minor = 0
    months: Annotated[tuple[OverdueMonth, ...], Field(max_length=60)] = ()

    @property
    def is_open(self) -> bool:
        """Whether anything can still be owed; a status that is not known is none of an end."""
        return self.status not in _CLOSED


class BureauEnquiry(PersonalReceived):
    """Who looked, when and why."""

    on: Day
    lender: str = Field(min_length=1, max_length=100)
    reason: CodeText


class BureauDocument(PersonalReceived):
    """The file; amounts are minor units of `currency`."""

    currency: Currency
    captured_at: Instant
    accounts: Annotated[tuple[BureauAccount, ...], Field(max_length=500)] = ()
    enquiries: Annotated[tuple[BureauEnquiry, ...], Field(max_length=2_000)] = ()

    @model_validator(mode="after")
    def _a_month_stands_once(self) -> Self:
        for account in self.accounts:
            months = [one.month for one in account.months]
            if len(set(months)) < len(months):
                raise ValueError("a month of an account stands in a report once")
        return self


class BureauReportFacts(ImportedFacts):
    """Aggregates without personal data.

    `overdue_by_month` is what all accounts owed too late at the end of each month in which any
    did, `overdue_months_24` counts those of 24 months; `overdue_now` says that one does in the
    newest month that its account tells of.
    `lenders_applied_90d` are distinct lenders that were asked for credit.
    """

    currency: str
    accounts: int
    open_accounts: int
    credit_limit: int
    outstanding: int
    monthly_payments: int
    overdue_now: bool
    overdue_months_24: int
    overdue_by_month: dict[str, int]
    enquiries_90d: int
    lenders_applied_90d: int


def facts_of(document: BureauDocument) -> BureauReportFacts:
    """Return the aggregates of the file."""
    open_ones = [account for account in document.accounts if account.is_open]
    overdue: dict[str, int] = defaultdict(int)
    for account in document.accounts:
        for one in account.months:
            overdue[one.month] += one.overdue
    late = {month: amount for month, amount in sorted(overdue.items()) if amount}
    captured_on = document.captured_at.date()
    since = captured_on - _QUARTER
    since_month = f"{captured_on.year - 2}-{captured_on.month:02}"
    recent = [enquiry for enquiry in document.enquiries if enquiry.on > since]
    return BureauReportFacts(
        currency=document.currency,
        accounts=len(document.accounts),
        open_accounts=len(open_ones),
        credit_limit=sum(account.credit_limit for account in open_ones),
        outstanding=sum(account.outstanding for account in open_ones),
        monthly_payments=sum(account.monthly_payment for account in open_ones),
        overdue_now=any(_is_late(account) for account in open_ones),
        overdue_months_24=sum(1 for month in late if month >= since_month),
        overdue_by_month=late,
        enquiries_90d=len(recent),
        lenders_applied_90d=len({one.lender for one in recent if one.reason in _APPLYING}),
    )


def _is_late(account: BureauAccount) -> bool:
    newest = max(account.months, key=lambda one: one.month, default=None)
    return newest is not None and newest.overdue > 0


class BureauReportRequest(BeginRequest[Authorisation]):
    """Open the hand-over of a person's file; the response has the page for the person.

    Reasons: `bureau_not_supported`, `no_file`, `source_maintenance` (unavailable).
    """

    capability = Capability.BUREAU_REPORT

    bureau: Bureau


class BureauReportQuery(ReportQuery):
    """Ask for what was handed over.

    Reasons of a failure: `not_authorised`, `sign_in_failed`, `source_failed`.
    """

    capability = Capability.BUREAU_REPORT
    state = ReportState[BureauDocument]

    def facts_of(self, document: BureauDocument) -> BureauReportFacts:
        """Return the aggregates."""
        return facts_of(document)
