"""What the process of a loan knows: what it carries from run to run, and what it has in hand."""

from dataclasses import dataclass
from datetime import date, datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.common.calendar import business_date
    from domain.common.money import format_amount
    from domain.common.zones import zone_of
    from domain.loans.events import LoanEvent
    from domain.loans.position import Position, position
    from domain.loans.repayment import RepaymentInFlight
    from domain.loans.servicing import NextStep, ServicingPolicy, next_step
    from messages import ids
    from messages.loans import LoanView, RepaymentEnded, StartLoan
    from workflows.loans.display import LoanDisplay, view_of

RECEIPTS_KEPT = 50


@dataclass(frozen=True)
class AtBank:
    """A repayment whose debit is carried to its end by a process of its own, since an instant."""

    repayment_id: str
    amount: int
    since: datetime


class LoanProcess:
    """One loan as its process sees it.

    `in_flight` is the repayment that is being debited, `at_bank` the same once its own process
    carries it to its end, `booking` what is being recorded, `ended` the repayments whose outcome is
    to be booked; `wake_requested` has the loan look at once at what is to be done next.
    """

    def __init__(self, start: StartLoan) -> None:
        self._start = start
        self._display = LoanDisplay(start.loan_id)
        self.agreed = start.agreed
        self.zone = zone_of(start.agreed.zone)
        self.terms = start.terms
        self.events: list[LoanEvent] = list(start.events)
        self.collected_to = start.collected_to
        self.bucket_start = start.bucket_start
        self.episode = start.episode
        self.receipts = {receipt.repayment_id: receipt for receipt in start.receipts}
        self.state_seq = start.state_seq
        self.in_flight: str | None = None
        self.at_bank: AtBank | None = None
        self.booking: str | None = None
        self.wake_requested = False
        self.ended: list[RepaymentEnded] = []

    @property
    def id(self) -> str:
        """Return the loan's id."""
        return self._start.loan_id

    @property
    def applicant_id(self) -> str:
        """Return the id of the borrower."""
        return self._start.applicant_id

    @property
    def product(self) -> str:
        """Return the code of the product that the loan was lent under."""
        return self._start.product

    @property
    def servicing(self) -> ServicingPolicy:
        """Return the policy that the loan is serviced under."""
        return self.agreed.servicing.content

    @property
    def is_busy(self) -> bool:
        """Say whether a repayment is on its way or something is being recorded."""
        return self.in_flight is not None or self.booking is not None

    def refuse_while_busy(self) -> None:
        """Raise `RepaymentInFlight` unless the loan can take another repayment."""
        self.refuse_while_booking()
        if self.at_bank is not None:
            amount = format_amount(self.at_bank.amount, self.terms.currency)
            raise RepaymentInFlight(
                f"the bank has not said what became of the debit of {amount}, ordered at"
                f" {self.at_bank.since:%Y-%m-%d %H:%M} UTC"
            )

    def refuse_while_booking(self) -> None:
        """Raise `RepaymentInFlight` while something is being booked.

        A debit that its own process waits for holds up another debit, and nothing that is only
        recorded: cash at the counter is taken meanwhile.
        """
        if self.booking is not None or (self.in_flight is not None and self.at_bank is None):
            raise RepaymentInFlight("something else is just being recorded: repeat the request")

    def current_date(self) -> date:
        """Return the business date; a loan that was booked for a later day begins on that day."""
        return max(business_date(workflow.now(), self.zone), self.terms.disbursed_on)

    def position(self) -> Position:
        """Return where the loan stands today."""
        return position(self.terms, self.events, self.current_date())

    def next_step(self, current: Position) -> NextStep | None:
        """Return what comes next by itself, None if nothing does."""
        return next_step(
            current,
            self.collected_to,
            self.bucket_start,
            self.zone,
            self.servicing,
            self.terms.delinquency,
        )

    def next_seq(self) -> int:
        """Return the number of the next state that is written to the database."""
        self.state_seq += 1
        return self.state_seq

    def carried(self) -> StartLoan:
        """Return what the next run begins with."""
        return self._start.model_copy(
            update={
                "events": tuple(self.events),
                "collected_to": self.collected_to,
                "bucket_start": self.bucket_start,
                "episode": self.episode,
                "receipts": tuple(self.receipts.values())[-RECEIPTS_KEPT:],
                "state_seq": self.state_seq,
            }
        )

    def publish(self, current: Position, step: NextStep | None) -> None:
        """Let operators see where the loan stands and what comes next."""
        self._display.publish(
            current,
            step,
            bucket=self.servicing.bucket_of(current.days_past_due),
            bucket_start=self.bucket_start,
            episode=self.episode,
            at_bank=self._at_bank,
        )

    @property
    def _at_bank(self) -> str | None:
        """Return what the loan waits for and since when, for operators; None for nothing."""
        if self.at_bank is None:
            return None
        amount = format_amount(self.at_bank.amount, self.terms.currency)
        workflow_id = ids.repayment_workflow(self.at_bank.repayment_id)
        return f"{amount} since {self.at_bank.since:%Y-%m-%d %H:%M} UTC, {workflow_id}"

    def view(self) -> LoanView:
        """Return the loan as its commands answer it."""
        return view_of(self.id, self.position(), len(self.events))
