"""Online banking: the authorised import of credit-card bills.

The user signs in on the bank's own page (`authorise_url`); what was collected is asked for until it
is done.
"""

from typing import Annotated, Self

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
    SignedMinor,
)


class CardBill(PersonalReceived):
    """A month's statement; a credit balance is below zero."""

    month: Month
    balance: SignedMinor
    minimum_payment: Minor
    paid: Minor
    due_on: Day
    overdue: bool


class ImportedCard(PersonalReceived):
    """One credit card with its statements."""

    bank_code: CodeText
    card_tail: str = Field(pattern=r"^[0-9]{4}$")
    credit_limit: Minor
    bills: Annotated[tuple[CardBill, ...], Field(max_length=36)] = ()

    @model_validator(mode="after")
    def _a_month_has_one_bill(self) -> Self:
        months = [bill.month for bill in self.bills]
        if len(set(months)) < len(months):
            raise ValueError("a month has one bill")
        return self


class BankingDocument(PersonalReceived):
    """All credit cards of the user at one bank; amounts are minor units of `currency`."""

    currency: Currency
    captured_at: Instant
    cards: Annotated[tuple[ImportedCard, ...], Field(max_length=20)] = ()


class BankingFacts(ImportedFacts):
    """Aggregates without personal data; averages and shares are None without a statement.

    `utilisation_per_mille` is the newest balances above zero over the limits.
    """

    currency: str
    cards: int
    credit_limit: int
    months_billed: int
    average_balance: int | None
    utilisation_per_mille: int | None
    overdue_bills: int
    minimum_only_bills: int


def facts_of(document: BankingDocument) -> BankingFacts:
    """Return the aggregates of all cards."""
    bills = [bill for card in document.cards for bill in card.bills]
    limit = sum(card.credit_limit for card in document.cards)
    newest = [max(card.bills, key=lambda bill: bill.month) for card in document.cards if card.bills]
    used = sum(max(bill.balance, 0) for bill in newest)
    return BankingFacts(
        currency=document.currency,
        cards=len(document.cards),
        credit_limit=limit,
        months_billed=len({bill.month for bill in bills}),
        average_balance=sum(bill.balance for bill in bills) // len(bills) if bills else None,
        utilisation_per_mille=used * 1000 // limit if newest and limit else None,
        overdue_bills=sum(bill.overdue for bill in bills),
        minimum_only_bills=sum(_minimum_only(bill) for bill in bills),
    )


def _minimum_only(bill: CardBill) -> bool:
    """Say whether the user paid what had to be paid and not the whole."""
    return bill.minimum_payment <= bill.paid < bill.balance


class BankingRequest(BeginRequest[Authorisation]):
    """Open the import of a user's cards at one bank; the response has the page for the user.

    Reasons: `bank_not_supported`, `source_maintenance` (unavailable).
    """

    capability = Capability.ONLINE_BANKING

    bank_code: str


class BankingReportQuery(ReportQuery):
    """Ask for what was imported.

    Reasons of a failure: `not_authorised`, `sign_in_failed`, `source_failed`.
    """

    capability = Capability.ONLINE_BANKING
    state = ReportState[BankingDocument]

    def facts_of(self, document: BankingDocument) -> BankingFacts:
        """Return the aggregates."""
        return facts_of(document)
