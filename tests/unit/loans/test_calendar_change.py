"""Due dates that rested on a guess follow the official notice once it is out, and nothing else.

The loan of wanted.md's case: disbursed on 15 August 2026, 24 months, due on the 15th, `following`.
The notice of 2028 is made up: it works Saturday 15 January and 15 July and closes Monday 15 May and
Friday 15 September, each an exchange of the kind that the State Council's notices make.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.common.business_days import (
    BusinessCalendar,
    BusinessDayRule,
    OfficialYear,
    is_provisional,
)
from domain.common.errors import InvalidEvent
from domain.loans.calendar_change import due_dates_moved
from domain.loans.events import (
    AnyEvent,
    Disbursed,
    DueDatesMoved,
    LoanEvent,
    MovedDueDate,
    Paid,
    PaidOff,
    RateChanged,
    WrittenOff,
)
from domain.loans.payoff import payoff_quote
from domain.loans.position import Position, position
from domain.loans.terms import LoanTerms, monthly_terms

START = date(2026, 8, 15)
TERMS = LoanTerms.model_validate(
    {
        **dict(
            monthly_terms(
                currency="CNY",
                principal=1_000_000,
                annual_rate=Decimal(24),
                instalments=24,
                disbursed_on=START,
                penalty_annual_rate=Decimal(24),
            )
        ),
        "business_day_rule": BusinessDayRule.FOLLOWING,
        "calendar": BusinessCalendar.CN,
    }
)
YEAR = OfficialYear(
    year=2028,
    version="2027-11-04",
    source="made up for this test",
    closed=(date(2028, 5, 15), date(2028, 5, 16)),
    worked=(date(2028, 1, 15), date(2028, 7, 15)),
)
DISBURSED = Disbursed(key="d", on=START, amount=1_000_000)
TODAY = date(2027, 11, 10)
CALENDAR = "holiday_calendar/cn@2"


def change(
    *events: LoanEvent, terms: LoanTerms = TERMS, today: date = TODAY, year: OfficialYear = YEAR
) -> DueDatesMoved | None:
    return due_dates_moved(
        terms, (DISBURSED, *events), (year,), calendar=CALENDAR, key="moved", today=today
    )


def due(stands: Position) -> list[date]:
    return [row.due_on for row in stands.instalments]


def amounts(stands: Position) -> list[tuple[int, int, int]]:
    return [(row.principal, row.interest, row.fee) for row in stands.instalments]


def test_only_dates_of_the_published_year_move_and_no_amount_does() -> None:
    event = change()
    assert event is not None
    assert [(one.was, one.now) for one in event.dates] == [
        # The 15th is a Saturday that is worked: no longer put off to Monday the 17th.
        (date(2028, 1, 17), date(2028, 1, 15)),
        # Monday and Tuesday are off: Wednesday.
        (date(2028, 5, 15), date(2028, 5, 17)),
        (date(2028, 7, 17), date(2028, 7, 15)),
    ]
    before = position(TERMS, (DISBURSED,), TODAY)
    after = position(TERMS, (DISBURSED, event), TODAY)
    assert amounts(after) == amounts(before)
    changed = {one.was: one.now for one in event.dates}
    assert due(after) == [changed.get(day, day) for day in due(before)]
    assert (after.payoff, after.outstanding) == (before.payoff, before.outstanding)


def test_publishing_twice_changes_nothing() -> None:
    event = change()
    assert event is not None
    assert change(event) is None
    later = YEAR.model_copy(update={"version": "2027-11-05"})
    assert change(event, year=later) is None


def test_a_correction_of_the_notice_moves_them_once_more() -> None:
    first = change()
    assert first is not None
    corrected = YEAR.model_copy(update={"closed": (date(2028, 5, 15),)})
    second = change(first, year=corrected)
    assert second is not None
    assert [(one.was, one.now) for one in second.dates] == [(date(2028, 5, 17), date(2028, 5, 16))]
    second = second.model_copy(update={"key": "again"})
    after = position(TERMS, (DISBURSED, first, second), TODAY)
    assert date(2028, 5, 16) in due(after)
    assert date(2028, 1, 15) in due(after)


@pytest.mark.parametrize("today", [date(2028, 1, 17), date(2028, 1, 20), date(2028, 5, 15)])
def test_what_fell_due_never_moves(today: date) -> None:
    event = change(today=today)
    assert event is not None
    assert all(one.was > today < one.now for one in event.dates)


def test_what_is_paid_in_advance_stays() -> None:
    ahead = Paid(key="p", on=TODAY, amount=1_000_000)
    payoff = payoff_quote(TERMS, (DISBURSED,), TODAY).total
    assert change(PaidOff(key="off", on=TODAY, amount=payoff)) is None
    assert change(WrittenOff(key="w", on=TODAY)) is None
    event = change(ahead)
    assert event is not None


@pytest.mark.parametrize(
    "terms",
    [
        TERMS.model_copy(update={"official_years": (YEAR,)}),
        TERMS.model_copy(update={"business_day_rule": BusinessDayRule.NONE}),
        TERMS.model_copy(update={"calendar": BusinessCalendar.NONE}),
        TERMS.model_copy(update={"calendar": BusinessCalendar.US}),
    ],
)
def test_dates_that_rest_on_no_guess_stay(terms: LoanTerms) -> None:
    """A date that was agreed by an official notice is agreed, whatever is published later."""
    assert change(terms=terms) is None


def test_a_plan_made_anew_follows_the_notice_too() -> None:
    rate = RateChanged(key="r", on=date(2027, 3, 1), annual_rate=Decimal(18))
    event = change(rate)
    assert event is not None
    later = RateChanged(key="r2", on=date(2027, 12, 1), annual_rate=Decimal(12))
    after = position(TERMS, (DISBURSED, rate, event, later), date(2027, 12, 2))
    assert {one.now for one in event.dates} <= set(due(after))


def test_interest_that_follows_the_due_date_stays_as_agreed() -> None:
    terms = TERMS.model_copy(update={"interest_follows": True})
    event = change(terms=terms)
    assert event is not None
    before = position(terms, (DISBURSED,), TODAY)
    assert amounts(position(terms, (DISBURSED, event), TODAY)) == amounts(before)


def test_a_moved_instalment_is_late_from_its_new_day() -> None:
    event = change()
    assert event is not None
    rows = position(TERMS, (DISBURSED,), TODAY).instalments
    owed = [row.principal + row.interest for row in rows if row.due_on < date(2028, 5, 1)]
    paid = Paid(key="p", on=START, amount=sum(owed))
    for day, late in ((date(2028, 5, 16), 0), (date(2028, 5, 17), 0), (date(2028, 5, 18), 1)):
        stands = position(TERMS, (DISBURSED, event, paid), day)
        assert stands.days_past_due == late


@pytest.mark.parametrize(
    "dates",
    [
        (MovedDueDate(instalment=99, was=date(2028, 1, 17), now=date(2028, 1, 18)),),
        (MovedDueDate(instalment=17, was=date(2028, 1, 16), now=date(2028, 1, 18)),),
        (MovedDueDate(instalment=1, was=date(2026, 9, 15), now=date(2028, 1, 18)),),
        (MovedDueDate(instalment=17, was=date(2028, 1, 17), now=TODAY),),
    ],
)
def test_a_move_of_what_is_not_ahead_is_refused(dates: tuple[MovedDueDate, ...]) -> None:
    event: AnyEvent = DueDatesMoved(key="m", on=TODAY, calendar=CALENDAR, dates=dates)
    with pytest.raises(InvalidEvent) as refusal:
        position(TERMS, (DISBURSED, event), TODAY)
    assert refusal.value.field == "dates"


def test_a_year_is_provisional_until_its_notice_is_known() -> None:
    assert is_provisional(BusinessCalendar.CN, 2028)
    assert not is_provisional(BusinessCalendar.CN, 2028, (YEAR,))
    assert not is_provisional(BusinessCalendar.CN, 2025)
    assert not is_provisional(BusinessCalendar.US, 2028)


@pytest.mark.parametrize("days", range(0, 700, 23))
def test_whatever_day_it_is_published_the_plan_stays_in_order(days: int) -> None:
    today = START + timedelta(days=days)
    event = change(today=today)
    if event is None:
        assert today >= date(2028, 7, 15)
        return
    after = position(TERMS, (DISBURSED, event), today)
    assert due(after) == sorted(due(after))
    assert change(event, today=today) is None
