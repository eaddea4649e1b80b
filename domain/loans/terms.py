"""What lender and borrower agreed, as data. A plan follows from the terms and from nothing else."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self

from pydantic import Field, TypeAdapter, model_validator

from domain.common.business_days import BusinessCalendar, BusinessDayRule, OfficialYear
from domain.common.calendar import Day, months_after
from domain.common.data import Data
from domain.common.day_count import DayCount
from domain.common.frequency import MONTHLY, Frequency, FrequencyUnit
from domain.common.money import Percent
from domain.common.rounding import Rounding
from domain.loans.allocation import Allocation
from domain.loans.delinquency import Delinquency
from domain.loans.early_settlement import EarlySettlement
from domain.loans.fees import Fee, FeeTiming, lend_capitalised
from domain.loans.late_fee import LateFee
from domain.loans.penalty_terms import PenaltyBase, PenaltyFreeDays
from domain.loans.plan_terms import (
    ExplicitInstalment,
    FlatBase,
    Holiday,
    InterestBasis,
    LevelRate,
    Method,
    RateStep,
    Residue,
    ShortMonth,
    Tranche,
    UnmetInterest,
)
from domain.loans.terms_rules import check_terms

_ROUNDING: Final[TypeAdapter[Rounding]] = TypeAdapter(Rounding)


class Income(StrEnum):
    """When interest is income: when it is billed, or day by day as it is earned."""

    BILLED = "billed"
    ACCRUED = "accrued"


class SharedTerms(Data):
    """What the terms of a loan and those of a product say alike; see `LoanTerms`."""

    annual_rate: Percent
    penalty_annual_rate: Percent = Decimal(0)
    grace_days: int = Field(default=0, strict=True)
    method: Method = Method.EQUAL_INSTALMENT
    frequency: Frequency = MONTHLY
    due_day: int | None = Field(default=None, strict=True)
    second_due_day: int | None = Field(default=None, strict=True)
    end_of_month: bool = Field(default=False, strict=True)
    short_month: ShortMonth = ShortMonth.LAST_DAY
    business_day_rule: BusinessDayRule = BusinessDayRule.NONE
    calendar: BusinessCalendar = BusinessCalendar.NONE
    interest_follows: bool = Field(default=False, strict=True)
    day_count: DayCount = DayCount.PERIOD
    interest_basis: InterestBasis = InterestBasis.SCHEDULED
    interest_rounding: Rounding = Rounding()
    instalment_rounding: Rounding = Rounding()
    residue: Residue = Residue.LAST
    smooth: bool = Field(default=False, strict=True)
    level_rate: LevelRate = LevelRate.EXACT
    level_total: bool = Field(default=False, strict=True)
    unmet_interest: UnmetInterest = UnmetInterest.COLLECTED
    weights: tuple[Percent, ...] = ()
    advance_rentals: int = Field(default=1, strict=True)
    flat_base: FlatBase = FlatBase.FINANCED
    principal_grace: int = Field(default=0, strict=True)
    interest_grace: int = Field(default=0, strict=True)
    interest_free: int = Field(default=0, strict=True)
    fees: tuple[Fee, ...] = ()
    penalty_base: PenaltyBase = PenaltyBase.PRINCIPAL
    penalty_year_days: int = Field(default=365, strict=True)
    penalty_cap: Percent | None = None
    penalty_rounding: Rounding = Rounding()
    grace_is_free: bool = Field(default=False, strict=True)
    penalty_free_days: tuple[PenaltyFreeDays, ...] = ()
    penalty_on_business_days: bool = Field(default=False, strict=True)
    late_fee: LateFee | None = None
    notice_days: int = Field(default=30, strict=True)
    allocation: Allocation = Allocation()
    early_settlement: EarlySettlement = EarlySettlement()
    delinquency: Delinquency = Delinquency()
    income: Income = Income.BILLED


class LoanTerms(SharedTerms):
    """The terms of one loan.

    Amounts are minor units of `currency`; rates are percent a year. `principal` is everything that
    is disbursed, with the fees that are `capitalised`: `tranches` of it later, the rest on
    `disbursed_on`. `down_payment` is the part of it that the borrower pays at once (row 0 of the
    plan, beside the instalments); each tranche may have one of its own.

    Instalments: `instalments` in number, or as many as follow from the method (then 0); first due
    on `first_due_on`, then by `frequency`, on `due_day` (the day of the first due date without it),
    kept through short months, on `second_due_day` too when due twice a month, or on the last day
    of the month (`end_of_month`). A due date that is no business day of `calendar` moves by
    `business_day_rule`; `interest_follows` says whether interest runs to the moved date. What was
    known of the calendar's years by official notice when the terms were made is `official_years`;
    the others are the library's.

    Interest: `day_count`; `period` divides the annual rate by the periods of a year. It follows the
    plan or what is really owed, by `interest_basis`. The first
    `principal_grace` instalments repay no principal; the interest of the first `interest_grace` is
    collected with the one after them; the first `interest_free` periods bear none.

    Leases: `residual` is paid one period after the last of the `instalments` rentals in advance, as
    one row more (the purchase option, the value the lessor expects). The last rental takes what
    rounding leaves over, so that the residual is paid as agreed, or within a unit of it where the
    rounding of its own interest allows no closer.

    Rounding: interest once an instalment by `interest_rounding`; the level part (instalment, or
    principal where that is level) by `instalment_rounding`. `residue` takes the difference.
    With `smooth` the level instalment moves by the last one's difference spread over all of them,
    in rounding units, as long as that brings the last one nearer; rounded up, to the least level
    that the last one does not exceed, rounded down, to the greatest that it reaches.

    Penalty interest runs per actual day over `penalty_year_days` on the unpaid `penalty_base` of
    overdue instalments, never compounds and stops at `penalty_cap` percent of the instalment's
    base. It is rounded an instalment by `penalty_rounding`. An instalment paid within `grace_days`
    after its due date carries no penalty; one paid later carries it from the day after the due
    date, or from the end of the grace with `grace_is_free`. No penalty runs on
    `penalty_free_days`, nor on days that are no business days of `calendar` with
    `penalty_on_business_days`.

    Books: `income` says when interest becomes income; it changes nothing that the borrower owes.

    A missed instalment costs the `late_fee` besides. The lender may call the whole loan in
    `notice_days` after telling the borrower so, no sooner.

    A value that no loan can have raises `InvalidTerms` naming the field.
    """

    currency: str
    principal: int = Field(strict=True)
    instalments: int = Field(default=0, strict=True)
    disbursed_on: Day
    first_due_on: Day
    balloon: int = Field(default=0, strict=True)
    residual: int = Field(default=0, strict=True)
    instalment_amount: int = Field(default=0, strict=True)
    explicit: tuple[ExplicitInstalment, ...] = ()
    down_payment: int = Field(default=0, strict=True)
    tranches: tuple[Tranche, ...] = ()
    rate_steps: tuple[RateStep, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    official_years: tuple[OfficialYear, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _lend_capitalised(cls, given: object) -> object:
        """Lend the fees that are capitalised with the principal; other percentages are of both."""
        if not isinstance(given, dict) or not given.get("fees"):
            return given
        principal = given.get("principal")
        if type(principal) is not int or not any(map(_is_capitalised, given["fees"])):
            return given
        fees = [Fee.model_validate(fee) for fee in given["fees"]]
        rounding = _ROUNDING.validate_python(given.get("interest_rounding", Rounding()))
        lent, charged = lend_capitalised(principal, fees, rounding)
        return {**given, "principal": lent, "fees": charged}

    @model_validator(mode="after")
    def _refuse_nonsense(self) -> Self:
        check_terms(self)
        return self

    @property
    def first_disbursement(self) -> int:
        """Return what goes out on `disbursed_on`."""
        return self.principal - sum(tranche.amount for tranche in self.tranches)

    @property
    def agreed_rows(self) -> int:
        """Return how many instalments fall due apart; zero where their number follows."""
        listed = self.instalments or len(self.explicit)
        return max(listed - (self.advance_rentals - 1), 0)

    @property
    def rests_on_calendar(self) -> bool:
        """Say whether due dates move with the holidays of a calendar."""
        moves = self.business_day_rule is not BusinessDayRule.NONE
        return moves and self.calendar is not BusinessCalendar.NONE

    @property
    def anchor_day(self) -> int:
        """Return the day of the month on which instalments fall due."""
        return self.first_due_on.day if self.due_day is None else self.due_day


def _is_capitalised(fee: object) -> bool:
    timing = fee.get("timing") if isinstance(fee, dict) else getattr(fee, "timing", None)
    return bool(timing == FeeTiming.CAPITALISED)


def monthly_terms(
    *,
    currency: str,
    principal: int,
    annual_rate: Decimal,
    instalments: int,
    disbursed_on: date,
    penalty_annual_rate: Decimal,
    grace_days: int = 0,
    fees: tuple[Fee, ...] = (),
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
        fees=fees,
    )


def on_official_days(terms: LoanTerms, years: Iterable[OfficialYear]) -> LoanTerms:
    """Return new `terms` that keep the official years of their calendar, from their first on.

    Terms that rest on no calendar stay as they are.
    """
    if not terms.rests_on_calendar:
        return terms
    kept = tuple(year for year in years if year.year >= terms.disbursed_on.year)
    return terms.model_copy(update={"official_years": kept})


def redated(terms: LoanTerms, disbursed_on: date) -> LoanTerms:
    """Return `terms` as they run when the money goes out on `disbursed_on`.

    A first due date one whole period after the quoted disbursement, on its day, moves with it, and
    so does the day of the month it sets. A due day that was agreed otherwise stays, and so do the
    dates of tranches, rate steps, holidays and listed instalments. Raises `InvalidTerms` when the
    dates that stay no longer follow the disbursement.
    """
    if disbursed_on == terms.disbursed_on:
        return terms
    dates: dict[str, date | int | None] = {"disbursed_on": disbursed_on}
    months = terms.frequency.months
    if months is not None and _is_rolling(terms, months):
        rolls = terms.short_month is ShortMonth.NEXT_FIRST
        dates["first_due_on"] = months_after(disbursed_on, months, disbursed_on.day, rolls=rolls)
        dates["due_day"] = None if terms.due_day is None else disbursed_on.day
    elif terms.frequency.unit in (FrequencyUnit.DAY, FrequencyUnit.WEEK):
        period = timedelta(days=terms.frequency.days)
        if terms.first_due_on - terms.disbursed_on == period:
            dates["first_due_on"] = disbursed_on + period
    # Validated anew, which `model_copy` would not do.
    return LoanTerms.model_validate({**dict(terms), **dates})


def _is_rolling(terms: LoanTerms, months: int) -> bool:
    quoted = terms.disbursed_on
    rolls = terms.short_month is ShortMonth.NEXT_FIRST
    follows = terms.first_due_on == months_after(quoted, months, quoted.day, rolls=rolls)
    return follows and terms.anchor_day in (quoted.day, terms.first_due_on.day)
