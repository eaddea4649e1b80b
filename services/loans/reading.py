"""Loans as borrowers and the lender's people read them, on their business date."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from domain.common.calendar import business_date, instant_at
from domain.common.zones import zone_of
from domain.loans.payoff import PayoffQuote, payoff_quote
from domain.loans.position import Position, position
from domain.loans.repayment import LoanSettled
from domain.loans.servicing import ServicingPolicy
from domain.loans.state import LoanState
from domain.people.principals import Principal
from services.loans.agreed import servicing_of
from services.loans.finding import find_loan
from services.people.ownership import scope_of
from storage.common.repository import Transaction
from storage.common.rows import Cursor
from storage.loans.journal import JournalRepository, JournalRow
from storage.loans.loans import LoanRepository, LoanRow

_LAST_MOMENT: Final = time(23, 59, 59)


async def read_loan(
    tx: Transaction, caller: Principal, loan_id: str, now: datetime
) -> tuple[LoanRow, Position, ServicingPolicy]:
    """Return a loan, its position by its terms and events, and what it is serviced under.

    Raises `NotFound`.
    """
    loan = await find_loan(tx, caller, loan_id)
    stands = position(loan.terms, await LoanRepository(tx).events(loan.id), today_of(loan, now))
    return loan, stands, await servicing_of(tx, loan)


async def list_loans(
    tx: Transaction,
    caller: Principal,
    after: Cursor | None,
    limit: int,
    *,
    channel: str | None = None,
    customer_reference: str | None = None,
    state: LoanState | None = None,
) -> list[LoanRow]:
    """Return a page of the loans that the caller may see, the newest first.

    Raises `MissingField` for a customer reference without its channel.
    """
    scope = scope_of(caller, channel, customer_reference)
    return await LoanRepository(tx).page(
        after, limit, channel=scope.channel, applicant_id=scope.applicant_id, state=state
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


def today_of(loan: LoanRow, now: datetime) -> date:
    """Return the loan's business date at `now`, never before the one that is recorded of it."""
    return max(business_date(now, zone_of(loan.zone)), loan.business_date)
