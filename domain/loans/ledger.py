"""The loan's books: every account's balance is read from a position, every entry from two of them.

Because all balances of a position sum to zero, so do the lines of every entry; and because
entries are differences, corrections of the past (a reversal, a backdated payment) need no rule of
their own.
"""

from enum import StrEnum

from pydantic import Field

from domain.common.data import Data
from domain.common.errors import UnbalancedEntry
from domain.loans.position import Position


class Account(StrEnum):
    """The chart of accounts.

    A loan's entries move receivables, cash, customer credit, income, loss and recovery; what is
    owed to funders and what is in suspense is booked where it arises.
    """

    PRINCIPAL_RECEIVABLE = "principal_receivable"
    INTEREST_RECEIVABLE = "interest_receivable"
    FEE_RECEIVABLE = "fee_receivable"
    PENALTY_RECEIVABLE = "penalty_receivable"
    CASH = "cash"
    CUSTOMER_CREDIT = "customer_credit"
    INTEREST_INCOME = "interest_income"
    FEE_INCOME = "fee_income"
    PENALTY_INCOME = "penalty_income"
    LOSS = "loss"
    RECOVERY = "recovery"
    FUNDER_PAYABLE = "funder_payable"
    SUSPENSE = "suspense"


class JournalLine(Data):
    """One line of a journal entry: minor units, debit positive, credit negative, never zero."""

    account: Account
    amount: int = Field(strict=True)


def balances(position: Position) -> dict[Account, int]:
    """Return the balance of every account that a loan in this position has; they sum to zero.

    Interest and fees are income once they are billed (their due date came, they were paid before
    it, or a payoff settled them) or charged by an event; penalty is income as it is earned. What is
    waived of them lowers the income, what is waived of principal is a loss, and so is what is
    written off. Money that came back and is owed again overdraws the customer's credit.
    """
    billed, paid, lost = position.billed, position.paid, position.written_off
    return {
        Account.PRINCIPAL_RECEIVABLE: position.principal_outstanding,
        Account.INTEREST_RECEIVABLE: billed.interest - paid.interest - lost.interest,
        Account.FEE_RECEIVABLE: billed.fee - paid.fee - lost.fee,
        Account.PENALTY_RECEIVABLE: billed.penalty - paid.penalty - lost.penalty,
        Account.CASH: cash_balance(position),
        Account.CUSTOMER_CREDIT: position.outstanding.receivable - position.credit,
        Account.INTEREST_INCOME: -billed.interest,
        Account.FEE_INCOME: -billed.fee,
        Account.PENALTY_INCOME: -billed.penalty,
        Account.LOSS: lost.total + position.principal_waived,
        Account.RECOVERY: -position.recovered,
    }


def cash_balance(position: Position) -> int:
    """Return the money a loan brought in, less what it cost: negative while more went out."""
    return position.received + position.recovered - position.disbursed - position.refunded


def journal_between(before: Position | None, after: Position, cash: int) -> tuple[JournalLine, ...]:
    """Return the balanced entry that leads from one position to a later one of the same loan.

    `before` is None for a loan with no entry yet. `cash` is the money the caller saw move, positive
    when it came in; a disbursement (less the fees deducted from it), a refund and a returned
    payment are negative. `UnbalancedEntry` is raised when the positions tell otherwise. Accounts
    that did not change have no line; nothing changed, no lines.
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
