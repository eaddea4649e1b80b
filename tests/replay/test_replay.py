"""Processes that began under the recorded code go on under the present code."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.replay import keys
from tests.replay.altered import HastyLoan
from tests.replay.record import HISTORIES
from tests.workflows.lender import task_failures
from workflows.registry import WORKFLOWS

FILES = sorted(HISTORIES.glob("*.json"))


def recorded(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(file.stem, file.read_text(encoding="utf-8"))


def workflow_type(history: WorkflowHistory) -> str:
    return history.events[0].workflow_execution_started_event_attributes.workflow_type.name


def test_every_kind_of_process_has_a_history() -> None:
    recorded_types = {workflow_type(recorded(file)) for file in FILES}
    assert recorded_types == {workflow.__name__ for workflow in WORKFLOWS}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_history_replays(file: Path) -> None:
    replayer = Replayer(workflows=WORKFLOWS, plugins=[keys.plugin()])
    await replayer.replay_workflow(recorded(file))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_history_reports_no_failure(file: Path) -> None:
    events = list(recorded(file).events)
    assert task_failures(events) == []
    assert "TemporalReportedProblems" not in file.read_text(encoding="utf-8")


async def test_a_change_that_would_stop_running_loans_is_caught() -> None:
    history = recorded(HISTORIES / "loan_overdue_and_paid_off.json")
    replayer = Replayer(workflows=[HastyLoan], plugins=[keys.plugin()])
    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(history)
