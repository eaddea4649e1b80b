"""A command for a process that has ended is refused at once, saying how it ended."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import httpx
import pytest

from api.http.engine import ProcessClosed
from api.http.errors import CATALOGUE
from api.http.refusals import problem_of
from api.http.services import Services
from domain.lines import LineState
from messages import ids
from storage.lines.lines import LineRepository
from storage.lines.quotes import QuoteRepository
from tests.api import seeds
from tests.api.conftest import keyed
from tests.api.http.test_engine import (  # noqa: F401 -- fixtures
    client,
    live,
    record,
    stack_settings,
    web,
)

AT_ONCE_SECONDS = 5
"""A fraction of what a caller waits for a process that runs; the machine may be busy."""


@pytest.mark.parametrize(
    ("role", "path", "body"),
    [
        (("applicant", "alice"), "/v1/applications/{application}/submit", None),
        (("applicant", "alice"), "/v1/applications/{application}/withdraw", None),
        (("reviewer", "rita"), "/v1/reviews/{application}/approve", {"reason": "late"}),
        (("reviewer", "rita"), "/v1/reviews/{application}/reject", {"reason": "late"}),
    ],
)
async def test_an_application_that_was_rejected_takes_no_command(
    web: httpx.AsyncClient,  # noqa: F811 -- the fixture
    record: Services,  # noqa: F811 -- the fixture
    role: tuple[str, str],
    path: str,
    body: Any,
) -> None:
    async with record.database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")
    await seeds.set_state(record.database, start.application_id, "rejected", reject_code="R05")
    began = monotonic()
    answer = await web.post(
        path.format(application=start.application_id), headers=keyed(*role), json=body
    )
    assert monotonic() - began < AT_ONCE_SECONDS
    assert answer.status_code == 409, answer.text
    problem = answer.json()
    assert problem["code"] in ("application_closed", "review_closed")
    if problem["code"] == "application_closed":
        assert "is rejected" in problem["detail"]


async def test_a_closed_line_and_a_settled_loan_take_none_either(
    web: httpx.AsyncClient,  # noqa: F811 -- the fixture
    record: Services,  # noqa: F811 -- the fixture
) -> None:
    credit = await seeds.credit(record.database, "app", "alice")
    async with record.database.transaction() as tx:
        quote = await QuoteRepository(tx).get(credit.quote_id)
        await LineRepository(tx).set_state(credit.line_id, LineState.EXPIRED)
        await tx.connection.execute(
            "update loans set state = 'settled', settled_on = business_date where id = $1",
            credit.loan_id,
        )
    assert quote is not None
    drawing = {"quote_id": quote.id, "plan_hash": quote.plan_hash}
    for path, body, code, says in (
        (f"/v1/lines/{credit.line_id}/drawdowns", drawing, "line_closed", "is expired"),
        (f"/v1/loans/{credit.loan_id}/repayments", {}, "loan_closed", "is settled"),
        (f"/v1/loans/{credit.loan_id}/payoff-quotes", None, "loan_settled", "is settled"),
    ):
        began = monotonic()
        answer = await web.post(path, headers=keyed("applicant", "alice"), json=body)
        assert monotonic() - began < AT_ONCE_SECONDS
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    "process",
    [
        ids.application_workflow,
        ids.line_workflow,
        ids.drawdown_workflow,
        ids.loan_workflow,
        ids.repayment_workflow,
        ids.credit_analysis_workflow,
    ],
)
def test_every_kind_of_process_has_its_refusal(process: Callable[[str], str]) -> None:
    problem = problem_of(ProcessClosed(process("x_1"), "in_review"))
    assert problem.code in CATALOGUE
    assert (problem.status, "is in review: it takes no more" in problem.detail) == (409, True)
