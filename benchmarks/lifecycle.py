"""Credits a second, from application to disbursement, beside the bare engine.

    python -m benchmarks.lifecycle [--credits 40] [--at-once 8]

One local stack serves all of it in one run, and every rate has the same two cores:

* bare: a Temporal workflow that runs as many no-op activities as a credit does;
* Loanflow through its HTTP API: application with six elements, decision, offer, quote, drawdown,
  signature, disbursement, loan booked;
* DBOS, where it is installed: a workflow of as many no-op steps on the same PostgreSQL.

Then one loan is moved through three due dates and its events a month are counted.
"""

import argparse
import asyncio
import gc
import os
import secrets
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks import peer
from benchmarks.bare import QUEUE, Bare, no_op
from local.stack import LocalStack
from local.story.client import Api, api_at, until
from local.story.handing_in import consents_to_everything
from local.story.people import elements
from local.story.stage import _tokens
from messages import ids
from runtime.settings import Settings
from runtime.temporal.client import connect
from runtime.time_travel import TimeTravel
from sandbox.personas import FAMILY_SIZE, person

MONTHS: Final = 3
_ACTIVITY_EVENTS: Final = ("EVENT_TYPE_ACTIVITY_TASK_SCHEDULED", "EVENT_TYPE_MARKER_RECORDED")


@dataclass(frozen=True)
class Credit:
    """The ids of one credit."""

    application_id: str
    line_id: str
    drawdown_id: str
    loan_id: str

    @property
    def workflows(self) -> dict[str, str]:
        """The workflow ids by name."""
        return {
            "application": ids.application_workflow(self.application_id),
            "line": ids.line_workflow(self.line_id),
            "drawdown": ids.drawdown_workflow(self.drawdown_id),
            "loan": ids.loan_workflow(self.loan_id),
        }


async def credit(api: Api, number: int, run: str) -> Credit:
    """Take one credit from nothing to disbursed through the public API."""
    who = person("approved", number % FAMILY_SIZE)
    application = await api.post(
        "partner",
        "/v1/applications",
        {
            "product": "cash",
            "channel": "app",
            "customer_reference": f"bench-{run}-{number}",
            "amount": 1_000_000,
            "instalments": 12,
            "consents": await consents_to_everything(api),
        },
    )
    application_id = application["id"]
    path = f"/v1/applications/{application_id}"
    actions = (await api.get("partner", f"{path}/liveness-challenge"))["actions"]
    answer = await api.post(
        "partner", f"{path}/elements", {"elements": elements(who, actions), "submit": True}
    )
    offer_id = answer["application"]["offer_id"]
    accepted = await api.post("partner", f"/v1/offers/{offer_id}/accept", {})
    line_id = accepted["line_id"]
    quote = await api.post(
        "partner", f"/v1/lines/{line_id}/quotes", {"amount": 1_000_000, "instalments": 12}
    )
    drawdown = await api.post(
        "partner",
        f"/v1/lines/{line_id}/drawdowns",
        {"quote_id": quote["id"], "plan_hash": quote["plan_hash"]},
    )
    disbursed = await until(
        lambda: api.get("partner", f"/v1/drawdowns/{drawdown['id']}"),
        lambda found: found["state"] == "disbursed",
        "the disbursement",
        seconds=60,
    )
    return Credit(application_id, line_id, drawdown["id"], disbursed["loan_id"])


async def credits_rate(api: Api, count: int, at_once: int) -> tuple[float, list[Credit]]:
    """Return credits a second and the credits."""
    gate = asyncio.Semaphore(at_once)
    run = secrets.token_hex(4)

    async def one(number: int) -> Credit:
        async with gate:
            return await credit(api, number, run)

    started = time.perf_counter()
    made = await asyncio.gather(*(one(number) for number in range(count)))
    return count / (time.perf_counter() - started), list(made)


async def bare_rate(client: Client, count: int, at_once: int, activities: int) -> float:
    """Return bare workflows a second, each of as many no-op activities as a credit has."""
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with gate:
            await client.execute_workflow(
                Bare.run, activities, id=f"bare-{secrets.token_hex(6)}-{number}", task_queue=QUEUE
            )

    async with Worker(client, task_queue=QUEUE, workflows=[Bare], activities=[no_op]):
        await one(0)
        started = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(count)))
        return count / (time.perf_counter() - started)


async def events_of(client: Client, workflow_id: str) -> Counter[str]:
    """Count a workflow's events by type, all its runs together."""
    counted: Counter[str] = Counter()
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
        counted[_name(event)] += 1
    return counted


def _name(event: Any) -> str:
    from temporalio.api.enums.v1 import EventType

    return EventType.Name(event.event_type)


async def loan_month_events(client: Client, travel: TimeTravel, loan_id: str, months: int) -> float:
    """Return the events that one month of a loan costs, time travel's own left out."""
    workflow_id = ids.loan_workflow(loan_id)
    before = await events_of(client, workflow_id)
    for _ in range(months):
        due = await travel.next_step_at(loan_id)
        assert due is not None
        _ = await travel.advance(loan_id, due)
    after = await events_of(client, workflow_id)
    spent = after - before
    travelling = sum(n for name, n in spent.items() if "OPTIONS" in name or "TIME_SKIPPING" in name)
    return (spent.total() - travelling) / months


async def measure(count: int, at_once: int) -> None:
    """Run everything and print it."""
    with tempfile.TemporaryDirectory(prefix="loanflow-bench-") as folder:
        async with LocalStack(Path(folder), keep_data=False, on_death="stop") as stack:
            os.environ.update(stack.environment)
            settings = Settings()
            client = await connect(settings)
            async with api_at(stack.api_url, _tokens(stack.environment)) as api:
                await credits_rate(api, 4, at_once)
                rate, made = await credits_rate(api, count, at_once)
            histories = {
                name: await events_of(client, workflow_id)
                for name, workflow_id in made[0].workflows.items()
            }
            activities = sum(
                counted[kind] for counted in histories.values() for kind in _ACTIVITY_EVENTS
            )
            bare = await bare_rate(client, count, at_once, activities)
            report(rate, bare, activities, histories)
            travel = TimeTravel(client, settings)
            month = await loan_month_events(client, travel, made[0].loan_id, MONTHS)
            print(f"events a loan-month    {month:8.1f}")
            if peer.is_installed():
                dbos = await peer.rate(stack.database_url, count, activities, at_once)
                print(
                    f"DBOS, same steps       {dbos:8.2f} /s   Loanflow is {rate / dbos:.2f} of it"
                )


def report(rate: float, bare: float, activities: int, histories: dict[str, Counter[str]]) -> None:
    """Print rates, ratio and events."""
    print(f"Loanflow credits       {rate:8.2f} /s   {activities} activities each")
    print(f"bare workflows         {bare:8.2f} /s   {activities} no-op activities each")
    print(f"ratio                  {rate / bare:8.2f}")
    for name, counted in histories.items():
        print(f"events: {name:<15}{counted.total():8d}")
    print(f"events: all            {sum(one.total() for one in histories.values()):8d}")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--credits", type=int, default=40)
    parser.add_argument("--at-once", type=int, default=8)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.credits, arguments.at_once))
    gc.collect()
    time.sleep(0.4)


if __name__ == "__main__":
    main()
