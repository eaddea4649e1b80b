"""What a caller may do next: what is listed is accepted, what is not is refused.

The expected lists are written by hand from the life of a credit (docs/api.md), not from the rules.
"""

from datetime import date
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from api.http.access import RULES
from api.http.next_actions import ROUTES
from api.http.services import Services
from api.routes import ROUTERS
from domain.applications.actions import POSSIBLE_IN, ApplicationAction, possible_actions
from domain.applications.application import ApplicationState
from domain.lines import LineState, line_actions
from domain.loans.actions import loan_actions
from domain.loans.state import LoanState
from storage.lines.lines import LineRepository
from tests.api import seeds
from tests.api.conftest import bearer, keyed

APPLICANT = {
    ApplicationState.COLLECTING: ["provide_elements", "withdraw"],
    ApplicationState.DECIDING: ["withdraw"],
    ApplicationState.IN_REVIEW: ["withdraw"],
    ApplicationState.OFFERED: ["withdraw", "accept_offer"],
    ApplicationState.ACCEPTED: [],
    ApplicationState.REJECTED: ["appeal"],
    ApplicationState.WITHDRAWN: [],
    ApplicationState.EXPIRED: [],
}
REVIEWER = {
    state: ["approve", "reject", "request_supplement"] * (state is ApplicationState.IN_REVIEW)
    for state in ApplicationState
}


async def listed(http: httpx.AsyncClient, path: str, role: str, subject: str) -> dict[str, str]:
    """Return the paths by action that an answer lists."""
    answer = await http.get(path, headers=bearer(role, subject))
    assert answer.status_code == 200, answer.text
    return {one["action"]: one["path"] for one in answer.json()["next_actions"]}


@pytest.mark.parametrize("state", list(ApplicationState))
async def test_an_application_lists_what_its_reader_may_do(
    http: httpx.AsyncClient, services: Services, state: ApplicationState
) -> None:
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")
        if state in (ApplicationState.OFFERED, ApplicationState.ACCEPTED):
            await seeds.line(tx, start)
    if state is not ApplicationState.COLLECTING:
        code = "R01" if state is ApplicationState.REJECTED else None
        await seeds.set_state(services.database, start.application_id, state, reject_code=code)
    path = f"/v1/applications/{start.application_id}"
    assert list(await listed(http, path, "applicant", "alice")) == APPLICANT[state]
    assert list(await listed(http, path, "reviewer", "rita")) == REVIEWER[state]
    assert await listed(http, path, "analyst", "anna") == {}


def test_what_is_asked_for_is_provided_before_a_decision_is_asked_for() -> None:
    collecting = ApplicationState.COLLECTING
    lacking = possible_actions(collecting, may_provide=True, lacks_elements=True, may_appeal=False)
    assert ApplicationAction.SUBMIT not in lacking
    whole = possible_actions(collecting, may_provide=False, lacks_elements=False, may_appeal=False)
    assert whole == (ApplicationAction.SUBMIT, ApplicationAction.WITHDRAW)


@pytest.mark.parametrize("state", list(ApplicationState))
def test_nothing_is_possible_after_the_end(state: ApplicationState) -> None:
    found = [action for action, states in POSSIBLE_IN.items() if state in states]
    # An appeal begins what a rejection ended anew.
    expected = [ApplicationAction.APPEAL] if state is ApplicationState.REJECTED else []
    assert found == expected if state.is_final else bool(found)


def test_every_action_is_a_route_that_somebody_may_call() -> None:
    served = {
        (method, route.path_format)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    for action, route in ROUTES.items():
        assert route in served, action
        assert RULES[route].roles, action


@pytest.mark.parametrize("state", list(LineState))
async def test_a_line_that_lists_a_quote_gives_one_and_another_refuses(
    http: httpx.AsyncClient, services: Services, state: LineState
) -> None:
    async with services.database.transaction() as tx:
        start = await seeds.application(tx, "app", "alice")
        _, line_id = await seeds.line(tx, start)
        await LineRepository(tx).set_state(line_id, state)
    may = await listed(http, f"/v1/lines/{line_id}", "applicant", "alice")
    assert list(may) == (["quote", "draw"] if state is LineState.ACTIVE else [])
    assert await listed(http, f"/v1/lines/{line_id}", "ops", "otto") == {}
    asked = await http.post(
        may.get("quote", f"/v1/lines/{line_id}/quotes"),
        headers=keyed("applicant", "alice"),
        json={"amount": 1_000_000, "instalments": 12},
    )
    assert asked.status_code == (201 if may else 409)


def test_a_line_that_is_used_up_or_out_of_time_lists_nothing() -> None:
    assert line_actions(LineState.ACTIVE, 0, is_over=False) == ()
    assert line_actions(LineState.ACTIVE, 1, is_over=True) == ()


async def test_a_loan_that_waits_for_the_bank_lists_no_repayment(
    http: httpx.AsyncClient, services: Services
) -> None:
    credit = await seeds.credit(services.database, "app", "alice", disbursed_on=date(2026, 1, 15))
    path = f"/v1/loans/{credit.loan_id}"
    assert list(await listed(http, path, "applicant", "alice")) == ["quote_payoff"]
    assert list(await listed(http, path, "ops", "otto")) == ["record"]
    quoted = await http.post(f"{path}/payoff-quotes", headers=keyed("applicant", "alice"))
    assert quoted.status_code == 201, quoted.text

    repayment = f"/v1/repayments/{credit.repayment_id}"
    assert await listed(http, repayment, "applicant", "alice") == {}
    async with services.database.transaction() as tx:
        await tx.connection.execute(
            "update repayments set state = 'failed', reason = 'card_closed' where id = $1",
            credit.repayment_id,
        )
    assert await listed(http, path, "applicant", "alice") == {
        "repay": f"{path}/repayments",
        "quote_payoff": f"{path}/payoff-quotes",
    }
    assert await listed(http, repayment, "applicant", "alice") == {"repay": f"{path}/repayments"}


async def test_a_drawdown_leads_to_its_loan(http: httpx.AsyncClient, services: Services) -> None:
    credit = await seeds.credit(services.database, "app", "alice")
    path = f"/v1/drawdowns/{credit.drawdown_id}"
    assert await listed(http, path, "applicant", "alice") == {}
    async with services.database.transaction() as tx:
        await tx.connection.execute(
            "update drawdowns set state = 'disbursed' where id = $1", credit.drawdown_id
        )
    assert await listed(http, path, "applicant", "alice") == {
        "read_loan": f"/v1/loans/{credit.loan_id}"
    }


@pytest.mark.parametrize(
    ("state", "at_bank", "expected"),
    [
        (LoanState.CURRENT, False, ["repay", "quote_payoff", "record"]),
        (LoanState.CURRENT, True, ["quote_payoff", "record"]),
        (LoanState.OVERDUE, False, ["repay", "quote_payoff", "record"]),
        # What comes in after the loss is a recovery; nobody can pay off what was given up.
        (LoanState.WRITTEN_OFF, False, ["repay", "record"]),
        (LoanState.SETTLED, False, ["record"]),
    ],
)
def test_what_may_be_done_with_a_loan(state: LoanState, at_bank: bool, expected: Any) -> None:
    assert [one.value for one in loan_actions(state, is_at_bank=at_bank)] == expected
