"""What lender and borrower agreed, as data. A plan follows from the terms and from nothing else."""

from datetime import date
from decimal import Decimal
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.calendar import months_after
from domain.errors import InvalidTerms
from domain.money import MINOR_DIGITS, Percent

MAX_INSTALMENTS = 120
MAX_PRINCIPAL = 10**15
MAX_RATE = 1000
MAX_RATE_PLACES = 8


class LoanTerms(BaseModel):
    """The terms of one loan.

    Amounts are minor units of `currency`; rates are percent a year. `interest="period"` charges a
    twelfth of the annual rate a month. Penalty interest runs per actual day over 365 on overdue
    principal and never compounds. An instalment paid within `grace_days` after its due date carries
    no penalty; one paid later carries it from the day after the due date.

    A value that no loan can have raises `InvalidTerms` naming the field.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    currency: str
    principal: int = Field(strict=True)
    annual_rate: Percent
    instalments: int = Field(strict=True)
    disbursed_on: date
    first_due_on: date
    due_day: int = Field(strict=True)
    penalty_annual_rate: Percent
    grace_days: int = Field(default=0, strict=True)
    method: Literal["equal_instalment"] = "equal_instalment"
    interest: Literal["period"] = "period"
    rounding: Literal["half_up"] = "half_up"

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        if self.currency not in MINOR_DIGITS:
            raise InvalidTerms(f"currency {self.currency!r} is not supported", field="currency")
        if not 0 < self.principal <= MAX_PRINCIPAL:
            raise InvalidTerms(
                f"principal must be 1 to {MAX_PRINCIPAL} minor units", field="principal"
            )
        if not 1 <= self.instalments <= MAX_INSTALMENTS:
            raise InvalidTerms(
                f"a loan has 1 to {MAX_INSTALMENTS} instalments", field="instalments"
            )
        _refuse_rate(self.annual_rate, "annual_rate")
        _refuse_rate(self.penalty_annual_rate, "penalty_annual_rate")
        if self.first_due_on <= self.disbursed_on:
            raise InvalidTerms(
                f"the first due date {self.first_due_on} must follow the disbursement on "
                f"{self.disbursed_on}",
                field="first_due_on",
            )
        if not 1 <= self.due_day <= 31:
            raise InvalidTerms("the due day is a day of the month, 1 to 31", field="due_day")
        if not 0 <= self.grace_days <= 31:
            raise InvalidTerms("grace is 0 to 31 days", field="grace_days")
        return self


def _refuse_rate(rate: Decimal, field: str) -> None:
    if not 0 <= rate <= MAX_RATE:
        raise InvalidTerms(f"{field} must be 0 to {MAX_RATE} percent a year", field=field)
    exponent = rate.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MAX_RATE_PLACES:
        raise InvalidTerms(f"{field} has at most {MAX_RATE_PLACES} decimal places", field=field)


def monthly_terms(
    *,
    currency: str,
    principal: int,
    annual_rate: Decimal,
    instalments: int,
    disbursed_on: date,
    penalty_annual_rate: Decimal,
    grace_days: int = 0,
) -> LoanTerms:
    """Return terms first due one month after disbursement, due on that day of every month.

    The day is kept through short months: disbursed on 31 January, due on 28 or 29 February and on
    31 March. Raises `InvalidTerms`.
    """
    return LoanTerms(
        currency=currency,
        principal=principal,
        annual_rate=annual_rate,
        instalments=instalments,
        disbursed_on=disbursed_on,
        first_due_on=months_after(disbursed_on, 1, disbursed_on.day),
        due_day=disbursed_on.day,
        penalty_annual_rate=penalty_annual_rate,
        grace_days=grace_days,
    )
