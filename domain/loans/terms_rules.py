"""Which terms no loan can have. Each rule names the field to change and the reason."""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from domain.common.business_days import BusinessDayRule
from domain.common.calendar import month_day
from domain.common.day_count import DayCount
from domain.common.errors import InvalidTerms
from domain.common.frequency import FrequencyUnit
from domain.common.money import MINOR_DIGITS
from domain.common.rounding import ROUNDING_UNITS, Rounding
from domain.loans.fees import FeeTiming, total_of
from domain.loans.plan_terms import Method

if TYPE_CHECKING:
    from domain.loans.terms import LoanTerms

MAX_INSTALMENTS = 600
MAX_PRINCIPAL = 10**15
MAX_RATE = 1000
MAX_RATE_PLACES = 8

FOLLOWING_LENGTH = (Method.FIXED_INSTALMENT, Method.EXPLICIT)
"""Methods whose number of instalments follows from other terms."""

_LEVEL = (Method.EQUAL_INSTALMENT, Method.BALLOON, Method.RENTALS_IN_ADVANCE)


def check_terms(terms: "LoanTerms") -> None:
    """Raise `InvalidTerms` for terms that no plan can follow from."""
    for rule in _RULES:
        rule(terms)


def _refuse(condition: bool, field: str, reason: str) -> None:
    if condition:
        raise InvalidTerms(reason, field=field)


def _amounts(terms: "LoanTerms") -> None:
    _refuse(
        terms.currency not in MINOR_DIGITS,
        "currency",
        f"currency {terms.currency!r} is not supported",
    )
    _refuse(
        not 0 < terms.principal <= MAX_PRINCIPAL,
        "principal",
        f"principal must be 1 to {MAX_PRINCIPAL} minor units",
    )
    _refuse_rounding(terms.interest_rounding, "interest_rounding")
    _refuse_rounding(terms.instalment_rounding, "instalment_rounding")
    _refuse(
        terms.first_disbursement <= 0,
        "tranches",
        "the tranches leave nothing of the principal to disburse first",
    )
    deducted = total_of(terms.fees, FeeTiming.DEDUCTED, terms.principal, terms.interest_rounding)
    _refuse(
        deducted >= terms.first_disbursement,
        "fees",
        f"fees of {deducted} leave nothing of the first disbursement to pay out",
    )


def _refuse_rounding(rounding: Rounding, field: str) -> None:
    _refuse(
        rounding.unit not in ROUNDING_UNITS,
        field,
        f"amounts are rounded to multiples of {ROUNDING_UNITS} minor units",
    )


def _rates(terms: "LoanTerms") -> None:
    refuse_rate(terms.annual_rate, "annual_rate")
    refuse_rate(terms.penalty_annual_rate, "penalty_annual_rate")
    for step in terms.rate_steps:
        refuse_rate(step.annual_rate, "rate_steps")
    _refuse(not 0 <= terms.grace_days <= 31, "grace_days", "grace is 0 to 31 days")
    _refuse(
        terms.penalty_year_days not in (360, 365),
        "penalty_year_days",
        "penalty runs over years of 360 or 365 days",
    )
    _refuse(
        terms.penalty_cap is not None and not 0 <= terms.penalty_cap <= MAX_RATE,
        "penalty_cap",
        f"penalty is capped at 0 to {MAX_RATE} percent of the instalment",
    )


def refuse_rate(rate: Decimal, field: str) -> None:
    """Raise `InvalidTerms` unless `rate` is a percentage a year that a loan can have."""
    _refuse(not 0 <= rate <= MAX_RATE, field, f"{field} must be 0 to {MAX_RATE} percent a year")
    exponent = rate.as_tuple().exponent
    _refuse(
        isinstance(exponent, int) and exponent < -MAX_RATE_PLACES,
        field,
        f"{field} has at most {MAX_RATE_PLACES} decimal places",
    )


