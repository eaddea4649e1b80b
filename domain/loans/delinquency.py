"""How late a loan is: days past due and class of risk, by conventions that are data."""

from datetime import date
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from domain.common.calendar import months_after
from domain.common.data import ExactData
from domain.common.day_count import DayCount, year_parts
from domain.common.errors import InvalidTerms


class RiskClass(ExactData):
    """A class that a loan enters at `from_days` past due."""

    name: str = Field(min_length=1)
    from_days: int = Field(strict=True, ge=0)


class Counting(StrEnum):
    """How the age of an unpaid instalment is counted for its bucket.

    * `days`: days past due, by the loan's own convention.
    * `days_of_30`: days past due in months of 30 days (30E/360).
    * `months`: months begun: 1 from the day after the due date, 2 from the day after that day of
      the next month.
    * `instalments`: unpaid instalments that are late, from it to the newest.
    """

    DAYS = "days"
    DAYS_OF_30 = "days_of_30"
    MONTHS = "months"
    INSTALMENTS = "instalments"


class AgeBucket(ExactData):
    """A bucket that an unpaid instalment enters at the age `from_age`, counted as agreed."""

    name: str = Field(min_length=1)
    from_age: int = Field(strict=True, ge=1)


class Delinquency(ExactData):
    """The conventions by which lateness is counted.

    `on_due_date` is what an instalment unpaid at the end of its due date counts: 0 days past due
    (then 1 the day after), or 1. Within `grace_days` after the due date days past due stay 0;
    beyond them all days count.

    `classes` are the classes of risk that a loan enters by days past due; without any it has none.
    `buckets` sort what is late by instalment, by an age that is counted as `counting` says; an
    instalment that has not reached the first is in none.
    """

    on_due_date: Literal[0, 1] = 0
    grace_days: int = Field(default=0, strict=True)
    classes: tuple[RiskClass, ...] = ()
    counting: Counting = Counting.DAYS
    buckets: tuple[AgeBucket, ...] = ()

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        if not 0 <= self.grace_days <= 31:
            raise InvalidTerms("grace is 0 to 31 days", field="grace_days")
        starts = [risk.from_days for risk in self.classes]
        if starts and (starts[0] != 0 or starts != sorted(set(starts))):
            raise InvalidTerms("classes start at day 0 and follow each other", field="classes")
        ages = [bucket.from_age for bucket in self.buckets]
        if ages != sorted(set(ages)):
            raise InvalidTerms("buckets follow each other by age", field="buckets")
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
        return reached[-1] if reached else ""

    def age(self, due_on: date, as_of: date, *, late_since: int) -> int:
        """Return the age of an unpaid instalment; `late_since` are late from it to the newest."""
        days = self.days_past_due((as_of - due_on).days)
        if not days:
            return 0
        match self.counting:
            case Counting.DAYS:
                return days
            case Counting.DAYS_OF_30:
                ((thirty, _),) = year_parts(DayCount.THIRTY_360_EU, due_on, as_of)
                return thirty + self.on_due_date
            case Counting.MONTHS:
                months = (as_of.year - due_on.year) * 12 + as_of.month - due_on.month
                is_over = as_of > months_after(due_on, months, due_on.day)
                return max(months + is_over, 1)
            case _:
                return late_since

    def bucket_of(self, age: int) -> str:
        """Return the name of the bucket of an instalment of that age; empty without one."""
        reached = [bucket.name for bucket in self.buckets if bucket.from_age <= age]
        return reached[-1] if reached else ""
