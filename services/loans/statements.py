"""Statements of account, as data and as a page to print."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from domain.common.money import format_amount
from domain.loans.events import LoanEvent
from domain.loans.statement import MAX_DAYS, Statement, statement
from domain.people.principals import Principal
from services.loans.finding import find_loan
from services.loans.reading import today_of
from storage.common.repository import Transaction
from storage.loans.loans import LoanRepository, LoanRow

_DAY: Final = 10
_TEXT: Final = 30
_AMOUNT: Final = 18


@dataclass(frozen=True)
class StatementBasis:
    """What the statement of a loan is made of, read in one transaction."""

    loan: LoanRow
    events: tuple[LoanEvent, ...]
    today: date

    def of(self, begins: date | None, ends: date | None) -> Statement:
        """Return the statement of a period; raises `InvalidPeriod`.

        Without an end it ends today, without a beginning it begins with the loan, or as long before
        its end as one statement covers.
        """
        until = ends or self.today
        earliest = until - timedelta(days=MAX_DAYS - 1)
        since = begins or min(max(self.loan.disbursed_on, earliest), until)
        return statement(self.loan.terms, self.events, since, until, self.today)


async def read_for_statement(
    tx: Transaction, caller: Principal, loan_id: str, now: datetime
) -> StatementBasis:
    """Return what the statement of a loan that the caller may see is made of.

    Raises `NotFound`. The statement itself takes a while for a loan of daily instalments: have it
    made in a thread.
    """
    loan = await find_loan(tx, caller, loan_id)
    return StatementBasis(loan, await LoanRepository(tx).events(loan.id), today_of(loan, now))


def printed(loan_id: str, account: Statement) -> str:
    """Return a statement as plain text, 80 columns wide at most."""
    return "\n".join([*_lines(loan_id, account), ""])


def _lines(loan_id: str, account: Statement) -> Iterator[str]:
    currency = account.currency
    yield "STATEMENT OF ACCOUNT"
    yield ""
    yield f"Loan      {loan_id}"
    yield f"Period    {account.begins} to {account.ends}"
    yield f"Currency  {currency}"
    yield ""
    yield _row("Day", "", "Amount", "Balance")
    yield "-" * (_DAY + _TEXT + 2 * _AMOUNT + 3)
    yield _row(str(account.begins), "Opening balance", "", format_amount(account.opening, currency))
    for line in account.movements:
        yield _row(
            str(line.on),
            line.text,
            format_amount(line.amount, currency),
            format_amount(line.balance, currency),
        )
    yield _row(str(account.ends), "Closing balance", "", format_amount(account.closing, currency))


def _row(day: str, text: str, amount: str, balance: str) -> str:
    shown = text if len(text) <= _TEXT else f"{text[: _TEXT - 3]}..."
    return f"{day:<{_DAY}} {shown:<{_TEXT}} {amount:>{_AMOUNT}} {balance:>{_AMOUNT}}".rstrip()
