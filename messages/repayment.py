"""What goes into and comes out of the Repayment workflow."""

from datetime import date

from messages.base import Message
from messages.drawdown import TransferStatus


class StartRepayment(Message):
    """Carry a recorded repayment to its end. With `sent` its debit was sent already."""

    repayment_id: str
    loan_id: str
    order_no: str
    amount: int
    business_date: date
    sent: bool


class DebitRepayment(Message):
    """Send the debit of a recorded repayment, once."""

    repayment_id: str
    order_no: str
    workflow_id: str


class FailRepayment(Message):
    """Write to the record that a repayment's debit failed."""

    repayment_id: str
    reason: str


class RepaymentEnded(Message):
    """A repayment tells its loan what became of it."""

    repayment_id: str
    status: TransferStatus
    business_date: date
    reason: str | None = None


class TransferUpdated(Message):
    """A third party called back about an order: ask it what became of it."""

    order_no: str
    event_id: str
