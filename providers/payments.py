"""Payments: money out to a borrower's card and in from it, moved once for an order number.

An order number is chosen before the first call and never changed: the provider books one order for
it however often it arrives. What cannot be known after a call is `OutcomeUnknown`, which `query`
resolves. Orders that answer `processing` are settled later by a `SettlementNotice` callback.
"""

from enum import StrEnum
from typing import Annotated, Literal, Protocol, Self

from pydantic import AwareDatetime, Field, model_validator

from providers.http.client import ProviderClient
from providers.http.errors import OutcomeUnknown, ProviderUnavailable
from providers.http.wire import PersonalWire, Wire

OrderKind = Literal["disbursement", "debit"]
Initiator = Literal["merchant", "cardholder"]
"""Who started a debit: the lender on a due date, or the borrower paying by themselves."""
FailureReason = Literal["insufficient_funds", "card_closed", "limit_exceeded", "name_mismatch"]

# The call cannot have been processed: nothing was sent, or it was turned away at the door.
_NOT_PROCESSED = frozenset({"connect_failed", "rate_limited"})


class OrderStatus(StrEnum):
    """Where an order stands. `SUCCEEDED` and `FAILED` are final."""

    ACCEPTED = "accepted"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NOT_FOUND = "not_found"


class Order(Wire):
    """The provider's view of one order; a failed one, and no other, has a reason."""

    order_no: str
    status: Annotated[OrderStatus, Field(strict=False)]
    reason: FailureReason | None = None

    @model_validator(mode="after")
    def _only_failures_have_reasons(self) -> Self:
        if (self.status is OrderStatus.FAILED) != (self.reason is not None):
            raise ValueError("a reason is given exactly when the order failed")
        return self

    @property
    def final(self) -> bool:
        """Whether the status can no longer change."""
        return self.status in (OrderStatus.SUCCEEDED, OrderStatus.FAILED)


class SettlementNotice(Wire):
    """The callback body by which the provider reports an order's end; `event_id` marks repeats."""

    event_id: str = Field(pattern=r"^[A-Za-z0-9_\-]{1,64}$")
    kind: OrderKind
    order_no: str = Field(pattern=r"^[A-Za-z0-9_:.\-]{1,128}$")
    status: Literal["succeeded", "failed"]
    reason: FailureReason | None = None
    occurred_at: AwareDatetime = Field(strict=False)

    @model_validator(mode="after")
    def _only_failures_have_reasons(self) -> Self:
        if (self.status == "failed") != (self.reason is not None):
            raise ValueError("a reason is given exactly when the order failed")
        return self


class Payments(Protocol):
    """A payment channel. Amounts are integer minor units of `currency` (ISO 4217)."""

    async def disburse(
        self, *, order_no: str, amount: int, currency: str, card_number: str, name: str
    ) -> Order:
        """Pay out to a card.

        Raises OutcomeUnknown (ask `query`), ProviderUnavailable (nothing was sent, send the same
        order again) or ProviderRejected (`order_conflict`: the number is taken by another content).
        """

    async def debit(
        self,
        *,
        order_no: str,
        amount: int,
        currency: str,
        card_number: str,
        name: str,
        initiator: Initiator = "merchant",
    ) -> Order:
        """Collect from a card; errors as for `disburse`."""

    async def query(self, *, kind: OrderKind, order_no: str) -> Order:
        """Return an order's present state, `NOT_FOUND` if the provider never booked it.

        Raises ProviderUnavailable or ProviderRejected. After `NOT_FOUND` only the same order number
        may be sent again: the lost request could still arrive.
        """


class OrderRequest(PersonalWire):
    """A payout as sent; `amount` in minor units."""

    order_no: str
    amount: int = Field(gt=0)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    card_number: str
    name: str


class DebitRequest(OrderRequest):
    """A debit as sent."""

    initiator: Initiator


class OrderQuery(Wire):
    """A question about an order, as sent."""

    kind: OrderKind
    order_no: str


class HttpPayments:
    """Payments over the common contract; the order number is the request id."""

    def __init__(self, client: ProviderClient) -> None:
        self._client = client

    async def disburse(
        self, *, order_no: str, amount: int, currency: str, card_number: str, name: str
    ) -> Order:
        """See Payments.disburse."""
        request = OrderRequest(
            order_no=order_no, amount=amount, currency=currency, card_number=card_number, name=name
        )
        return await self._move("disburse", request)

    async def debit(
        self,
        *,
        order_no: str,
        amount: int,
        currency: str,
        card_number: str,
        name: str,
        initiator: Initiator = "merchant",
    ) -> Order:
        """See Payments.debit."""
        request = DebitRequest(
            order_no=order_no,
            amount=amount,
            currency=currency,
            card_number=card_number,
            name=name,
            initiator=initiator,
        )
        return await self._move("debit", request)

    async def query(self, *, kind: OrderKind, order_no: str) -> Order:
        """See Payments.query."""
        request = OrderQuery(kind=kind, order_no=order_no)
        order = await self._client.call("payments", "query", request, Order, order_no)
        if order.order_no != order_no:
            raise ProviderUnavailable("payments", "invalid_response")
        return order

    async def _move(self, operation: str, request: OrderRequest) -> Order:
        order_no = request.order_no
        try:
            order = await self._client.call("payments", operation, request, Order, order_no)
        except ProviderUnavailable as error:
            if error.code in _NOT_PROCESSED:
                raise
            code = error.code
        else:
            if order.order_no == order_no and order.status is not OrderStatus.NOT_FOUND:
                return order
            code = "invalid_response"
        raise OutcomeUnknown("payments", code, order_no)
