"""When instalments fall due and which days each one's interest covers."""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from domain.common.business_days import BusinessDayRule, adjust
from domain.common.calendar import month_day, months_after
from domain.common.day_count import DayCount
from domain.common.frequency import FrequencyUnit
from domain.loans.plan_terms import ExplicitInstalment, Method, ShortMonth
from domain.loans.terms import LoanTerms


@dataclass(slots=True)
class Period:
    """One instalment's time: interest runs from `start` to `end`, payment is due on `due_on`.

    `years` is the part of a year that the day count `period` gives the whole of it. The flags say
    whether principal is repaid, interest collected, and interest charged at all, and whether it is
    the residual value that is paid; `agreed` is what an explicit list says of the instalment, and
    `weight` how many times the level part it is.
    """

    number: int
    due_on: date
    start: date
    end: date
    years: tuple[int, int]
    pays_principal: bool = True
    pays_interest: bool = True
    bears_interest: bool = True
    is_residual: bool = False
    agreed: ExplicitInstalment | None = None
    weight: tuple[int, int] = (1, 1)

    @property
    def is_usual(self) -> bool:
        """Say whether the instalment is like most: principal and interest, nothing listed."""
        pays = self.pays_principal and self.pays_interest
        return pays and self.agreed is None and self.weight == (1, 1)


def plan_periods(terms: LoanTerms, count: int) -> list[Period]:
    """Return the periods of the first `count` instalments, graces marked.

    The residual value of a lease is one more, due where the next rental would be.
    """
    ahead = terms.advance_rentals - 1
    nominal = _nominal_due_dates(terms, count)
    if terms.residual:
        # The rentals paid with the first one have no due date of their own, but their time.
        nominal.append(nominal_due_date(terms, count + ahead))
    periods = _between(terms, nominal)
    if terms.residual:
        periods[-1].is_residual = True
        whole, per = periods[-1].years
        periods[-1].years = whole * (ahead + 1), per
    if terms.method is Method.EXPLICIT:
        for period, agreed in zip(periods, terms.explicit, strict=True):
            period.agreed = agreed
    if ahead or terms.weights:
        _weigh(terms, periods)
    for period in periods[: max(terms.principal_grace, terms.interest_grace, terms.interest_free)]:
        period.pays_principal = period.number > terms.principal_grace
        period.pays_interest = period.number > terms.interest_grace
        period.bears_interest = period.number > terms.interest_free
    return periods


def _weigh(terms: LoanTerms, periods: list[Period]) -> None:
    """Let instalments be a multiple of the level part: the pattern of weights repeats."""
    weights = [weight.as_integer_ratio() for weight in terms.weights]
    for index, period in enumerate(periods):
        if weights and not period.is_residual:
            period.weight = weights[index % len(weights)]
    if terms.advance_rentals > 1:
        periods[0].weight = terms.advance_rentals, 1


def _nominal_due_dates(terms: LoanTerms, count: int) -> list[date]:
    months, first = terms.frequency.months, terms.first_due_on
    if months != 1 or terms.anchor_day > 28 or terms.end_of_month or terms.explicit:
        return [nominal_due_date(terms, index) for index in range(count)]
    # The usual case in a tenth of the time: no month is too short for the day.
    day, start = terms.anchor_day, first.year * 12 + first.month - 1
    later = (date(month // 12, month % 12 + 1, day) for month in range(start + 1, start + count))
    return [first, *later]


def nominal_due_date(terms: LoanTerms, index: int) -> date:
    """Return due date `index`, 0 the first, before any move to a business day.

    Negative numbers continue the pattern into the past.
    """
    if terms.method is Method.EXPLICIT:
        return terms.explicit[index].due_on
    if index == 0:
        return terms.first_due_on
    frequency = terms.frequency
    months = frequency.months
    if months is not None:
        if terms.short_month is ShortMonth.NEXT_FIRST:
            return _rolled(terms, months * index)
        day = 31 if terms.end_of_month else terms.anchor_day
        return months_after(terms.first_due_on, months * index, day)
    if frequency.unit is FrequencyUnit.HALF_MONTH:
        return _half_month(terms, index)
    return terms.first_due_on + timedelta(days=frequency.days * index)


def _rolled(terms: LoanTerms, months: int) -> date:
    """Return a due date `months` after the first, on the 1st that follows too short a month."""
    first, day = terms.first_due_on, terms.anchor_day
    if first.day != day:
        # The first one rolled itself: it belongs to the month before.
        months -= 1
    return months_after(first, months, day, rolls=True)


def _half_month(terms: LoanTerms, index: int) -> date:
    days = sorted((terms.anchor_day, terms.second_due_day or terms.anchor_day))
    first = terms.first_due_on
    starts_late = first > month_day(first.year, first.month, days[0])
    months, half = divmod(index + starts_late, 2)
    return months_after(first, months, days[half])


def _between(terms: LoanTerms, nominal: list[date]) -> list[Period]:
    """Return periods that join at their ends, which are the moved dates if interest follows."""
    moves = terms.business_day_rule is not BusinessDayRule.NONE
    whole = _whole_period(terms)
    start = terms.disbursed_on
    periods = []
    for number, due in enumerate(nominal, start=1):
        due_on = _moved(terms, due) if moves else due
        end = max(due_on if terms.interest_follows else due, start)
        years = whole if number > 1 else _first_period(terms)
        periods.append(Period(number, max(due_on, start), start, end, years))
        start = end
    return periods


def _moved(terms: LoanTerms, due: date) -> date:
    """Return the business day for a due date; never the day of the disbursement, nor before it."""
    rule, calendar, official = terms.business_day_rule, terms.calendar, terms.official_years
    due_on = adjust(due, rule, calendar, official)
    if due_on <= terms.disbursed_on < due:
        return adjust(due, BusinessDayRule.FOLLOWING, calendar, official)
    return due_on


def _whole_period(terms: LoanTerms) -> tuple[int, int]:
    return terms.frequency.every, terms.frequency.units_per_year


def _first_period(terms: LoanTerms) -> tuple[int, int]:
    """Return the first period in years, as the day count `period` has it."""
    if terms.day_count is not DayCount.PERIOD or nominal_due_date(terms, -1) == terms.disbursed_on:
        return _whole_period(terms)
    every, units = _whole_period(terms)
    return (periods_to_first_due(terms) * every / units).as_integer_ratio()


def periods_to_first_due(terms: LoanTerms) -> Fraction:
    """Return the first period in regular ones: whole periods, and the odd days of another.

    Regular periods are counted back from the first due date; odd days count over the days of the
    regular period that they are part of. Listed instalments have no regular periods.
    """
    whole, end, index = 0, terms.first_due_on, -1
    while (start := nominal_due_date(terms, index)) >= terms.disbursed_on < end:
        whole, end, index = whole + 1, start, index - 1
    return whole + Fraction((end - terms.disbursed_on).days, (end - start).days)
