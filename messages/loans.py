"""What goes into and comes out of the Loan and Repayment workflows."""

from datetime import date
from enum import StrEnum

from domain.collections import CollectionsLadder
from domain.common.business_days import OfficialYear
from domain.common.definitions import Agreed
from domain.loans.events import LoanEvent
from domain.loans.payoff import PayoffQuote
from domain.loans.servicing import ServicingPolicy
from domain.loans.terms import LoanTerms
from messages.base import Message
from messages.payments import TransferStatus


class LoanAgreements(Message):
    """What a loan is serviced under, beside its terms, from its booking to its end.

    `zone` is where its business dates are.
    """

    zone: str
    ladder: Agreed[CollectionsLadder]
    servicing: Agreed[ServicingPolicy]


class StartLoan(Message):
    """Service a booked loan, from the start or from where an earlier run stopped.

    `events` are the loan's events so far; `collected_to` is the number of the last instalment whose
    debit was attempted; `bucket_start` the days past due from which the recorded bucket counts, 0
    while the loan is current; `episode` counts overdue episodes; `receipts` are the answers of the
    latest repayments, so that a repeated command is recognised.
    """

    loan_id: str
    line_id: str
    applicant_id: str
    product: str
    terms: LoanTerms
    agreed: LoanAgreements
    events: tuple[LoanEvent, ...]
    collected_to: int = 0
    bucket_start: int = 0
    episode: int = 0
    receipts: tuple["RepayReceipt", ...] = ()
    state_seq: int = 0


class CollectInstalment(Message):
    """Bill what is due on a date and debit it. The order number makes the debit single."""

    loan_id: str
    repayment_id: str
    order_no: str
    number: int
    business_date: date
    workflow_id: str
    state_seq: int


class CollectOutcome(Message):
    """What became of a debit; `event` is the payment that was booked, if one was."""

    repayment_id: str
    order_no: str
    status: TransferStatus
    reason: str | None = None
    event: LoanEvent | None = None


class RepaymentSource(StrEnum):
    """Who set a repayment going, and for what."""

    AUTO_DEBIT = "auto_debit"
    BORROWER = "borrower"
    PAYOFF = "payoff"


class RepayCommand(Message):
    """Pay by debit of the bound card.

    Without `amount` everything due is paid; with `payoff_total` the loan is settled, provided that
    the payoff still is that much on that day.
    """

    repayment_id: str
    amount: int | None = None
    payoff_total: int | None = None


class RepayReceipt(Message):
    """What a repayment came to. `status` is `in_doubt` while the bank has not answered."""

    repayment_id: str
    loan_id: str
    amount: int
    status: TransferStatus
    reason: str | None = None


class RequestRepayment(Message):
    """Record a repayment before its debit is sent."""

    loan_id: str
    repayment_id: str
    order_no: str
    source: RepaymentSource
    amount: int
    business_date: date
    workflow_id: str
    payoff: PayoffQuote | None = None


class ApplyRepayment(Message):
    """Book a debit that succeeded: event, journal, projection and outbox in one transaction."""

    loan_id: str
    repayment_id: str
    business_date: date
    state_seq: int


class AppliedRepayment(Message):
    """The event that a repayment became."""

    event: LoanEvent


class RecordDelinquency(Message):
    """Write a loan's delinquency to the database; with `open_collections` begin an episode.

    `ladder` is what the episode's process climbs, by the clocks of `zone`.
    """

    loan_id: str
    applicant_id: str
    product: str
    zone: str
    ladder: Agreed[CollectionsLadder]
    business_date: date
    oldest_due_on: date
    state_seq: int
    episode: int
    open_collections: bool


class RecordTransaction(Message):
    """Record a servicing transaction: what happened to a loan besides its payments by debit.

    `event` carries its business key; `actor` and `role` are for the audit, `reference` is the case
    or the bank transfer that it goes back to.
    """

    event: LoanEvent
    actor: str
    role: str
    reference: str = ""


class AdoptCalendar(Message):
    """Have provisional due dates follow the published years of a calendar in force.

    `calendar` names its version, `sha256` is the digest of that.
    """

    calendar: str
    sha256: str
    years: tuple[OfficialYear, ...]


class AdoptedCalendar(Message):
    """How many due dates of a loan moved."""

    moved: int


class PostTransaction(Message):
    """Post a servicing transaction: event, journal, projection, audit and outbox together."""

    loan_id: str
    transaction: RecordTransaction
    business_date: date
    state_seq: int


class LoanView(Message):
    """A loan as its commands answer it. Amounts in minor units."""

    loan_id: str
    state: str
    business_date: date
    days_past_due: int
    principal_outstanding: int
    total_overdue: int
    next_due_on: date | None
    next_due_amount: int
    events: int


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
    """Record that a repayment's debit failed."""

    repayment_id: str
    reason: str


class RepaymentEnded(Message):
    """A repayment tells its loan what became of it."""

    repayment_id: str
    status: TransferStatus
    business_date: date
    reason: str | None = None
