"""Penalty interest: the days that bear it, what bears it, and what it comes to."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from domain.common.business_days import BusinessCalendar, OfficialYear, is_business_day
from domain.common.rounding import round_ratio
from domain.loans.penalty_terms import PenaltyBase
from domain.loans.terms import LoanTerms

_ONE_DAY: Final = timedelta(days=1)


def penalty_days(terms: LoanTerms, due_on: date, on: date) -> int:
    """Return the days after `due_on` up to `on` that bear penalty: none within the grace.

    Beyond it all of them count, those of the grace too unless they stay free.
    """
    if (on - due_on).days <= terms.grace_days or not terms.penalty_annual_rate:
        return 0
    return bearing_days(terms, due_on, due_on, on)


def bearing_days(terms: LoanTerms, due_on: date, since: date, on: date) -> int:
    """Return the days after `since` up to `on` that bear penalty on what fell due on `due_on`."""
    first = since + _ONE_DAY
    if terms.grace_is_free:
        first = max(first, due_on + timedelta(days=terms.grace_days + 1))
    days = max((on - first).days + 1, 0)
    for free in terms.penalty_free_days:
        days -= max((min(free.last, on) - max(free.first, first)).days + 1, 0)
    if terms.penalty_on_business_days and days:
        days -= sum(
            1
            for day in _days_off(terms.calendar, terms.official_years, first, on)
            if not any(free.first <= day <= free.last for free in terms.penalty_free_days)
        )
    return days


def penalty_base(
    terms: LoanTerms, *, principal: int, interest: int, fee: int, original: int
) -> int:
    """Return what of an instalment bears penalty, from what is unpaid of it and what it asked for.

    A penalty on the whole balance is not that of one instalment: nothing here.
    """
    match terms.penalty_base:
        case PenaltyBase.PRINCIPAL:
            return principal
        case PenaltyBase.INTEREST:
            return interest
        case PenaltyBase.AMOUNT:
            return principal + interest + fee
        case PenaltyBase.ORIGINAL_AMOUNT:
            return original if principal + interest + fee > 0 else 0
        case _:
            return 0


def penalty_interest(
    terms: LoanTerms, days_of_base: int, principal: int, interest: int, fee: int
) -> int:
    """Return the penalty on the sum of base x days, rounded once and capped.

    `principal`, `interest` and `fee` are what the instalment asks for. The cap is a percentage of
    that part of it which bears penalty, of all of it where that is the whole balance.
    """
    rate, per = terms.penalty_annual_rate.as_integer_ratio()
    rounding = terms.penalty_rounding
    earned = round_ratio(days_of_base * rate, per * 100 * terms.penalty_year_days, *rounding)
    if terms.penalty_cap is None:
        return earned
    capped = {PenaltyBase.PRINCIPAL: principal, PenaltyBase.INTEREST: interest}
    base = capped.get(terms.penalty_base, principal + interest + fee)
    cap, per = terms.penalty_cap.as_integer_ratio()
    return min(earned, round_ratio(base * cap, per * 100, *rounding))


@lru_cache(maxsize=1024)
def _days_off(
    calendar: BusinessCalendar, official: tuple[OfficialYear, ...], first: date, last: date
) -> tuple[date, ...]:
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return tuple(day for day in days if not is_business_day(day, calendar, official))
