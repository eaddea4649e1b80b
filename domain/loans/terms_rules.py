"""Which terms no loan can have. Each rule names the field to change and the reason."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from domain.common.business_days import BusinessDayRule
from domain.common.calendar import month_day
from domain.common.currencies import MINOR_DIGITS
from domain.common.day_count import DayCount
from domain.common.errors import InvalidTerms
from domain.common.frequency import FrequencyUnit
from domain.common.rounding import ROUNDING_UNITS, Rounding
from domain.loans.fees import FeeTiming, total_of
from domain.loans.plan_terms import (
    FlatBase,
    InterestBasis,
    LevelRate,
    Method,
    Residue,
    ShortMonth,
    UnmetInterest,
)

if TYPE_CHECKING:
    from domain.loans.terms import LoanTerms

Fault = tuple[str, str]
"""The field to change, and the reason."""

MAX_INSTALMENTS = 600
MAX_PRINCIPAL = 10**15
MAX_RATE = 1000
MAX_RATE_PLACES = 8
MAX_WEIGHT = 1000
MAX_WORK = 30_000
"""Instalments planned anew, summed over the changes: what a processor plans in a fifth of a second.

Interest by days counts more the longer the loan; a level that is searched for (smoothed, the
residue first, coarse rounding) five times, with weights eight times. So 360 instalments by the
month have 82 changes, 41 by days.
"""

FOLLOWING_LENGTH = (Method.FIXED_INSTALMENT, Method.EXPLICIT)
"""Methods whose number of instalments follows from other terms."""

_REPAYING_THROUGHOUT = (
    *(Method.EQUAL_INSTALMENT, Method.BALLOON, Method.RENTALS_IN_ADVANCE),
    *(Method.EQUAL_PRINCIPAL, Method.FLAT),
)


def check_terms(terms: "LoanTerms") -> None:
    """Raise `InvalidTerms` for terms that no plan can follow from."""
    for rule in _RULES:
        _raise_first(rule(terms))


def _raise_first(faults: Iterator[Fault]) -> None:
    for field, reason in faults:
        raise InvalidTerms(reason, field=field)


def _amounts(terms: "LoanTerms") -> Iterator[Fault]:
    if terms.currency not in MINOR_DIGITS:
        yield (
            "currency",
            f"{terms.currency!r} is no currency of ISO 4217: write three capital letters",
        )
    if not 0 < terms.principal <= MAX_PRINCIPAL:
        yield "principal", f"principal must be 1 to {MAX_PRINCIPAL} minor units"
    yield from _rounding(terms.interest_rounding, "interest_rounding")
    yield from _rounding(terms.instalment_rounding, "instalment_rounding")
    yield from _rounding(terms.penalty_rounding, "penalty_rounding")
    if terms.first_disbursement <= 0:
        yield "tranches", "the tranches leave nothing of the principal to disburse first"
    deducted = total_of(terms.fees, FeeTiming.DEDUCTED, terms.principal, terms.interest_rounding)
    if deducted >= terms.first_disbursement:
        yield "fees", f"fees of {deducted} leave nothing of the first disbursement to pay out"


def _rounding(rounding: Rounding, field: str) -> Iterator[Fault]:
    if rounding.unit not in ROUNDING_UNITS:
        yield field, f"amounts are rounded to multiples of {ROUNDING_UNITS} minor units"


def _rates(terms: "LoanTerms") -> Iterator[Fault]:
    yield from _rate(terms.annual_rate, "annual_rate")
    yield from _rate(terms.penalty_annual_rate, "penalty_annual_rate")
    for step in terms.rate_steps:
        yield from _rate(step.annual_rate, "rate_steps")
    if not 0 <= terms.grace_days <= 31:
        yield "grace_days", "grace is 0 to 31 days"
    if not 0 <= terms.notice_days <= 366:
        yield "notice_days", "the notice before a loan is called in is 0 to 366 days"
    free = terms.penalty_free_days
    if any(before.last >= after.first for before, after in pairwise(free)):
        yield "penalty_free_days", "days free of penalty follow each other and do not overlap"
    if terms.penalty_year_days not in (360, 365):
        yield "penalty_year_days", "penalty runs over years of 360 or 365 days"
    if terms.penalty_cap is not None and not 0 <= terms.penalty_cap <= MAX_RATE:
        yield "penalty_cap", f"penalty is capped at 0 to {MAX_RATE} percent of the instalment"


def refuse_rate(rate: Decimal, field: str) -> None:
    """Raise `InvalidTerms` unless `rate` is a percentage a year that a loan can have."""
    _raise_first(_rate(rate, field))


def _rate(rate: Decimal, field: str) -> Iterator[Fault]:
    if not 0 <= rate <= MAX_RATE:
        yield field, f"{field} must be 0 to {MAX_RATE} percent a year"
    exponent = rate.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MAX_RATE_PLACES:
        yield field, f"{field} has at most {MAX_RATE_PLACES} decimal places"


def _length(terms: "LoanTerms") -> Iterator[Fault]:
    if terms.method in FOLLOWING_LENGTH and terms.instalments == 0:
        return
    if terms.method is Method.FIXED_INSTALMENT:
        yield "instalments", "the number of instalments follows from their amount: leave it out"
    if terms.method is Method.EXPLICIT and terms.instalments != len(terms.explicit):
        yield "instalments", f"{len(terms.explicit)} instalments are listed"
    if not 1 <= terms.instalments <= MAX_INSTALMENTS:
        yield "instalments", f"a loan has 1 to {MAX_INSTALMENTS} instalments"


def _dates(terms: "LoanTerms") -> Iterator[Fault]:
    if terms.method is Method.RENTALS_IN_ADVANCE:
        if terms.first_due_on != terms.disbursed_on:
            yield "first_due_on", "the first rental in advance is due on the day of disbursement"
        return
    if terms.first_due_on <= terms.disbursed_on:
        yield (
            "first_due_on",
            f"the first due date {terms.first_due_on} must follow the disbursement on"
            f" {terms.disbursed_on}",
        )


def _due_days(terms: "LoanTerms") -> Iterator[Fault]:
    unit = terms.frequency.unit
    by_month = unit not in (FrequencyUnit.DAY, FrequencyUnit.WEEK)
    if terms.due_day is not None and not 1 <= terms.due_day <= 31:
        yield "due_day", "the due day is a day of the month, 1 to 31"
    if terms.due_day is not None and not by_month:
        yield (
            "due_day",
            f"instalments due every {terms.frequency.every} {unit}s have no day of the month",
        )
    if terms.end_of_month and (terms.due_day is not None or terms.frequency.months is None):
        yield (
            "end_of_month",
            "the last day of the month goes with months or years and without a due day",
        )
    rolls = terms.short_month is ShortMonth.NEXT_FIRST
    if rolls and (terms.end_of_month or terms.frequency.months is None):
        yield (
            "short_month",
            "due dates roll to the 1st of the next month only with a day of the month, by months or"
            " years",
        )
    twice = unit is FrequencyUnit.HALF_MONTH
    if twice != (terms.second_due_day is not None):
        yield (
            "second_due_day",
            "a second due day goes with instalments twice a month, and only with them",
        )
    second = terms.second_due_day
    if second is not None and (not 1 <= second <= 31 or second == terms.anchor_day):
        yield "second_due_day", "the second due day is another day of the month, 1 to 31"
    if terms.business_day_rule is BusinessDayRule.NONE and terms.interest_follows:
        yield "interest_follows", "interest can follow moved dates only under a business-day rule"
    years = [official.year for official in terms.official_years]
    if len(set(years)) < len(years):
        yield "official_years", "a year is given once"


def _interest_basis(terms: "LoanTerms") -> Iterator[Fault]:
    if terms.interest_basis is InterestBasis.SCHEDULED:
        return
    if terms.method is Method.FLAT:
        yield (
            "interest_basis",
            "flat interest is charged on the original principal, not on what is owed day by day",
        )
    if terms.business_day_rule is not BusinessDayRule.NONE and not terms.interest_follows:
        yield (
            "interest_follows",
            "interest counted day by day runs to the day on which an instalment falls due:"
            " set interest_follows",
        )


def _interest(terms: "LoanTerms") -> Iterator[Fault]:
    if terms.day_count is not DayCount.PERIOD:
        return
    if terms.method is Method.EXPLICIT:
        yield (
            "day_count",
            "the day count 'period' needs regular due dates: listed instalments need another",
        )
    if terms.interest_follows:
        yield (
            "day_count",
            "the day count 'period' cannot follow moved due dates: choose one that counts days",
        )
    yield from _first_due(terms)


def refuse_first_due(terms: "LoanTerms") -> None:
    """Raise `InvalidTerms` where the day count `period` cannot measure from the first due date."""
    _raise_first(_first_due(terms))


def _first_due(terms: "LoanTerms") -> Iterator[Fault]:
    if terms.day_count is not DayCount.PERIOD or _on_anchor(terms.first_due_on, terms.anchor_day):
        return
    if terms.short_month is ShortMonth.NEXT_FIRST and terms.first_due_on.day == 1:
        before = terms.first_due_on - timedelta(days=1)
        if before.day < terms.anchor_day:
            return
    second = terms.second_due_day
    if second is None or not _on_anchor(terms.first_due_on, second):
        day = "the due day" if second is None else "a due day"
        yield "first_due_on", f"the day count 'period' needs the first due date on {day}"


def _on_anchor(on: date, day: int) -> bool:
    return on == month_day(on.year, on.month, day)


def _grace(terms: "LoanTerms") -> Iterator[Fault]:
    length = terms.instalments or len(terms.explicit) or MAX_INSTALMENTS
    for field in ("principal_grace", "interest_grace", "interest_free"):
        count = getattr(terms, field)
        if count < 0:
            yield field, f"{field} is zero or more instalments"
        longest = length if field == "interest_free" else length - 1
        if count > longest:
            yield field, f"{field} of {count} is longer than the term of {length} allows"
    if terms.principal_grace > 0 and terms.method not in _REPAYING_THROUGHOUT:
        yield (
            "principal_grace",
            f"a plan of the method {terms.method} has no principal to grant grace on",
        )


def _shape(terms: "LoanTerms") -> Iterator[Fault]:
    method, total = terms.method, _levels_total(terms)
    if terms.level_total and method is not Method.FLAT:
        yield "level_total", "a level total goes with flat interest: other methods say it by name"
    if terms.flat_base is not FlatBase.FINANCED and method is not Method.FLAT:
        yield "flat_base", "what flat interest is charged on goes with the method flat"
    if terms.residue is Residue.LAST_INTEREST and (
        not total or method is Method.RENTALS_IN_ADVANCE or terms.instalment_rounding.unit > 1
    ):
        yield (
            "residue",
            "the interest of the last instalment takes what rounding leaves over where instalments"
            " are level and rounded to one minor unit",
        )
    if terms.level_rate is not LevelRate.EXACT and (not total or method is Method.FLAT):
        yield "level_rate", f"the method {method} has no level instalment to compute"
    exceedable = total or method is Method.EXPLICIT
    if terms.unmet_interest is not UnmetInterest.COLLECTED and (not exceedable or terms.residual):
        yield "unmet_interest", f"the method {method} has no level instalment to exceed"
    if not 1 <= terms.advance_rentals <= max(terms.instalments, 1):
        yield "advance_rentals", f"1 to {terms.instalments} rentals are paid in advance"
    if terms.advance_rentals > 1 and method is not Method.RENTALS_IN_ADVANCE:
        yield "advance_rentals", "several rentals in advance go with the method of that name"
    yield from _weights(terms)


def _levels_total(terms: "LoanTerms") -> bool:
    """Say whether instalments are level, rather than their principal or nothing."""
    if terms.method is Method.FLAT:
        return terms.level_total
    return terms.method in _REPAYING_THROUGHOUT and terms.method is not Method.EQUAL_PRINCIPAL


def _weights(terms: "LoanTerms") -> Iterator[Fault]:
    if not terms.weights:
        return
    if terms.method not in _REPAYING_THROUGHOUT:
        yield "weights", f"the method {terms.method} has no level part to weigh"
    if len(terms.weights) > terms.instalments:
        yield "weights", f"there are {terms.instalments} instalments to weigh"
    for weight in terms.weights:
        exponent = weight.as_tuple().exponent
        if not 0 <= weight <= MAX_WEIGHT or (isinstance(exponent, int) and exponent < -4):
            yield "weights", f"a weight is 0 to {MAX_WEIGHT} with at most 4 decimal places"
    counted = terms.instalments - terms.advance_rentals + 1
    if not any(terms.weights[:counted]):
        yield "weights", "at least one instalment has a weight above zero"


def _changes(terms: "LoanTerms") -> Iterator[Fault]:
    if not 0 <= terms.down_payment < terms.first_disbursement:
        yield "down_payment", "a down payment is less than what is disbursed first"
    day = terms.disbursed_on
    for tranche in terms.tranches:
        if tranche.on <= day or tranche.amount <= 0:
            yield "tranches", "tranches are positive and follow the disbursement and each other"
        if not 0 <= tranche.down_payment < tranche.amount:
            yield "tranches", "a down payment is less than the tranche that it is paid of"
        day = tranche.on
    for field in ("rate_steps", "holidays"):
        days = [change.on for change in getattr(terms, field)]
        if days != sorted(set(days)) or any(on <= terms.disbursed_on for on in days):
            yield field, f"{field} follow the disbursement and each other"
    if any(not 1 <= holiday.count <= MAX_INSTALMENTS for holiday in terms.holidays):
        yield "holidays", "a holiday covers one instalment or more"


def _work(terms: "LoanTerms") -> Iterator[Fault]:
    changes = 1 + len(terms.rate_steps) + len(terms.holidays)
    work = planned_anew(terms, changes * (1 + len(terms.tranches)))
    if work > MAX_WORK:
        yield (
            "instalments",
            f"instalments times rate steps, holidays and tranches are at most {MAX_WORK}, here"
            f" {work}: agree on fewer changes, or count a longer period",
        )


def planned_anew(terms: "LoanTerms", plans: int, at_least: int = 0) -> int:
    """Return the work that so many plans of a loan take, to be compared with `MAX_WORK`."""
    rows = max(terms.agreed_rows or MAX_INSTALMENTS, at_least)
    rounds_finely = terms.interest_rounding.unit == terms.instalment_rounding.unit == 1
    each = 1 if terms.day_count is DayCount.PERIOD else 1 + rows // 200
    if terms.smooth or terms.residue is Residue.FIRST or not rounds_finely:
        each = 5
    if terms.weights:
        each = 8
    return rows * plans * each


def _method(terms: "LoanTerms") -> Iterator[Fault]:
    method = terms.method
    paid_at_once = sum(tranche.down_payment for tranche in terms.tranches)
    financed = terms.principal - terms.down_payment - paid_at_once
    if (method is Method.BALLOON) != (terms.balloon > 0) or terms.balloon >= financed:
        yield (
            "balloon",
            "a balloon goes with the method of that name and is less than what is financed",
        )
    if (
        terms.residual < 0
        or (terms.residual > 0 and method is not Method.RENTALS_IN_ADVANCE)
        or terms.residual >= financed
    ):
        yield (
            "residual",
            "a residual value goes with rentals in advance and is less than what is financed",
        )
    if (method is Method.FIXED_INSTALMENT) != (terms.instalment_amount > 0):
        yield (
            "instalment_amount",
            "a fixed instalment goes with the method of that name and is more than zero",
        )
    if method is Method.SINGLE_PAYMENT and terms.instalments != 1:
        yield "instalments", "a single payment is one instalment: set its due date"
    if (method is Method.EXPLICIT) != bool(terms.explicit):
        yield "explicit", "a list of instalments goes with the method of that name"
    if method is Method.EXPLICIT:
        yield from _explicit(terms, financed)


def _explicit(terms: "LoanTerms", financed: int) -> Iterator[Fault]:
    if len(terms.explicit) > MAX_INSTALMENTS:
        yield "explicit", f"a loan has 1 to {MAX_INSTALMENTS} instalments"
    days = [item.due_on for item in terms.explicit]
    if days[0] != terms.first_due_on:
        yield "explicit", "the first listed is due on first_due_on"
    if days != sorted(set(days)):
        yield "explicit", "due dates follow each other"
    *others, last = terms.explicit
    if any((item.principal is None) == (item.total is None) for item in others):
        yield "explicit", "each instalment but the last has a principal or a total"
    if any((item.principal or 0) < 0 or (item.total or 0) < 0 for item in terms.explicit):
        yield "explicit", "amounts are zero or more"
    if last.total is not None:
        yield "explicit", "the last instalment repays the rest: leave it open"
    if last.principal is not None:
        listed = sum(item.principal or 0 for item in terms.explicit)
        if any(item.principal is None for item in others) or listed != financed:
            yield "explicit", f"the principal listed is {listed}, to repay is {financed}"


_RULES = (
    *(_amounts, _rates, _length, _dates, _due_days, _interest_basis),
    *(_interest, _grace, _shape, _changes, _method, _work),
)
