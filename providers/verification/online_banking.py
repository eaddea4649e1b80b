"""Online banking: the authorised import of credit-card bills.

The user signs in on the bank's own page (`authorise_url`); what was collected is asked for until it
is done.
"""

from typing import Annotated, Protocol, Self

from pydantic import Field, model_validator

from providers.http.client import ProviderClient
from providers.http.wire import PersonalWire, Wire
from providers.verification.capture import (
    Authorisation,
    Currency,
    Day,
    Instant,
    Key,
    Minor,
    Month,
    ReportQuery,
    ReportState,
    ReportStatus,
    SignedMinor,
    call_about,
)


class CardBill(PersonalWire):
    """A month's statement; a credit balance is below zero."""

    month: Month
    balance: SignedMinor
    minimum_payment: Minor
    paid: Minor
    due_on: Day
    overdue: bool


class ImportedCard(PersonalWire):
    """One credit card with its statements."""

    bank_code: str = Field(pattern=r"^[A-Z]{2,12}$")
    card_tail: str = Field(pattern=r"^[0-9]{4}$")
    credit_limit: Minor
    bills: Annotated[tuple[CardBill, ...], Field(strict=False, max_length=36)] = ()

    @model_validator(mode="after")
    def _a_month_has_one_bill(self) -> Self:
        months = [bill.month for bill in self.bills]
        if len(set(months)) < len(months):
            raise ValueError("a month has one bill")
        return self


class BankingDocument(PersonalWire):
    """All credit cards of the user at one bank; amounts are minor units of `currency`."""

    currency: Currency
    captured_at: Instant
    cards: Annotated[tuple[ImportedCard, ...], Field(strict=False, max_length=20)] = ()


class BankingFacts(Wire):
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


class BankingState(ReportState):
    """Where the import stands; the document comes when it is done and only then.

    Reasons of a failure: `not_authorised`, `sign_in_failed`, `source_failed`.
    """

    document: BankingDocument | None = None

    @model_validator(mode="after")
    def _a_document_comes_when_done(self) -> Self:
        if (self.status is ReportStatus.DONE) != (self.document is not None):
            raise ValueError("a document is given exactly when the import is done")
        return self


class OnlineBanking(Protocol):
    """A source of credit-card bills. All raise ProviderUnavailable or ProviderRejected."""

    async def begin(
        self,
        *,
        capture_no: str,
        consent_id: str,
        name: str,
        identity_number: str,
        bank_code: str,
    ) -> Authorisation:
        """Open the import and return the bank's page for the user; a repeat opens nothing new.

        Reasons: `bank_not_supported`, `source_maintenance` (unavailable).
        """

    async def report(self, *, capture_no: str, reference: str) -> BankingState:
        """Return where the import stands, with the document once it is done."""


class BankingRequest(PersonalWire):
    """Whose cards, at which bank, by which consent, as sent."""

    capture_no: Key
    consent_id: Key
    name: str
    identity_number: str
    bank_code: str


class HttpOnlineBanking:
    """OnlineBanking over the common contract; the capture number is the request id."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def begin(
        self,
        *,
        capture_no: str,
        consent_id: str,
        name: str,
        identity_number: str,
        bank_code: str,
    ) -> Authorisation:
        """See OnlineBanking.begin."""
        request = BankingRequest(
            capture_no=capture_no,
            consent_id=consent_id,
            name=name,
            identity_number=identity_number,
            bank_code=bank_code,
        )
        return await call_about(
            self._client,
            "online_banking",
            "begin",
            request,
            Authorisation,
            capture_no=capture_no,
            request_id=capture_no,
        )

    async def report(self, *, capture_no: str, reference: str) -> BankingState:
        """See OnlineBanking.report."""
        request = ReportQuery(capture_no=capture_no, reference=reference)
        return await call_about(
            self._client,
            "online_banking",
            "report",
            request,
            BankingState,
            capture_no=capture_no,
            request_id=capture_no,
        )


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
