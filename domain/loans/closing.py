"""Closed periods and entries by hand: what may be booked when, and by whom."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from domain.common.data import Data
from domain.common.errors import DomainError, FieldError
from domain.loans.ledger import Account

BY_HAND: Final = frozenset(
    {
        Account.CASH,
        Account.SUSPENSE,
        Account.FUNDER_PAYABLE,
        Account.INTEREST_INCOME,
        Account.FEE_INCOME,
        Account.PENALTY_INCOME,
        Account.LOSS,
        Account.CHARGE_OFF_LOSS,
        Account.FRAUD_LOSS,
        Account.RECOVERY,
    }
)
"""What people may book on; the others are the sums of what loans owe, and stay so."""

MAX_AMOUNT: Final = 10**15
"""The most, in minor units, that one line of an entry by hand debits or credits."""

Party = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]


class PeriodClosed(FieldError):
    """A day that is booked on, closed or opened lies in a period that is closed, or open, already.

    `field` names the day.
    """


class DayNotReady(FieldError):
    """A day that is not over, or whose accruals are not booked yet, is not handed over."""


class InvalidManualEntry(FieldError):
    """An entry by hand that does not balance, or is on an account that loans add up to."""


class RequestDecided(DomainError):
    """Somebody decided this request already."""


class ManualLine(Data):
    """One line: minor units, debit positive, never zero. Cash may name its bank account."""

    account: Account
    bank_account: Party | None = None
    amount: int = Field(strict=True, ge=-MAX_AMOUNT, le=MAX_AMOUNT)

    @property
    def ledger_account(self) -> str:
        """Return the account as it stands in the ledger."""
        return self.account if self.bank_account is None else f"{self.account}:{self.bank_account}"


class ManualEntry(Data):
    """What people book themselves; it counts from `business_date`.

    `reverses` is the key of an entry by hand that it takes back.
    """

    kind: Literal["manual_entry"] = "manual_entry"
    business_date: date
    currency: str
    product: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    funder: Party
    lines: tuple[ManualLine, ...]
    reverses: str | None = None


class Reopening(Data):
    """The books are open again from this day on."""

    kind: Literal["reopening"] = "reopening"
    open_from: date


def check_lines(lines: Sequence[ManualLine]) -> None:
    """Raise `InvalidManualEntry` for lines that do not sum to zero or that people may not book."""
    if len(lines) < 2:
        raise InvalidManualEntry("an entry has two lines or more", field="lines")
    for number, line in enumerate(lines):
        if line.account not in BY_HAND:
            may = ", ".join(sorted(account.value for account in BY_HAND))
            raise InvalidManualEntry(
                f"{line.account} is what loans add up to: book on one of {may}",
                field=f"lines.{number}.account",
            )
        if not line.amount:
            raise InvalidManualEntry(
                "an amount is not zero: debit positive, credit negative",
                field=f"lines.{number}.amount",
            )
        if line.bank_account is not None and line.account is not Account.CASH:
            raise InvalidManualEntry(
                "only cash lies on a bank account: leave it out",
                field=f"lines.{number}.bank_account",
            )
    off = sum(line.amount for line in lines)
    if off:
        raise InvalidManualEntry(
            f"debits and credits differ by {off} minor units: they sum to zero", field="lines"
        )
