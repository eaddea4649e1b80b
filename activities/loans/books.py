"""One loan's books: every change of a loan is one event, one journal entry and one projection.

Entries are differences between two positions, each taken up to the day to which the books are kept.
So a payment that is booked late, with an earlier value date, needs no rule of its own.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from activities.common.refusals import TransferUnsettled, found
from domain.common.errors import ConflictingEvent
from domain.loans.bank_accounts import Way, way_of
from domain.loans.bookkeeping import first_open_day
from domain.loans.events import ChargedBack, LoanEvent, Paid, PaidOff, Reversed
from domain.loans.ledger import journal_between
from domain.loans.position import Position, position
from domain.loans.servicing import ServicingPolicy
from domain.loans.state import past_due
from messages import ids
from messages.loans import RepaymentSource
from services.loans.agreed import servicing_of
from services.loans.notices import payment_received
from services.messaging.outbox import tell
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.lines.lines import LineRepository
from storage.loans.journal import EntryKind, JournalRepository
from storage.loans.loans import LoanRepository, LoanRow
from storage.loans.repayments import RepaymentRepository, RepaymentRow
from storage.payments import TransferRepository, TransferState


@dataclass(frozen=True)
class LoanBooks:
    """A loan that is locked, with its events and the day to which its books are kept.

    What is booked of days up to `closed_to`, a period that is closed, is booked on the day after.
    """

    tx: Transaction
    loan: LoanRow
    servicing: ServicingPolicy
    events: tuple[LoanEvent, ...]
    posted_to: date | None
    closed_to: date | None

    @classmethod
    async def open(cls, tx: Transaction, loan_id: str) -> "LoanBooks":
        """Lock the loan until the transaction ends; raises `RecordMissing`."""
        loan = found(await LoanRepository(tx).for_update(loan_id), f"loan {loan_id}")
        servicing = await servicing_of(tx, loan)
        events = await LoanRepository(tx).events(loan_id)
        return cls(tx, loan, servicing, events, *await JournalRepository(tx).kept_to(loan_id))

    def position(self, on: date) -> Position:
        """Return where the loan stands on a business date."""
        return position(self.loan.terms, self.events, on)

    async def post(
        self,
        entry_key: str,
        kind: EntryKind,
        on: date,
        state_seq: int,
        *,
        event: LoanEvent | None = None,
        cash: int = 0,
        way: Way | None = None,
    ) -> Position:
        """Record `event`, if there is one, and bring books and projection up to the day `on`.

        Books that are kept to a later day are brought up to that day again; where a period is
        closed, the first open day is the earliest. `cash` is the money that came
        in (minor units), by `way`, or as the event says.
        """
        loan = self.loan
        days = (self.posted_to, first_open_day(self.closed_to), loan.business_date, on)
        as_of = max(day for day in days if day is not None)
        before = self.position(self.posted_to) if self.posted_to is not None else None
        events = self.events if event is None else (*self.events, event)
        after = position(loan.terms, events, as_of)
        if event is not None:
            await LoanRepository(self.tx).append_event(loan.id, event, as_of)
        lines = journal_between(before, after, cash)
        bank_account = await self._bank_account(event, way) if cash else None
        posted = await JournalRepository(self.tx).post(
            loan.id, entry_key, kind, as_of, loan.currency, lines, bank_account
        )
        if lines and not posted:
            raise ConflictingEvent(f"another entry is posted under {entry_key}", field="key")
        await self.project(after, as_of, state_seq)
        if before is not None:
            # What was written off or waived did not come back: it makes no room on the line.
            returned = after.paid.principal - before.paid.principal
            if returned:
                await LineRepository(self.tx).repay(loan.line_id, returned)
        return after

    async def _bank_account(self, event: LoanEvent | None, way: Way | None) -> str | None:
        """Return the bank account through which money moves; None where none is named."""
        accounts = self.loan.bank_accounts
        if accounts is None or event is None:
            return None
        if isinstance(event, Reversed | ChargedBack):
            taken_back = event.reverses if isinstance(event, Reversed) else event.payment
            known = await JournalRepository(self.tx).bank_account(taken_back)
            return known or accounts.of(Way.TRANSFER)
        return accounts.of(way or way_of(event))

    async def project(self, now: Position, on: date, state_seq: int) -> None:
        """Write where the loan stands on the business date `on`."""
        await LoanRepository(self.tx).project(
            self.loan.id,
            now,
            self.servicing.bucket_of(now.days_past_due),
            past_due(now, self.loan.terms.delinquency),
            on,
            state_seq,
        )

    async def publish(
        self, kind: str, key: str, now: Position, details: dict[str, Any] | None = None
    ) -> None:
        """Write what happened and where the loan stands to the outbox of events."""
        aggregate = ids.loan_workflow(self.loan.id)
        payload = {
            "loan_id": self.loan.id,
            "business_date": now.as_of.isoformat(),
            "settled": now.settled,
            "days_past_due": now.days_past_due,
            "bucket": self.servicing.bucket_of(now.days_past_due),
            "principal_outstanding": now.principal_outstanding,
            "total_overdue": now.total_overdue,
            **(details or {}),
        }
        await OutboxRepository(self.tx).add(aggregate, kind, f"{aggregate}:{kind}:{key}", payload)


async def book_repayment(
    tx: Transaction, loan_id: str, repayment_id: str, on: date, state_seq: int
) -> LoanEvent:
    """Book a repayment whose debit succeeded, once; return its event.

    Raises `TransferUnsettled` when the database does not say that the debit succeeded.
    """
    books = await LoanBooks.open(tx, loan_id)
    key = f"{ids.loan_workflow(loan_id)}:repayment:{repayment_id}"
    recorded = await LoanRepository(tx).event(key)
    if recorded is not None:
        return recorded
    repayment = found(await RepaymentRepository(tx).get(repayment_id), f"repayment {repayment_id}")
    transfer = await TransferRepository(tx).get(repayment.order_no)
    if transfer is None or transfer.state is not TransferState.SUCCEEDED:
        raise TransferUnsettled(f"{repayment.order_no} is not known to have succeeded")
    event = _event(books, repayment, key, on)
    is_payoff = isinstance(event, PaidOff)
    after = await books.post(
        key,
        "payoff" if is_payoff else "repayment",
        on,
        state_seq,
        event=event,
        cash=repayment.amount,
        way=Way.DEBIT,
    )
    await RepaymentRepository(tx).settle(repayment_id, on)
    details = {
        "repayment_id": repayment_id,
        "amount": repayment.amount,
        "currency": repayment.currency,
        "source": repayment.source,
    }
    await books.publish("settled" if after.settled else "repaid", repayment_id, after, details)
    received = payment_received(
        loan_id,
        repayment_id,
        repayment.amount,
        repayment.currency,
        on,
        is_settled=after.settled,
    )
    await tell(tx, received)
    return event


def _event(books: LoanBooks, repayment: RepaymentRow, key: str, on: date) -> Paid | PaidOff:
    if repayment.source is RepaymentSource.PAYOFF:
        return PaidOff(key=key, on=on, amount=repayment.amount)
    collected_for = None
    if repayment.source is RepaymentSource.AUTO_DEBIT:
        rows = books.loan.plan.rows
        collected_for = next(
            (row.number for row in rows if row.due_on == repayment.requested_on), None
        )
    return Paid(key=key, on=on, amount=repayment.amount, instalment=collected_for)
