"""A loan that is paid out on another day than quoted."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.errors import InvalidTerms
from domain.fees import Fee, FeeTiming
from domain.frequency import Frequency, FrequencyUnit
from domain.loan_terms import LoanTerms, monthly_terms
from domain.redating import redated
from domain.schedule import build_plan, same_amounts

FEE = Fee(name="arrangement fee", timing=FeeTiming.DEDUCTED, percent=Decimal(2))


def quoted(**values: Any) -> LoanTerms:
    first: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_000_000,
        "annual_rate": Decimal(24),
        "instalments": 12,
        "disbursed_on": date(2026, 1, 30),
        "first_due_on": date(2026, 2, 28),
        "due_day": 30,
    }
    return LoanTerms(**first | values)


def test_the_same_day_changes_nothing() -> None:
    terms = quoted()
    assert redated(terms, date(2026, 1, 30)) is terms


@pytest.mark.parametrize(
    ("paid_out", "first_due"),
    [
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2026, 2, 1), date(2026, 3, 1)),
        (date(2026, 2, 2), date(2026, 3, 2)),
    ],
)
def test_a_due_day_that_followed_the_disbursement_follows_it_on(
    paid_out: date, first_due: date
) -> None:
    later = redated(quoted(), paid_out)
    assert (later.disbursed_on, later.first_due_on) == (paid_out, first_due)
    assert later.anchor_day == paid_out.day
    assert same_amounts(build_plan(later), build_plan(quoted()))


def test_everything_else_that_was_agreed_stays() -> None:
    terms = monthly_terms(
        currency="CNY",
        principal=1_000_000,
        annual_rate=Decimal(12),
        instalments=6,
        disbursed_on=date(2026, 3, 15),
        penalty_annual_rate=Decimal(18),
        grace_days=3,
        fees=(FEE,),
    )
    later = redated(terms, date(2026, 3, 16))
    dates = {"disbursed_on", "first_due_on", "due_day"}
    assert later.model_dump(exclude=dates) == terms.model_dump(exclude=dates)
    assert later.first_due_on == date(2026, 4, 16)


@pytest.mark.parametrize(
    ("frequency", "first_due", "moved"),
    [
        (Frequency(unit=FrequencyUnit.WEEK), date(2026, 2, 6), date(2026, 2, 7)),
        (Frequency(unit=FrequencyUnit.WEEK, every=2), date(2026, 2, 13), date(2026, 2, 14)),
        (Frequency(unit=FrequencyUnit.DAY, every=10), date(2026, 2, 9), date(2026, 2, 10)),
        # A short first period was agreed by its date, which stays.
        (Frequency(unit=FrequencyUnit.WEEK), date(2026, 2, 4), date(2026, 2, 4)),
    ],
)
def test_days_and_weeks_are_counted_from_the_disbursement(
    frequency: Frequency, first_due: date, moved: date
) -> None:
    terms = quoted(frequency=frequency, first_due_on=first_due, due_day=None)
    assert redated(terms, date(2026, 1, 31)).first_due_on == moved


def test_a_fixed_due_day_stays() -> None:
    terms = quoted(first_due_on=date(2026, 2, 20), due_day=20)
    later = redated(terms, date(2026, 2, 2))
    assert (later.first_due_on, later.anchor_day) == (date(2026, 2, 20), 20)


def test_a_day_after_a_first_due_date_that_stays_is_refused() -> None:
    terms = quoted(first_due_on=date(2026, 2, 5), due_day=5)
    with pytest.raises(InvalidTerms) as refusal:
        redated(terms, date(2026, 2, 6))
    assert refusal.value.field == "first_due_on"
