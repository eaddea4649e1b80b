"""What goes into and comes out of the Drawdown workflow."""

from datetime import date, datetime
from enum import StrEnum

from messages.base import Message


class StartDrawdown(Message):
    """Sign, disburse and book a reserved drawdown. `amount` in minor units."""

    drawdown_id: str
    line_id: str
    loan_id: str
    applicant_id: str
    product: str
    currency: str
    amount: int


class SignContract(Message):
    """Have the contract of a drawdown signed."""

    drawdown_id: str


class SignedContract(Message):
    """Evidence of a signature."""

    drawdown_id: str
    contract_no: str
    contract_sha256: str
    evidence_id: str


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


class Disburse(Message):
    """Send the disbursement of a drawdown, once."""

    drawdown_id: str
    order_no: str
    workflow_id: str


class QueryTransfer(Message):
    """Ask what became of an order."""

    order_no: str


class BookLoan(Message):
    """Record the loan that a successful disbursement made, and start its servicing."""

    drawdown_id: str
    loan_id: str
    line_id: str
    applicant_id: str
    product: str
    disbursed_on: date


class BookedLoan(Message):
    """The loan as it was booked; `plan_hash` is that of the plan it is billed by."""

    loan_id: str
    plan_hash: str


class FailDrawdown(Message):
    """Give the reserved amount back to the line."""

    drawdown_id: str
    reason: str
    at: datetime


class DrawdownResult(Message):
    """How a drawdown ended."""

    drawdown_id: str
    loan_id: str
    disbursed: bool
    reason: str | None = None
