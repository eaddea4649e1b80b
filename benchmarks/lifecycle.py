"""What a credit costs, from application to disbursement, beside the bare engine.

    python -m benchmarks.lifecycle [--credits 42] [--at-once 8]

One local stack serves all of it in one run on the same cores:

* the yardstick: a Temporal workflow that runs 14 no-op activities, always 14;
* Loanflow through its HTTP API: application with six elements, decision, offer, quote, drawdown,
  signature, disbursement, loan booked, each for a person who was never seen before;
* DBOS, where it is installed: a workflow of as many no-op steps on the same PostgreSQL.

Both take turns, so that a slow minute slows both. Milliseconds are of CPU, not of a clock, and are
stated for the machine that `credit_costs.toml` names: a yardstick workflow took so many there.
Exit code 1 when a limit of that file is exceeded.
"""

import argparse
import asyncio
import compileall
import gc
import itertools
import os
import secrets
import statistics
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks import peer
from benchmarks.bare import QUEUE, Bare, no_op
from benchmarks.processor_time import cpu_ms
from benchmarks.statements import StatementLog, own_work, transactions
from local.stack import LocalStack
from local.state import CODE_FOLDER
from local.story.client import Api, api_at, until
from local.story.handing_in import consents_to_everything
from local.story.people import elements
from local.story.stage import tokens_by_role
from messages import ids
from runtime.settings import Settings
from runtime.temporal.client import connect
from runtime.time_travel import TimeTravel
from sandbox.personas import person

ACTIVITIES: Final = 14
"""Of the yardstick. Frozen: what a credit costs is compared over the years."""

ROUNDS: Final = 3
QUIET: Final = 10
COUNTED: Final = 5
MONTHS: Final = 3
_OURS: Final = ("temporal", "postgres", "worker", "api")
_STEPS: Final = ("apply", "elements and submit", "accept", "quote", "draw down")
_COSTS: Final = Path(__file__).with_name("credit_costs.toml")
_people: Final = itertools.count()


@dataclass(frozen=True)
class Credit:
    """The ids of one credit, and how long the applicant waited for the answer to the elements."""

    application_id: str
    line_id: str
    drawdown_id: str
    loan_id: str
    answered_in_ms: float

    @property
    def workflows(self) -> dict[str, str]:
        """The workflow ids by name."""
        return {
            "application": ids.application_workflow(self.application_id),
            "line": ids.line_workflow(self.line_id),
            "drawdown": ids.drawdown_workflow(self.drawdown_id),
            "loan": ids.loan_workflow(self.loan_id),
        }


@dataclass
class Costs:
    """Seconds of the clock and CPU milliseconds by process, of `count` pieces of work."""

    count: int = 0
    seconds: float = 0.0
    cpu: Counter[str] = field(default_factory=Counter)

    def of_one(self, *names: str) -> float:
        """Return the CPU milliseconds of one piece in the processes `names`."""
        return sum(self.cpu[name] for name in names) / self.count

    @property
    def rate(self) -> float:
        """Pieces a second."""
        return self.count / self.seconds


Step = Callable[[str], Awaitable[None]]


async def _pass_on(_: str) -> None:
    """Be told of a step that ended, and do nothing."""


async def credit(api: Api, run: str, ended: Step = _pass_on) -> Credit:
    """Take one credit of a new person from nothing to disbursed through the public API."""
    number = next(_people)
    who = person("approved", number)
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
    await ended("apply")
    handed_in = {"elements": elements(who, actions), "submit": True}
    started = time.perf_counter()
    answer = await api.post("partner", f"{path}/elements", handed_in)
    answered_in_ms = (time.perf_counter() - started) * 1000
    await ended("elements and submit")
    offer_id = answer["application"]["offer_id"]
    accepted = await api.post("partner", f"/v1/offers/{offer_id}/accept", {})
    line_id = accepted["line_id"]
    await ended("accept")
    quote = await api.post(
        "partner", f"/v1/lines/{line_id}/quotes", {"amount": 1_000_000, "instalments": 12}
    )
    await ended("quote")
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
    await ended("draw down")
    return Credit(application_id, line_id, drawdown["id"], disbursed["loan_id"], answered_in_ms)


