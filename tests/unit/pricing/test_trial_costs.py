"""What each cost of a plan comes to and how the cost sheet words it.

12,000.00 at 12 % over 12 months in equal parts of principal: 120.00 of interest first, 10.00 less
each month, 780.00 in all.
"""

from datetime import date
from typing import Any

import pytest

from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms
from domain.pricing.cost_sheet import CostItem, CostSheet
from domain.pricing.rates import RateConvention
from domain.pricing.trial import trial
from domain.pricing.trial_costs import disbursement_charges

MADE, FIRST = date(2026, 1, 15), date(2026, 2, 15)


def terms(**changes: Any) -> LoanTerms:
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 1_200_000,
        "annual_rate": "12",
        "instalments": 12,
        "disbursed_on": MADE,
        "first_due_on": FIRST,
        "method": "equal_principal",
    }
    return LoanTerms(**values | changes)


def fee(**values: Any) -> dict[str, Any]:
    return {"name": "费"} | values


def sheet(**changes: Any) -> CostSheet:
    found = trial(terms(**changes)).costs
    assert found.reason is None
    assert found.sheet is not None
    return found.sheet


def items(**changes: Any) -> dict[str, CostItem]:
    return {item.name: item for item in sheet(**changes).items}


@pytest.mark.parametrize(
    ("charged", "amount", "words"),
    [
        (fee(timing="deducted", percent="1"), 12_000, "放款时扣收：原始本金的1%"),
        (fee(timing="first_instalment", amount=0), 0, "随首期收取：0.00 CNY"),
        (fee(timing="first_instalment", amount=700), 700, "随首期收取：7.00 CNY"),
        (fee(timing="spread", percent="0.1"), 1_200, "分摊至各期收取：原始本金的0.1%"),
        (fee(timing="spread", amount=1_205), 1_205, "分摊至各期收取：12.05 CNY"),
        (fee(timing="per_instalment", amount=500), 6_000, "每期收取：5.00 CNY"),
        (fee(timing="per_instalment", percent="0.1"), 14_400, "每期收取：原始本金的0.1%"),
        (
            # 0.1 % of 12,000.00, 11,000.00, ... 1,000.00: of 78,000.00 in all.
            fee(timing="per_instalment", percent="0.1", base="outstanding"),
            7_800,
            "每期收取：剩余本金的0.1%",
        ),
        (
            fee(timing="on_event", event="disbursed", percent="0.5"),
            6_000,
            "每次放款，随下一期收取：原始本金的0.5%",
        ),
    ],
)
def test_a_cost_of_normal_performance(charged: dict[str, Any], amount: int, words: str) -> None:
    made = sheet(fees=[charged])
    interest, item = made.items
    assert (interest.name, interest.amount) == ("利息", 78_000)
    assert (interest.computed, interest.charged_by) == ("年利率12%", "贷款人")
    assert (item.name, item.amount, item.computed) == ("费", amount, words)
    assert item.charged_by == "贷款人"
    assert made.total_cost == 78_000 + amount
    assert made.currency == "CNY"
    assert made.principal == 1_200_000
    assert [cost.name for cost in made.contingent] == ["罚息", "提前结清费"]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("reversed", "每次还款被退回：3.00 CNY"),
        ("rate_changed", "每次变更利率：3.00 CNY"),
        ("rescheduled", "每次重组还款计划：3.00 CNY"),
        ("holiday_granted", "每次延期还款：3.00 CNY"),
    ],
)
def test_a_cost_of_an_event_is_contingent(event: str, words: str) -> None:
    made = sheet(
        fees=[
            fee(timing="on_event", event=event, amount=300, charged_by="某公司"),
            fee(name="后", timing="per_instalment", amount=1),
        ]
    )
    assert [item.name for item in made.items] == ["利息", "后"]
    contingent = made.contingent[2]
    assert (contingent.name, contingent.standard, contingent.collector) == ("费", words, "某公司")


def test_the_lender_collects_what_no_one_else_is_named_for() -> None:
    made = sheet(fees=[fee(timing="on_event", event="rescheduled", amount=300)])
    assert {cost.collector for cost in made.contingent} == {"贷款人"}


@pytest.mark.parametrize(
    ("changes", "penalty"),
    [
        ({}, "不收取"),
        ({"penalty_annual_rate": "18"}, "逾期本金 × 年利率18% × 逾期天数 / 365"),
        (
            {
                "penalty_annual_rate": "18",
                "penalty_base": "amount",
                "penalty_year_days": 360,
                "grace_days": 3,
                "penalty_cap": "20",
            },
            "逾期应付金额 × 年利率18% × 逾期天数 / 360，宽限期3天，不超过该期基数的20%",
        ),
    ],
)
def test_the_standard_of_penalty_interest(changes: dict[str, Any], penalty: str) -> None:
    cost = sheet(**changes).contingent[0]
    assert (cost.name, cost.standard) == ("罚息", penalty)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({}, "不收取"),
        ({"fee_amount": 5_000}, "50.00 CNY"),
        ({"fee_percent": "1.5"}, "提前结清本金的1.5%"),
        ({"fee_amount": 5_000, "fee_percent": "1.5"}, "50.00 CNY + 提前结清本金的1.5%"),
    ],
)
def test_the_standard_of_settling_early(policy: dict[str, Any], words: str) -> None:
    cost = sheet(early_settlement=policy).contingent[1]
    assert (cost.name, cost.standard) == ("提前结清费", words)