def _length(terms: "LoanTerms") -> None:
    if terms.method in FOLLOWING_LENGTH and terms.instalments == 0:
        return
    _refuse(
        terms.method is Method.FIXED_INSTALMENT,
        "instalments",
        "the number of instalments follows from their amount: leave it out",
    )
    _refuse(
        terms.method is Method.EXPLICIT and terms.instalments != len(terms.explicit),
        "instalments",
        f"{len(terms.explicit)} instalments are listed",
    )
    _refuse(
        not 1 <= terms.instalments <= MAX_INSTALMENTS,
        "instalments",
        f"a loan has 1 to {MAX_INSTALMENTS} instalments",
    )


def _dates(terms: "LoanTerms") -> None:
    if terms.method is Method.RENTALS_IN_ADVANCE:
        _refuse(
            terms.first_due_on != terms.disbursed_on,
            "first_due_on",
            "the first rental in advance is due on the day of disbursement",
        )
        return
    _refuse(
        terms.first_due_on <= terms.disbursed_on,
        "first_due_on",
        f"the first due date {terms.first_due_on} must follow the disbursement on "
        f"{terms.disbursed_on}",
    )


def _due_days(terms: "LoanTerms") -> None:
    unit = terms.frequency.unit
    by_month = unit not in (FrequencyUnit.DAY, FrequencyUnit.WEEK)
    _refuse(
        terms.due_day is not None and not 1 <= terms.due_day <= 31,
        "due_day",
        "the due day is a day of the month, 1 to 31",
    )
    _refuse(
        terms.due_day is not None and not by_month,
        "due_day",
        f"instalments due every {terms.frequency.every} {unit}s have no day of the month",
    )
    _refuse(
        terms.end_of_month and (terms.due_day is not None or terms.frequency.months is None),
        "end_of_month",
        "the last day of the month goes with months or years and without a due day",
    )
    twice = unit is FrequencyUnit.HALF_MONTH
    _refuse(
        twice != (terms.second_due_day is not None),
        "second_due_day",
        "a second due day goes with instalments twice a month, and only with them",
    )
    if terms.second_due_day is not None:
        _refuse(
            not 1 <= terms.second_due_day <= 31 or terms.second_due_day == terms.anchor_day,
            "second_due_day",
            "the second due day is another day of the month, 1 to 31",
        )
    _refuse(
        terms.business_day_rule is BusinessDayRule.NONE and terms.interest_follows,
        "interest_follows",
        "interest can follow moved dates only under a business-day rule",
    )
    years = [official.year for official in terms.official_years]
    _refuse(len(set(years)) < len(years), "official_years", "a year is given once")


def _interest(terms: "LoanTerms") -> None:
    if terms.day_count is not DayCount.PERIOD:
        return
    _refuse(
        terms.method is Method.EXPLICIT,
        "day_count",
        "the day count 'period' needs regular due dates: listed instalments need another",
    )
    _refuse(
        terms.interest_follows,
        "day_count",
        "the day count 'period' cannot follow moved due dates: choose one that counts days",
    )
    refuse_first_due(terms)


def refuse_first_due(terms: "LoanTerms") -> None:
    """Raise `InvalidTerms` where the day count `period` cannot measure from the first due date."""
    if terms.day_count is not DayCount.PERIOD or _on_anchor(terms.first_due_on, terms.anchor_day):
        return
    second = terms.second_due_day
    _refuse(
        second is None or not _on_anchor(terms.first_due_on, second),
        "first_due_on",
        f"the day count 'period' needs the first due date on {'the' if second is None else 'a'} "
        "due day",
    )


def _on_anchor(on: date, day: int) -> bool:
    return on == month_day(on.year, on.month, day)


