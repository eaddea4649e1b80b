"""Every kind of terms that the engine knows can be sold by a product's template."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.common.calendar import months_after
from domain.common.day_count import DayCount
from domain.common.errors import InvalidTerms
from domain.common.frequency import FrequencyUnit
from domain.loans.plan_terms import Method
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms
from domain.products.terms import TermsTemplate, terms_of
from tests.products import CASH

OUT_ON = date(2026, 1, 31)


def made(
    *, instalments: int = 12, on: date = OUT_ON, principal: int = 1_000_000, **template: Any
) -> LoanTerms:
    return terms_of(
        TermsTemplate.model_validate({"annual_rate": "24", **template}),
        currency="CNY",
        principal=principal,
        instalments=instalments,
        disbursed_on=on,
    )


def due_dates(terms: LoanTerms) -> list[date]:
    return [row.due_on for row in build_plan(terms).rows if row.number]


def test_the_cash_loan_is_due_monthly_on_the_day_of_the_disbursement() -> None:
    terms = terms_of(
        CASH.content.terms,
        currency="CNY",
        principal=1_000_000,
        instalments=12,
        disbursed_on=OUT_ON,
    )
    assert terms == LoanTerms(
        currency="CNY",
        principal=1_000_000,
        annual_rate=Decimal(24),
        penalty_annual_rate=Decimal(24),
        instalments=12,
        disbursed_on=OUT_ON,
        first_due_on=date(2026, 2, 28),
        due_day=31,
        delinquency=CASH.content.terms.delinquency,
    )
    # By the annuity formula: 945.60 eleven times, then 945.55.
    assert [row.total for row in build_plan(terms).rows] == [94_560] * 11 + [94_555]


def test_the_template_says_all_that_terms_say_but_amounts_and_dates() -> None:
    amounts_and_dates = {
        "currency",
        "principal",
        "instalments",
        "disbursed_on",
        "first_due_on",
        "tranches",
        "rate_steps",
        "holidays",
        # What is known of the calendar's years when a plan is made.
        "official_years",
        # Shares of the principal stand for these.
        "balloon",
        "residual",
        "instalment_amount",
        "down_payment",
        "explicit",
    }
    said = set(TermsTemplate.model_fields) & set(LoanTerms.model_fields)
    assert said == set(LoanTerms.model_fields) - amounts_and_dates


METHODS: dict[Method, dict[str, Any]] = {
    Method.EQUAL_INSTALMENT: {},
    Method.EQUAL_PRINCIPAL: {},
    Method.FLAT: {},
    Method.INTEREST_ONLY: {},
    Method.SINGLE_PAYMENT: {"frequency": {"unit": "month", "every": 3}},
    Method.BALLOON: {"balloon_percent": "30"},
    Method.FIXED_INSTALMENT: {"instalment_percent": "10"},
    Method.EXPLICIT: {
        "day_count": "actual_365_fixed",
        "listed": [
            {"after": {"unit": "month", "every": 3}, "percent": "25"},
            {"after": {"unit": "month", "every": 6}, "percent": "25"},
            {"after": {"unit": "year", "every": 1}},
        ],
    },
    Method.RENTALS_IN_ADVANCE: {"residual_percent": "20"},
}
"""What a template says besides, so that each method can be sold."""


@pytest.mark.parametrize("method", Method)
def test_each_method_leads_to_a_plan_that_repays_what_was_lent(method: Method) -> None:
    terms = made(
        method=method, instalments=1 if method is Method.SINGLE_PAYMENT else 12, **METHODS[method]
    )
    rows = build_plan(terms).rows
    assert sum(row.principal for row in rows) == 1_000_000
    assert rows[-1].balance_after == 0


def test_shares_of_the_principal_stand_for_amounts() -> None:
    balloon = made(method="balloon", balloon_percent="30", principal=500_000)
    assert balloon.balloon == 150_000
    assert build_plan(balloon).rows[-1].principal > 150_000
    lease = made(method="rentals_in_advance", residual_percent="20")
    assert (lease.first_due_on, lease.residual) == (OUT_ON, 200_000)
    assert [row.number for row in build_plan(lease).rows][-1] == 13
    fixed = made(method="fixed_instalment", instalment_percent="10")
    assert (fixed.instalments, fixed.instalment_amount) == (0, 100_000)
    assert {row.total for row in build_plan(fixed).rows[:-1]} == {100_000}
    bought = made(down_payment_percent="10", instalment_rounding=[100, "half_up"])
    assert bought.down_payment == 100_000
    listed = made(method="explicit", instalments=3, **METHODS[Method.EXPLICIT])
    assert [(one.due_on, one.principal) for one in listed.explicit] == [
        (date(2026, 4, 30), 250_000),
        (date(2026, 7, 31), 250_000),
        (date(2027, 1, 31), None),
    ]


@pytest.mark.parametrize(
    ("template", "first", "second"),
    [
        ({"frequency": {"unit": "day", "every": 10}}, date(2026, 2, 10), date(2026, 2, 20)),
        ({"frequency": {"unit": "week", "every": 2}}, date(2026, 2, 14), date(2026, 2, 28)),
        ({"frequency": {"unit": "half_month"}}, date(2026, 2, 16), date(2026, 2, 28)),
        (
            {"frequency": {"unit": "half_month"}, "due_day": 5, "second_due_day": 20},
            date(2026, 2, 20),
            date(2026, 3, 5),
        ),
        ({"frequency": {"unit": "month"}}, date(2026, 2, 28), date(2026, 3, 31)),
        ({"due_day": 10}, date(2026, 2, 10), date(2026, 3, 10)),
        ({"end_of_month": True}, date(2026, 2, 28), date(2026, 3, 31)),
        ({"frequency": {"unit": "month", "every": 3}}, date(2026, 4, 30), date(2026, 7, 31)),
        ({"frequency": {"unit": "year"}}, date(2027, 1, 31), date(2028, 1, 31)),
    ],
)
def test_first_due_dates_follow_the_frequency(
    template: dict[str, Any], first: date, second: date
) -> None:
    assert due_dates(made(**template))[:2] == [first, second]


@pytest.mark.parametrize("unit", FrequencyUnit)
@pytest.mark.parametrize("day_count", DayCount)
def test_each_frequency_goes_with_each_day_count_on_every_day_of_the_year(
    unit: FrequencyUnit, day_count: DayCount
) -> None:
    for month in range(12):
        for day in (1, 14, 15, 16, 28, 30, 31):
            on = months_after(date(2027, 12, 1), month, day)
            terms = made(on=on, frequency={"unit": unit}, day_count=day_count)
            assert terms.first_due_on > on


@pytest.mark.parametrize("grace", ["principal_grace", "interest_grace", "interest_free"])
def test_graces_are_sold(grace: str) -> None:
    graces: dict[str, Any] = {grace: 3}
    rows = build_plan(made(**graces)).rows
    if grace == "principal_grace":
        assert [row.principal for row in rows[:3]] == [0, 0, 0]
    else:
        assert [row.interest for row in rows[:3]] == [0, 0, 0]
    assert rows[3].principal > 0
    assert rows[3].interest > 0


FEES: list[tuple[dict[str, Any], int]] = [
    ({"timing": "deducted", "percent": "1"}, 10_000),
    ({"timing": "first_instalment", "amount": 5_000}, 5_000),
    ({"timing": "spread", "percent": "1.2"}, 12_000),
    ({"timing": "per_instalment", "amount": 100}, 1_200),
    ({"timing": "per_instalment", "percent": "0.1", "base": "original"}, 12_000),
    ({"timing": "on_event", "event": "rescheduled", "amount": 9_900}, 0),
]
"""Fees, and what they come to over 12 instalments of 10,000.00."""


@pytest.mark.parametrize(("fee", "total"), FEES, ids=lambda value: str(value)[:40])
def test_fees_are_sold(fee: dict[str, Any], total: int) -> None:
    assert build_plan(made(fees=[{"name": "fee", **fee}])).total_fees == total


def test_rates_that_were_offered_stand_for_those_of_the_product() -> None:
    terms = terms_of(
        CASH.content.terms,
        currency="CNY",
        principal=1_000_000,
        instalments=12,
        disbursed_on=OUT_ON,
        annual_rate=Decimal("18"),
        penalty_annual_rate=Decimal("20"),
    )
    assert (terms.annual_rate, terms.penalty_annual_rate) == (Decimal(18), Decimal(20))


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ({"method": "balloon"}, "balloon"),
        ({"method": "balloon", "balloon_percent": "100"}, "balloon"),
        ({"frequency": {"unit": "week"}, "due_day": 3}, "due_day"),
        (
            {"frequency": {"unit": "half_month"}, "due_day": 5, "second_due_day": 5},
            "second_due_day",
        ),
        ({"grace_days": 40}, "grace_days"),
        ({"principal_grace": 12}, "principal_grace"),
        ({"method": "explicit", "listed": [{"after": {"unit": "half_month"}}]}, "listed"),
        ({"day_count": "period", "method": "explicit", "listed": [{"after": {}}]}, "day_count"),
    ],
)
def test_what_no_loan_can_have_is_refused_by_field(template: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidTerms) as refused:
        made(**template)
    assert refused.value.field == field
