"""E-commerce: the authorised import of an account at a market place.

The user signs in on the platform's own page (`authorise_url`); what was collected is asked for
until it is done.
"""

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
    ReportQuery,
    ReportState,
    completed_months,
)

Platform = Literal["taobao", "jd", "pinduoduo", "other"]

YEAR = timedelta(days=365)


class PlacedOrder(PersonalReceived):
    """One order, without what was bought; only one that is `completed` counts."""

    at: Instant
    amount: Minor
    status: CodeText


class DeliveryAddress(PersonalReceived):
    """Where orders went."""

    city: str = Field(min_length=1, max_length=64)
    address: str = Field(min_length=1, max_length=200)


class PlatformCredit(PersonalReceived):
    """What the platform itself lends or thinks of the user; what it does not tell is None."""

    score: Annotated[int, Field(ge=0, le=1_000)] | None = None
    credit_limit: Minor | None = None
    outstanding: Minor | None = None
    overdue: bool | None = None


class EcommerceDocument(PersonalReceived):
    """The account; amounts are minor units of `currency`."""

    currency: Currency
    captured_at: Instant
    registered_on: Day
    name_matches: bool
    orders: Annotated[tuple[PlacedOrder, ...], Field(max_length=2_000)] = ()
    addresses: Annotated[tuple[DeliveryAddress, ...], Field(max_length=100)] = ()
    credit: PlatformCredit = PlatformCredit()

    @model_validator(mode="after")
    def _nothing_is_later_than_the_data_import(self) -> Self:
        if any(order.at > self.captured_at for order in self.orders):
            raise ValueError("an import tells of the time before it was imported")
        if self.registered_on > self.captured_at.date():
            raise ValueError("nobody registers after the import was imported")
        return self


class EcommerceFacts(ImportedFacts):
    """Aggregates without personal data; orders and amount are of completed ones in 365 days."""

    account_age_months: int
    name_matches: bool
    currency: str
    orders_12m: int
    amount_12m: int
    addresses: int
    credit_score: int | None
    credit_limit: int | None
    credit_outstanding: int | None
    credit_overdue: bool | None


def facts_of(document: EcommerceDocument) -> EcommerceFacts:
    """Return the aggregates."""
    since = document.captured_at - YEAR
    recent = [
        order for order in document.orders if order.status == "completed" and order.at > since
    ]
    return EcommerceFacts(
        account_age_months=completed_months(document.registered_on, document.captured_at.date()),
        name_matches=document.name_matches,
        currency=document.currency,
        orders_12m=len(recent),
        amount_12m=sum(order.amount for order in recent),
        addresses=len({place.address for place in document.addresses}),
        credit_score=document.credit.score,
        credit_limit=document.credit.credit_limit,
        credit_outstanding=document.credit.outstanding,
        credit_overdue=document.credit.overdue,
    )


class EcommerceRequest(BeginRequest[Authorisation]):
    """Open the import of an account at a platform; the response has the page for the user.

    Reasons: `platform_not_supported`, `source_maintenance` (unavailable).
    """

    capability = Capability.ECOMMERCE

    platform: Platform


class EcommerceReportQuery(ReportQuery):
    """Ask for what was imported.

    Reasons of a failure: `not_authorised`, `sign_in_failed`, `source_failed`.
    """

    capability = Capability.ECOMMERCE
    state = ReportState[EcommerceDocument]

    def facts_of(self, document: EcommerceDocument) -> EcommerceFacts:
        """Return the aggregates."""
        return facts_of(document)