async def side_by_side(count: int, at_once: int, one: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Run `one` so many times, `at_once` at a time."""
    slots = asyncio.Semaphore(at_once)

    async def limited() -> Any:
        async with slots:
            return await one()

    return await asyncio.gather(*(limited() for _ in range(count)))


class Meter:
    """Adds up what the stack's processes and this one spend on some work."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack

    @asynccontextmanager
    async def measuring(self, costs: Costs, count: int) -> AsyncIterator[None]:
        """Add the block's costs to `costs`, as those of `count` pieces."""
        before, started = self._now(), time.perf_counter()
        yield
        costs.seconds += time.perf_counter() - started
        costs.count += count
        costs.cpu.update(self._now() - before)

    def _now(self) -> Counter[str]:
        supervisor = self._stack.supervisor
        children = {name: supervisor.pid(name) for name in supervisor.names}
        used = {name: cpu_ms(pid) for name, pid in children.items()}
        used["this process"] = cpu_ms(os.getpid(), without=frozenset(children.values()))
        return Counter(used)


async def yardstick(client: Client, count: int, at_once: int) -> None:
    """Run bare workflows."""

    async def one() -> None:
        workflow_id = f"bare-{secrets.token_hex(8)}"
        await client.execute_workflow(Bare.run, ACTIVITIES, id=workflow_id, task_queue=QUEUE)

    await side_by_side(count, at_once, one)


async def events_of(client: Client, workflow_id: str) -> Counter[str]:
    """Count a workflow's events by type, all its runs together."""
    counted: Counter[str] = Counter()
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
        counted[EventType.Name(event.event_type)] += 1
    return counted


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


async def statements_by_step(stack: LocalStack, api: Api, run: str) -> dict[str, Counter[str]]:
    """Return the SQL statements of the steps of COUNTED credits, one credit after the other."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        log = StatementLog(connection, stack.supervisor.log("postgres"))
        counted: dict[str, Counter[str]] = {step: Counter() for step in _STEPS}

        async def ended(step: str) -> None:
            counted[step] += await log.taken()

        await log.start()
        for _ in range(COUNTED):
            await credit(api, run, ended)
        await log.stop()
        return counted
    finally:
        await connection.close()


@dataclass(frozen=True)
class Measured:
    """Everything that one run found out; statements and events are of one credit."""

    credits: Costs
    bare: Costs
    answered_in_ms: float
    statements: dict[str, float]
    transactions: float
    events: dict[str, float]

    @property
    def normal(self) -> float:
        """What to multiply CPU milliseconds with to state them for the machine of the file."""
        reference: float = _costs()["machine"]["yardstick_ms"]
        return reference / self.bare.of_one("temporal", "this process")

    @property
    def ms(self) -> float:
        """CPU milliseconds of a credit in our processes and servers, normalised."""
        return self.credits.of_one(*_OURS) * self.normal

    @property
    def ratio(self) -> float:
        """Credits a second as a share of yardstick workflows a second."""
        return self.credits.rate / self.bare.rate


async def measure(count: int, at_once: int, show_statements: int) -> bool:
    """Run everything and print it; return whether all limits are kept."""
    _compile()
    with tempfile.TemporaryDirectory(prefix="loanflow-bench-") as folder:
        async with LocalStack(Path(folder), keep_data=False, on_death="stop") as stack:
            os.environ.update(stack.environment)
            settings = Settings()
            client = await connect(settings)
            run = secrets.token_hex(4)
            meter, credits_, bare = Meter(stack), Costs(), Costs()
            made: list[Credit] = []
            async with (
                api_at(stack.api_url, tokens_by_role(stack.environment)) as api,
                Worker(client, task_queue=QUEUE, workflows=[Bare], activities=[no_op]),
            ):
                await side_by_side(6, 2, lambda: credit(api, run))
                await yardstick(client, 2, 1)
                quiet = [await credit(api, run) for _ in range(QUIET)]
                for _ in range(ROUNDS):
                    async with meter.measuring(bare, count // ROUNDS):
                        await yardstick(client, count // ROUNDS, at_once)
                    async with meter.measuring(credits_, count // ROUNDS):
                        made += await side_by_side(
                            count // ROUNDS, at_once, lambda: credit(api, run)
                        )
                by_step = await statements_by_step(stack, api, run)
            measured = Measured(
                credits=credits_,
                bare=bare,
                answered_in_ms=statistics.median(one.answered_in_ms for one in quiet),
                statements={step: own_work(one) / COUNTED for step, one in by_step.items()},
                transactions=sum(transactions(one) for one in by_step.values()) / COUNTED,
                events=await _events(client, made[:COUNTED]),
            )
            kept = report(measured)
            if show_statements:
                _print_statements(by_step, show_statements)
            travel = TimeTravel(client, settings)
            month = await loan_month_events(client, travel, made[0].loan_id, MONTHS)
            print(f"events a loan-month     {month:8.1f}")
            if peer.is_installed():
                dbos = await peer.rate(stack.database_url, count, ACTIVITIES, at_once)
                print(f"DBOS, same steps        {dbos:8.2f} /s")
            return kept


def _compile() -> None:
    """Compile the product, so that no start compiles it while it is measured."""
    for folder in sorted(CODE_FOLDER.iterdir()):
        if (folder / "__init__.py").exists():
            _ = compileall.compile_dir(folder, quiet=1)


async def _events(client: Client, made: list[Credit]) -> dict[str, float]:
    found: Counter[str] = Counter()
    for one in made:
        for name, workflow_id in one.workflows.items():
            found[name] += (await events_of(client, workflow_id)).total()
    return {name: number / len(made) for name, number in found.items()}


def report(found: Measured) -> bool:
    """Print what was found and return whether all limits are kept."""
    bare = found.bare.of_one("temporal", "this process")
    print(f"yardstick               {found.bare.rate:8.2f} /s   {ACTIVITIES} no-op activities")
    print(f"credits                 {found.credits.rate:8.2f} /s")
    server = found.bare.of_one("temporal")
    print(
        f"CPU of a yardstick      {bare:8.0f} ms, {server:.0f} of them Temporal's;"
        f" times {found.normal:.2f} is normalised"
    )
    for name in sorted(found.credits.cpu, key=lambda name: -found.credits.cpu[name]):
        spent = found.credits.of_one(name)
        counted = "" if name in _OURS else "   not counted"
        print(f"CPU: {name:<18} {spent * found.normal:8.0f} ms normalised{counted}")
    for step, number in found.statements.items():
        print(f"statements: {step:<20}{number:6.1f}")
    print(f"transactions            {found.transactions:8.1f}")
    for name, number in found.events.items():
        print(f"events: {name:<15} {number:8.1f}")
    return _print_limits(found)


def _print_limits(found: Measured) -> bool:
    costs = _costs()
    allowed = Counter[str]()
    for part in costs["part"]:
        shares = {name: part[name] for name in ("ms", "events", "statements")}
        allowed.update(shares)
        print(f"part: {part['name']}: {shares}")
    floor, quiet = costs["floor"]["ratio"], costs["quiet"]["elements_and_submit_ms"]
    lines = [
        ("ratio to the yardstick", found.ratio, floor, found.ratio >= floor),
        ("elements and submit, ms", found.answered_in_ms, quiet, found.answered_in_ms <= quiet),
    ]
    spent = {
        "ms": found.ms,
        "events": sum(found.events.values()),
        "statements": sum(found.statements.values()),
    }
    lines += [(name, value, allowed[name], value <= allowed[name]) for name, value in spent.items()]
    for name, value, limit, kept in lines:
        print(f"{name:<24}{value:8.2f}   limit {limit:8.2f}   {'kept' if kept else 'EXCEEDED'}")
    return all(kept for *_, kept in lines)


def _print_statements(by_step: dict[str, Counter[str]], most: int) -> None:
    for step, counted in by_step.items():
        print(f"-- {step}")
        for text, number in counted.most_common(most):
            print(f"{number / COUNTED:6.1f}  {text[:150]}")


def _costs() -> dict[str, Any]:
    return tomllib.loads(_COSTS.read_text())


def main() -> int:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--credits", type=int, default=42)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument(
        "--show-statements", type=int, default=0, help="print so many statements of each step"
    )
    arguments = parser.parse_args()
    kept = asyncio.run(measure(arguments.credits, arguments.at_once, arguments.show_statements))
    gc.collect()
    time.sleep(0.4)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
