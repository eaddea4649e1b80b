import hashlib
from dataclasses import replace
from datetime import date
from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from domain.common.errors import InvalidTerms
from domain.loans.schedule import Plan, build_plan, plan_hash, same_amounts
from domain.loans.terms import LoanTerms, monthly_terms


def terms(**changes: Any) -> LoanTerms:
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_000_000,
        "annual_rate": Decimal("24"),
        "instalments": 12,
        "disbursed_on": date(2026, 1, 15),
        "penalty_annual_rate": Decimal("36"),
    }
    return monthly_terms(**values | changes)


def test_golden_vector_ten_thousand_over_twelve_months_at_two_percent_a_month() -> None:
    # Computed by hand for the product's reference loan: 945.60 x 11, last 945.55.
    plan = build_plan(terms())
    assert [row.total for row in plan.rows] == [94_560] * 11 + [94_555]
    assert (plan.rows[0].principal, plan.rows[0].interest) == (74_560, 20_000)
    assert plan.total_interest == 134_715
    assert plan.total == 1_134_715
    assert plan.rows[-1].balance_after == 0


def test_golden_vector_yields_its_published_rate() -> None:
    # The same source gives the plan's monthly IRR x 12 as 24.00006 %.
    getcontext().prec = 40
    totals = [row.total for row in build_plan(terms()).rows]

    def present_value(annual: str) -> Decimal:
        growth = 1 + Decimal(annual) / 1200
        return sum((total / growth**k for k, total in enumerate(totals, 1)), Decimal(0))

    assert present_value("24.000055") > 1_000_000 > present_value("24.000065")


@pytest.mark.parametrize(
    ("annual_rate", "instalments", "factor"),
    [
        # Present value of an annuity of 1, as printed in textbook tables to four places.
        ("12", 12, "11.2551"),
        ("24", 12, "10.5753"),
        ("6", 60, "51.7256"),
        ("12", 36, "30.1075"),
        ("36", 24, "16.9355"),
    ],
)
def test_level_instalment_agrees_with_annuity_tables(
    annual_rate: str, instalments: int, factor: str
) -> None:
    plan = build_plan(terms(annual_rate=Decimal(annual_rate), instalments=instalments))
    published = Decimal(1_000_000) / Decimal(factor)
    assert abs(plan.rows[0].total - published) < Decimal("1.0")


def test_plan_agrees_with_discounted_fractions(subtests: pytest.Subtests) -> None:
    rates = ("0", "0.01", "3.65", "15.4", "24", "36", "48")
    numbers = (1, 2, 3, 6, 12, 24, 36, 120)
    principals = (100_000, 1_000_000, 123_457)
    for rate, number, principal in product(rates, numbers, principals):
        with subtests.test(rate=rate, number=number, principal=principal):
            agrees_with_discounted_fractions(rate, number, principal)


def agrees_with_discounted_fractions(annual_rate: str, instalments: int, principal: int) -> None:
    """The instalment whose discounted sum is the principal, by sums of exact fractions."""
    plan = build_plan(
        terms(principal=principal, annual_rate=Decimal(annual_rate), instalments=instalments)
    )
    rate = Fraction(annual_rate) / 1200
    discounted = sum((1 / (1 + rate) ** k for k in range(1, instalments + 1)), Fraction(0))
    instalment = int(principal / discounted + Fraction(1, 2))
    balance = principal
    for row in plan.rows[:-1]:
        interest = int(balance * rate + Fraction(1, 2))
        balance -= instalment - interest
        assert (row.interest, row.total, row.balance_after) == (interest, instalment, balance)
    last = plan.rows[-1]
    assert (last.principal, last.interest) == (balance, int(balance * rate + Fraction(1, 2)))


def test_a_loan_without_interest_divides_its_principal() -> None:
    plan = build_plan(terms(principal=100_000, annual_rate=Decimal(0), instalments=3))
    assert [row.total for row in plan.rows] == [33_333, 33_333, 33_334]
    assert plan.total_interest == 0


def test_a_single_instalment_pays_all_back() -> None:
    plan = build_plan(terms(instalments=1))
    assert [(row.principal, row.interest) for row in plan.rows] == [(1_000_000, 20_000)]


def test_a_tiny_loan_keeps_its_number_of_rows() -> None:
    plan = build_plan(terms(principal=18, annual_rate=Decimal(0), instalments=12))
    assert [row.principal for row in plan.rows] == [2] * 9 + [0] * 3


def test_due_dates_and_days_of_a_loan_made_on_the_31st() -> None:
    plan = build_plan(terms(disbursed_on=date(2027, 1, 31), instalments=4))
    assert [(row.due_on.isoformat(), row.days) for row in plan.rows] == [
        ("2027-02-28", 28),
        ("2027-03-31", 31),
        ("2027-04-30", 30),
        ("2027-05-31", 31),
    ]


