"""The loan's books: every account's balance is read from a position, every entry from two of them.

Because all balances of a position sum to zero, so do the lines of every entry; and because
entries are differences, corrections of the past (a reversal, a backdated payment) need no rule of
their own.
"""

from enum import StrEnum
from typing import Final

from pydantic import Field

from domain.common.data import Data
from domain.common.errors import UnbalancedEntry
from domain.loans.charge_off import ChargeOff
from domain.loans.events import ChargeOffReason
from domain.loans.position import Position


class Account(StrEnum):
    """The chart of accounts.

    A loan's entries move receivables, cash, customer credit, income, loss and recovery; what is
    owed to funders and what is in suspense is booked where it arises.

    `returned_receivable` is money that came back after it was accounted for and is owed again.
    `interest_accrued` is income that is not billed yet, `interest_deferred` what was billed and is
    not income yet, `fee_deferred` fees that are released over the plan. Of a loan that is charged
    off, `principal_charged_off` stands against the principal that is still due, with the loss by
    reason in `charge_off_loss` or `fraud_loss`; the `..._suspended` accounts stand against what is
    due of interest, fees and penalty and is no income until it is paid.
    """

    PRINCIPAL_RECEIVABLE = "principal_receivable"
    INTEREST_RECEIVABLE = "interest_receivable"
    FEE_RECEIVABLE = "fee_receivable"
    PENALTY_RECEIVABLE = "penalty_receivable"
    RETURNED_RECEIVABLE = "returned_receivable"
    CASH = "cash"
    CUSTOMER_CREDIT = "customer_credit"
    INTEREST_INCOME = "interest_income"
    FEE_INCOME = "fee_income"
    PENALTY_INCOME = "penalty_income"
    LOSS = "loss"
    RECOVERY = "recovery"
    FUNDER_PAYABLE = "funder_payable"
    SUSPENSE = "suspense"
    INTEREST_ACCRUED = "interest_accrued"
    INTEREST_DEFERRED = "interest_deferred"
    FEE_DEFERRED = "fee_deferred"
    PRINCIPAL_CHARGED_OFF = "principal_charged_off"
    CHARGE_OFF_LOSS = "charge_off_loss"
    FRAUD_LOSS = "fraud_loss"
    INTEREST_SUSPENDED = "interest_suspended"
    FEE_SUSPENDED = "fee_suspended"
    PENALTY_SUSPENDED = "penalty_suspended"


_RECEIVABLES: Final = (
    (Account.INTEREST_RECEIVABLE, Account.INTEREST_INCOME, Account.INTEREST_SUSPENDED),
    (Account.FEE_RECEIVABLE, Account.FEE_INCOME, Account.FEE_SUSPENDED),
    (Account.PENALTY_RECEIVABLE, Account.PENALTY_INCOME, Account.PENALTY_SUSPENDED),
)


class JournalLine(Data):
    """One line of a journal entry: minor units, debit positive, credit negative, never zero."""

    account: Account
    amount: int = Field(strict=True)


def balances(position: Position) -> dict[Account, int]:
    """Return the balance of every account that a loan in this position has; they sum to zero.

    Interest and fees are income once they are billed (their due date came, they were paid before
    it, or a payoff settled them) or charged by an event, unless the terms agree that they are
    income as they are earned; penalty is income as it is earned. What is waived of them lowers the
    income, what is waived of principal is a loss, and so is what is written off.

    Charged off, only what is paid is income, and principal paid from then on is a recovery.
    """
    billed, paid, lost = position.billed, position.paid, position.written_off
    accrued, deferred = max(position.interest_ahead, 0), min(position.interest_ahead, 0)
    ledger = {
        Account.PRINCIPAL_RECEIVABLE: position.principal_outstanding,
        Account.INTEREST_RECEIVABLE: billed.interest - paid.interest - lost.interest,
        Account.FEE_RECEIVABLE: billed.fee - paid.fee - lost.fee,
        Account.PENALTY_RECEIVABLE: billed.penalty - paid.penalty - lost.penalty,
        Account.RETURNED_RECEIVABLE: position.outstanding.receivable,
        Account.CASH: cash_balance(position),
        Account.CUSTOMER_CREDIT: -position.credit,
        Account.INTEREST_ACCRUED: accrued,
        Account.INTEREST_DEFERRED: deferred,
        Account.FEE_DEFERRED: -position.deferred_fees,
        Account.INTEREST_INCOME: -billed.interest - position.interest_ahead,
        Account.FEE_INCOME: -billed.fee + position.deferred_fees,
        Account.PENALTY_INCOME: -billed.penalty,
        Account.LOSS: lost.total + position.principal_waived,
        Account.RECOVERY: -position.recovered,
    }
    if position.charge_off is not None:
        _charge_off(ledger, position, position.charge_off)
    return ledger


def _charge_off(ledger: dict[Account, int], position: Position, in_force: ChargeOff) -> None:
    """Take income that was not received, and principal, out of what a loan not charged off has."""
    lost, recovered = position.written_off, position.paid.principal - in_force.paid_principal
    not_income = {
        Account.INTEREST_INCOME: lost.interest,
        Account.FEE_INCOME: lost.fee,
        Account.PENALTY_INCOME: lost.penalty,
    }
    for receivable, income, suspended in _RECEIVABLES:
        owed = ledger[receivable]
        if receivable is Account.INTEREST_RECEIVABLE:
            owed += ledger[Account.INTEREST_ACCRUED]
        ledger[suspended] = -owed
        ledger[income] += owed + not_income[income]
    fraud = in_force.reason is ChargeOffReason.FRAUD
    ledger[Account.PRINCIPAL_CHARGED_OFF] = -position.principal_outstanding
    ledger[Account.FRAUD_LOSS if fraud else Account.CHARGE_OFF_LOSS] = (
        position.disbursed - position.principal_waived - in_force.paid_principal
    )
    ledger[Account.LOSS] = position.principal_waived + lost.receivable
    ledger[Account.RECOVERY] -= recovered


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
        for account, balance in (dict.fromkeys(old, 0) | balances(after)).items()
        if balance != old.get(account, 0)
    )
    moved = sum(line.amount for line in lines if line.account is Account.CASH)
    if moved != cash:
        raise UnbalancedEntry(f"cash moved by {cash}, the loan's events by {moved}")
    if sum(line.amount for line in lines) != 0:
        raise UnbalancedEntry("the position received money that is neither allocated nor credit")
    return lines
