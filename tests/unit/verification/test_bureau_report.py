"""What is kept of a bureau's full report: accounts, enquiries, what was overdue month by month."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from providers.verification.bureau_report import BureauDocument, facts_of
from sandbox import reports
from sandbox.personas import person

AT = datetime(2026, 9, 15, 4, tzinfo=UTC)


def account(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "consumer_loan",
        "status": "open",
        "opened_on": "2025-01-10",
        "credit_limit": 2_000_000,
        "outstanding": 900_000,
        "monthly_payment": 100_000,
        "months": [{"month": "2026-08", "overdue": 0}],
    } | changes


def document(**content: Any) -> BureauDocument:
    return BureauDocument.model_validate_json(
        json.dumps({"currency": "CNY", "captured_at": AT.isoformat()} | content)
    )


def test_only_open_accounts_are_paid_and_every_account_was_overdue_when_it_was() -> None:
    late = [{"month": "2026-07", "overdue": 100_000}, {"month": "2026-08", "overdue": 0}]
    closed = [{"month": "2024-03", "overdue": 5_000}, {"month": "2026-07", "overdue": 1_000}]
    facts = facts_of(
        document(accounts=[account(months=late), account(status="closed", months=closed)])
    )
    assert (facts.accounts, facts.open_accounts, facts.monthly_payments) == (2, 1, 100_000)
    assert facts.overdue_by_month == {"2024-03": 5_000, "2026-07": 101_000}
    assert (facts.overdue_months_24, facts.overdue_now) == (1, False), "2024-03 is too long ago"


def test_a_status_that_is_not_known_is_no_end() -> None:
    assert facts_of(document(accounts=[account(status="frozen")])).monthly_payments == 100_000


def test_lenders_asked_for_credit_count_once_and_those_that_look_after_loans_do_not() -> None:
    enquiries = [
        {"on": "2026-09-01", "lender": "A", "reason": "loan_application"},
        {"on": "2026-08-01", "lender": "A", "reason": "card_application"},
        {"on": "2026-09-01", "lender": "B", "reason": "post_loan_management"},
        {"on": "2026-06-17", "lender": "C", "reason": "loan_application"},
    ]
    facts = facts_of(document(enquiries=enquiries))
    assert (facts.enquiries_90d, facts.lenders_applied_90d) == (3, 1)


def test_a_month_that_stands_twice_is_no_report() -> None:
    twice = [{"month": "2026-08", "overdue": 0}] * 2
    with pytest.raises(ValidationError):
        document(accounts=[account(months=twice)])


@pytest.mark.parametrize(
    ("persona", "accounts", "payments", "late"),
    [
        ("approved", 1, 42_000, False),
        ("indebted", 2, 292_000, False),
        ("low_score", 1, 42_000, True),
        ("thin_file", 0, 0, False),
    ],
)
def test_the_personas_are_what_they_are_called(
    persona: str, accounts: int, payments: int, late: bool
) -> None:
    content = json.dumps(reports.document("bureau_report", person(persona), AT))
    facts = facts_of(BureauDocument.model_validate_json(content))
    assert (facts.accounts, facts.monthly_payments, facts.overdue_now) == (accounts, payments, late)
