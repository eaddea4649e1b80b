"""How often instalments fall due."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from domain.common.data import ExactData
from domain.common.errors import InvalidTerms

MAX_EVERY = 366


class FrequencyUnit(StrEnum):
    """What the time between two due dates is counted in."""

    DAY = "day"
    WEEK = "week"
    HALF_MONTH = "half_month"
    MONTH = "month"
    YEAR = "year"


class Frequency(ExactData):
    """Due every `every` units; twice a month is one `half_month`."""

    unit: FrequencyUnit = FrequencyUnit.MONTH
    every: int = Field(default=1, strict=True)

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        if not 1 <= self.every <= MAX_EVERY:
            raise InvalidTerms(
                f"instalments fall due every 1 to {MAX_EVERY} units", field="frequency"
            )
        if self.unit is FrequencyUnit.HALF_MONTH and self.every != 1:
            raise InvalidTerms("twice a month is every one half month", field="frequency")
        return self

    @property
    def units_per_year(self) -> int:
        """Return how many units a year has for the day count `period`: 365 days, 52 weeks."""
        return _PER_YEAR[self.unit]

    @property
    def months(self) -> int | None:
        """Return the months between due dates; None when they are counted otherwise."""
        match self.unit:
            case FrequencyUnit.MONTH:
                return self.every
            case FrequencyUnit.YEAR:
                return 12 * self.every
            case _:
                return None

    @property
    def days(self) -> int:
        """Return the days between due dates of a frequency in days or weeks."""
        return self.every * (7 if self.unit is FrequencyUnit.WEEK else 1)


_PER_YEAR = {
    FrequencyUnit.DAY: 365,
    FrequencyUnit.WEEK: 52,
    FrequencyUnit.HALF_MONTH: 24,
    FrequencyUnit.MONTH: 12,
    FrequencyUnit.YEAR: 1,
}

MONTHLY = Frequency()
