"""An account's lines in an application: read once, judged, and kept only as figures."""

from datetime import timedelta

import pytest

from domain.applications.application import ApplicationState
from domain.verification import elements
from domain.verification.elements import ElementKind, Verdict
from tests.integration import story
from tests.workflows.applying import Applying, apply
from tests.workflows.lender import Lender, eventually, person

pytestmark = pytest.mark.usefixtures("more_products")


async def with_flows(lender: Lender, persona: str) -> Applying:
    applicant = person(persona)
    applying = await apply(lender, applicant, product="affording")
    await applying.provide(
        story.real_name(applicant),
        story.operator(applicant),
        elements.BankFlows(bank_code="DEMO"),
        elements.BureauReport(),
    )
    await applying.submit()
    await lender.pass_time(applying.workflow_id, timedelta(hours=1))
    return applying


async def test_a_statement_whose_balance_does_not_follow_is_for_a_person(lender: Lender) -> None:
    applying = await with_flows(lender, "statement_altered")
    await eventually(applying.row, lambda row: row.state is ApplicationState.IN_REVIEW)
    async with lender.database.read() as tx:
        hits = await tx.connection.fetchval(
            "select rules::text from decisions where application_id = $1",
            applying.workflow_id.partition(":")[2],
        )
    assert "flows_altered" in hits


async def test_what_is_kept_are_figures_and_no_line(lender: Lender) -> None:
    """Sensitive personal data is kept no longer than its purpose needs (PIPL, article 19)."""
    applying = await with_flows(lender, "indebted")
    await eventually(applying.row, lambda row: row.state is ApplicationState.OFFERED)
    status = (await applying.statuses())[ElementKind.BANK_FLOWS]
    assert status.verdict is Verdict.MATCH
    assert status.facts is not None
    assert status.facts["income_monthly"] == 800_000
    assert status.facts["loan_instalments"] == 300_000
    assert all(not isinstance(value, list | dict) for value in status.facts.values())
    assert "演示" not in str(status.facts)
