"""Leases and other examples of the curo calculator, to the cent, and its rules for a residual.

curo 1.0.0 (andrewmurphy353's; docs/tests/example_01.py to example_06.py) and its demo
(andrewmurphy353/curo-calculator-demo, README) count 30 US days a month: `thirty_360_us`.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import pyxirr

from domain.common.errors import InvalidTerms
from domain.loans.allocation import Excess
from domain.loans.events import (
    Disbursed,
    HolidayGranted,
    LoanEvent,
    Paid,
    RateChanged,
    Rescheduled,
)
from domain.loans.position import position
from domain.loans.schedule import Plan, build_plan
from domain.loans.terms import LoanTerms
from domain.pricing.rates import RateConvention, eu_2008_48
from domain.pricing.trial import plan_rates

MADE = date(2026, 1, 5)


def terms(**values: Any) -> LoanTerms:
    first: dict[str, Any] = {
        "currency": "EUR",
        "principal": 1_000_000,
        "annual_rate": Decimal(7),
        "instalments": 6,
        "disbursed_on": MADE,
        "first_due_on": date(2026, 2, 5),
        "day_count": "thirty_360_us",
    }
    return LoanTerms(**first | values)


def lease(**values: Any) -> LoanTerms:
    """Return the terms of the demo's lease: 25,000.00, 24 rentals in advance, then 15,000.00."""
    first: dict[str, Any] = {
        "principal": 2_500_000,
        "annual_rate": Decimal(5),
        "instalments": 24,
        "first_due_on": MADE,
        "method": "rentals_in_advance",
        "residual": 1_500_000,
    }
    return terms(**first | values)


def shown(plan: Plan) -> list[tuple[int, int]]:
    return [(row.principal, row.interest) for row in plan.rows]


def assert_within_a_cent(rows: list[tuple[int, int]], published: list[tuple[int, int]]) -> None:
    """curo's tables run at the rate implied by the rounded amounts, so a cent may move."""
    for row, printed in zip(rows, published, strict=True):
        assert abs(row[0] - printed[0]) <= 1
        assert abs(row[1] - printed[1]) <= 1


# Example 1: 10,000.00 at 8.25 % over 6 months. There the last interest is what the instalment of
# 1,707.00 leaves (11.65); rounded like the others it is 11.66.
def test_a_loan_in_arrears() -> None:
    plan = build_plan(terms(annual_rate=Decimal("8.25")))
    assert shown(plan)[:5] == [
        (163_825, 6_875),
        (164_951, 5_749),
        (166_085, 4_615),
        (167_227, 3_473),
        (168_377, 2_323),
    ]
    assert {row.total for row in plan.rows[:5]} == {170_700}
    assert shown(plan)[5] == (169_535, 1_166)


# Example 2: the same with a fee of 50.00 in the first month has an APR of 10.45 % (EU).
def test_the_apr_with_a_fee() -> None:
    plan = build_plan(terms(annual_rate=Decimal("8.25")))
    flows = [(MADE, 1_000_000), (date(2026, 2, 5), -5_000)]
    flows += [(row.due_on, -row.total) for row in plan.rows]
    assert f"{eu_2008_48(flows).value:.2f}" == "10.45"


# Example 4: a car on credit of 4,938.10 at 5 %, repaid by 1,000.00 a month.
def test_instalments_of_a_fixed_amount() -> None:
    agreed = terms(
        principal=493_810,
        annual_rate=Decimal(5),
        disbursed_on=date(2026, 2, 5),
        first_due_on=date(2026, 3, 5),
        method="fixed_instalment",
        instalments=0,
        instalment_amount=100_000,
    )
    published = [(97_942, 2_058), (98_350, 1_650), (98_760, 1_240), (99_172, 828), (99_586, 414)]
    assert_within_a_cent(shown(build_plan(agreed)), published)


# Example 5: 10,000.00 at 7 % over 12 months in steps of 1 : 0.6 : 0.4.
STEPPED = [
    (123_056, 5_833),
    (123_773, 5_116),
    (124_495, 4_394),
    (125_222, 3_667),
    (74_397, 2_937),
    (74_831, 2_503),
    (75_268, 2_066),
    (75_707, 1_627),
    (50_370, 1_186),
    (50_664, 892),
    (50_960, 596),
    (51_257, 299),
]