def test_the_hash_is_stable_and_names_terms_and_rows() -> None:
    plan = build_plan(terms())
    assert plan.hash == build_plan(terms(annual_rate=Decimal("24.00"))).hash
    assert plan.hash == plan_hash(terms(), plan.rows)
    assert len(plan.hash) == 64
    others = [
        terms(principal=1_000_001),
        terms(annual_rate=Decimal("24.01")),
        terms(disbursed_on=date(2026, 1, 16)),
        terms(penalty_annual_rate=Decimal("35")),
        terms(grace_days=3),
        terms(currency="USD"),
    ]
    assert len({plan.hash, *(build_plan(other).hash for other in others)}) == 7


def test_the_hash_is_that_of_the_canonical_text() -> None:
    """Agreed plans are signed by it: sorted names, no spaces, nothing that is at its default."""
    plain = LoanTerms(
        currency="CNY",
        principal=100,
        annual_rate=Decimal("12.0"),
        instalments=1,
        disbursed_on=date(2026, 1, 15),
        first_due_on=date(2026, 2, 15),
    )
    agreed = (
        '"annual_rate":"12","currency":"CNY","disbursed_on":"2026-01-15",'
        '"first_due_on":"2026-02-15","instalments":1,"principal":100'
    )
    text = '{"rows":[[1,"2026-02-15",100,1,0]],"terms":{' + agreed + "}}"
    assert build_plan(plain).hash == hashlib.sha256(text.encode()).hexdigest()
    # A fee is named with its row.
    row = replace(build_plan(plain).rows[0], fee=5)
    text = '{"rows":[[1,"2026-02-15",100,1,0,5]],"terms":{' + agreed + "}}"
    assert plan_hash(plain, [row]) == hashlib.sha256(text.encode()).hexdigest()


def test_the_hash_covers_each_row() -> None:
    plan = build_plan(terms())
    moved = replace(plan.rows[3], principal=plan.rows[3].principal + 1)
    assert plan_hash(terms(), (*plan.rows[:3], moved, *plan.rows[4:])) != plan.hash


def test_a_plan_survives_json_with_its_hash() -> None:
    plan = build_plan(terms())
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    again = LoanTerms.model_validate_json(terms().model_dump_json())
    assert plan_hash(again, plan.rows) == plan.hash


def test_disbursing_a_day_later_moves_dates_but_no_amounts() -> None:
    quoted = build_plan(terms())
    booked = build_plan(terms(disbursed_on=date(2026, 1, 16)))
    assert same_amounts(quoted, booked)
    assert quoted.hash != booked.hash


@pytest.mark.parametrize(
    "change",
    [
        {"principal": 1_000_001},
        {"annual_rate": Decimal("24.01")},
        {"instalments": 11},
        {"currency": "USD"},
    ],
)
def test_other_amounts_are_noticed(change: dict[str, Any]) -> None:
    assert not same_amounts(build_plan(terms()), build_plan(terms(**change)))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("principal", 0, "principal must be 1"),
        ("principal", -1, "principal must be 1"),
        ("principal", 10**15 + 1, "principal must be 1"),
        ("instalments", 0, "1 to 600 instalments"),
        ("instalments", 601, "1 to 600 instalments"),
        ("annual_rate", Decimal("-0.01"), "0 to 1000 percent"),
        ("annual_rate", Decimal("1000.01"), "0 to 1000 percent"),
        ("annual_rate", Decimal("0.123456789"), "8 decimal places"),
        ("penalty_annual_rate", Decimal("-1"), "0 to 1000 percent"),
        ("grace_days", -1, "0 to 31 days"),
        ("grace_days", 32, "0 to 31 days"),
        ("currency", "XXX", "no currency"),
    ],
)
def test_impossible_terms_are_refused_by_field(field: str, value: object, message: str) -> None:
    with pytest.raises(InvalidTerms, match=message) as refused:
        terms(**{field: value})
    assert refused.value.field == field
    assert refused.value.code == "invalid_terms"


@pytest.mark.parametrize(
    ("field", "value"),
    [("first_due_on", date(2026, 1, 15)), ("due_day", 0), ("due_day", 32)],
)
def test_impossible_due_dates_are_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidTerms) as refused:
        LoanTerms(**terms().model_dump() | {field: value})
    assert refused.value.field == field


def test_the_limits_themselves_are_allowed() -> None:
    assert len(build_plan(terms(principal=1, instalments=120)).rows) == 120
    extreme = terms(principal=10**15, annual_rate=Decimal(1000), instalments=120)
    assert sum(row.principal for row in build_plan(extreme).rows) == 10**15
