"""What a missed instalment costs at once, beside penalty interest."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.common.data import ExactData
from domain.common.errors import InvalidTerms
from domain.common.money import Percent
from domain.common.rounding import Rounding, percent_of


class LateFeeBase(StrEnum):
    """What a percentage is taken of: what is unpaid of the instalment, or all that it asked for.

    Principal, interest and fees count, penalty does not; of what it asked for, those of its plan.
    """

    UNPAID = "unpaid"
    INSTALMENT = "instalment"


class LateFee(ExactData):
    """A fee for an instalment of which anything is unpaid `after_days` after its due date.

    It is charged once an instalment, on the day after those days, and is due at once with that
    instalment: `amount` (minor units), or `percent` of the `base`, no less than `at_least` and no
    more than `at_most`. A loan bears it `max_count` times and `max_total` (minor units) in all.
    """

    amount: int | None = Field(default=None, strict=True, ge=0)
    percent: Percent | None = None
    base: LateFeeBase = LateFeeBase.UNPAID
    after_days: int = Field(default=0, strict=True)
    at_least: int = Field(default=0, strict=True, ge=0)
    at_most: int | None = Field(default=None, strict=True, ge=0)
    max_count: int | None = Field(default=None, strict=True, ge=1)
    max_total: int | None = Field(default=None, strict=True, ge=0)

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        if (self.amount is None) == (self.percent is None):
            raise InvalidTerms(
                "a late fee is an amount or a percentage, not both", field="late_fee"
            )
        if not 0 <= (self.percent or 0) <= 100:
            raise InvalidTerms("a late fee is 0 to 100 percent", field="late_fee")
        if not 0 <= self.after_days <= 366:
            raise InvalidTerms("a late fee is charged within 366 days", field="late_fee")
        if self.at_most is not None and self.at_most < self.at_least:
            raise InvalidTerms("at_most is no less than at_least", field="late_fee")
        return self

    def of(self, *, unpaid: int, asked: int, charged: list[int], rounding: Rounding) -> int:
        """Return the fee for an instalment on a loan that bore those in `charged` already."""
        if self.max_count is not None and len(charged) >= self.max_count:
            return 0
        fee = self.amount or 0
        if self.percent is not None:
            base = unpaid if self.base is LateFeeBase.UNPAID else asked
            fee = percent_of(base, self.percent, rounding)
        fee = max(fee, self.at_least)
        if self.at_most is not None:
            fee = min(fee, self.at_most)
        if self.max_total is not None:
            fee = min(fee, self.max_total - sum(charged))
        return fee
