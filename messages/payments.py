"""Orders to move money, and what is known of them."""

from enum import StrEnum

from messages.base import Message


class TransferStatus(StrEnum):
    """What is known of an order to move money. `in_doubt` is asked again, never sent again."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


class TransferOutcome(Message):
    """What became of an order to move money."""

    order_no: str
    status: TransferStatus
    reason: str | None = None


class QueryTransfer(Message):
    """Ask what became of an order."""

    order_no: str


class TransferUpdated(Message):
    """A third party called back about an order: ask it what became of it."""

    order_no: str
    event_id: str
