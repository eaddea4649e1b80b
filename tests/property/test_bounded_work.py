"""No terms that are accepted hold a processor for long, however extreme they are."""

import time
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.common.day_count import DayCount
from domain.common.errors import DomainError, FieldError
from domain.common.rounding import ROUNDING_UNITS, RoundingMode
from domain.loans.plan_terms import LevelRate, Method, Residue, UnmetInterest
from domain.loans.terms import LoanTerms
from domain.loans.terms_rules import MAX_WORK
from domain.pricing.trial import trial

MADE = date(2026, 1, 15)
SECONDS = 1.0
"""0.3 on a processor of its own; tests share theirs, which takes three times as long."""


@st.composite
def extremes(draw: st.DrawFn) -> dict[str, Any]:
    """Return terms at the ends of what is allowed: many changes, coarse rounding, high rates."""
    rates = st.sampled_from(["0", "0.00000001", "6", "24", "60", "292", "1000"])
    days = st.integers(1, 18_000).map(lambda after: MADE + timedelta(days=after))
    roundings = st.tuples(st.sampled_from(ROUNDING_UNITS), st.sampled_from(RoundingMode))
    method = draw(st.sampled_from([Method.EQUAL_INSTALMENT, Method.FLAT, Method.EQUAL_PRINCIPAL]))
    principal = draw(st.sampled_from([1, 12, 100_000, 1_000_000_007, 10**15]))
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": principal,
        "annual_rate": draw(rates),
        "instalments": draw(st.sampled_from([1, 12, 120, 240, 360, 600])),
        "disbursed_on": MADE,
        "first_due_on": MADE + timedelta(days=draw(st.sampled_from([1, 31, 400, 18_000]))),
        "method": method,
        "day_count": draw(st.sampled_from(DayCount)),
        "interest_rounding": draw(roundings),
        "instalment_rounding": draw(roundings),
        "residue": draw(st.sampled_from([Residue.FIRST, Residue.LAST])),
        "smooth": draw(st.booleans()),
    }
    if method is Method.EQUAL_INSTALMENT:
        values["level_rate"] = draw(st.sampled_from(LevelRate))
        values["unmet_interest"] = draw(st.sampled_from(UnmetInterest))
    if draw(st.booleans()):
        weights = st.lists(st.sampled_from(["0", "0.01", "1", "1000"]), min_size=1, max_size=60)
        values["weights"] = draw(weights)
    steps = draw(st.sets(days, max_size=draw(st.sampled_from([0, 4, 24]))))
    values["rate_steps"] = [{"on": on, "annual_rate": draw(rates)} for on in sorted(steps)]
    parts = draw(st.sets(days, max_size=draw(st.sampled_from([0, 2, 12]))))
    if principal > 100:
        values["tranches"] = [{"on": on, "amount": principal // 20} for on in sorted(parts)]
    return values


@settings(suppress_health_check=list(HealthCheck))
@given(extremes())
def test_a_trial_is_refused_by_name_or_over_soon(values: dict[str, Any]) -> None:
    started = time.process_time()
    try:
        trial(LoanTerms(**values))
    except DomainError as refused:
        if not getattr(refused, "field", ""):
            pytest.fail(f"{refused.message}: no field is named")
    assert time.process_time() - started < SECONDS


def test_the_limit_of_work_is_named() -> None:
    # 34 seconds of a processor before there was a limit.
    values: dict[str, Any] = {
        "currency": "CNY",
        "principal": 100_000_000,
        "annual_rate": Decimal(24),
        "instalments": 600,
        "disbursed_on": MADE,
        "first_due_on": date(2026, 2, 15),
        "day_count": "actual_actual_isda",
        "smooth": True,
        "residue": "first",
        "interest_rounding": (100, "up"),
        "instalment_rounding": (1000, "half_even"),
        "rate_steps": [
            {"on": MADE + timedelta(days=40 * number), "annual_rate": str(20 + number)}
            for number in range(1, 25)
        ],
        "tranches": [
            {"on": MADE + timedelta(days=30 * number), "amount": 1_000_000}
            for number in range(1, 13)
        ],
    }
    with pytest.raises(FieldError, match=f"at most {MAX_WORK}") as refused:
        LoanTerms(**values)
    assert refused.value.field == "instalments"
    started = time.process_time()
    trial(LoanTerms(**values | {"rate_steps": values["rate_steps"][:4], "tranches": []}))
    assert time.process_time() - started < SECONDS
