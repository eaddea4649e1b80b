"""What is done to a loan: repaying by debit of the bound card, and recording what else happens."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from pydantic import TypeAdapter

from domain.loans.bookkeeping import movements
from domain.loans.difference import Difference, difference
from domain.loans.events import AnyEvent, LoanEvent
from domain.loans.ledger import Account, balances
from domain.loans.position import Position, position
from domain.loans.records import action_of, amount_at_stake, check_record
from domain.loans.servicing import ServicingPolicy
from domain.loans.state import LoanState
from domain.people.principals import Principal
from domain.pricing.rate_caps import CapFinding
from messages import ids
from messages.loans import RecordTransaction, RepayCommand, StartLoan
from services.common.commands import Command
from services.loans.agreed import servicing_of
from services.loans.caps import check_caps_on
from services.loans.finding import find_loan
from services.loans.reading import today_of
from services.loans.starting import start_of_loan
from services.people.authority import authorise
from storage.common.repository import Transaction
from storage.database import Database
from storage.loans.loans import LoanRepository, LoanRow

_EVENT: Final[TypeAdapter[AnyEvent]] = TypeAdapter(LoanEvent)


@dataclass(frozen=True)
class ServicingTransaction:
    """What is to be recorded: an event's own fields, its `kind` among them, without its key.

    `on` is the value date, today without one; `reference` the case or the bank transfer that it
    goes back to.
    """

    fields: Mapping[str, Any]
    on: date | None = None
    reference: str = ""

    def event(self, key: str, today: date) -> AnyEvent:
        """Return the loan event under a business key."""
        return _EVENT.validate_python({**self.fields, "key": key, "on": self.on or today})


@dataclass(frozen=True)
class ServicingEffect:
    """An event and what it changes; `position` is where the loan stands after it.

    `servicing` is the policy that the loan is serviced under, `cap_warnings` are the soft rate caps
    that it is above by this event, `booked` is by how much each account of the ledger changes.
    """

    loan: LoanRow
    event: AnyEvent
    changes: Difference
    position: Position
    servicing: ServicingPolicy
    cap_warnings: tuple[CapFinding, ...]
    booked: dict[Account, int]


@dataclass(frozen=True)
class PreparedTransaction:
    """A servicing transaction, and what to send to the loan's process: None if it is recorded.

    With `reopening` the process of a settled loan is to be started anew.
    """

    loan: LoanRow
    event: AnyEvent
    before: tuple[LoanEvent, ...]
    today: date
    servicing: ServicingPolicy
    record: RecordTransaction | None
    cap_warnings: tuple[CapFinding, ...]
    reopening: StartLoan | None = None

    def effect(self) -> ServicingEffect:
        """Return what it changes, once the process has taken it on."""
        return _effect(
            self.loan, self.event, self.before, self.today, self.servicing, self.cap_warnings
        )


async def prepare_repayment(
    tx: Transaction,
    caller: Principal,
    command: Command,
    loan_id: str,
    *,
    amount: int | None,
    payoff_total: int | None,
) -> tuple[LoanRow, RepayCommand]:
    """Return the loan and what to send to its process; amounts in minor units.

    Without an amount everything due is debited, with `payoff_total` the whole payoff. Raises
    `NotFound`.
    """
    loan = await find_loan(tx, caller, loan_id)
    repayment_id = command.new_id("rep")
    return loan, RepayCommand(repayment_id=repayment_id, amount=amount, payoff_total=payoff_total)


async def preview_transaction(
    tx: Transaction,
    caller: Principal,
    loan_id: str,
    transaction: ServicingTransaction,
    now: datetime,
) -> ServicingEffect:
    """Return what recording this now would change; nothing is stored.

    Raises `NotFound`, what `check_record` raises, `RateCapExceeded` and `CapUnknown`.
    """
    loan = await find_loan(tx, caller, loan_id)
    today = today_of(loan, now)
    events = await LoanRepository(tx).events(loan.id)
    event = transaction.event(f"{ids.loan_workflow(loan.id)}:trial", today)
    check_record(loan.terms, events, event, today)
    warnings = await check_caps_on(tx, loan, events, event)
    return _effect(loan, event, events, today, await servicing_of(tx, loan), warnings)


async def prepare_transaction(
    tx: Transaction,
    caller: Principal,
    command: Command,
    loan_id: str,
    transaction: ServicingTransaction,
    now: datetime,
) -> PreparedTransaction:
    """Return what to send to the process of a loan, which has the last word.

    A repeat of what is recorded returns the recorded event. Raises `NotFound`, what `check_record`
    raises, `RateCapExceeded` and `CapUnknown`: each refusal names the field.
    """
    loan = await find_loan(tx, caller, loan_id)
    today = today_of(loan, now)
    key = f"{ids.loan_workflow(loan.id)}:{command.new_id('evt')}"
    events = await LoanRepository(tx).events(loan.id)
    servicing = await servicing_of(tx, loan)
    recorded = next((event for event in events if event.key == key), None)
    if recorded is not None:
        before = tuple(event for event in events if event.key != key)
        return PreparedTransaction(loan, recorded, before, today, servicing, None, ())
    event = transaction.event(key, today)
    check_record(loan.terms, events, event, today)
    warnings = await check_caps_on(tx, loan, events, event)
    record = RecordTransaction(
        event=event, actor=caller.actor, role=caller.role, reference=transaction.reference
    )
    reopening = await _reopening(tx, loan, events)
    return PreparedTransaction(loan, event, events, today, servicing, record, warnings, reopening)


async def authorise_transaction(
    database: Database, caller: Principal, prepared: PreparedTransaction
) -> None:
    """Raise `NotAuthorised` unless the caller may record this; what is recorded needs no asking."""
    if prepared.record is None:
        return
    loan, event, before = prepared.loan, prepared.event, prepared.before
    stands = position(loan.terms, before, prepared.today)
    await authorise(
        database,
        caller,
        action_of(event),
        loan.id,
        amount=amount_at_stake(event, before, stands),
        currency=loan.currency,
    )


async def _reopening(
    tx: Transaction, loan: LoanRow, events: tuple[LoanEvent, ...]
) -> StartLoan | None:
    """Return how the process of a settled loan goes on; None when it still runs."""
    if loan.state is not LoanState.SETTLED:
        return None
    return await start_of_loan(tx, loan, events)


def _effect(
    loan: LoanRow,
    event: AnyEvent,
    before: tuple[LoanEvent, ...],
    today: date,
    servicing: ServicingPolicy,
    cap_warnings: tuple[CapFinding, ...],
) -> ServicingEffect:
    stood = position(loan.terms, before, today)
    after = position(loan.terms, (*before, event), today)
    changes = difference(stood, after, servicing)
    booked = movements(balances(after), balances(stood))
    return ServicingEffect(loan, event, changes, after, servicing, cap_warnings, booked)
