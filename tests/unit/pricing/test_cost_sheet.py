import hashlib
import json
from datetime import date
from decimal import Decimal

import pytest

from domain.common.calendar import months_after
from domain.common.definitions import canonical
from domain.common.errors import UnknownCurrency
from domain.pricing.cost_sheet import (
    NOTHING_ELSE,
    ContingentCost,
    Cost,
    CostMethod,
    CostSheet,
    InvalidCostSheet,
    build_cost_sheet,
    sheet_hash,
)
from domain.pricing.rates import InvalidFlows, NoRate, RateConvention, nominal_simple

START = date(2026, 1, 15)
DUE = [months_after(START, month, 15) for month in range(1, 13)]
# 10,000.00 over 12 months at 2 % a month: instalments of 945.60, by the annuity formula.
INSTALMENTS = [94_560] * 11 + [94_555]


def split() -> tuple[list[int], list[int]]:
    balance, interest, principal = 1_000_000, [], []
    for instalment in INSTALMENTS:
        interest.append((balance * 2 + 50) // 100)
        principal.append(instalment - interest[-1])
        balance -= principal[-1]
    assert balance == 0
    return principal, interest


PRINCIPAL, INTEREST = split()
FLOWS = [(START, 1_000_000), *zip(DUE, [-amount for amount in PRINCIPAL], strict=True)]
INTEREST_COST = Cost("利息", "年利率24%，按月计收", "某银行", list(zip(DUE, INTEREST, strict=True)))
UPFRONT = Cost("服务费", "放款时按本金的5%一次性收取", "某担保公司", [(START, 50_000)])
PENALTY = ContingentCost(name="罚息", standard="逾期本金×日利率0.05%", collector="某银行")


def sheet(**changes: object) -> CostSheet:
    arguments: dict[str, object] = {
        "currency": "CNY",
        "principal_flows": FLOWS,
        "costs": [INTEREST_COST, UPFRONT],
        "contingent": [PENALTY],
    }
    return build_cost_sheet(**(arguments | changes))  # type: ignore[arg-type]  # tests vary any one


def test_the_sheet_states_every_cost_and_who_charges_it() -> None:
    found = sheet()
    assert found.currency == "CNY"
    assert found.principal == 1_000_000
    assert [(item.name, item.amount) for item in found.items] == [
        ("利息", 134_715),
        ("服务费", 50_000),
    ]
    assert found.items[0].computed == "年利率24%，按月计收"
    assert found.items[0].charged_by == "某银行"
    assert found.items[1].computed == "放款时按本金的5%一次性收取"
    assert found.items[1].charged_by == "某担保公司"
    assert found.total_cost == 184_715
    assert found.contingent == (PENALTY,)
    assert found.statement == NOTHING_ELSE == "除本表所列项目外，不收取其他任何费用。"


# With a fee of 5 % deducted upfront the IRR is 34.14 % simple, 40.03 % compound.
def test_the_headline_is_the_annual_cost_by_the_method_of_the_sheet() -> None:
    simple = sheet()
    assert f"{simple.annual_cost:.2f}" == "34.14"
    assert simple.method is CostMethod.SIMPLE
    assert simple.method_label == "单利"
    compound = sheet(method=CostMethod.COMPOUND)
    assert f"{compound.annual_cost:.2f}" == "40.03"
    assert compound.method_label == "复利"
    assert simple.rates == compound.rates
    assert [rate.convention for rate in simple.rates] == [
        RateConvention.NOMINAL_SIMPLE,
        RateConvention.EFFECTIVE,
    ]
    assert [rate.value for rate in simple.rates] == [simple.annual_cost, compound.annual_cost]


def test_each_cost_is_annualised_as_if_it_were_the_only_one() -> None:
    interest, fee = sheet().items
    assert interest.annualised == Decimal("24.0000631878")
    alone = nominal_simple([*FLOWS, (START, -50_000)])
    assert fee.annualised == alone.value
    assert f"{sheet(method=CostMethod.COMPOUND).items[0].annualised:.2f}" == "26.82"


def test_a_cost_that_charges_nothing_costs_nothing() -> None:
    free = Cost("提前结清费", "免收", "某银行", [])
    found = sheet(costs=[INTEREST_COST, free])
    assert found.items[1].amount == 0
    assert found.items[1].annualised == 0
    assert found.annual_cost == Decimal("24.0000631878")
    assert sheet(costs=[]).annual_cost == 0
    assert sheet(costs=[]).total_cost == 0


def test_several_drawdowns_are_one_principal() -> None:
    halves = [(START, 500_000), (DUE[0], 500_000), (DUE[1], -1_000_000)]
    interest = Cost("利息", "月利率1%", "某银行", [(DUE[0], 5_000), (DUE[1], 10_000)])
    found = sheet(principal_flows=halves, costs=[interest])
    assert found.principal == 1_000_000
    assert found.annual_cost == 12


def test_period_numbers_and_frequency_reach_the_rates() -> None:
    numbers = {START: 0} | {on: number for number, on in enumerate(DUE, start=1)}
    assert sheet(costs=[INTEREST_COST], periods=numbers).annual_cost == Decimal("24.0000631878")
    quarterly = sheet(costs=[INTEREST_COST], periods=numbers, periods_per_year=4)
    assert quarterly.annual_cost == round(Decimal("24.0000631878") / 3, 10)
    with pytest.raises(InvalidFlows):
        sheet(periods={START: 0})


def test_the_hash_is_sha_256_over_canonical_json() -> None:
    found = sheet()
    text = canonical(found.model_dump(mode="json", exclude={"hash"}))
    content = json.loads(text)
    assert "hash" not in content
    assert text == json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert "利息" in text
    assert content["principal"] == 1_000_000
    assert content["items"][0]["annualised"] == "24.0000631878"
    assert content["rates"][0]["convention"] == "nominal_simple"
    assert content["contingent"] == [
        {"collector": "某银行", "name": "罚息", "standard": "逾期本金×日利率0.05%"}
    ]
    assert found.hash == hashlib.sha256(text.encode()).hexdigest() == sheet_hash(found)


def test_a_sheet_read_back_is_the_same_sheet() -> None:
    found = sheet()
    again = CostSheet.model_validate_json(found.model_dump_json())
    assert again == found
    assert sheet_hash(again) == found.hash


@pytest.mark.parametrize(
    "changes",
    [
        {"currency": "EUR"},
        {"method": CostMethod.COMPOUND},
        {"contingent": []},
        {"contingent": [PENALTY.model_copy(update={"collector": "另一银行"})]},
        {"costs": [INTEREST_COST]},
        {"costs": [UPFRONT, INTEREST_COST]},
        {"costs": [INTEREST_COST, UPFRONT._replace(charged_by="某平台")]},
        {"costs": [INTEREST_COST, UPFRONT._replace(computed="一次性")]},
        {"costs": [INTEREST_COST, UPFRONT._replace(charges=[(START, 50_001)])]},
    ],
)
def test_whatever_changes_on_the_sheet_changes_its_hash(changes: dict[str, object]) -> None:
    assert sheet(**changes).hash != sheet().hash
    assert sheet().hash == sheet().hash


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        (
            {"principal_flows": FLOWS[:-1]},
            "principal_flows",
            "the repayments of principal must come to what is lent",
        ),
        (
            {"costs": [UPFRONT._replace(charges=[(START, -1), (START, 2)])]},
            "costs",
            "a charge of '服务费' is negative",
        ),
        ({"costs": [UPFRONT, UPFRONT]}, "costs", "two costs have the same name"),
    ],
)
def test_nonsense_is_refused_with_its_field(
    changes: dict[str, object], field: str, reason: str
) -> None:
    with pytest.raises(InvalidCostSheet) as refusal:
        sheet(**changes)
    assert (refusal.value.field, refusal.value.message) == (field, reason)
    assert refusal.value.code == "invalid_cost_sheet"


def test_an_unknown_currency_and_an_empty_plan_are_refused() -> None:
    with pytest.raises(UnknownCurrency):
        sheet(currency="XYZ")
    with pytest.raises(NoRate):
        sheet(principal_flows=[], costs=[])
