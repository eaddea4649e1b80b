"""In which periods the rates of a plan are counted, and when a trial is refused."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from domain.common.errors import InvalidEvent, InvalidTerms
from domain.loans.events import Disbursed, LoanEvent, RateChanged, Rescheduled
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms
from domain.pricing.rates import RateConvention, nominal_simple
from domain.pricing.trial import plan_cost_sheet, plan_rates, trial
from domain.pricing.trial_rates import RatePeriods, existing, rate_periods

MADE, FIRST = date(2026, 1, 15), date(2026, 2, 15)
YEARS = "a plan lies within the years 1900 to 2999"


def terms(**changes: Any) -> LoanTerms:
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_200_000,
        "annual_rate": "12",
        "instalments": 3,
        "disbursed_on": MADE,
        "first_due_on": FIRST,
        "method": "equal_principal",
    }
    return LoanTerms(**values | changes)


def periods(**changes: Any) -> RatePeriods:
    agreed = terms(**changes)
    return rate_periods(agreed, build_plan(agreed).rows)


def numbers(**changes: Any) -> list[Fraction]:
    """Return the period number of each day on which money moves, in order of the days."""
    held = periods(**changes).numbers
    assert held is not None
    return [Fraction(held[on]) for on in sorted(held)]


@pytest.mark.parametrize(
    ("changes", "per_year", "expected"),
    [
        ({}, 12, [0, 1, 2, 3]),
        (
            {"frequency": {"unit": "month", "every": 3}, "first_due_on": date(2026, 4, 15)},
            4,
            [0, 1, 2, 3],
        ),
        (
            {"frequency": {"unit": "week", "every": 2}, "first_due_on": date(2026, 1, 29)},
            26,
            [0, 1, 2, 3],
        ),
        # A month and 19 of the 31 days from 3 January to 3 February.
        (
            {"first_due_on": date(2026, 3, 3)},
            12,
            [0, Fraction(50, 31), Fraction(81, 31), Fraction(112, 31)],
        ),
        # The first rental is paid on the day of disbursement.
        ({"method": "rentals_in_advance", "first_due_on": MADE}, 12, [0, 1, 2]),
        # A down payment is no period.
        ({"down_payment": 200_000}, 12, [0, 1, 2, 3]),
        # A tranche on the 14th of 28 days, and one on a due date.
        (
            {
                "tranches": [
                    {"on": date(2026, 3, 1), "amount": 200_000},
                    {"on": date(2026, 3, 15), "amount": 200_000},
                ]
            },
            12,
            [0, 1, Fraction(3, 2), 2, 3],
        ),
        # A single payment is one period of its own length: 12 months, or 365 days.
        (
            {"method": "single_payment", "instalments": 1, "first_due_on": date(2027, 1, 15)},
            1,
            [0, 1],
        ),
        (
            {
                "method": "single_payment",
                "instalments": 1,
                "first_due_on": date(2026, 3, 29),
                "day_count": "actual_360",
            },
            5,
            [0, 1],
        ),
        ({"instalments": 1}, 12, [0, 1]),
        # A tranche on the 20th of its 59 days.
        (
            {
                "method": "single_payment",
                "instalments": 1,
                "first_due_on": date(2026, 3, 15),
                "tranches": [{"on": date(2026, 2, 4), "amount": 200_000}],
            },
            6,
            [0, Fraction(20, 59), 1],
        ),
    ],
)
def test_regular_due_dates_are_numbered(
    changes: dict[str, Any], per_year: int, expected: list[Fraction]
) -> None:
    assert periods(**changes).per_year == per_year
    assert numbers(**changes) == expected


def test_a_tranche_after_a_last_due_date_that_moved_back_counts_with_it() -> None:
    # Due on Sunday 16 August 2026, moved back to Friday; the tranche goes out in between.
    agreed: dict[str, Any] = {
        "instalments": 2,
        "first_due_on": date(2026, 7, 16),
        "business_day_rule": "preceding",
        "tranches": [{"on": date(2026, 8, 15), "amount": 200_000}],
    }
    # Six whole months back from 16 July, and the day before them.
    first = 6 + Fraction(1, 31)
    assert numbers(**agreed) == [0, first, first + 1, first + 1]


def test_listed_instalments_are_measured_by_their_dates() -> None:
    explicit = [{"due_on": FIRST, "principal": 5}, {"due_on": date(2026, 5, 1)}]
    changes = {"method": "explicit", "explicit": explicit, "day_count": "actual_360"}
    assert periods(**changes | {"instalments": 2}) == RatePeriods(Fraction(12), None)
    one = {"explicit": [{"due_on": date(2026, 3, 29)}], "first_due_on": date(2026, 3, 29)}
    assert periods(**changes | one | {"instalments": 1}).per_year == 5


def test_a_single_listed_instalment_is_one_period_of_its_days() -> None:
    lent = terms(
        method="explicit",
        explicit=[{"due_on": date(2026, 3, 29), "principal": 1_200_000}],
        first_due_on=date(2026, 3, 29),
        instalments=1,
        day_count="actual_365_fixed",
        annual_rate="10",
    )
    # 73 days are a fifth of a year: 2 % of interest, five times a year.
    rates = {rate.convention: rate.value for rate in existing(plan_rates(lent, build_plan(lent)))}
    assert round(rates[RateConvention.NOMINAL_SIMPLE], 10) == 10


def test_only_the_distance_between_period_numbers_counts() -> None:
    flows = [(MADE, 1_000_000), (FIRST, -510_000), (date(2026, 3, 15), -520_000)]
    numbered = {on: number for number, (on, _) in enumerate(flows)}
    later = {on: number + 7 for on, number in numbered.items()}
    assert nominal_simple(flows, 12, numbered).value == nominal_simple(flows, 12, later).value


def test_the_rows_of_a_trial_are_those_of_its_plan() -> None:
    agreed = terms(fees=[{"name": "f", "timing": "spread", "amount": 10}])
    found = trial(agreed)
    assert (found.currency, found.principal, found.proceeds) == ("CNY", 1_200_000, 1_200_000)
    shown, planned = found.rows, build_plan(agreed).rows
    for name in ("number", "due_on", "days", "principal", "interest", "fee", "total"):
        assert [getattr(row, name) for row in shown] == [getattr(row, name) for row in planned]
    assert [row.balance_after for row in shown] == [800_000, 400_000, 0]


def test_the_cost_sheet_of_a_plan_is_that_of_its_trial() -> None:
    agreed = terms(fees=[{"name": "f", "timing": "deducted", "percent": "1"}])
    found = plan_cost_sheet(agreed, build_plan(agreed))
    assert found is not None
    assert found == trial(agreed).costs.sheet


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"disbursed_on": date(1899, 12, 31), "first_due_on": date(1900, 1, 31)}, YEARS),
        ({"disbursed_on": date(2998, 1, 15), "first_due_on": date(2998, 11, 15)}, None),
        ({"disbursed_on": date(2998, 12, 15), "first_due_on": date(2999, 1, 15)}, YEARS),
        (
            {
                "instalments": 24,
                "disbursed_on": date(2998, 1, 15),
                "first_due_on": date(2998, 2, 15),
            },
            YEARS,
        ),
        (
            {
                "disbursed_on": date(2996, 1, 15),
                "first_due_on": date(2996, 2, 15),
                "holidays": [{"on": date(2996, 3, 1), "count": 600, "extend": True}],
            },
            YEARS,
        ),
        (
            {
                "method": "explicit",
                "day_count": "actual_360",
                "instalments": 2,
                "explicit": [{"due_on": FIRST, "principal": 5}, {"due_on": date(2999, 5, 1)}],
            },
            YEARS,
        ),
        ({"first_due_on": date(2076, 2, 15)}, None),
        (
            {"first_due_on": date(2077, 1, 15)},
            "the first due date lies at most 50 years ahead",
        ),
        ({"disbursed_on": date(1900, 1, 1), "first_due_on": date(1900, 2, 1)}, None),
    ],
)
def test_the_years_of_a_plan(changes: dict[str, Any], reason: str | None) -> None:
    if reason is None:
        assert len(trial(terms(**changes)).rows) == 3
        return
    with pytest.raises(InvalidTerms) as refused:
        trial(terms(**changes))
    assert (refused.value.field, refused.value.message) == ("first_due_on", reason)


@pytest.mark.parametrize(
    ("event", "field", "reason"),
    [
        (
            RateChanged(key="r", on=FIRST, annual_rate=Decimal("1000.1")),
            "annual_rate",
            "annual_rate must be 0 to 1000 percent a year",
        ),
        (
            Rescheduled(
                key="r",
                on=FIRST,
                instalments=2,
                first_due_on=date(2026, 3, 1),
                annual_rate=Decimal(-1),
            ),
            "annual_rate",
            "annual_rate must be 0 to 1000 percent a year",
        ),
        (
            Rescheduled(key="r", on=FIRST, instalments=12, first_due_on=date(2998, 1, 1)),
            "first_due_on",
            YEARS,
        ),
        (
            Rescheduled(key="r", on=date(1899, 1, 1), instalments=1, first_due_on=FIRST),
            "first_due_on",
            YEARS,
        ),
    ],
)
def test_events_of_no_loan_are_refused(event: LoanEvent, field: str, reason: str) -> None:
    with pytest.raises((InvalidEvent, InvalidTerms)) as refused:
        trial(terms(), [event], as_of=FIRST)
    error = refused.value
    assert isinstance(error, InvalidEvent | InvalidTerms)
    assert (error.field, error.message) == (field, reason)


def test_a_new_plan_within_the_years_is_shown() -> None:
    disbursed = Disbursed(key="d", on=MADE, amount=1_200_000)
    new = Rescheduled(
        key="r", on=FIRST, instalments=2, first_due_on=date(2026, 3, 1), annual_rate=Decimal(0)
    )
    found = trial(terms(), [disbursed, new], as_of=FIRST).on_day
    assert found is not None
    assert (found.position.principal_outstanding, found.reason) == (1_200_000, None)


def test_events_need_the_day_at_which_to_look() -> None:
    with pytest.raises(InvalidEvent) as refused:
        trial(terms(), [Disbursed(key="d", on=MADE, amount=1_200_000)])
    reason = "events need the day at whose end the loan is shown"
    assert (refused.value.field, refused.value.message) == ("as_of", reason)


def test_a_loan_that_owes_nothing_is_shown_without_a_payoff() -> None:
    found = trial(terms(), [], as_of=FIRST).on_day
    assert found is not None
    assert found.position.as_of == FIRST
    assert found.payoff is None
    assert found.reason == ("the loan is not disbursed on 2026-02-15: there is nothing to pay off")
