"""A row that nobody carries on is found and its process started, whatever kind it is of, once.

The rows are written and the processes never started: as after the death of whoever wrote them, or
while Temporal could not be reached.
"""

import itertools
import json
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

import activities.processes
from activities.processes import MissingProcesses
from domain.credit_analysis.parsing import read_proposal
from domain.credit_analysis.parties import PersonKind
from domain.loans.events import Refunded
from domain.loans.position import position
from domain.loans.state import past_due
from messages import ids
from messages.ids import new_id
from messages.maintenance import Maintain
from runtime.settings import AnalysisClient
from runtime.temporal.siblings import Siblings
from services.credit_analysis.intake import record_proposal
from services.processes import start_of_process
from storage.database import Database
from storage.loans.loans import LoanRepository
from tests.api import seeds
from tests.proposals import legal_person

FIRST_DUE = date(2026, 2, 15)


@pytest.fixture
async def sweep(
    database: Database, dev_server: WorkflowEnvironment, task_queue_prefix: str
) -> AsyncIterator[MissingProcesses]:
    """Nobody works on the queue: what is started stays as it began."""
    siblings = Siblings(dev_server.client, task_queue_prefix)
    yield MissingProcesses(database, siblings)
    async for found in dev_server.client.list_workflows("ExecutionStatus = 'Running'"):
        if found.task_queue.startswith(task_queue_prefix):
            await dev_server.client.get_workflow_handle(found.id).terminate("the test is over")


async def is_known(client: Client, workflow_id: str) -> bool:
    try:
        found = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return found.status is WorkflowExecutionStatus.RUNNING


async def rows_without_processes(database: Database) -> dict[str, str]:
    """One open row of each kind; returns the workflow ids by kind."""
    credit = await seeds.credit(database, "app", new_id("per"), disbursed_on=date(2026, 1, 15))
    document = json.dumps(legal_person() | {"id": new_id("ana")})
    client = AnalysisClient.model_validate(
        {"client": "shop", "api_key_sha256": "0" * 64, "policy": "standard"}
    )
    async with database.transaction() as tx:
        loan = await LoanRepository(tx).get(credit.loan_id)
        assert loan is not None
        events = await LoanRepository(tx).events(credit.loan_id)
        on = FIRST_DUE + timedelta(days=40)
        stands = position(loan.terms, events, on)
        late = past_due(stands, loan.terms.delinquency)
        await LoanRepository(tx).project(credit.loan_id, stands, "M2", late, on, state_seq=2)
        await LoanRepository(tx).note_episode(credit.loan_id, 1)
        recorded = await record_proposal(
            tx,
            client,
            PersonKind.LEGAL,
            read_proposal(PersonKind.LEGAL, document),
            document,
            lender="own",
        )
    return {
        "application": ids.application_workflow(credit.application_id),
        "line": ids.line_workflow(credit.line_id),
        "drawdown": ids.drawdown_workflow(credit.drawdown_id),
        "loan": ids.loan_workflow(credit.loan_id),
        "repayment": ids.repayment_workflow(credit.repayment_id),
        "collections": ids.collections_workflow(credit.loan_id, 1),
        "credit-analysis": ids.credit_analysis_workflow(recorded.analysis.id),
    }


async def test_every_kind_of_open_row_gets_its_process_and_once(
    database: Database, sweep: MissingProcesses, dev_server: WorkflowEnvironment
) -> None:
    rows = await rows_without_processes(database)
    for kind, workflow_id in rows.items():
        assert not await is_known(dev_server.client, workflow_id), kind

    first = await sweep.start_missing(Maintain(after=0))

    assert (first.changed, first.after) == (len(rows), None)
    for kind, workflow_id in rows.items():
        assert await is_known(dev_server.client, workflow_id), kind
    again = await sweep.start_missing(Maintain(after=0))
    assert (again.changed, again.after) == (0, None)


async def test_what_runs_is_left_as_it_is(
    database: Database, sweep: MissingProcesses, dev_server: WorkflowEnvironment
) -> None:
    rows = await rows_without_processes(database)
    async with database.transaction() as tx:
        start = await start_of_process(tx, rows["loan"])
    assert start is not None
    await sweep.siblings.start(start)
    handle = dev_server.client.get_workflow_handle(rows["loan"])
    before = (await handle.describe()).run_id
    assert (await sweep.start_missing(Maintain(after=0))).changed == len(rows) - 1
    assert (await handle.describe()).run_id == before


async def test_the_work_of_one_part_is_bounded_and_all_is_done_in_the_end(
    database: Database, sweep: MissingProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part ends in time, and the next one goes on behind it: nothing is looked at twice."""
    monkeypatch.setattr(activities.processes, "PAGE_ROWS", 2)
    ticks = itertools.count()
    monkeypatch.setattr(activities.processes, "monotonic", lambda: next(ticks) * 5.0)
    async with database.transaction() as tx:
        for _ in range(5):
            await seeds.application(tx, "app", new_id("per"))
    parts = [await sweep.start_missing(Maintain(after=0))]
    while parts[-1].after is not None:
        assert parts[-1].changed <= 2
        parts.append(await sweep.start_missing(Maintain(after=0, cursor=parts[-1].cursor)))
    assert sum(part.changed for part in parts) == 5


async def test_a_loan_that_contradicts_itself_holds_up_no_other(
    database: Database,
    sweep: MissingProcesses,
    dev_server: WorkflowEnvironment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Money was paid back that nobody had on credit: where that loan stands cannot be said."""
    broken = await rows_without_processes(database)
    loan_id = broken["loan"].partition(":")[2]
    impossible = Refunded(key=f"{loan_id}:impossible", on=FIRST_DUE, amount=1)
    async with database.transaction() as tx:
        await LoanRepository(tx).append_event(loan_id, impossible, FIRST_DUE)
    sound = await rows_without_processes(database)

    first = await sweep.start_missing(Maintain(after=0))

    unstarted = {broken["loan"], broken["collections"]}
    assert (first.changed, first.after) == (len(broken) + len(sound) - len(unstarted), None)
    for workflow_id in (*broken.values(), *sound.values()):
        assert await is_known(dev_server.client, workflow_id) == (workflow_id not in unstarted)
    # What keeps failing keeps nothing behind it waiting, however few rows a page has: those that
    # were written since are found by the next run.
    monkeypatch.setattr(activities.processes, "PAGE_ROWS", 1)
    late = await rows_without_processes(database)
    again = await sweep.start_missing(Maintain(after=0))
    assert (again.changed, again.after) == (len(late), None)
    for workflow_id in late.values():
        assert await is_known(dev_server.client, workflow_id)


async def test_what_is_closed_needs_no_process(database: Database, sweep: MissingProcesses) -> None:
    async with database.transaction() as tx:
        start = await seeds.application(tx, "app", "closed")
    await seeds.set_state(database, start.application_id, "withdrawn")
    async with database.transaction() as tx:
        for workflow_id in (
            ids.application_workflow(start.application_id),
            ids.application_workflow(new_id("app")),
            "maintenance:sum_ledger",
            "nonsense",
        ):
            assert await start_of_process(tx, workflow_id) is None
    assert (await sweep.start_missing(Maintain(after=0))).changed == 0
