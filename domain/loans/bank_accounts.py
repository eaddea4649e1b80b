"""Through which of the lender's bank accounts money moves, so that each can be reconciled."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from domain.common.data import ExactData
from domain.loans.events import AnyEvent, Disbursed, Refunded

BankAccount = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
"""The lender's own name of a bank account; never its number."""


class Way(StrEnum):
    """How money moves: by debit of a card, by a transfer that somebody recorded, or out."""

    DEBIT = "debit"
    TRANSFER = "transfer"
    PAYOUT = "payout"


class BankAccounts(ExactData):
    """The account of each way: of the debit channel, of incoming transfers, of payouts.

    Refunds are payouts. What is reversed moves through the account of what it takes back.
    """

    debit: BankAccount
    transfer: BankAccount
    payout: BankAccount

    def of(self, way: Way) -> str:
        """Return the account that money moves through."""
        accounts = {Way.DEBIT: self.debit, Way.TRANSFER: self.transfer, Way.PAYOUT: self.payout}
        return accounts[way]


def way_of(event: AnyEvent) -> Way:
    """Return how the money of an event that somebody recorded moves."""
    return Way.PAYOUT if isinstance(event, Disbursed | Refunded) else Way.TRANSFER
