"""Money that is paid out later than quoted: which dates move along and which were agreed."""

from datetime import date
from typing import Any

import pytest

from domain.common.errors import InvalidTerms
from domain.loans.terms import LoanTerms, redated

QUOTED = date(2026, 1, 15)


def terms(**changes: Any) -> LoanTerms:
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_000_000,
        "annual_rate": "24",
        "instalments": 12,
        "disbursed_on": QUOTED,
        "first_due_on": date(2026, 2, 15),
    }
    return LoanTerms(**values | changes)


def test_terms_disbursed_as_quoted_stay_as_they_are() -> None:
    assert redated(terms(), QUOTED) == terms()


@pytest.mark.parametrize(
    ("quoted", "paid_out", "first_due_on", "due_day"),
    [
        # One month after the disbursement, on its day: moves with it.
        ({}, date(2026, 1, 20), date(2026, 2, 20), None),
        ({"due_day": 15}, date(2026, 1, 20), date(2026, 2, 20), 20),
        ({"due_day": 15}, date(2026, 1, 31), date(2026, 2, 28), 31),
        (
            {"disbursed_on": date(2026, 1, 31), "first_due_on": date(2026, 2, 28), "due_day": 31},
            date(2026, 2, 1),
            date(2026, 3, 1),
            1,
        ),
        (
            {"disbursed_on": date(2026, 1, 31), "first_due_on": date(2026, 2, 28)},
            date(2026, 2, 1),
            date(2026, 3, 1),
            None,
        ),
        (
            {"frequency": {"unit": "month", "every": 3}, "first_due_on": date(2026, 4, 15)},
            date(2026, 1, 16),
            date(2026, 4, 16),
            None,
        ),
        (
            {"frequency": {"unit": "year"}, "first_due_on": date(2027, 1, 15)},
            date(2026, 1, 16),
            date(2027, 1, 16),
            None,
        ),
        # A day of the month that was agreed otherwise stays.
        ({"first_due_on": date(2026, 3, 1)}, date(2026, 1, 20), date(2026, 3, 1), None),
        (
            {"first_due_on": date(2026, 2, 20), "due_day": 20},
            date(2026, 1, 17),
            date(2026, 2, 20),
            20,
        ),
        (
            {"due_day": 20, "day_count": "actual_360"},
            date(2026, 1, 17),
            date(2026, 2, 15),
            20,
        ),
        # Days and weeks move by themselves where the first period is a whole one.
        (
            {"frequency": {"unit": "week", "every": 2}, "first_due_on": date(2026, 1, 29)},
            date(2026, 1, 17),
            date(2026, 1, 31),
            None,
        ),
        (
            {"frequency": {"unit": "day", "every": 10}, "first_due_on": date(2026, 1, 25)},
            date(2026, 1, 16),
            date(2026, 1, 26),
            None,
        ),
        (
            {"frequency": {"unit": "week"}, "first_due_on": date(2026, 1, 29)},
            date(2026, 1, 17),
            date(2026, 1, 29),
            None,
        ),
        # Twice a month the days were agreed.
        (
            {
                "frequency": {"unit": "half_month"},
                "second_due_day": 15,
                "first_due_on": date(2026, 1, 30),
            },
            date(2026, 1, 16),
            date(2026, 1, 30),
            None,
        ),
    ],
)
def test_a_first_due_date_one_period_ahead_moves_and_an_agreed_one_stays(
    quoted: dict[str, Any], paid_out: date, first_due_on: date, due_day: int | None
) -> None:
    moved = redated(terms(**quoted), paid_out)
    assert moved == terms(
        **quoted
        | {"disbursed_on": paid_out, "first_due_on": first_due_on}
        | ({} if due_day is None else {"due_day": due_day})
    )


def test_dates_of_later_changes_stay() -> None:
    steps = [{"on": date(2026, 5, 1), "annual_rate": "12"}]
    moved = redated(terms(rate_steps=steps), date(2026, 1, 20))
    assert [step.on for step in moved.rate_steps] == [date(2026, 5, 1)]


def test_dates_that_no_longer_follow_the_disbursement_are_refused() -> None:
    with pytest.raises(InvalidTerms) as refused:
        redated(terms(first_due_on=date(2026, 2, 1)), date(2026, 2, 2))
    assert refused.value.field == "first_due_on"
    with pytest.raises(InvalidTerms) as refused:
        redated(terms(tranches=[{"on": date(2026, 1, 18), "amount": 400_000}]), date(2026, 1, 20))
    assert refused.value.field == "tranches"
