"""`make demo` as a newcomer runs it: a stack of its own, the whole story, and the end of it all."""

import json
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.state import process_start, running_stack
from local.story.stage import Stage
from local.story.story import CHAPTERS, play
from local.story.timeline import JsonLines
from tests.e2e.conftest import Ended, run_starter, start_starter

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

STEPS = [step.title for chapter in CHAPTERS for step in chapter.steps]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
async def first(folder: Path) -> Ended:
    """The story on a fresh folder."""
    return await run_starter("demo", "--json", folder=folder)


def steps(ended: Ended) -> list[dict[str, Any]]:
    return [told for told in ended.objects if told["event"] == "step"]


def table(ended: Ended, title: str) -> list[dict[str, str]]:
    [found] = [
        told
        for told in ended.objects
        if told["event"] == "table" and told["title"].startswith(title)
    ]
    rows: list[dict[str, str]] = found["rows"]
    return rows


async def test_every_step_comes_out_as_told(first: Ended) -> None:
    assert first.code == 0, first.err
    assert [told["title"] for told in steps(first)] == STEPS
    assert all(told["ok"] for told in steps(first))


@pytest.mark.alone
@pytest.mark.slow
async def test_the_story_takes_less_than_a_minute_and_few_events(first: Ended) -> None:
    assert steps(first)[-1]["at"] < 60
    # An automatically approved application with six elements costs at most 60 events, a month of
    # a loan at most 14; where steps take long, waiting for them costs more.
    assert int(table(first, "Outcomes")[2]["application"]) <= 60
    assert int(table(first, "The loan")[0]["events"]) <= 14


# By any loan calculator: 10,000.00 at 2 % a month over 12 months is 11 x 945.60 and 945.55; by
# hand: 775.72 x 24 % x 6 / 365 = 3.06 of penalty, 6,119.87 owed after five instalments.
async def test_the_story_tells_the_figures_of_the_contract(first: Ended) -> None:
    outcomes = {told["title"]: told["outcome"] for told in steps(first)}
    assert outcomes["Has a plan quoted"].startswith("11 x 945.60 CNY, last 945.55 CNY")
    assert (
        "3.06 CNY of penalty"
        in outcomes["Six days past due the card is debited again, as the borrower asked"]
    )
    assert "6,119.87 CNY and" in outcomes["In month 6 a payoff is quoted"]
    assert "insufficient_funds" in outcomes["Instalment 3 fails"]
    assert "image_blurred" in outcomes["Identity card, both sides; the picture is blurred"]


async def test_the_end_tells_outcomes_and_balance(first: Ended) -> None:
    outcomes = table(first, "Outcomes")
    assert [row["applicant"] for row in outcomes] == [
        "first: loan settled early",
        "second: rejected by a rule",
        "third: approved automatically",
    ]
    balances = {row["account"]: row["balance"] for row in table(first, "Trial balance")}
    assert balances["sum"] == "0.00 CNY"
    # The third applicant's loan is left overdue.
    assert balances["principal_receivable"] == "10,000.00 CNY"
    assert balances["penalty_income"] == "-3.06 CNY"


@pytest.mark.usefixtures("first")
async def test_nothing_of_the_stack_is_left_running(folder: Path) -> None:
    assert running_stack(folder) is None
    assert not (folder / "stack.json").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("first")
async def test_a_second_run_finds_the_earlier_loan_and_plays_with_new_people(folder: Path) -> None:
    second = await run_starter("demo", folder=folder)
    assert second.code == 0, second.out + second.err
    assert "loans of earlier runs" in second.out
    assert "settled, disbursed on" in second.out
    assert second.out.count("✓") == len(STEPS)
    assert f"all {len(STEPS)} steps came out as expected" in second.out


@pytest.mark.slow
@pytest.mark.usefixtures("first")
async def test_run_stays_up_and_ctrl_c_stops_every_process(folder: Path) -> None:
    process = await start_starter("run", "--no-story", folder=folder)
    assert process.stdout is not None
    said = []
    while "Ctrl-C" not in (line := (await process.stdout.readline()).decode()):
        assert line, await process.communicate()
        said.append(line)
    state = running_stack(folder)
    assert state is not None
    assert set(state.processes) >= {"postgres", "temporal", "sandbox", "vision", "worker", "api"}
    for where in (state.api_url, state.temporal_ui_url, f"{folder}/logs"):
        assert where in "".join(said)
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert process.returncode == 0
    assert [name for name, pid in state.processes.items() if process_start(pid)] == []


async def test_a_step_that_comes_out_otherwise_ends_the_story(
    stage: Stage, sandbox: httpx.AsyncClient
) -> None:
    declines = {"provider": "payments", "operation": "disburse", "order_outcome": "card_closed"}
    (await sandbox.put("/sandbox/faults", json=declines)).raise_for_status()
    lines: list[str] = []
    outcome = await play(stage, JsonLines(lines.append))
    assert outcome.failure is not None
    assert outcome.failure.title == "Confirms the drawdown against that plan"
    assert "card_closed" in outcome.failure.otherwise
    last = json.loads(lines[-1])
    assert (last["event"], last["ok"], last["title"]) == ("step", False, outcome.failure.title)
