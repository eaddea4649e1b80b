"""The command line on a whole stack: a life of credit by commands, and time that passes."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from local.stack import LocalStack
from local.story.processes import temporal_client
from messages import ids
from runtime.settings import Settings
from runtime.time_travel import (
    Hop,
    LoanEndedError,
    TimeTravel,
    TimeTravelError,
    TimeTravelOffError,
    TravelStuckError,
)
from tests.e2e.conftest import Callers, CommandLine, run_starter

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]


@pytest.fixture
async def client(stack: LocalStack) -> Client:
    return await temporal_client(stack.environment)


def travel_with(client: Client, **options: Any) -> TimeTravel:
    return TimeTravel(client, Settings.model_validate({"time_travel": True}), **options)


async def new_loan(
    starter: CommandLine,
    *,
    person: str = "approved",
    product: str = "cash",
    amount: str = "6000.00",
    months: int = 6,
) -> dict[str, Any]:
    """Return the drawdown of a new loan of a new person."""
    wanted = ("--amount", amount, "--months", str(months))
    asked = ("--person", person, "--product", product)
    application = (await starter("apply", *asked, *wanted)).object
    if application["state"] == "in_review":
        application = (await starter("approve", application["id"])).object
    accepted = (await starter("accept", application["id"])).object
    return (await starter("draw", accepted["line_id"], *wanted)).object


def principal(loan: dict[str, Any]) -> int:
    owed = loan["position"]["principal_outstanding"]
    assert isinstance(owed, int)
    return owed


@pytest.mark.slow
# 6,000.00 over 6 months at 2 % a month: an annuity of 1,071.15; the first interest is 120.00.
async def test_a_life_of_credit_by_commands(starter: CommandLine) -> None:
    drawdown = await new_loan(starter)
    assert drawdown["state"] == "disbursed"
    assert [row["total"] for row in drawdown["plan"]][:5] == [107_115] * 5
    loan_id = drawdown["loan_id"]

    due_on = date.fromisoformat(drawdown["plan"][0]["due_on"])
    arrived = (await starter("advance", loan_id, "--to-next")).object
    assert arrived["loan"]["position"]["as_of"] == due_on.isoformat()
    assert principal(arrived["loan"]) == 600_000 - (107_115 - 12_000)

    nothing_due = await starter("repay", loan_id)
    assert nothing_due.code == 1
    assert json.loads(nothing_due.err)["error"]["code"] == "nothing_due"

    early = (await starter("repay", loan_id, "--amount", "100.00")).object
    assert (early["state"], early["amount"]) == ("settled", 10_000)
    settled = (await starter("repay", loan_id, "--payoff")).object
    assert (settled["state"], settled["source"]) == ("settled", "payoff")
    shown = (await starter("show", loan_id)).object
    assert (shown["state"], principal(shown)) == ("settled", 0)
    assert (await starter("show", settled["id"])).object["amount"] == settled["amount"]

    after = await starter("advance", loan_id, "--days", "1")
    assert after.code == 1
    assert "is over" in json.loads(after.err)["error"]["detail"]
    assert (await starter("reconcile")).object["reconciled"] is True


async def test_a_reviewer_rejects_and_nobody_can_approve_any_more(starter: CommandLine) -> None:
    application = (await starter("apply", "--person", "story")).object
    assert (application["state"], application["waiting"]) == ("in_review", "reviewer")
    reason = ("--reason", "employer unknown")
    assert (await starter("reject", application["id"], *reason)).object["state"] == "rejected"
    too_late = await starter("approve", application["id"])
    assert too_late.code == 1
    assert json.loads(too_late.err)["error"]["code"] == "review_closed"


async def test_what_lies_outside_the_product_is_refused_with_its_reason(
    starter: CommandLine,
) -> None:
    refused = await starter("apply", "--amount", "60000.00")
    assert refused.code == 1
    error = json.loads(refused.err)["error"]
    assert (error["code"], error["status"]) == ("outside_product", 422)


@pytest.mark.slow
async def test_the_environment_can_name_the_installation(
    stack: LocalStack, starter: CommandLine, tmp_path: Path
) -> None:
    application = (await starter("apply")).object
    named = {name: stack.environment[name] for name in ("LOANFLOW_PUBLIC_URL", "LOANFLOW_TOKENS")}
    ended = await run_starter("show", application["id"], "--json", folder=tmp_path, settings=named)
    assert ended.object["id"] == application["id"]


async def test_a_second_stack_in_the_same_folder_is_refused(stack: LocalStack) -> None:
    ended = await run_starter("demo", folder=stack.folder)
    assert ended.code == 1
    assert "already runs" in ended.err


@pytest.mark.slow
# The ladder: a reminder on day 1, a call on day 4, a notice on day 8, each at 10:00 in Shanghai
# (02:00 UTC); the debit at 08:30 on the due date, the mark at 00:30 on the day after.
async def test_a_line_for_a_year_is_drawn_on_with_a_card_that_was_bound(
    starter: CommandLine,
) -> None:
    drawdown = await new_loan(starter, product="revolving")
    assert drawdown["state"] == "disbursed"
    again = (await starter("draw", drawdown["line_id"], "--amount", "1000.00")).code
    assert again == 1  # All of it was drawn.


@pytest.mark.slow
async def test_an_overdue_loan_and_its_case_live_through_the_same_days(
    starter: CommandLine, client: Client, api: Callers, sandbox: httpx.AsyncClient
) -> None:
    drawdown = await new_loan(starter, person="story")
    loan_id = drawdown["loan_id"]
    third_due = date.fromisoformat(drawdown["plan"][2]["due_on"])
    first = await starter("advance", loan_id, "--to", (third_due - timedelta(days=1)).isoformat())
    assert first.object["loan"]["state"] == "current"

    target = (third_due + timedelta(days=9)).isoformat()
    arrived = (await starter("advance", loan_id, "--to", target)).object
    assert [stop["reason"] for stop in arrived["stops"]] == [
        "the loan's next step",
        "the loan's next step",
        "reminder",
        "first_call",
        "second_notice",
        "arrived",
    ]
    days = [date.fromisoformat(stop["at"][:10]) - third_due for stop in arrived["stops"]]
    assert [day.days for day in days] == [0, 0, 1, 4, 8, 9]
    assert arrived["loan"]["position"]["days_past_due"] == 9
    for step in ("reminder", "second_notice"):
        message_id = ids.derived_id("act", loan_id, "1", step)
        sent = await sandbox.get("/sandbox/messages", params={"message_id": message_id})
        assert len(sent.json()) == 1
    tasks = (await api("collector").get("/v1/collections/tasks", params={"limit": 100})).json()
    assert [
        (task["step"], task["days_past_due"])
        for task in tasks["items"]
        if task["loan_id"] == loan_id
    ] == [("first_call", 4)]

    paid = (await starter("repay", loan_id)).object
    assert paid["amount"] > 107_115
    on = (await starter("advance", loan_id, "--days", "10")).object
    assert (on["loan"]["state"], on["loan"]["position"]["bucket"]) == ("current", "M0")
    case = await client.get_workflow_handle(ids.collections_workflow(loan_id, 1)).describe()
    assert case.status is not None
    assert case.status.name == "COMPLETED"


@pytest.mark.slow
async def test_a_month_ends_on_the_same_day_of_the_month(starter: CommandLine) -> None:
    drawdown = await new_loan(starter)
    due = [date.fromisoformat(row["due_on"]) for row in drawdown["plan"]]
    arrived = (await starter("advance", drawdown["loan_id"], "--months", "2")).object
    assert arrived["loan"]["position"]["as_of"] == due[1].isoformat()
    assert arrived["at"][11:19] == "04:00:01"
    states = [row["state"] for row in arrived["loan"]["position"]["instalments"]]
    assert states == ["paid", "paid", *["upcoming"] * 4]


async def test_an_installation_on_the_wall_clock_refuses(client: Client) -> None:
    with pytest.raises(TimeTravelOffError, match="local stack only"):
        TimeTravel(client, Settings.model_validate({"time_travel": False}))


@pytest.mark.slow
async def test_time_does_not_run_backwards(starter: CommandLine, client: Client) -> None:
    loan_id = (await new_loan(starter))["loan_id"]
    travel = travel_with(client)
    with pytest.raises(TimeTravelError, match="already past"):
        await travel.advance(loan_id, await travel.noon_of(loan_id, date(2020, 1, 1)))
    # A loan that nobody pays has something to do each day: this never ended (fault list, O8).
    with pytest.raises(TimeTravelError, match="50 years at most"):
        await travel.advance(loan_id, await travel.noon_of(loan_id, date(9999, 12, 31)))
    with pytest.raises(TimeTravelError, match="50 years at most"):
        await travel.target(loan_id, days=10**9)


async def test_a_loan_that_nobody_has_cannot_be_moved(client: Client) -> None:
    with pytest.raises(TimeTravelError, match="there is no loan:"):
        await travel_with(client).target(ids.new_id("loa"), days=1)


@pytest.mark.slow
async def test_a_hop_that_waits_for_a_provider_says_so_and_goes_on_later(
    starter: CommandLine, client: Client, sandbox: httpx.AsyncClient
) -> None:
    loan_id = (await new_loan(starter))["loan_id"]
    down = {"provider": "payments", "operation": "*", "status": 503}
    (await sandbox.put("/sandbox/faults", json=down)).raise_for_status()
    travel = travel_with(client, hop_seconds=3.0)
    target = await travel.target(loan_id, months=1, days=1)
    with pytest.raises(TravelStuckError, match=f"loan:{loan_id} .* waits for"):
        await travel.advance(loan_id, target)
    await sandbox.delete("/sandbox/faults")
    # The bank is asked again after at most 20 s.
    hops: list[Hop] = []
    arrival = await travel_with(client).advance(loan_id, target, hops.append)
    assert not arrival.ended
    assert arrival.at > target
    shown = (await starter("show", loan_id)).object
    assert [row["state"] for row in shown["position"]["instalments"]][:2] == ["paid", "upcoming"]


@pytest.mark.slow
async def test_a_loan_that_ends_on_the_way_is_named(starter: CommandLine, client: Client) -> None:
    loan_id = (await new_loan(starter, months=3, amount="3000.00"))["loan_id"]
    travel = travel_with(client)
    arrival = await travel.advance(loan_id, await travel.target(loan_id, months=5))
    assert arrival.ended
    with pytest.raises(LoanEndedError):
        await travel.next_step_at(loan_id)
