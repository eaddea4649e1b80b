"""How late a loan is: days past due and class of risk, by conventions that are data."""

from typing import Literal, Self

from pydantic import Field, model_validator

from domain.common.data import ExactData
from domain.common.errors import InvalidTerms


class RiskClass(ExactData):
    """A class that a loan enters at `from_days` past due."""

    name: str = Field(min_length=1)
    from_days: int = Field(strict=True, ge=0)


FIVE_CLASSES = (
    RiskClass(name="normal", from_days=0),
    RiskClass(name="special_mention", from_days=1),
    RiskClass(name="substandard", from_days=91),
    RiskClass(name="doubtful", from_days=271),
    RiskClass(name="loss", from_days=361),
)
"""Risk classes of the 2023 rules for commercial banks: beyond 90, 270 and 360 days past due."""


class Delinquency(ExactData):
    """The conventions by which lateness is counted.

    `on_due_date` is what an instalment unpaid at the end of its due date counts: 0 days past due
    (then 1 the day after), or 1. Within `grace_days` after the due date days past due stay 0;
    beyond them all days count.
    """

    on_due_date: Literal[0, 1] = 0
    grace_days: int = Field(default=0, strict=True)
    classes: tuple[RiskClass, ...] = FIVE_CLASSES

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        if not 0 <= self.grace_days <= 31:
            raise InvalidTerms("grace is 0 to 31 days", field="grace_days")
        starts = [risk.from_days for risk in self.classes]
        if not starts or starts[0] != 0 or starts != sorted(set(starts)):
            raise InvalidTerms("classes start at day 0 and follow each other", field="classes")
        return self

    def days_past_due(self, days_after_due: int) -> int:
        """Return the days past due of an instalment unpaid so many days after its due date."""
        if days_after_due < 0 or 0 < days_after_due <= self.grace_days:
            return 0
        if days_after_due == 0 and self.grace_days:
            return 0
        return days_after_due + self.on_due_date

    @property
    def first_late(self) -> int:
        """Return how many days after its due date an unpaid instalment first counts as late."""
        if self.grace_days:
            return self.grace_days + 1
        return 1 - self.on_due_date

    def classify(self, days_past_due: int) -> str:
        """Return the name of the class of a loan so late."""
        reached = [risk.name for risk in self.classes if risk.from_days <= days_past_due]
        return reached[-1]
