"""Which terms are refused, each with its field and its whole reason, and which are just allowed."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.common.errors import InvalidTerms
from domain.common.frequency import Frequency
from domain.common.rounding import ROUNDING_UNITS
from domain.loans.allocation import Allocation
from domain.loans.delinquency import Delinquency
from domain.loans.early_settlement import EarlySettlement
from domain.loans.fees import Fee
from domain.loans.terms import LoanTerms

MADE, FIRST = date(2026, 1, 15), date(2026, 2, 15)
RATE_LIMIT = "must be 0 to 1000 percent a year"
RATE_PLACES = "has at most 8 decimal places"
MULTIPLES = f"amounts are rounded to multiples of {ROUNDING_UNITS} minor units"
TRANCHES = "tranches are positive and follow the disbursement and each other"
BALLOON = "a balloon goes with the method of that name and is less than what is financed"
FIXED = "a fixed instalment goes with the method of that name and is more than zero"
EXPLICIT = "a list of instalments goes with the method of that name"
END_OF_MONTH = "the last day of the month goes with months or years and without a due day"
TWICE = "a second due day goes with instalments twice a month, and only with them"
SECOND = "the second due day is another day of the month, 1 to 31"
HALF_MONTH = {"frequency": {"unit": "half_month"}}
DAYS = {"day_count": "actual_360"}


def terms(**changes: Any) -> LoanTerms:
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_200_000,
        "annual_rate": "12",
        "instalments": 12,
        "disbursed_on": MADE,
        "first_due_on": FIRST,
    }
    return LoanTerms(**values | changes)


def listed(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    values = {"method": "explicit", "explicit": items, "instalments": len(items)}
    return values | DAYS | changes


def steps(*days: date) -> list[dict[str, Any]]:
    return [{"on": on, "annual_rate": "5"} for on in days]


def holidays(*days: date, count: int = 1) -> list[dict[str, Any]]:
    return [{"on": on, "count": count} for on in days]


def each_day(count: int) -> dict[str, Any]:
    """Return as many listed instalments, a day apart, of a minor unit each."""
    days = [FIRST + timedelta(days=number) for number in range(count)]
    return listed(*({"due_on": on, "principal": 1} for on in days[:-1]), {"due_on": days[-1]})


FEBRUARY, MARCH = {"due_on": FIRST}, {"due_on": date(2026, 3, 15)}

REFUSED = [
    (
        {"currency": "XXX"},
        "currency",
        "'XXX' is no currency of ISO 4217: write three capital letters",
    ),
    *(
        ({"principal": wrong}, "principal", f"principal must be 1 to {10**15} minor units")
        for wrong in (0, 10**15 + 1)
    ),
    ({"interest_rounding": (7, "up")}, "interest_rounding", MULTIPLES),
    ({"instalment_rounding": (7, "up")}, "instalment_rounding", MULTIPLES),
    (
        {"fees": [{"name": "f", "timing": "deducted", "amount": 1_200_000}]},
        "fees",
        "fees of 1200000 leave nothing of the first disbursement to pay out",
    ),
    (
        # What is taken out of the proceeds is taken out of the first disbursement alone.
        {
            "fees": [{"name": "f", "timing": "deducted", "percent": "50"}],
            "tranches": [{"on": FIRST, "amount": 600_000}],
        },
        "fees",
        "fees of 600000 leave nothing of the first disbursement to pay out",
    ),
    *(
        ({field: rate}, field, f"{field} {reason}")
        for field in ("annual_rate", "penalty_annual_rate")
        for rate, reason in (
            ("-0.01", RATE_LIMIT),
            ("1000.01", RATE_LIMIT),
            ("0.123456789", RATE_PLACES),
        )
    ),
    (
        {"rate_steps": [{"on": FIRST, "annual_rate": "1000.01"}]},
        "rate_steps",
        f"rate_steps {RATE_LIMIT}",
    ),
    ({"grace_days": -1}, "grace_days", "grace is 0 to 31 days"),
    ({"grace_days": 32}, "grace_days", "grace is 0 to 31 days"),
    (
        {"penalty_year_days": 366},
        "penalty_year_days",
        "penalty runs over years of 360 or 365 days",
    ),
    *(
        (
            {"penalty_cap": cap},
            "penalty_cap",
            "penalty is capped at 0 to 1000 percent of the instalment",
        )
        for cap in ("-0.1", "1000.1")
    ),
    (
        {"method": "fixed_instalment", "instalment_amount": 5},
        "instalments",
        "the number of instalments follows from their amount: leave it out",
    ),
    (listed(FEBRUARY, instalments=2), "instalments", "1 instalments are listed"),
    ({"instalments": 0}, "instalments", "a loan has 1 to 600 instalments"),
    ({"instalments": 601}, "instalments", "a loan has 1 to 600 instalments"),
    (
        {"method": "rentals_in_advance"},
        "first_due_on",
        "the first rental in advance is due on the day of disbursement",
    ),
    (
        {"first_due_on": MADE},
        "first_due_on",
        "the first due date 2026-01-15 must follow the disbursement on 2026-01-15",
    ),
    ({"due_day": 0}, "due_day", "the due day is a day of the month, 1 to 31"),
    ({"due_day": 32}, "due_day", "the due day is a day of the month, 1 to 31"),
    *(
        (
            {"frequency": {"unit": unit, "every": 2}, "due_day": 15},
            "due_day",
            f"instalments due every 2 {unit}s have no day of the month",
        )
        for unit in ("day", "week")
    ),
    ({"end_of_month": True, "due_day": 15}, "end_of_month", END_OF_MONTH),
    ({"end_of_month": True, "frequency": {"unit": "week"}}, "end_of_month", END_OF_MONTH),
    ({"end_of_month": True, "second_due_day": 1} | HALF_MONTH, "end_of_month", END_OF_MONTH),
    ({"second_due_day": 1}, "second_due_day", TWICE),
    (HALF_MONTH, "second_due_day", TWICE),
    *(
        ({"second_due_day": day} | HALF_MONTH, "second_due_day", SECOND)
        for day in (0, 32, FIRST.day)
    ),
    (
        {"interest_follows": True} | DAYS,
        "interest_follows",
        "interest can follow moved dates only under a business-day rule",
    ),
    (
        listed(FEBRUARY, day_count="period"),
        "day_count",
        "the day count 'period' needs regular due dates: listed instalments need another",
    ),
    (
        {"interest_follows": True, "business_day_rule": "following"},
        "day_count",
        "the day count 'period' cannot follow moved due dates: choose one that counts days",
    ),
    (
        {"due_day": 16},
        "first_due_on",
        "the day count 'period' needs the first due date on the due day",
    ),
    (
        {"due_day": 1, "second_due_day": 16} | HALF_MONTH,
        "first_due_on",
        "the day count 'period' needs the first due date on a due day",
    ),
    *(
        ({field: -1}, field, f"{field} is zero or more instalments")
        for field in ("principal_grace", "interest_grace", "interest_free")
    ),
    *(
        ({field: 12}, field, f"{field} of 12 is longer than the term of 12 allows")
        for field in ("principal_grace", "interest_grace")
    ),
    (
        {"interest_free": 13},
        "interest_free",
        "interest_free of 13 is longer than the term of 12 allows",
    ),
    (
        listed(FEBRUARY, instalments=0, interest_free=2),
        "interest_free",
        "interest_free of 2 is longer than the term of 1 allows",
    ),
    (
        {
            "method": "fixed_instalment",
            "instalments": 0,
            "instalment_amount": 500_000,
            "interest_grace": 600,
        },
        "interest_grace",
        "interest_grace of 600 is longer than the term of 600 allows",
    ),
    (
        {"method": "interest_only", "principal_grace": 1},
        "principal_grace",
        "a plan of the method interest_only has no principal to grant grace on",
    ),
    *(
        (
            {"down_payment": amount},
            "down_payment",
            "a down payment is less than what is disbursed first",
        )
        for amount in (-1, 1_200_000)
    ),
    (
        {"down_payment": 600_000, "tranches": [{"on": FIRST, "amount": 600_000}]},
        "down_payment",
        "a down payment is less than what is disbursed first",
    ),
    *(
        (
            {"tranches": [{"on": FIRST, "amount": amount}]},
            "tranches",
            "the tranches leave nothing of the principal to disburse first",
        )
        for amount in (1_200_000, 1_200_001)
    ),
    ({"tranches": [{"on": MADE, "amount": 1}]}, "tranches", TRANCHES),
    ({"tranches": [{"on": FIRST, "amount": 0}]}, "tranches", TRANCHES),
    ({"tranches": [{"on": FIRST, "amount": 1}] * 2}, "tranches", TRANCHES),
    *(
        ({field: made(*days)}, field, f"{field} follow the disbursement and each other")
        for field, made in (("rate_steps", steps), ("holidays", holidays))
        for days in ((MADE,), (FIRST, FIRST), (date(2026, 3, 1), FIRST))
    ),
    *(
        (
            {"holidays": holidays(FIRST, count=count)},
            "holidays",
            "a holiday covers one instalment or more",
        )
        for count in (0, 601)
    ),
    ({"method": "balloon"}, "balloon", BALLOON),
    ({"balloon": 1}, "balloon", BALLOON),
    ({"method": "balloon", "balloon": 1_200_000}, "balloon", BALLOON),
    ({"method": "balloon", "balloon": 1_000_000, "down_payment": 200_000}, "balloon", BALLOON),
    ({"instalment_amount": 1}, "instalment_amount", FIXED),
    ({"method": "fixed_instalment", "instalments": 0}, "instalment_amount", FIXED),
    (
        {"method": "single_payment", "instalments": 2},
        "instalments",
        "a single payment is one instalment: set its due date",
    ),
    ({"method": "explicit", "instalments": 0} | DAYS, "explicit", EXPLICIT),
    ({"explicit": [FEBRUARY]}, "explicit", EXPLICIT),
    (each_day(601) | {"instalments": 0}, "explicit", "a loan has 1 to 600 instalments"),
    (listed(MARCH), "explicit", "the first listed is due on first_due_on"),
    (
        listed(FEBRUARY | {"principal": 1}, FEBRUARY),
        "explicit",
        "due dates follow each other",
    ),
    (
        listed(FEBRUARY, MARCH),
        "explicit",
        "each instalment but the last has a principal or a total",
    ),
    (
        listed(FEBRUARY | {"principal": 1, "total": 1}, MARCH),
        "explicit",
        "each instalment but the last has a principal or a total",
    ),
    (listed(FEBRUARY | {"principal": -1}, MARCH), "explicit", "amounts are zero or more"),
    (listed(FEBRUARY | {"total": -1}, MARCH), "explicit", "amounts are zero or more"),
    (
        listed(FEBRUARY | {"total": 1_200_000}),
        "explicit",
        "the last instalment repays the rest: leave it open",
    ),
    (
        listed(FEBRUARY | {"principal": 1}, MARCH | {"principal": 2}),
        "explicit",
        "the principal listed is 3, to repay is 1200000",
    ),
    (
        listed(FEBRUARY | {"total": 1}, MARCH | {"principal": 1_200_000}),
        "explicit",
        "the principal listed is 1200000, to repay is 1200000",
    ),
]


@pytest.mark.parametrize(("changes", "field", "reason"), REFUSED)
def test_terms_that_no_loan_can_have(changes: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InvalidTerms) as refused:
        terms(**changes)
    assert (refused.value.field, refused.value.message) == (field, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"principal": 1},
        {"principal": 10**15},
        {"fees": [{"name": "f", "timing": "deducted", "amount": 1_199_999}]},
        {"annual_rate": "0", "penalty_annual_rate": "0"},
        {"annual_rate": "1000", "penalty_annual_rate": "1000"},
        {"annual_rate": "0.12345678"},
        {"grace_days": 31},
        {"penalty_year_days": 360},
        {"penalty_cap": "0"},
        {"penalty_cap": "1000"},
        {"instalments": 1},
        {"instalments": 600},
        {"first_due_on": date(2026, 1, 16)},
        {"method": "rentals_in_advance", "first_due_on": MADE},
        {"due_day": 31, "first_due_on": date(2026, 2, 28)},
        {"due_day": 1, "first_due_on": date(2026, 3, 1)},
        {"due_day": 16} | DAYS,
        {"due_day": 15, "frequency": {"unit": "year"}},
        {"end_of_month": True, "frequency": {"unit": "year"}},
        {"second_due_day": 1} | HALF_MONTH,
        {"second_due_day": 31} | HALF_MONTH,
        {"due_day": 1, "second_due_day": 15} | HALF_MONTH,
        {"due_day": 15, "second_due_day": 1} | HALF_MONTH,
        {"due_day": 1, "second_due_day": 16} | HALF_MONTH | DAYS,
        {"business_day_rule": "following"},
        {"business_day_rule": "following", "interest_follows": True} | DAYS,
        {"principal_grace": 11, "interest_grace": 11, "interest_free": 12},
        {"method": "equal_principal", "principal_grace": 1},
        {"method": "flat", "principal_grace": 1},
        {"method": "balloon", "balloon": 1, "principal_grace": 1},
        {"method": "balloon", "balloon": 1_199_999},
        {"method": "interest_only", "interest_grace": 1},
        {"down_payment": 1_199_999},
        {"tranches": [{"on": date(2026, 1, 16), "amount": 1}]},
        {"tranches": [{"on": FIRST, "amount": 1_199_999}]},
        {"tranches": [{"on": FIRST, "amount": 1}, {"on": date(2026, 2, 16), "amount": 1}]},
        {"rate_steps": steps(date(2026, 1, 16), FIRST)},
        {"holidays": holidays(date(2026, 1, 16), FIRST)},
        {"holidays": holidays(FIRST, count=600)},
        {"method": "fixed_instalment", "instalments": 0, "instalment_amount": 1},
        {"method": "single_payment", "instalments": 1},
        listed(FEBRUARY, instalments=0),
        listed(FEBRUARY | {"principal": 0}, MARCH),
        listed(FEBRUARY | {"total": 0}, MARCH),
        listed(FEBRUARY | {"principal": 1}, MARCH | {"principal": 1_199_999}),
        listed(FEBRUARY | {"principal": 1_200_000}),
        each_day(600),
    ],
)
def test_terms_at_their_limits(changes: dict[str, Any]) -> None:
    agreed = terms(**changes)
    assert LoanTerms.model_validate_json(agreed.model_dump_json()) == agreed


@pytest.mark.parametrize(
    ("made", "field", "reason"),
    [
        (
            lambda: Frequency(every=0),
            "frequency",
            "instalments fall due every 1 to 366 units",
        ),
        (
            lambda: Frequency(every=367),
            "frequency",
            "instalments fall due every 1 to 366 units",
        ),
        (
            lambda: Frequency.model_validate({"unit": "half_month", "every": 2}),
            "frequency",
            "twice a month is every one half month",
        ),
        (
            lambda: Allocation(order=Allocation().order[:-1]),
            "order",
            "the order names each of the twelve buckets once",
        ),
        (
            lambda: Allocation(order=(*Allocation().order, Allocation().order[0])),
            "order",
            "the order names each of the twelve buckets once",
        ),
        (
            lambda: Delinquency(grace_days=32),
            "grace_days",
            "grace is 0 to 31 days",
        ),
        (
            lambda: Delinquency.model_validate({"classes": [{"name": "late", "from_days": 1}]}),
            "classes",
            "classes start at day 0 and follow each other",
        ),
        (
            lambda: EarlySettlement(fee_percent=Decimal("100.1")),
            "early_settlement",
            "a settlement fee is no less than zero, its percentage 0 to 100",
        ),
        (
            lambda: Fee.model_validate({"name": "f", "timing": "spread", "percent": "100.1"}),
            "fees",
            "a fee is no less than zero, a percentage 0 to 100",
        ),
        (
            lambda: Fee.model_validate(
                {"name": "f", "timing": "spread", "amount": 1, "event": "rescheduled"}
            ),
            "fees",
            "a fee on an event names the event, others do not",
        ),
        (
            lambda: Fee.model_validate(
                {"name": "f", "timing": "per_instalment", "amount": 1, "base": "outstanding"}
            ),
            "fees",
            "only a percentage per instalment is taken of what is outstanding",
        ),
    ],
)
def test_parts_of_terms_that_no_loan_can_have(
    made: Callable[[], object], field: str, reason: str
) -> None:
    with pytest.raises(InvalidTerms) as refused:
        made()
    assert (refused.value.field, refused.value.message) == (field, reason)