def _grace(terms: "LoanTerms") -> None:
    length = terms.instalments or len(terms.explicit) or MAX_INSTALMENTS
    for field in ("principal_grace", "interest_grace", "interest_free"):
        count = getattr(terms, field)
        _refuse(count < 0, field, f"{field} is zero or more instalments")
        longest = length if field == "interest_free" else length - 1
        _refuse(
            count > longest, field, f"{field} of {count} is longer than the term of {length} allows"
        )
    _refuse(
        terms.principal_grace > 0
        and terms.method not in (*_LEVEL, Method.EQUAL_PRINCIPAL, Method.FLAT),
        "principal_grace",
        f"a plan of the method {terms.method} has no principal to grant grace on",
    )


def _changes(terms: "LoanTerms") -> None:
    _refuse(
        not 0 <= terms.down_payment < terms.first_disbursement,
        "down_payment",
        "a down payment is less than what is disbursed first",
    )
    day = terms.disbursed_on
    for tranche in terms.tranches:
        _refuse(
            tranche.on <= day or tranche.amount <= 0,
            "tranches",
            "tranches are positive and follow the disbursement and each other",
        )
        day = tranche.on
    for field in ("rate_steps", "holidays"):
        days = [change.on for change in getattr(terms, field)]
        _refuse(
            days != sorted(set(days)) or any(on <= terms.disbursed_on for on in days),
            field,
            f"{field} follow the disbursement and each other",
        )
    _refuse(
        any(not 1 <= holiday.count <= MAX_INSTALMENTS for holiday in terms.holidays),
        "holidays",
        "a holiday covers one instalment or more",
    )


def _method(terms: "LoanTerms") -> None:
    method = terms.method
    financed = terms.principal - terms.down_payment
    _refuse(
        (method is Method.BALLOON) != (terms.balloon > 0) or terms.balloon >= financed,
        "balloon",
        "a balloon goes with the method of that name and is less than what is financed",
    )
    _refuse(
        terms.residual < 0
        or (terms.residual > 0 and method is not Method.RENTALS_IN_ADVANCE)
        or terms.residual >= financed,
        "residual",
        "a residual value goes with rentals in advance and is less than what is financed",
    )
    _refuse(
        (method is Method.FIXED_INSTALMENT) != (terms.instalment_amount > 0),
        "instalment_amount",
        "a fixed instalment goes with the method of that name and is more than zero",
    )
    _refuse(
        method is Method.SINGLE_PAYMENT and terms.instalments != 1,
        "instalments",
        "a single payment is one instalment: set its due date",
    )
    _refuse(
        (method is Method.EXPLICIT) != bool(terms.explicit),
        "explicit",
        "a list of instalments goes with the method of that name",
    )
    if method is Method.EXPLICIT:
        _explicit(terms, financed)


def _explicit(terms: "LoanTerms", financed: int) -> None:
    _refuse(
        len(terms.explicit) > MAX_INSTALMENTS,
        "explicit",
        f"a loan has 1 to {MAX_INSTALMENTS} instalments",
    )
    days = [item.due_on for item in terms.explicit]
    _refuse(days[0] != terms.first_due_on, "explicit", "the first listed is due on first_due_on")
    _refuse(days != sorted(set(days)), "explicit", "due dates follow each other")
    *others, last = terms.explicit
    _refuse(
        any((item.principal is None) == (item.total is None) for item in others),
        "explicit",
        "each instalment but the last has a principal or a total",
    )
    _refuse(
        any((item.principal or 0) < 0 or (item.total or 0) < 0 for item in terms.explicit),
        "explicit",
        "amounts are zero or more",
    )
    _refuse(
        last.total is not None, "explicit", "the last instalment repays the rest: leave it open"
    )
    if last.principal is not None:
        listed = sum(item.principal or 0 for item in terms.explicit)
        _refuse(
            any(item.principal is None for item in others) or listed != financed,
            "explicit",
            f"the principal listed is {listed}, to repay is {financed}",
        )


_RULES = (_amounts, _rates, _length, _dates, _due_days, _interest, _grace, _changes, _method)
