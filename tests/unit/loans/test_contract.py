"""The contract says what was quoted, in the same bytes every time; a template has to let it."""

from datetime import date
from decimal import Decimal

import pytest

from domain.common.definitions import Agreed, digest
from domain.loans.contract import (
    CONTRACT_TEMPLATE,
    Contract,
    ContractTemplate,
    contract_text,
)
from domain.loans.schedule import build_plan
from domain.loans.terms import monthly_terms
from domain.pricing.trial import plan_cost_sheet
from services.definitions.shipped import Files
from tests.definitions import agreed

TERMS = monthly_terms(
    currency="CNY",
    principal=1_000_000,
    annual_rate=Decimal("24"),
    instalments=12,
    disbursed_on=date(2026, 1, 15),
    penalty_annual_rate=Decimal("24"),
)
PLAN = build_plan(TERMS)
SHEET = plan_cost_sheet(TERMS, PLAN)
TEMPLATE = agreed(CONTRACT_TEMPLATE, "loan-contract")


def _text(template: Agreed[ContractTemplate] = TEMPLATE) -> str:
    assert SHEET is not None
    return contract_text(
        template, Contract("LF-1", "per_contract", "loa_contract", TERMS, PLAN, SHEET.hash)
    )


def test_it_names_parties_price_and_every_instalment() -> None:
    text = _text()
    for said in (
        "per_contract",
        "loa_contract",
        "10,000.00 CNY",
        "24 %",
        "1 | 2026-02-15 | 745.60 | 200.00 | 0.00 | 945.60",
        "12 | 2027-01-15 | 927.01 | 18.54 | 0.00 | 945.55",
        "11,347.15",
        PLAN.hash,
    ):
        assert said in text
    assert "$" not in text


def test_its_bytes_are_those_of_before_templates_were_definitions() -> None:
    # What contracts were signed under when the text stood in the code.
    assert digest(_text()) == ("da5e74d1a770cb3172b5c4a30993a94ceec377fbc62dd505ecc9a31eb0167a35")


def test_the_digest_follows_from_the_text_alone() -> None:
    assert digest(_text()) == digest(_text())
    assert digest(_text()) != digest(_text() + " ")


def test_it_names_the_version_of_its_template() -> None:
    second = CONTRACT_TEMPLATE.agreed("loan-contract", 2, TEMPLATE.content)
    assert _text(second).startswith("借款合同 Loan contract (loan-contract/2)\n")


@pytest.mark.parametrize(
    ("was", "put", "said"),
    [
        ("$plan_hash", "", "a contract has to say $plan_hash"),
        ("$cost_sheet_hash", "", "a contract has to say $cost_sheet_hash"),
        ("$principal", "", "a contract has to say $principal"),
        ("$annual_rate", "", "a contract has to say $annual_rate"),
        ("$penalty_rate", "", "a contract has to say $penalty_rate"),
        ("$rows", "$rows $customer", "there is no placeholder $customer"),
        ("$principal", "$principal $ 5", "a $ is followed by the name of a placeholder"),
    ],
)
def test_a_template_that_no_contract_can_be_made_of(was: str, put: str, said: str) -> None:
    text = TEMPLATE.content.text.replace(was, put)
    (found,) = CONTRACT_TEMPLATE.findings({"text": text}, Files({}), "loan-contract")
    assert found.field == "text"
    assert said in found.message


def test_what_a_contract_may_leave_out() -> None:
    text = TEMPLATE.content.text.replace("$grace_days", "3").replace("$version", "$$1")
    assert CONTRACT_TEMPLATE.findings({"text": text}, Files({}), "loan-contract") == ()
