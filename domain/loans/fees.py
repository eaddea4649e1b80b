"""Fees as data: what is charged, of what, and when."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.common.data import ExactData
from domain.common.errors import InvalidTerms
from domain.common.money import Percent
from domain.common.rounding import Rounding, percent_of


class FeeTiming(StrEnum):
    """When a fee is collected.

    `deducted` leaves the proceeds, `capitalised` is lent with the principal, `first_instalment` and
    `spread` are added to instalments, `per_instalment` is charged with each of them, `on_event`
    whenever such an event happens.
    """

    DEDUCTED = "deducted"
    CAPITALISED = "capitalised"
    FIRST_INSTALMENT = "first_instalment"
    SPREAD = "spread"
    PER_INSTALMENT = "per_instalment"
    ON_EVENT = "on_event"


class FeeBase(StrEnum):
    """What a percentage is taken of."""

    ORIGINAL = "original"
    OUTSTANDING = "outstanding"


class FeeEvent(StrEnum):
    """The events that can carry a fee."""

    DISBURSED = "disbursed"
    REVERSED = "reversed"
    RATE_CHANGED = "rate_changed"
    RESCHEDULED = "rescheduled"
    HOLIDAY_GRANTED = "holiday_granted"


class FeeRelease(StrEnum):
    """When a fee is income: when it is billed, or by the day over the life of the plan."""

    BILLED = "billed"
    OVER_PLAN = "over_plan"


class Fee(ExactData):
    """One fee: either `amount` (minor units) or `percent` of the original or outstanding principal.

    The outstanding principal is that before the instalment which the fee comes with; a fee of
    another timing is a percentage of the original principal. A fee that falls due per instalment is
    not owed for instalments which an early settlement makes unnecessary; the others are.
    `charged_by` is who charges it, by name; the lender without one. A fee per instalment runs from
    `first_instalment` to `last_instalment`, if it ends. `release` says when it becomes income; only
    what is deducted from the proceeds, or capitalised, is released over the plan.
    """

    name: str = Field(min_length=1, max_length=64)
    timing: FeeTiming
    amount: int | None = Field(default=None, strict=True)
    percent: Percent | None = None
    base: FeeBase = FeeBase.ORIGINAL
    event: FeeEvent | None = None
    charged_by: str = Field(default="", max_length=64)
    first_instalment: int = Field(default=1, strict=True)
    last_instalment: int | None = Field(default=None, strict=True)
    release: FeeRelease = FeeRelease.BILLED

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        if (self.amount is None) == (self.percent is None):
            raise InvalidTerms("a fee is an amount or a percentage, not both", field="fees")
        if (self.amount or 0) < 0 or not 0 <= (self.percent or 0) <= 100:
            raise InvalidTerms("a fee is no less than zero, a percentage 0 to 100", field="fees")
        if (self.timing is FeeTiming.ON_EVENT) != (self.event is not None):
            raise InvalidTerms("a fee on an event names the event, others do not", field="fees")
        if self.release is FeeRelease.OVER_PLAN and self.timing is not FeeTiming.DEDUCTED:
            raise InvalidTerms(
                "only a fee deducted from the proceeds is released over the plan", field="fees"
            )
        begins, ends = self.first_instalment, self.last_instalment
        if begins < 1 or (ends is not None and ends < begins):
            raise InvalidTerms(
                "a fee begins with instalment 1 or a later one and ends with one after that",
                field="fees",
            )
        if (begins, ends) != (1, None) and self.timing is not FeeTiming.PER_INSTALMENT:
            raise InvalidTerms("only a fee per instalment begins and ends", field="fees")
        outstanding = self.base is FeeBase.OUTSTANDING
        if outstanding and (self.percent is None or self.timing is not FeeTiming.PER_INSTALMENT):
            raise InvalidTerms(
                "only a percentage per instalment is taken of what is outstanding", field="fees"
            )
        return self

    def is_charged_with(self, number: int) -> bool:
        """Say whether a fee per instalment comes with instalment `number`."""
        ends = self.last_instalment
        return number >= self.first_instalment and (ends is None or number <= ends)

    def of(self, principal: int, rounding: Rounding) -> int:
        """Return the fee in minor units on this principal."""
        if self.percent is None:
            return self.amount or 0
        return percent_of(principal, self.percent, rounding)


def lend_capitalised(
    principal: int, fees: Iterable[Fee], rounding: Rounding
) -> tuple[int, list[Fee]]:
    """Return the principal with the fees that are capitalised, and those as they are charged then.

    A fee that is lent and deducted at once is what a capitalised one comes to: the borrower gets
    what was asked for, repays it with the fee, and the fee is income over the plan.
    """
    lent, charged = principal, []
    for fee in fees:
        if fee.timing is FeeTiming.CAPITALISED:
            amount = fee.of(principal, rounding)
            lent += amount
            update = {
                "timing": FeeTiming.DEDUCTED,
                "amount": amount,
                "percent": None,
                "release": FeeRelease.OVER_PLAN,
            }
            charged.append(fee.model_copy(update=update))
        else:
            charged.append(fee)
    return lent, charged


def total_of(fees: Iterable[Fee], timing: FeeTiming, principal: int, rounding: Rounding) -> int:
    """Return the sum of the fees of one timing on the original principal."""
    return sum(fee.of(principal, rounding) for fee in fees if fee.timing is timing)


def event_fee(fees: Iterable[Fee], event: FeeEvent, principal: int, rounding: Rounding) -> int:
    """Return what one event of this kind costs."""
    return sum(fee.of(principal, rounding) for fee in fees if fee.event is event)


def recurring_fee(
    fees: Iterable[Fee], original: int, outstanding: int, rounding: Rounding, *, number: int
) -> int:
    """Return the fees with instalment `number`, that has `outstanding` principal before it."""
    return sum(
        fee.of(outstanding if fee.base is FeeBase.OUTSTANDING else original, rounding)
        for fee in fees
        if fee.timing is FeeTiming.PER_INSTALMENT and fee.is_charged_with(number)
    )


def spread_share(total: int, number: int, instalments: int) -> int:
    """Return instalment `number`'s share of a spread fee: whole units, the last takes the rest."""
    share = total // instalments
    return total - share * (instalments - 1) if number == instalments else share
