"""What a new plan takes over from the terms of the old one, and the places it leaves empty."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from domain.common.calendar import month_day
from domain.common.errors import InvalidTerms
from domain.common.frequency import Frequency, FrequencyUnit
from domain.loans.due_dates import Period
from domain.loans.plan_terms import Method, ShortMonth
from domain.loans.terms import LoanTerms
from domain.loans.terms_rules import FOLLOWING_LENGTH, refuse_first_due

NOT_CONTINUED = (*FOLLOWING_LENGTH, Method.RENTALS_IN_ADVANCE)
"""Methods that have no agreed number of regular instalments to continue with."""


def due_pattern(
    terms: LoanTerms,
    old: LoanTerms,
    on: date,
    first_due_on: date,
    frequency: Frequency,
    due_day: int | None = None,
) -> Mapping[str, object]:
    """Return what makes the due dates of a new plan; without a `due_day` its first one does.

    `old` is the pattern that it replaces, `terms` are those that were agreed at first. A day that
    the first month is too short for stays, such as the 31st where the new plan starts on 30 April;
    so does the last day of the month, and the two days of a loan due twice a month.
    """
    month_end = month_day(first_due_on.year, first_due_on.month, 31)
    by_month = frequency.months is not None
    stays = by_month and old.frequency.months is not None and first_due_on == month_end
    if due_day is not None:
        _refuse_due_day(due_day, by_month=by_month)
    elif stays and _keeps_short(old) and old.anchor_day > first_due_on.day:
        due_day = old.anchor_day
    pattern: dict[str, object] = {
        "disbursed_on": on,
        "first_due_on": first_due_on,
        "due_day": due_day,
        "second_due_day": None,
        "end_of_month": old.end_of_month and stays and due_day is None,
        "frequency": frequency,
        "principal_grace": 0,
        "interest_grace": 0,
        "interest_free": 0,
        "weights": (),
        "advance_rentals": 1,
    }
    if frequency.unit is FrequencyUnit.HALF_MONTH:
        if terms.second_due_day is None:
            raise InvalidTerms(
                "the loan has no second due day: twice a month does not follow", field="frequency"
            )
        pattern |= {"due_day": terms.anchor_day, "second_due_day": terms.second_due_day}
    if pattern["due_day"] is not None:
        refuse_first_due(terms.model_copy(update=pattern))
    return pattern


def _keeps_short(terms: LoanTerms) -> bool:
    return not terms.end_of_month and terms.short_month is not ShortMonth.NEXT_FIRST


def _refuse_due_day(due_day: int, *, by_month: bool) -> None:
    if not by_month:
        raise InvalidTerms("a due day goes with months or years", field="due_day")
    if not 1 <= due_day <= 31:
        raise InvalidTerms("the due day is a day of the month, 1 to 31", field="due_day")


def continued(terms: LoanTerms) -> LoanTerms:
    """Return terms with an agreed number of regular instalments, a residual value as balloon."""
    if terms.method not in NOT_CONTINUED:
        return terms
    update: dict[str, object] = {"method": Method.EQUAL_INSTALMENT, "explicit": ()}
    if terms.residual:
        update = {"method": Method.BALLOON, "balloon": terms.residual, "residual": 0}
    return terms.model_copy(update=update)


def same_dates(old: list[Period], new: list[Period]) -> bool:
    """Say whether a new plan has the periods that the old one has ahead."""
    return [_shape(period) for period in old] == [_shape(period) for period in new]


def pays_alike(one: Period, other: Period) -> bool:
    """Say whether two periods pay the same: in no other grace or holiday than the other."""
    return _flags(one) == _flags(other)


def _shape(period: Period) -> tuple[object, ...]:
    return period.due_on, period.end, *_flags(period)


def _flags(period: Period) -> tuple[object, ...]:
    pays = period.pays_principal, period.pays_interest, period.bears_interest
    return *pays, period.is_residual, period.weight


def as_agreed(period: Period, old: Period) -> Period:
    """Return a period that pays what another did."""
    return replace(
        period,
        pays_principal=old.pays_principal,
        pays_interest=old.pays_interest,
        bears_interest=old.bears_interest,
        weight=old.weight,
    )


def begun(period: Period, start: date) -> Period:
    """Return a period that goes on from an earlier day; of a year it counts as much a day."""
    if start >= period.start:
        return period
    years, per = period.years
    days, whole = (period.end - period.start).days, (period.end - start).days
    return replace(period, start=start, years=(years * whole, per * max(days, 1)))


def places_after(last: Period, count: int) -> list[Period]:
    """Return periods without time of their own: instalments that a new plan does not need."""
    numbers = range(last.number + 1, last.number + 1 + count)
    return [Period(number, last.due_on, last.end, last.end, (0, 1)) for number in numbers]
