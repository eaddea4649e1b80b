"""The stateless trial. Golden figures (rates to two decimals) were worked out separately."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from domain.common.calendar import months_after
from domain.common.errors import InvalidEvent, InvalidTerms
from domain.common.money import half_up
from domain.loans.accrual import Accrual
from domain.loans.events import Disbursed, Paid, RateChanged, Rescheduled
from domain.loans.fees import Fee, FeeBase, FeeEvent, FeeTiming
from domain.loans.plan_terms import Tranche
from domain.loans.schedule import build_plan
from domain.loans.terms import LoanTerms
from domain.pricing.rate_caps import (
    HOME_CAPS,
    RATE_CAPS,
    CappedLender,
    Enforcement,
    LenderKind,
    RateCapExceeded,
)
from domain.pricing.rates import RateConvention
from domain.pricing.trial import Trial, trial
from domain.pricing.trial_rates import existing
from domain.products.products import AgreedProduct, check_plan, check_release
from tests.definitions import shipped
from tests.products import CASH, REVOLVING, changed

START = date(2026, 1, 15)
CAPS = shipped(RATE_CAPS, HOME_CAPS)


def terms(**changes: object) -> LoanTerms:
    held: dict[str, object] = {
        "currency": "CNY",
        "principal": 1_000_000,
        "annual_rate": Decimal(24),
        "instalments": 12,
        "disbursed_on": START,
        "first_due_on": date(2026, 2, 15),
    }
    return LoanTerms.model_validate(held | changes)


def rate(found: Trial, convention: RateConvention) -> Decimal:
    (value,) = [item.value for item in found.rates if item.convention is convention]
    assert value is not None
    return value


UPFRONT = Fee(name="服务费", timing=FeeTiming.DEDUCTED, percent=Decimal(5))
GUARANTEE = Fee(
    name="担保费", timing=FeeTiming.PER_INSTALMENT, percent=Decimal("0.5"), charged_by="某担保公司"
)


@pytest.mark.parametrize(
    ("changes", "simple", "compound"),
    [
        ({}, "24.00", "26.82"),
        ({"fees": (UPFRONT,)}, "34.14", "40.03"),
        ({"annual_rate": Decimal(12), "fees": (GUARANTEE,)}, "22.53", "25.01"),
    ],
)
def test_golden_rates(changes: dict[str, object], simple: str, compound: str) -> None:
    found = trial(terms(**changes))
    assert f"{rate(found, RateConvention.NOMINAL_SIMPLE):.2f}" == simple
    assert f"{rate(found, RateConvention.EFFECTIVE):.2f}" == compound
    assert [item.convention for item in found.rates] == list(RateConvention)
    assert found.costs.sheet is not None
    assert f"{found.costs.sheet.annual_cost:.2f}" == simple


def test_golden_plan_and_its_totals_by_year() -> None:
    found = trial(terms())
    assert f"{rate(found, RateConvention.NOMINAL_SIMPLE):.5f}" == "24.00006"
    assert [row.total for row in found.rows] == [94_560] * 11 + [94_555]
    assert (found.rows[0].principal, found.rows[0].interest) == (74_560, 20_000)
    assert (found.totals.interest, found.totals.total) == (134_715, 1_134_715)
    assert [(year.year, year.total) for year in found.by_year] == [
        (2026, 11 * 94_560),
        (2027, 94_555),
    ]
    assert found.hash == build_plan(terms()).hash


def test_years_add_up_to_the_whole_with_fees_kept_back() -> None:
    found = trial(terms(fees=(UPFRONT, GUARANTEE)))
    assert (found.proceeds, found.deducted) == (950_000, 50_000)
    for part in ("principal", "interest", "fee", "total"):
        assert sum(getattr(year, part) for year in found.by_year) == getattr(found.totals, part)
    assert found.totals.fee == 50_000 + 12 * 5_000


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"day_count": "actual_actual_isda"},
        {"day_count": "thirty_360_eu", "first_due_on": date(2026, 3, 1)},
        {"rate_steps": [{"on": date(2026, 5, 1), "annual_rate": "12"}]},
        {"interest_grace": 3, "day_count": "actual_360"},
        {"holidays": [{"on": date(2026, 4, 1), "count": 2}], "day_count": "actual_365_fixed"},
    ],
)
def test_the_arithmetic_adds_up_to_the_interest(changes: dict[str, object]) -> None:
    for row in trial(terms(**changes)).rows:
        exact = Fraction(0)
        for piece in row.pieces:
            part = piece.balance * Fraction(piece.annual_rate) / 100
            assert part * Fraction(piece.numerator, piece.denominator) == piece.exact
            exact += piece.exact
        assert half_up(exact.numerator, exact.denominator) == row.interest


def test_the_arithmetic_in_words() -> None:
    rows = trial(terms()).rows
    assert rows[0].text == "10,000.00 × 24 % × 1/12 = 200.00"
    assert rows[-1].text == "927.01 × 24 % × 1/12 = 18.540200, rounded to 18.54"
    assert trial(terms(annual_rate=Decimal(0))).rows[0].text == "no interest is collected"
    assert isinstance(build_plan(terms()).rows[0].arithmetic[0], Accrual)


def test_a_single_payment_of_a_week() -> None:
    # 1,000 lent, 850 received, 7 days: 150 / 850 x 365 / 7 = 920 % a year, simple.
    fee = Fee(name="服务费", timing=FeeTiming.DEDUCTED, amount=15_000)
    found = trial(
        terms(
            principal=100_000,
            annual_rate=Decimal(0),
            method="single_payment",
            instalments=1,
            first_due_on=date(2026, 1, 22),
            day_count="actual_365_fixed",
            fees=(fee,),
        )
    )
    assert f"{rate(found, RateConvention.NOMINAL_SIMPLE):.0f}" == "920"


@pytest.mark.parametrize(
    "changes",
    [
        {"first_due_on": date(2026, 3, 3), "due_day": 3},  # a long first period
        {"first_due_on": date(2026, 1, 31)},  # a short one
        {"method": "rentals_in_advance", "first_due_on": START},
        {"frequency": {"unit": "month", "every": 3}, "first_due_on": date(2026, 4, 15)},
        {"business_day_rule": "following", "calendar": "none"},
        {"frequency": {"unit": "week"}, "first_due_on": date(2026, 1, 22)},
        {"method": "single_payment", "instalments": 1, "first_due_on": date(2027, 1, 15)},
        {"method": "interest_only", "end_of_month": True, "first_due_on": date(2026, 2, 28)},
    ],
)
def test_a_loan_without_fees_costs_its_contract_rate(changes: dict[str, object]) -> None:
    # Under the day count `period` the period rate is the contract rate over the periods a year,
    # whatever the calendar does; fen leave a few thousandths, odd days (simple within a period,
    # compounded by the solver) a little more.
    found = trial(terms(**changes))
    assert abs(rate(found, RateConvention.NOMINAL_SIMPLE) - 24) < Decimal("0.05")


def test_each_fee_is_a_cost_with_who_charges_it() -> None:
    fees = (
        GUARANTEE,
        Fee(name="a", timing=FeeTiming.SPREAD, amount=2),
        Fee(name="b", timing=FeeTiming.SPREAD, amount=10_001),
        Fee(name="首期费", timing=FeeTiming.FIRST_INSTALMENT, amount=700),
        Fee(
            name="管理费",
            timing=FeeTiming.PER_INSTALMENT,
            percent=Decimal("0.1"),
            base=FeeBase.OUTSTANDING,
        ),
        Fee(name="重组费", timing=FeeTiming.ON_EVENT, event=FeeEvent.RESCHEDULED, amount=900),
    )
    found = trial(terms(fees=fees, penalty_annual_rate=Decimal(24)))
    sheet = found.costs.sheet
    assert sheet is not None
    amounts = {item.name: item.amount for item in sheet.items}
    assert amounts | {"管理费": 0} == {
        "利息": 134_715,
        "担保费": 60_000,
        "a": 2,
        "b": 10_001,
        "首期费": 700,
        "管理费": 0,
    }
    assert sheet.total_cost == found.totals.interest + found.totals.fee
    assert sheet.annual_cost == rate(found, RateConvention.NOMINAL_SIMPLE)
    charged = {item.name: item.charged_by for item in sheet.items}
    assert (charged["担保费"], charged["利息"]) == ("某担保公司", "贷款人")
    assert [item.name for item in sheet.contingent] == ["罚息", "提前结清费", "重组费"]
    assert sheet.contingent[0].standard == "逾期本金 × 年利率24% × 逾期天数 / 365"
    assert sheet.contingent[1].standard == "不收取"


def test_a_fee_on_disbursement_counts_in_the_rates() -> None:
    fee = Fee(name="放款费", timing=FeeTiming.ON_EVENT, event=FeeEvent.DISBURSED, amount=5_000)
    found = trial(terms(fees=(fee,)))
    same = trial(terms(fees=(Fee(name="放款费", timing=FeeTiming.FIRST_INSTALMENT, amount=5_000),)))
    assert [item.value for item in found.rates] == [item.value for item in same.rates]
    assert found.costs.sheet is not None
    assert found.costs.sheet.items[1].amount == 5_000


def test_a_rate_that_does_not_exist_is_told_by_its_name() -> None:
    # Money goes out, comes in and goes out again: more than one rate balances it.
    found = trial(
        terms(
            principal=400_000,
            instalments=3,
            method="explicit",
            explicit=[
                {"due_on": date(2026, 2, 15), "total": 90_000},
                {"due_on": date(2026, 3, 15), "total": 1_000},
                {"due_on": date(2026, 4, 15)},
            ],
            unmet_interest="carried",
            day_count="actual_365_fixed",
            tranches=[Tranche(on=date(2026, 2, 20), amount=310_000)],
            fees=(Fee(name="fee", timing=FeeTiming.DEDUCTED, amount=89_000),),
        )
    )
    assert len(found.rows) == 3
    missing = [item for item in found.rates if item.value is None]
    assert all(item.name and item.reason for item in missing)
    assert missing
    assert len(existing(found.rates)) == 7 - len(missing)
    assert found.costs.sheet is None
    assert found.costs.reason


def test_caps_are_reported_with_the_trial() -> None:
    above = trial(terms(fees=(UPFRONT,)), lender=CappedLender(LenderKind.BANK, CAPS))
    assert above.caps is not None
    assert [finding.enforcement for finding in above.caps.findings] == [Enforcement.HARD]
    within = trial(terms(), lender=CappedLender(LenderKind.BANK, CAPS))
    assert within.caps is not None
    assert (within.caps.findings, within.caps.unknown) == ((), None)
    micro = trial(terms(), lender=CappedLender(LenderKind.MICROLOAN, CAPS))
    assert micro.caps is not None
    assert [finding.enforcement for finding in micro.caps.findings] == [Enforcement.WARN]
    old = {"disbursed_on": date(2010, 1, 15), "first_due_on": date(2010, 2, 15)}
    unknown = trial(terms(**old), lender=CappedLender(LenderKind.BANK, CAPS))
    assert unknown.caps is not None
    assert "no rate cap is known" in (unknown.caps.unknown or "")
    assert trial(terms()).caps is None


def test_the_loan_on_a_day() -> None:
    events = (
        Disbursed(key="out", on=START, amount=1_000_000),
        Paid(key="in", on=date(2026, 2, 15), amount=94_560),
    )
    found = trial(terms(), events, as_of=date(2026, 2, 15)).on_day
    assert found is not None
    assert found.position.principal_outstanding == 925_440
    assert found.payoff is not None
    assert found.payoff.total == 925_440
    before = trial(terms(), events, as_of=date(2026, 1, 1)).on_day
    assert before is not None
    assert (before.payoff, "not disbursed" in (before.reason or "")) == (None, True)
    with pytest.raises(InvalidEvent) as refused:
        trial(terms(), events)
    assert refused.value.field == "as_of"


def test_plans_beyond_the_calendar_are_refused() -> None:
    with pytest.raises(InvalidTerms, match="1900 to 2999"):
        trial(terms(frequency={"unit": "year", "every": 90}))
    far = Rescheduled(key="r", on=START, instalments=12, first_due_on=date(2999, 1, 1))
    with pytest.raises(InvalidEvent, match="1900 to 2999"):
        trial(terms(), [far], as_of=START)


def test_a_rate_that_no_loan_has_is_refused_in_events_too() -> None:
    with pytest.raises(InvalidTerms, match="annual_rate must be"):
        trial(terms(), [RateChanged(key="r", on=START, annual_rate=Decimal(-1))], as_of=START)


@pytest.mark.parametrize("product", [CASH, REVOLVING], ids=lambda product: product.code)
@pytest.mark.parametrize("month", range(12))
def test_no_product_goes_out_above_its_cap(product: AgreedProduct, month: int) -> None:
    assert check_release(product.content, months_after(date(2026, 1, 31), month, 31), CAPS) == ()


def test_a_breach_stops_a_product_and_a_contract() -> None:
    terms_of_today = CASH.content.terms
    dear = CASH.content.model_copy(
        update={"terms": terms_of_today.model_copy(update={"annual_rate": Decimal("24.1")})}
    )
    with pytest.raises(RateCapExceeded):
        check_release(dear, START, CAPS)
    with pytest.raises(RateCapExceeded):
        check_plan(CASH.content, terms(fees=(UPFRONT,)), build_plan(terms(fees=(UPFRONT,))), CAPS)
    microloan = changed(CASH, lender_kind=LenderKind.MICROLOAN).content
    assert check_release(microloan, START, CAPS)
    with pytest.raises(RateCapExceeded):
        check_release(microloan, date(2028, 1, 1), CAPS)