def test_costs_of_one_name_are_numbered() -> None:
    charged = fee(name="利息", timing="per_instalment", amount=1)
    assert list(items(fees=[charged] * 3)) == ["利息", "利息 (2)", "利息 (3)", "利息 (4)"]


def test_spread_fees_share_what_the_plan_rounds_together() -> None:
    # 10.01 + 0.05 + 3.00 over 3 rows: 4.35 a row, the last takes what is left.
    charged = [
        fee(name="甲", timing="spread", amount=1_001),
        fee(name="首", timing="first_instalment", percent="0.01"),
        fee(name="乙", timing="spread", amount=5),
        fee(name="每", timing="per_instalment", amount=30),
        fee(name="丙", timing="spread", amount=300),
    ]
    plan = build_plan(terms(instalments=3, fees=charged))
    assert [row.fee for row in plan.rows] == [435 + 120 + 30, 435 + 30, 436 + 30]
    found = items(instalments=3, fees=charged)
    amounts = {name: item.amount for name, item in found.items()}
    assert amounts == {"利息": 24_000, "甲": 1_001, "首": 120, "乙": 5, "每": 90, "丙": 300}


def test_equal_spread_fees_cost_the_same() -> None:
    charged = [fee(name=name, timing="spread", amount=12_000) for name in ("甲", "乙")]
    found = items(fees=charged)
    assert found["甲"].annualised == found["乙"].annualised > 0


def test_a_spread_fee_smaller_than_the_number_of_instalments_comes_last() -> None:
    charged = fee(timing="spread", amount=2)
    whole = sheet(fees=[charged])
    assert [row.fee for row in build_plan(terms(fees=[charged])).rows] == [0] * 11 + [2]
    last = sheet(fees=[fee(timing="spread", amount=0)])
    assert whole.items[1].amount == 2
    assert last.items[1].amount == 0
    assert whole.annual_cost > last.annual_cost


def test_no_fee_per_instalment_is_charged_with_a_down_payment() -> None:
    charged = fee(timing="per_instalment", percent="0.1", base="outstanding")
    made = items(fees=[charged], down_payment=600_000)
    # 0.1 % of 6,000.00, 5,500.00, ... 500.00: of 39,000.00 in all.
    assert made["费"].amount == 3_900


def test_instalments_with_nothing_left_to_repay_are_free() -> None:
    # 18 fen in parts of 2: nothing is left for the last three instalments.
    charged = fee(timing="per_instalment", amount=1)
    made = items(principal=18, annual_rate="0", fees=[charged])
    assert made["费"].amount == 9


def test_each_disbursement_is_charged_with_the_next_instalment() -> None:
    tranches = [
        {"on": FIRST, "amount": 200_000},
        {"on": date(2026, 2, 16), "amount": 200_000},
    ]
    charged = fee(timing="on_event", event="disbursed", percent="0.1")
    agreed = terms(fees=[charged, fee(name="无", timing="spread", amount=1)], tranches=tranches)
    rows = build_plan(agreed).rows
    assert disbursement_charges(agreed, rows) == [
        (FIRST, 1_200),
        (FIRST, 1_200),
        (date(2026, 3, 15), 1_200),
    ]
    assert items(fees=[charged], tranches=tranches)["费"].amount == 3_600


def test_a_disbursement_after_a_last_due_date_that_moved_back_is_charged_with_it() -> None:
    # Due on Sunday 16 August 2026, moved back to Friday; the tranche goes out in between.
    agreed = terms(
        instalments=2,
        first_due_on=date(2026, 7, 16),
        business_day_rule="preceding",
        fees=[fee(timing="on_event", event="disbursed", amount=100)],
        tranches=[{"on": date(2026, 8, 15), "amount": 200_000}],
    )
    rows = build_plan(agreed).rows
    assert [row.due_on for row in rows] == [date(2026, 7, 16), date(2026, 8, 14)]
    assert disbursement_charges(agreed, rows) == [
        (date(2026, 7, 16), 100),
        (date(2026, 8, 14), 100),
    ]


@pytest.mark.parametrize("rule", ["none", "following"])
def test_the_annual_cost_is_the_simple_rate_of_all_that_is_paid(rule: str) -> None:
    charged = [fee(timing="deducted", percent="1")]
    found = trial(terms(fees=charged, business_day_rule=rule))
    assert found.costs.sheet is not None
    (simple,) = [
        rate.value for rate in found.rates if rate.convention is RateConvention.NOMINAL_SIMPLE
    ]
    assert found.costs.sheet.annual_cost == simple
    interest, upfront = found.costs.sheet.items
    assert round(interest.annualised, 2) == 12
    assert upfront.annualised > 0
