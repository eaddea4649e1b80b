"""Payments: money out to a borrower's card and in from it, moved once for an order number.

An order number is chosen before the first call and never changed: the provider books one order for
it however often it arrives. What cannot be known after a call is `OutcomeUnknown`, which an
`OrderQuery` resolves. Orders that answer `processing` are settled later by a
`SettlementNotice` callback.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from providers.http.errors import OutcomeUnknown, ProviderError, ProviderUnavailable
from providers.http.requests import ProviderRequest
from providers.http.wire import UNSPECIFIED, CodeText, EventNotice, Received, read_code, state_of

PROVIDER = "payments"

OrderKind = Literal["disbursement", "debit"]
Initiator = Literal["merchant", "cardholder"]
"""Who started a debit: the lender on a due date, or the borrower paying by themselves."""

# The call cannot have been processed: nothing was sent, or it was turned away at the door.
_NOT_PROCESSED = frozenset({"connect_failed", "rate_limited"})


class OrderStatus(StrEnum):
    """Where an order stands. `SUCCEEDED` and `FAILED` are final."""

    ACCEPTED = "accepted"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NOT_FOUND = "not_found"


class Order(Received):
    """The provider's view of one order; a failed one, and no other, has a reason.

    A status that is not known is not final. A failure is one whatever its reason: that is kept as
    it is, such as `insufficient_funds`, and is `unspecified` where none came.
    """

    order_no: str
    status: Annotated[OrderStatus, state_of(OrderStatus, OrderStatus.PROCESSING)]
    reason: CodeText | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_failures_have_reasons(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        failed = data.get("status") == OrderStatus.FAILED
        reason = read_code(data.get("reason")) or UNSPECIFIED
        return data | {"reason": reason if failed else None}

    @property
    def final(self) -> bool:
        """Whether the status can no longer change."""
        return self.status in (OrderStatus.SUCCEEDED, OrderStatus.FAILED)


class SettlementNotice(EventNotice):
    """The callback body by which the provider reports an order's end: a sign to ask for it now.

    What it says of the end is not believed, and so may be anything.
    """

    order_no: str = Field(pattern=r"^[A-Za-z0-9_:.\-]{1,128}$")
    kind: CodeText | None = None
    status: CodeText | None = None
    reason: CodeText | None = None


class OrderRequest(ProviderRequest[Order]):
    """An order to move `amount` minor units of `currency` (ISO 4217) under a number of ours.

    Its order number is the request id. Raises OutcomeUnknown (ask by an `OrderQuery`),
    ProviderUnavailable (nothing was sent, send the same order again) or ProviderRejected
    (`order_conflict`: the number is taken by another content).
    """

    provider = PROVIDER
    echoed = ("order_no",)

    order_no: str
    amount: int = Field(gt=0)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    card_number: str
    name: str

    def is_answered_by(self, response: Order) -> bool:
        """Say whether it is this order, which a provider that takes it cannot not find."""
        found = response.status is not OrderStatus.NOT_FOUND
        return found and super().is_answered_by(response)

    def failure(self, error: ProviderUnavailable) -> ProviderError:
        """Leave the outcome open unless the call cannot have been processed."""
        if error.code in _NOT_PROCESSED:
            return error
        return OutcomeUnknown(error.provider, error.code, self.order_no)


class DisburseRequest(OrderRequest):
    """Pay out to a card."""

    operation = "disburse"


class DebitRequest(OrderRequest):
    """Collect from a card."""

    operation = "debit"

    initiator: Initiator = "merchant"


class OrderQuery(ProviderRequest[Order]):
    """Ask for an order's present state, `NOT_FOUND` if the provider never booked it.

    The order number is the request id. After `NOT_FOUND` only the same order number may be sent
    again: the lost request could still arrive.
    """

    provider = PROVIDER
    operation = "query"
    echoed = ("order_no",)

    kind: OrderKind
    order_no: str
