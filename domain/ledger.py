"""The loan's books: every account's balance is read from a position, every entry from two of them.

Because all balances of a position sum to zero, so do the lines of every entry; and because
entries are differences, corrections of the past (a reversal, a backdated payment) need no rule of
their own.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.errors import UnbalancedEntry
from domain.position import Position


class Account(StrEnum):
    """The chart of accounts of one loan."""

    PRINCIPAL_RECEIVABLE = "principal_receivable"
    INTEREST_RECEIVABLE = "interest_receivable"
    PENALTY_RECEIVABLE = "penalty_receivable"
    CASH = "cash"
    CUSTOMER_CREDIT = "customer_credit"
    INTEREST_INCOME = "interest_income"
    PENALTY_INCOME = "penalty_income"


class JournalLine(BaseModel):
    """One line of a journal entry: minor units, debit positive, credit negative, never zero."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    account: Account
    amount: int = Field(strict=True)


def balances(position: Position) -> dict[Account, int]:
    """Return the balance of every account that a loan in this position has; they sum to zero.

    Interest is income once it is billed (its due date came, or a payoff settled it); penalty is
    income as it is earned.
    """
    billed, paid = position.billed, position.paid
    return {
        Account.PRINCIPAL_RECEIVABLE: position.disbursed - paid.principal,
        Account.INTEREST_RECEIVABLE: billed.interest - paid.interest,
        Account.PENALTY_RECEIVABLE: billed.penalty - paid.penalty,
        Account.CASH: position.received - position.disbursed,
        Account.CUSTOMER_CREDIT: -position.credit,
        Account.INTEREST_INCOME: -billed.interest,
        Account.PENALTY_INCOME: -billed.penalty,
    }


def journal_between(before: Position | None, after: Position, cash: int) -> tuple[JournalLine, ...]:
    """Return the balanced entry that leads from one position to a later one of the same loan.

    `before` is None for a loan with no entry yet. `cash` is the money the caller saw move, positive
    when it came in (a disbursement or a returned payment is negative): `UnbalancedEntry` is raised
    when the positions tell otherwise. Accounts that did not change have no line; nothing changed,
    no lines.
    """
    old = balances(before) if before else {}
    lines = tuple(
        JournalLine(account=account, amount=balance - old.get(account, 0))
        for account, balance in balances(after).items()
        if balance != old.get(account, 0)
    )
    moved = sum(line.amount for line in lines if line.account is Account.CASH)
    if moved != cash:
        raise UnbalancedEntry(f"cash moved by {cash}, the loan's events by {moved}")
    if sum(line.amount for line in lines) != 0:
        raise UnbalancedEntry("the position received money that is neither allocated nor credit")
    return lines
