"""What a newly published year of a holiday calendar changes of a running loan's due dates.

China announces next year's days off each November. Until then the due dates of that year rest on
statutory holidays alone (`domain.common.business_days`): they are provisional, and move once the
notice is out.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from domain.common.business_days import OfficialYear, is_provisional
from domain.loans.events import DueDatesMoved, LoanEvent, MovedDueDate
from domain.loans.position import Position, position
from domain.loans.terms import LoanTerms


def due_dates_moved(
    terms: LoanTerms,
    events: Sequence[LoanEvent],
    years: Iterable[OfficialYear],
    *,
    calendar: str,
    key: str,
    today: date,
) -> DueDatesMoved | None:
    """Return the event by which provisional due dates follow the published `years`; None if none
    does.

    What fell due up to `today`, was paid, or lies in a year whose notice was known when the terms
    were made stays. Amounts stay as they are. `calendar` names the version that says so.
    """
    published = _newly_published(terms, years)
    if not published:
        return None
    agreed = [event for event in events if not isinstance(event, DueDatesMoved)]
    with_notice = terms.model_copy(update={"official_years": (*terms.official_years, *published)})
    now = position(terms, events, today)
    meant = {row.number: row.due_on for row in position(with_notice, agreed, today).instalments}
    years_published = {year.year for year in published}
    moved = tuple(
        MovedDueDate(instalment=row.number, was=row.due_on, now=meant[row.number])
        for row in now.instalments
        if row.outstanding
        and row.due_on > today
        and meant.get(row.number, row.due_on) != row.due_on
        and meant[row.number] > today
        and {row.due_on.year, meant[row.number].year} & years_published
    )
    if not moved or not _is_running(now):
        return None
    return DueDatesMoved(key=key, on=today, calendar=calendar, dates=moved)


def _newly_published(terms: LoanTerms, years: Iterable[OfficialYear]) -> tuple[OfficialYear, ...]:
    if not terms.rests_on_calendar:
        return ()
    return tuple(
        year
        for year in years
        if year.year >= terms.disbursed_on.year
        and is_provisional(terms.calendar, year.year, terms.official_years)
    )


def _is_running(stands: Position) -> bool:
    return not stands.settled and stands.written_off_on is None
