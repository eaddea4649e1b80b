"""What an applicant can afford, by the limit of the guidelines (55 % of income into debts).

The business case is W5 of the wish list: a new instalment that lifts the share over 0.55 gives a
lower offer that fits, not a rejection.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decisioning.affordability import (
    MAX_DTI,
    Affordability,
    affordability_of,
    fitting_amount,
)
from domain.decisioning.checking import RISK_POLICY
from domain.decisioning.checking import facts_of as facts_from
from domain.decisioning.compiling import compile_policy
from domain.decisioning.evaluating import evaluate
from domain.decisioning.evaluations import Evaluation
from domain.decisioning.facts import FACT_CATALOGUE
from domain.decisioning.provided_facts import AccountFlows, BureauFile, Provided
from domain.loans.schedule import build_plan
from tests.definitions import shipped
from tests.integration import story

MONTH = Affordability(
    income_monthly=800_000, fixed_outgoings=180_000, instalments_elsewhere=250_000
)


def test_the_worked_example_of_the_docs() -> None:
    assert MONTH.dti_after(210_000) == Decimal("0.5750")
    assert MONTH.affordable_instalment() == 190_000
    assert MONTH.dti_after(190_000) == MAX_DTI


def test_what_is_bound_otherwise_is_not_left_for_an_instalment() -> None:
    bound = MONTH.model_copy(update={"fixed_outgoings": 500_000})
    assert bound.affordable_instalment() == 50_000


@pytest.mark.parametrize(
    "missing",
    [
        Affordability(),
        MONTH.model_copy(update={"income_monthly": None}),
        MONTH.model_copy(update={"income_monthly": 0}),
        MONTH.model_copy(update={"instalments_elsewhere": None}),
    ],
)
def test_what_is_unknown_is_never_a_pass(missing: Affordability) -> None:
    assert missing.dti_after(1) is None
    assert missing.affordable_instalment() is None


@pytest.mark.parametrize(
    ("flows", "bureau", "elsewhere"),
    [(100, 250, 250), (300, 250, 300), (None, 250, 250), (100, None, 100), (None, None, None)],
)
def test_instalments_elsewhere_are_the_greater_of_what_is_known(
    flows: int | None, bureau: int | None, elsewhere: int | None
) -> None:
    provided = Provided(
        bank_flows=AccountFlows(income_monthly=800, fixed_outgoings=1, loan_instalments=flows),
        bureau_report=BureauFile(monthly_payments=bureau),
    )
    assert affordability_of(provided) == Affordability(
        income_monthly=800, fixed_outgoings=1, instalments_elsewhere=elsewhere
    )
    assert affordability_of(Provided()) == Affordability()


def greatest_instalment(amount: int) -> int:
    plan = build_plan(story.quoted_terms(amount, date(2026, 9, 1)))
    return max(row.principal + row.interest for row in plan.rows)


def test_an_instalment_over_the_limit_gives_a_lower_amount_that_fits() -> None:
    asked, step = 4_000_000, 10_000
    affordable = MONTH.affordable_instalment()
    assert affordable is not None
    assert greatest_instalment(asked) > affordable
    lower = fitting_amount(
        asked, least=100_000, step=step, affordable=affordable, instalment_of=greatest_instalment
    )
    assert lower is not None
    assert 100_000 < lower < asked
    dti = MONTH.dti_after(greatest_instalment(lower))
    assert dti is not None
    assert dti <= MAX_DTI
    assert greatest_instalment(lower + step) > affordable, "no greater amount would fit"


def facts_of_the_case(flows: AccountFlows, asked: int = 4_000_000) -> dict[str, Any]:
    """What the policy reads of the case, by the names of the catalogue."""
    month = affordability_of(
        Provided(bank_flows=flows, bureau_report=BureauFile(monthly_payments=250_000))
    )
    affordable = month.affordable_instalment()
    assert affordable is not None
    fitting = fitting_amount(
        asked, least=100_000, step=10_000, affordable=affordable, instalment_of=greatest_instalment
    )
    return {
        **month.model_dump(),
        "dti_after": month.dti_after(greatest_instalment(asked)),
        "affordable_amount": fitting or 0,
    }


FLOWS = AccountFlows(
    balance_follows=True, income_monthly=800_000, fixed_outgoings=180_000, loan_instalments=0
)


def decided(facts: dict[str, Any]) -> Evaluation:
    """What the shipped policy of limit and price says of the case."""
    catalogue = shipped(FACT_CATALOGUE, "standard")
    policy = shipped(RISK_POLICY, "cash-limit")
    return evaluate(
        compile_policy(policy, catalogue, {}),
        facts_from(catalogue, policy.standard_facts, {"amount_asked": 4_000_000}, facts),
    )


def test_the_shipped_policy_offers_the_lower_amount_and_rejects_nobody() -> None:
    facts = facts_of_the_case(FLOWS)
    assert facts["dti_after"] > MAX_DTI
    came = decided(facts | {"told": sorted(facts)})
    assert came.offer is not None
    assert came.offer.amount == facts["affordable_amount"]
    assert came.offer.amount < 4_000_000


def test_who_can_afford_nothing_is_for_a_person_and_gets_no_offer() -> None:
    facts = facts_of_the_case(FLOWS.model_copy(update={"income_monthly": 300_000}))
    assert facts["affordable_amount"] == 0
    came = decided(facts | {"told": sorted(facts)})
    assert (came.outcome, came.offer) == ("refer", None)


@given(
    income=st.integers(1, 10_000_000),
    outgoings=st.integers(0, 5_000_000),
    elsewhere=st.integers(0, 5_000_000),
)
def test_what_is_affordable_fits_and_one_unit_more_does_not(
    income: int, outgoings: int, elsewhere: int
) -> None:
    month = Affordability(
        income_monthly=income, fixed_outgoings=outgoings, instalments_elsewhere=elsewhere
    )
    most = month.affordable_instalment()
    assert most is not None

    def fits(instalment: int) -> bool:
        share = Fraction(elsewhere + instalment, income)
        return share <= Fraction(55, 100) and outgoings + elsewhere + instalment <= income

    assert most == 0 or fits(most)
    assert not fits(most + 1)


@given(
    least=st.integers(1, 1_000),
    step=st.integers(1, 500),
    steps=st.integers(0, 60),
    months=st.integers(1, 36),
    affordable=st.integers(0, 5_000),
)
def test_the_fitting_amount_is_the_one_that_trying_them_all_finds(
    least: int, step: int, steps: int, months: int, affordable: int
) -> None:
    def instalment_of(amount: int) -> int:
        return -(-amount // months)

    amounts = [least + step * number for number in range(steps + 1)]
    fitting = [amount for amount in amounts if instalment_of(amount) <= affordable]
    assert fitting_amount(
        amounts[-1], least=least, step=step, affordable=affordable, instalment_of=instalment_of
    ) == max(fitting, default=None)
