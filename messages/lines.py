"""What goes into and comes out of the CreditLine and Drawdown workflows."""

from datetime import date, datetime

from domain.applications.application import ElementRecord
from domain.products.products import AgreedProduct
from messages.applications import ProvidedElement
from messages.base import Message
from messages.verification import ElementOutcome


class StartLine(Message):
    """Open a line, or go on from where an earlier run stopped. Amounts are minor units.

    `product` is what the application was for, as it was agreed then. `open_drawdowns` are those
    that have neither been disbursed nor failed; `drawn` is what was disbursed over the line's life;
    `elements` are those that were provided on the line.
    """

    line_id: str
    applicant_id: str
    application_id: str
    product: AgreedProduct
    currency: str
    credit_limit: int
    mode: str
    expires_at: datetime
    open_drawdowns: tuple[str, ...] = ()
    drawn: int = 0
    elements: tuple[ElementRecord, ...] = ()


class LineView(Message):
    """A line as its process knows it. Amounts are minor units."""

    line_id: str
    state: str
    credit_limit: int
    drawn: int
    open_drawdowns: int


class DrawCommand(Message):
    """Draw on a line against a quote that the borrower saw.

    `amount` is that of the quote, in minor units; `loan_id` is the loan to be.
    """

    drawdown_id: str
    loan_id: str
    quote_id: str
    amount: int


class ReserveDrawdown(Message):
    """Take the quoted amount from the line's limit and record the drawdown."""

    line_id: str
    applicant_id: str
    command: DrawCommand
    at: datetime


class DrawReceipt(Message):
    """A drawdown that was taken on."""

    drawdown_id: str
    loan_id: str
    line_id: str
    amount: int
    state: str


class ProvideLineElements(Message):
    """Elements that the product asks for before money is drawn; the API stored them."""

    elements: tuple[ProvidedElement, ...]


class LineElementOutcomes(Message):
    """What became of each."""

    outcomes: tuple[ElementOutcome, ...]


class CloseLine(Message):
    """Write a line's end to the database."""

    line_id: str
    state: str
    at: datetime


class DrawdownEnded(Message):
    """A drawdown tells its line what became of it."""

    drawdown_id: str
    amount: int
    disbursed: bool


class StartDrawdown(Message):
    """Sign, disburse and book a reserved drawdown. `amount` in minor units."""

    drawdown_id: str
    line_id: str
    loan_id: str
    applicant_id: str
    product: AgreedProduct
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


class Disburse(Message):
    """Send the disbursement of a drawdown, once."""

    drawdown_id: str
    order_no: str
    workflow_id: str


class BookLoan(Message):
    """Record the loan that a successful disbursement made, and start its servicing.

    `amount` is what was drawn of the line.
    """

    amount: int
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
