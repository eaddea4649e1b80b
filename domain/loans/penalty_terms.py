"""What bears penalty interest, and on which days."""

from enum import StrEnum
from typing import Self

from pydantic import model_validator

from domain.common.calendar import Day
from domain.common.data import ExactData
from domain.common.errors import InvalidTerms


class PenaltyBase(StrEnum):
    """What bears penalty interest (simple, per day, never on penalty) while an instalment is late.

    * `principal`: its unpaid principal.
    * `interest`: its unpaid interest.
    * `amount`: its unpaid principal, interest and fees.
    * `original_amount`: all that it asked for by its plan, as long as any of it is unpaid.
    * `balance`: the whole principal that the loan owes, once however many instalments are late; it
      counts with the oldest of them.

    Interest that an instalment collects for days after its due date bears none.
    """

    PRINCIPAL = "principal"
    INTEREST = "interest"
    AMOUNT = "amount"
    ORIGINAL_AMOUNT = "original_amount"
    BALANCE = "balance"


class PenaltyFreeDays(ExactData):
    """Days that bear no penalty, from the first to the last of them: a relief by the authorities,
    say, or the days of a system failure."""

    first: Day
    last: Day

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        if self.last < self.first:
            raise InvalidTerms(
                f"the last day free of penalty, {self.last}, is before the first, {self.first}",
                field="penalty_free_days",
            )
        return self
