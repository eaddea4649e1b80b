"""The caps hold for what is changed of a running loan, each refusal with its field and source.

24 % a year for banks, with all fees: Supreme People's Court, Fa Fa [2017] No. 22, article 2.
"""

from datetime import date
from decimal import Decimal

import pytest

from domain.common.day_count import DayCount
from domain.common.frequency import Frequency, FrequencyUnit
from domain.loans.allocation import Component
from domain.loans.events import (
    AnyEvent,
    Charged,
    Disbursed,
    HolidayGranted,
    LoanEvent,
    Paid,
    RateChanged,
    Rescheduled,
)
from domain.loans.fees import Fee, FeeTiming
from domain.loans.plan_terms import ExplicitInstalment, Method, RateStep
from domain.loans.terms import LoanTerms, monthly_terms
from domain.pricing.change_caps import check_change
from domain.pricing.rate_caps import (
    HOME_CAPS,
    RATE_CAPS,
    CappedLender,
    CapUnknown,
    Enforcement,
    LenderKind,
    RateCapExceeded,
)
from tests.definitions import shipped

CAPS = shipped(RATE_CAPS, HOME_CAPS)
BANK = CappedLender(LenderKind.BANK, CAPS)
ON = date(2026, 3, 5)


def terms(rate: str, **others: object) -> LoanTerms:
    plain = monthly_terms(
        currency="CNY",
        principal=1_000_000,
        annual_rate=Decimal(rate),
        instalments=12,
        disbursed_on=date(2026, 1, 15),
        penalty_annual_rate=Decimal(24),
    )
    return LoanTerms.model_validate({**dict(plain), **others})


DISBURSED = Disbursed(key="disbursed", on=date(2026, 1, 15), amount=1_000_000)


def at(rate: str, on: date = ON) -> RateChanged:
    return RateChanged(key=f"rate:{rate}", on=on, annual_rate=Decimal(rate))


def replan(rate: str | None = None, **others: object) -> Rescheduled:
    fields = {
        "key": "replan",
        "on": ON,
        "instalments": 6,
        "first_due_on": date(2026, 4, 1),
        "annual_rate": None if rate is None else Decimal(rate),
    }
    return Rescheduled.model_validate({**fields, **others})


def fee(amount: int, component: Component = Component.FEE) -> Charged:
    return Charged.model_validate(
        {"key": "fee", "on": ON, "amount": amount, "component": component}
    )


@pytest.mark.parametrize(
    ("loan", "earlier", "event", "field"),
    [
        (terms("24"), (), at("36.5"), "annual_rate"),
        (terms("24"), (), at("24.02"), "annual_rate"),
        (terms("12"), (), at("24.02"), "annual_rate"),
        (terms("24"), (), replan("999"), "annual_rate"),
        (terms("24"), (at("12", date(2026, 2, 1)),), replan("25"), "annual_rate"),
        # 13 % flat is 23.6 over twelve months of a level principal; 20 % flat is far above.
        (terms("10", method=Method.FLAT), (), at("20"), "annual_rate"),
        # A monthly fee of 0.5 % comes on top of the rate.
        (
            terms(
                "10",
                fees=(Fee(name="g", timing=FeeTiming.PER_INSTALMENT, percent=Decimal("0.5")),),
            ),
            (),
            at("18"),
            "annual_rate",
        ),
        (terms("24"), (), fee(5_000), "amount"),
        (terms("24"), (), fee(5_000, Component.PENALTY), "amount"),
        (terms("23.5"), (), fee(5_000), "amount"),
        (terms("24"), (replan(None, on=date(2026, 3, 1)),), fee(50_000), "amount"),
    ],
)
def test_what_makes_a_loan_too_dear_is_refused_by_its_field(
    loan: LoanTerms, earlier: tuple[LoanEvent, ...], event: AnyEvent, field: str
) -> None:
    with pytest.raises(RateCapExceeded) as refusal:
        check_change(BANK, loan, (DISBURSED, *earlier), event)
    assert refusal.value.field == field
    assert "24 %" in refusal.value.message
    assert "法发〔2017〕22号第2条" in refusal.value.message


@pytest.mark.parametrize(
    ("loan", "earlier", "event"),
    [
        # Nothing changes: 24 % was within the cap, which leaves 0.01 points for rounding.
        (terms("24"), (), at("24")),
        (terms("24"), (), replan()),
        (terms("24"), (), replan("24", instalments=360)),
        (terms("24"), (), replan(frequency=Frequency(unit=FrequencyUnit.WEEK, every=2))),
        # The cap fell since: a loan that gets cheaper is never held up.
        (terms("36"), (), at("30")),
        (terms("36"), (), replan("35")),
        (terms("24"), (at("30", date(2026, 2, 1)),), at("28")),
        (terms("12"), (), at("24")),
        (terms("18"), (), fee(5_000)),
        (
            terms("12", rate_steps=(RateStep(on=date(2026, 8, 1), annual_rate=Decimal(15)),)),
            (),
            at("20"),
        ),
        (
            terms(
                "12",
                method=Method.EXPLICIT,
                due_day=None,
                day_count=DayCount.ACTUAL_365_FIXED,
                explicit=(
                    ExplicitInstalment(due_on=date(2026, 2, 15), principal=500_000),
                    ExplicitInstalment(due_on=date(2026, 3, 15)),
                ),
                instalments=2,
            ),
            (),
            at("20"),
        ),
        (terms("24"), (), HolidayGranted(key="h", on=ON, count=1)),
        (terms("24"), (), Paid(key="p", on=ON, amount=1)),
    ],
)
def test_what_makes_it_no_dearer_or_stays_below_is_taken(
    loan: LoanTerms, earlier: tuple[LoanEvent, ...], event: AnyEvent
) -> None:
    assert check_change(BANK, loan, (DISBURSED, *earlier), event) == ()


def test_a_soft_cap_warns() -> None:
    lender = CappedLender(LenderKind.CONSUMER_FINANCE, CAPS)
    (warning,) = check_change(lender, terms("18"), (DISBURSED,), at("22"))
    assert (warning.enforcement, warning.limit) == (Enforcement.WARN, Decimal(20))


def test_the_cap_of_the_day_holds() -> None:
    """From 2028 microloans are held to four times the loan prime rate of 3 %."""
    lender = CappedLender(LenderKind.MICROLOAN, CAPS)
    loan = terms("10", instalments=36)
    assert check_change(lender, loan, (DISBURSED,), at("12", date(2027, 12, 31))) == ()
    with pytest.raises(RateCapExceeded):
        check_change(lender, loan, (DISBURSED,), at("13", date(2028, 1, 1)))


def test_without_a_cap_nothing_is_changed() -> None:
    lender = CappedLender(LenderKind.BANK, CAPS.model_copy(update={"rules": ()}))
    with pytest.raises(CapUnknown):
        check_change(lender, terms("12"), (DISBURSED,), at("13"))
