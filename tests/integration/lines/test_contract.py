"""The contract says what was quoted, in the same bytes every time."""

from datetime import UTC, datetime

from activities.lines.contract import contract_digest, contract_text
from domain.loans.schedule import build_plan
from domain.pricing.trial import plan_cost_sheet
from messages.ids import derived_id
from storage.lines.drawdowns import DrawdownRow, DrawdownState
from storage.lines.quotes import QuoteRow
from tests.integration.story import AMOUNT, quoted_terms

AT = datetime(2026, 1, 15, tzinfo=UTC)


def _text() -> str:
    terms = quoted_terms()
    plan = build_plan(terms)
    sheet = plan_cost_sheet(terms, plan)
    assert sheet is not None
    quote = QuoteRow.model_validate(
        {
            "id": derived_id("quo", "contract"),
            "line_id": derived_id("lin", "contract"),
            "currency": "CNY",
            "amount": AMOUNT,
            "terms": terms.model_dump_json(),
            "plan": plan.model_dump_json(),
            "plan_hash": plan.hash,
            "quoted_at": AT,
            "expires_at": AT,
            "cost_sheet": sheet.model_dump_json(),
            "cost_sheet_hash": sheet.hash,
            "cap_warnings": "[]",
        }
    )
    drawdown = DrawdownRow(
        id=derived_id("dra", "contract"),
        line_id=derived_id("lin", "contract"),
        quote_id=derived_id("quo", "contract"),
        loan_id=derived_id("loa", "contract"),
        currency="CNY",
        amount=AMOUNT,
        state=DrawdownState.RESERVED,
        contract_no="LF-1",
        contract_sha256=None,
        evidence_id=None,
        failure=None,
        requested_at=AT,
        changed_at=AT,
    )
    return contract_text(drawdown, quote, derived_id("per", "contract"))


def test_it_names_parties_price_and_every_instalment() -> None:
    text = _text()
    plan = build_plan(quoted_terms())
    for said in (
        derived_id("per", "contract"),
        derived_id("loa", "contract"),
        "10,000.00 CNY",
        "24 %",
        "1 | 2026-02-15 | 745.60 | 200.00 | 0.00 | 945.60",
        "12 | 2027-01-15 | 927.01 | 18.54 | 0.00 | 945.55",
        "11,347.15",
        plan.hash,
    ):
        assert said in text
    assert "$" not in text


def test_the_digest_follows_from_the_text_alone() -> None:
    assert contract_digest(_text()) == contract_digest(_text())
    assert contract_digest(_text()) != contract_digest(_text() + " ")
