"""What settling a loan early costs beyond what is owed, as data."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.common.data import ExactData
from domain.common.errors import InvalidTerms
from domain.common.money import Percent


class PayoffInterest(StrEnum):
    """How far interest counts: to the day, to the next due date, or that of the whole plan."""

    TO_DAY = "to_day"
    TO_NEXT_DUE = "to_next_due"
    WHOLE_PLAN = "whole_plan"


class EarlySettlement(ExactData):
    """The interest an early settlement pays, and its fee.

    The fee is `fee_amount` (minor units) plus `fee_percent` of the principal that is settled before
    it falls due. Nothing is early from the last due date on: no fee then.
    """

    interest: PayoffInterest = PayoffInterest.TO_DAY
    fee_amount: int = Field(default=0, strict=True)
    fee_percent: Percent | None = None

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        if self.fee_amount < 0 or not 0 <= (self.fee_percent or 0) <= 100:
            raise InvalidTerms(
                "a settlement fee is no less than zero, its percentage 0 to 100",
                field="early_settlement",
            )
        return self
