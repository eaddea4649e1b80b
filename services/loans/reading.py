"""Loans as borrowers and the lender's people read them, on their business date."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from domain.common.calendar import business_date, instant_at
from domain.common.zones import zone_of
from domain.loans.payoff import PayoffQuote, payoff_quote
from domain.loans.position import Position, position
from domain.loans.records import BOOKS_ONLY
from domain.loans.repayment import LoanSettled
from domain.loans.servicing import ServicingPolicy
from domain.loans.state import LoanState
from domain.loans.terms_in_force import TermsInForce, terms_history
from domain.people.principals import Principal
from services.loans.agreed import servicing_of
from services.loans.finding import find_loan
from services.people.handles import with_handles
from storage.common.repository import Transaction
from storage.loans.journal import JournalRepository, JournalRow
from storage.loans.loans import LoanRepository, LoanRow
from storage.loans.records import RecordRepository, RecordRow
from storage.loans.repayments import RepaymentRepository, RepaymentRow

_LAST_MOMENT: Final = time(23, 59, 59)


@dataclass(frozen=True)
class LoanOnDay:
    """A loan with its position on a business date, and the terms that held up to it.

    `servicing` is the policy that it is serviced under, `in_flight` the repayment that it waits
    for.
    """

    loan: LoanRow
    position: Position
    terms_history: tuple[TermsInForce, ...]
    servicing: ServicingPolicy
    in_flight: RepaymentRow | None


async def read_loan(tx: Transaction, caller: Principal, loan_id: str, now: datetime) -> LoanOnDay:
    """Return a loan as it stands today by its terms and events; raises `NotFound`."""
    loan = await find_loan(tx, caller, loan_id)
    events, today = await LoanRepository(tx).events(loan.id), today_of(loan, now)
    return LoanOnDay(
        loan,
        position(loan.terms, events, today),
        terms_history(loan.terms, events, today),
        await servicing_of(tx, loan),
        await RepaymentRepository(tx).in_flight(loan.id),
    )


@dataclass(frozen=True)
class QuotedPayoff:
    """A payoff quote of a loan with the instant until which it holds."""

    loan: LoanRow
    quote: PayoffQuote
    valid_until: datetime


async def quote_payoff(
    tx: Transaction, caller: Principal, loan_id: str, now: datetime
) -> QuotedPayoff:
    """Return what settles a loan today, by what is on record of it.

    Raises `NotFound`, `LoanSettled`, and `NothingOutstanding` for a loan that is written off.
    """
    loan = await find_loan(tx, caller, loan_id)
    today, events = today_of(loan, now), await LoanRepository(tx).events(loan.id)
    if loan.state is LoanState.SETTLED:
        raise LoanSettled("the loan is settled")
    quote = payoff_quote(loan.terms, events, today)
    return QuotedPayoff(loan, quote, instant_at(today, _LAST_MOMENT, zone_of(loan.zone)))


async def list_entries(
    tx: Transaction, caller: Principal, loan_id: str, after: int, limit: int
) -> list[JournalRow]:
    """Return a loan's journal entries behind one, in the order in which they were posted.

    Raises `NotFound`.
    """
    loan = await find_loan(tx, caller, loan_id)
    return await JournalRepository(tx).of_loan(loan.id, after, limit)


async def list_records(
    tx: Transaction, caller: Principal, loan_id: str, after: int, limit: int
) -> list[RecordRow]:
    """Return what was recorded of a loan behind a record, the oldest first.

    Who recorded it, and what they refer to, is for the staff, and so is what concerns only the
    lender's books. Raises `NotFound`.
    """
    loan = await find_loan(tx, caller, loan_id)
    if not caller.is_staff:
        rows = await RecordRepository(tx).of_loan(loan.id, after, limit, BOOKS_ONLY)
        unnamed: dict[str, None] = {"recorded_by": None, "reference": None}
        return [row.model_copy(update=unnamed) for row in rows]
    rows = await RecordRepository(tx).of_loan(loan.id, after, limit)
    return await with_handles(tx, rows, "recorded_by")


def today_of(loan: LoanRow, now: datetime) -> date:
    """Return the loan's business date at `now`, never before the one that is recorded of it."""
    return max(business_date(now, zone_of(loan.zone)), loan.business_date)