def test_listed_instalments_in_steps() -> None:
    due = [date(2026 + month // 12, month % 12 + 1, 5) for month in range(1, 13)]
    paid = [128_889] * 4 + [77_334] * 4 + [51_556] * 3
    listed = [{"due_on": on, "total": total} for on, total in zip(due[:-1], paid, strict=True)]
    agreed = terms(method="explicit", instalments=12, explicit=[*listed, {"due_on": due[-1]}])
    plan = build_plan(agreed)
    assert [row.total for row in plan.rows[:-1]] == paid
    assert_within_a_cent(shown(plan), STEPPED)


# Example 6: three rentals at once (3,790.91) and five of 1,263.64.
def test_a_first_rental_of_three() -> None:
    plan = build_plan(terms(instalments=5, down_payment=379_091))
    assert shown(plan)[0] == (379_091, 0)
    assert {abs(row.total - 126_364) for row in plan.rows[1:]} <= {0, 1}


# Demo 3: rentals of 499.13 and the purchase option of 15,000.00 a month after the last.
def test_rentals_in_advance_leave_the_purchase_option() -> None:
    plan = build_plan(lease())
    assert {row.total for row in plan.rows[:23]} == {49_913}
    assert abs(plan.rows[23].total - 49_913) <= 24
    assert (plan.rows[24].number, plan.rows[24].due_on) == (25, date(2028, 1, 5))
    assert (plan.rows[24].total, plan.rows[24].balance_after) == (1_500_000, 0)
    assert sum(row.principal for row in plan.rows) == 2_500_000


# The same, XIRR 5.116 % by its 30/360 months, which is the compound rate of twelve.
def test_the_compound_rate_of_the_lease() -> None:
    rates = {rate.convention: rate.value for rate in plan_rates(lease(), build_plan(lease()))}
    assert f"{rates[RateConvention.EFFECTIVE]:.3f}" == "5.116"
    assert f"{rates[RateConvention.NOMINAL_SIMPLE]:.3f}" == "5.000"


@pytest.mark.parametrize("residual", [0, 1, 100_000, 1_500_000, 2_499_999])
@pytest.mark.parametrize("annual_rate", ["0", "5", "17.25"])
@pytest.mark.parametrize("rentals", [1, 2, 24])
def test_the_rental_is_an_annuity_due_less_the_discounted_residual(
    residual: int, annual_rate: str, rentals: int
) -> None:
    plan = build_plan(
        lease(
            residual=residual,
            annual_rate=Decimal(annual_rate),
            instalments=rentals,
            day_count="period",
        )
    )
    discount = 1 / (1 + Fraction(annual_rate) / 1200)
    worth = sum((discount**k for k in range(rentals)), Fraction(0))
    exact = (2_500_000 - residual * discount**rentals) / worth
    first, last = plan.rows[0], plan.rows[rentals - 1]
    if rentals > 1:
        assert abs(first.total - exact) <= Fraction(1, 2)
    assert abs(last.total - exact) <= rentals + 1
    assert [row.total for row in plan.rows[rentals:]] == [residual] * (residual > 0)


def test_pyxirr_finds_the_rate_the_lease_was_made_with() -> None:
    plan = build_plan(lease(day_count="period"))
    flows = [-25_000.0 + plan.rows[0].total / 100, *(row.total / 100 for row in plan.rows[1:])]
    rate = pyxirr.irr(flows)
    assert rate is not None
    assert abs(rate * 1200 - 5) < 0.0001
    due = pyxirr.pmt(0.05 / 12, 24, -25_000, 15_000, pmt_at_beginning=True)
    assert due is not None
    assert round(due * 100) == plan.rows[0].total


@pytest.mark.parametrize(
    "options",
    [
        {"residue": "first"},
        {"smooth": True},
        {"instalment_rounding": (100, "up")},
        {"instalment_rounding": (10_000, "down"), "smooth": True},
        {"instalment_rounding": (100, "up"), "residue": "first"},
        {"interest_rounding": (100, "half_up")},
        {"interest_rounding": (1, "down")},
        {"interest_rounding": (1, "up")},
        {"principal_grace": 6},
        {"interest_grace": 2},
        {"interest_free": 3},
        {"down_payment": 200_000},
        {"rate_steps": [{"on": date(2026, 8, 1), "annual_rate": "9"}]},
        {"tranches": [{"on": date(2026, 8, 1), "amount": 300_000}]},
        {"holidays": [{"on": date(2026, 8, 1), "count": 3}]},
        {"holidays": [{"on": date(2027, 10, 10), "count": 1}]},
        {"business_day_rule": "following"},
    ],
)
def test_the_residual_is_paid_as_agreed_whatever_the_options(options: dict[str, Any]) -> None:
    plan = build_plan(lease(**options))
    assert plan.rows[-1].total == 1_500_000
    assert sum(row.principal for row in plan.rows) == 2_500_000
    assert len([row for row in plan.rows if row.number]) == 25
    assert min(row.principal for row in plan.rows) >= 0


def test_a_residual_value_carries_no_fee_of_an_instalment() -> None:
    fees = [
        {"name": "insurance", "timing": "per_instalment", "amount": 500},
        {"name": "set-up", "timing": "spread", "amount": 2_400},
    ]
    plan = build_plan(lease(fees=fees))
    assert [row.fee for row in plan.rows] == [600] * 24 + [0]


@pytest.mark.parametrize(
    ("field", "values", "reason"),
    [
        ("residual", {"residual": -1}, "less than what is financed"),
        ("residual", {"residual": 2_500_000}, "less than what is financed"),
        ("residual", {"residual": 2_400_000, "down_payment": 100_000}, "less than"),
        (
            "residual",
            {"method": "equal_instalment", "first_due_on": date(2026, 2, 5)},
            "rentals in advance",
        ),
        (
            "holidays",
            {"holidays": [{"on": date(2026, 8, 1), "count": 1, "extend": True}]},
            "cannot be extended",
        ),
        ("holidays", {"holidays": [{"on": date(2027, 8, 10), "count": 4}]}, "leaves none"),
        ("holidays", {"holidays": [{"on": date(2027, 12, 10), "count": 1}]}, "leaves none"),
    ],
)
def test_a_residual_that_does_not_fit_is_refused(
    field: str, values: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidTerms, match=reason) as refused:
        build_plan(lease(**values))
    assert refused.value.field == field


DISBURSED = Disbursed(key="d", on=MADE, amount=2_500_000)


def due(on: date, *events: LoanEvent) -> list[tuple[int, int]]:
    """Return what is outstanding of each instalment with a balance, by number."""
    stand = position(lease(), [DISBURSED, *events], on)
    return [(item.number, item.outstanding) for item in stand.instalments if item.outstanding]


def test_events_leave_the_residual_where_it_is() -> None:
    on = date(2026, 3, 10)
    change = RateChanged(key="r", on=on, annual_rate=Decimal(9))
    assert due(on, change)[-1] == (25, 1_500_000)
    holiday = HolidayGranted(key="h", on=on, count=2)
    assert due(on, holiday)[-1] == (25, 1_500_000)
    for excess in (Excess.REDUCE_INSTALMENT, Excess.SHORTEN_TERM):
        ahead = Paid(key="p", on=on, amount=600_000, excess=excess)
        left = due(on, ahead)
        assert left[-1] == (25, 1_500_000)
        assert left[-2][1] < 49_913


def test_a_prepayment_into_the_residual_lowers_it_at_last() -> None:
    on = date(2026, 3, 10)
    paid = Paid(key="p", on=on, amount=3 * 49_913 + 1_200_000, excess=Excess.SHORTEN_TERM)
    left = due(on, paid)
    number, amount = left[-1]
    assert number == 25
    assert 0 < amount < 1_500_000


def test_a_rescheduled_lease_keeps_its_residual_as_a_balloon() -> None:
    on = date(2026, 3, 10)
    event = Rescheduled(key="s", on=on, instalments=12, first_due_on=date(2026, 4, 5))
    left = due(on, event)
    assert len(left) == 12
    level = left[1][1]
    assert abs(left[-1][1] - 1_500_000 - level) <= 12


def test_a_rate_change_after_the_last_rental_only_moves_the_residual() -> None:
    on = date(2027, 12, 20)
    change = RateChanged(key="r", on=on, annual_rate=Decimal(10))
    number, amount = due(on, change)[-1]
    # 15 of 30 days at 10 % instead of 5 % on what the residual value was discounted to.
    assert number == 25
    assert abs(amount - 1_500_000 - 1_493_776 * 5 * 15 / 36_000) < 2
