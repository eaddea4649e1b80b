"""The terms in force, and what held before: what the borrower is told that the rate is."""

from datetime import date
from decimal import Decimal

from domain.common.frequency import Frequency, FrequencyUnit
from domain.loans.events import Disbursed, LoanEvent, RateChanged, Rescheduled, Reversed
from domain.loans.plan_terms import RateStep
from domain.loans.terms import LoanTerms, monthly_terms
from domain.loans.terms_in_force import terms_history, terms_in_force

START = date(2026, 1, 15)
TERMS = monthly_terms(
    currency="CNY",
    principal=1_000_000,
    annual_rate=Decimal(24),
    instalments=12,
    disbursed_on=START,
    penalty_annual_rate=Decimal(24),
)
STEPPED = LoanTerms.model_validate(
    {
        **dict(TERMS),
        "rate_steps": (
            RateStep(on=date(2026, 4, 1), annual_rate=Decimal(20)),
            RateStep(on=date(2026, 8, 1), annual_rate=Decimal(16)),
        ),
    }
)
DISBURSED = Disbursed(key="d", on=START, amount=1_000_000)


def changed(rate: int, on: date) -> RateChanged:
    return RateChanged(key=f"rate:{rate}", on=on, annual_rate=Decimal(rate))


def shown(terms: LoanTerms, as_of: date, *events: LoanEvent) -> list[tuple[date, int, str]]:
    history = terms_history(terms, (DISBURSED, *events), as_of)
    return [(one.since, int(one.annual_rate), one.because) for one in history]


def test_a_loan_that_nothing_happened_to_runs_on_what_was_agreed() -> None:
    (only,) = terms_history(TERMS, (), START)
    assert (only.since, only.annual_rate, only.instalments) == (START, Decimal(24), 12)
    assert (only.first_due_on, only.because, only.event) == (date(2026, 2, 15), "agreed", None)


def test_steps_and_changes_follow_each_other() -> None:
    change = changed(18, date(2026, 3, 5))
    assert shown(STEPPED, date(2026, 12, 31), change) == [
        (START, 24, "agreed"),
        (date(2026, 3, 5), 18, "rate_changed"),
        # What was agreed for later days still follows.
        (date(2026, 4, 1), 20, "rate_step"),
        (date(2026, 8, 1), 16, "rate_step"),
    ]
    assert terms_in_force(STEPPED, (DISBURSED, change), date(2026, 3, 31)).annual_rate == 18


def test_a_change_on_the_day_of_a_step_takes_its_place() -> None:
    change = changed(18, date(2026, 4, 1))
    assert shown(STEPPED, date(2026, 7, 1), change)[1:] == [(date(2026, 4, 1), 18, "rate_changed")]


def test_a_new_plan_with_its_own_rate_ends_the_steps() -> None:
    event = Rescheduled(
        key="new",
        on=date(2026, 3, 5),
        instalments=6,
        first_due_on=date(2026, 4, 10),
        annual_rate=Decimal(15),
        frequency=Frequency(unit=FrequencyUnit.WEEK),
    )
    last = terms_history(STEPPED, (DISBURSED, event), date(2027, 1, 1))[-1]
    assert (last.annual_rate, last.instalments, last.first_due_on) == (
        Decimal(15),
        6,
        date(2026, 4, 10),
    )
    assert (last.frequency.unit, last.because, last.event) == ("week", "rescheduled", "new")


def test_what_was_reversed_never_held() -> None:
    change = changed(36, date(2026, 3, 5))
    undone = Reversed(key="undone", on=date(2026, 3, 6), reverses=change.key)
    assert shown(TERMS, date(2026, 3, 5), change, undone)[-1][1] == 36
    assert shown(TERMS, date(2026, 3, 6), change, undone) == [(START, 24, "agreed")]
