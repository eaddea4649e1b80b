"""The terms that a product lends on: all of a loan's terms but its amounts and its dates.

Amounts and dates follow from what is drawn and when: `terms_of` makes the terms of one loan.
"""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import Field, WrapValidator

from domain.common.calendar import months_after
from domain.common.definitions import Content
from domain.common.errors import InvalidTerms
from domain.common.frequency import MONTHLY, Frequency, FrequencyUnit
from domain.common.money import Percent
from domain.common.rounding import percent_of
from domain.loans.allocation import Allocation
from domain.loans.delinquency import Delinquency
from domain.loans.early_settlement import EarlySettlement
from domain.loans.fees import Fee
from domain.loans.plan_terms import ExplicitInstalment, Method, ShortMonth
from domain.loans.terms import LoanTerms, SharedTerms
from domain.loans.terms_rules import FOLLOWING_LENGTH

HALF_MONTH_DAYS: Final = 15
MIN_FIRST_HALF_MONTH: Final = timedelta(days=7)
"""With due days of its own, twice a month: what falls due sooner is left to the next due day."""


def _plainly(value: Any, read: Callable[[Any], Any]) -> Any:
    """Have a refusal of the engine count as one of the field, so that a check can name it."""
    try:
        return read(value)
    except InvalidTerms as error:
        raise ValueError(error.message) from error


_Plainly = WrapValidator(_plainly)
_DayOfMonth = Annotated[int, Field(strict=True, ge=1, le=31)]
_Share = Annotated[Percent, Field(ge=0, le=100)]


class ListedShare(Content):
    """One listed instalment: so long `after` the disbursement, `percent` of the principal.

    The last one repays the rest and has no share.
    """

    after: Annotated[Frequency, _Plainly]
    percent: _Share | None = None


class TermsTemplate(SharedTerms, Content):
    """What `domain.loans.terms.LoanTerms` says of every loan of a product.

    Fields of the same name mean the same there. Shares of the principal in percent stand for the
    amounts: `balloon_percent`, `residual_percent`, `down_payment_percent`; `instalment_percent` is
    the instalment of the method `fixed_instalment`; `listed` are the instalments of the method
    `explicit`. Without a `due_day` instalments fall due on the day of the disbursement, twice a
    month on that day and fifteen days from it.
    """

    frequency: Annotated[Frequency, _Plainly] = MONTHLY
    due_day: _DayOfMonth | None = None
    second_due_day: _DayOfMonth | None = None
    balloon_percent: _Share = Decimal(0)
    residual_percent: _Share = Decimal(0)
    instalment_percent: _Share = Decimal(0)
    down_payment_percent: _Share = Decimal(0)
    listed: tuple[ListedShare, ...] = ()
    fees: Annotated[tuple[Fee, ...], _Plainly] = ()
    allocation: Annotated[Allocation, _Plainly] = Allocation()
    early_settlement: Annotated[EarlySettlement, _Plainly] = EarlySettlement()
    delinquency: Annotated[Delinquency, _Plainly] = Delinquency()


def terms_of(
    template: TermsTemplate,
    *,
    currency: str,
    principal: int,
    instalments: int,
    disbursed_on: date,
    annual_rate: Decimal | None = None,
    penalty_annual_rate: Decimal | None = None,
) -> LoanTerms:
    """Return the terms of one loan of a product.

    `principal` is in minor units of `currency`; `instalments` is one of the product's choices,
    which a method whose number of instalments follows has for information only. The rates are the
    template's unless others were offered. Raises `InvalidTerms`.
    """
    unchanged = {name: getattr(template, name) for name in SharedTerms.model_fields}
    explicit = _explicit(template, principal, disbursed_on)
    follows = template.method in FOLLOWING_LENGTH
    return LoanTerms.model_validate(
        {
            **unchanged,
            **_due_days(template, disbursed_on, explicit),
            "currency": currency,
            "principal": principal,
            "instalments": len(explicit) if follows else instalments,
            "disbursed_on": disbursed_on,
            "balloon": _share(template, template.balloon_percent, principal),
            "residual": _share(template, template.residual_percent, principal),
            "instalment_amount": _share(template, template.instalment_percent, principal),
            "down_payment": _share(template, template.down_payment_percent, principal),
            "explicit": explicit,
            "annual_rate": template.annual_rate if annual_rate is None else annual_rate,
            "penalty_annual_rate": (
                template.penalty_annual_rate if penalty_annual_rate is None else penalty_annual_rate
            ),
        }
    )


def _due_days(
    template: TermsTemplate, disbursed_on: date, explicit: tuple[ExplicitInstalment, ...]
) -> dict[str, Any]:
    """Return the first due date, and the days of the month on which the others fall due."""
    day = template.due_day
    months = template.frequency.months
    if explicit:
        return {"first_due_on": explicit[0].due_on}
    if template.method is Method.RENTALS_IN_ADVANCE:
        return {"first_due_on": disbursed_on}
    if months is not None and template.end_of_month:
        return {"first_due_on": months_after(disbursed_on, months, 31)}
    if months is not None:
        day = disbursed_on.day if day is None else day
        rolls = template.short_month is ShortMonth.NEXT_FIRST
        first = months_after(disbursed_on, months, day, rolls=rolls)
        return {"first_due_on": first, "due_day": day}
    if template.frequency.unit is FrequencyUnit.HALF_MONTH:
        return _half_months(template, disbursed_on)
    return {"first_due_on": disbursed_on + timedelta(days=template.frequency.days)}


def _half_months(template: TermsTemplate, disbursed_on: date) -> dict[str, Any]:
    day, second = template.due_day, template.second_due_day
    if day is None and second is None:
        day = disbursed_on.day
        is_early = day <= HALF_MONTH_DAYS
        second = day + HALF_MONTH_DAYS if is_early else day - HALF_MONTH_DAYS
        return {
            "first_due_on": months_after(disbursed_on, 0 if is_early else 1, second),
            "due_day": day,
            "second_due_day": second,
        }
    days = [one for one in (day, second) if one is not None]
    ahead = sorted(months_after(disbursed_on, months, one) for months in range(3) for one in days)
    soonest = disbursed_on + MIN_FIRST_HALF_MONTH
    first = next(on for on in ahead if on >= soonest)
    return {"first_due_on": first, "due_day": day, "second_due_day": second}


def _explicit(
    template: TermsTemplate, principal: int, disbursed_on: date
) -> tuple[ExplicitInstalment, ...]:
    return tuple(
        ExplicitInstalment(
            due_on=_after(disbursed_on, one.after),
            principal=None if one.percent is None else _share(template, one.percent, principal),
        )
        for one in template.listed
    )


def _after(disbursed_on: date, distance: Frequency) -> date:
    if distance.unit is FrequencyUnit.HALF_MONTH:
        raise InvalidTerms("listed instalments follow days, weeks, months or years", field="listed")
    if distance.months is not None:
        return months_after(disbursed_on, distance.months, disbursed_on.day)
    return disbursed_on + timedelta(days=distance.days)


def _share(template: TermsTemplate, percent: Decimal, principal: int) -> int:
    """Return a share of the principal in minor units, rounded as instalments are."""
    return percent_of(principal, percent, template.instalment_rounding)
