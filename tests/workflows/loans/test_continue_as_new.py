"""Long lives in several runs: what a run hands to the next, and what its callers notice of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from domain.applications.application import ElementRefused
from domain.lines import LineState
from domain.loans.state import LoanState
from domain.verification.elements import ElementKind, OperatorReport, Verdict
from messages import search_attributes as attributes
from messages.ids import new_id
from messages.loans import RepayCommand
from messages.payments import TransferStatus
from runtime.settings import Settings
from runtime.temporal.plugin import LoanflowPlugin
from sandbox.data_imports import RIGHT_CODE
from storage.database import Database
from storage.verification.elements import ElementRepository
from tests.integration import story
from tests.simulators import Simulators
from tests.workflows.borrowing import Line, Loan, lend, open_line
from tests.workflows.lender import Lender, eventually, of_type, open_lender, person, refused
from tests.workflows.lines.test_line_elements import (
    confirm,
    importing,
    line_without_card,
    notify,
    provide,
)

EVENTS_A_RUN = 30
FIRST_DUE = date(2031, 2, 15)
INSTALMENT = 94_560


@pytest.fixture(scope="module")
async def impatient_server(
    dev_server_options: dict[str, Any],
) -> AsyncIterator[WorkflowEnvironment]:
    """A server that asks workflows to begin a new run after a few events."""
    limit = f"limit.historyCount.suggestContinueAsNew={EVENTS_A_RUN}"
    extra = [*dev_server_options["dev_server_extra_args"], "--dynamic-config-value", limit]
    options = {**dev_server_options, "dev_server_extra_args": extra}
    async with await WorkflowEnvironment.start_local(**options) as env:
        yield env


@pytest.fixture
async def lender(
    impatient_server: WorkflowEnvironment,
    own_settings: Settings,
    record: Database,
    running_simulators: Simulators,
    plugin: LoanflowPlugin,
) -> AsyncIterator[Lender]:
    async with open_lender(
        impatient_server.client, own_settings, record, running_simulators, plugin
    ) as opened:
        yield opened


async def runs(lender: Lender, workflow_id: str) -> int:
    return len([handle for handle in await lender.handles() if handle.id == workflow_id])


def pay(amount: int) -> RepayCommand:
    return RepayCommand(repayment_id=new_id("rep"), amount=amount)


async def repay_and_ask(loan: Loan) -> tuple[str, int]:
    """Pay ten yuan while asking for a payoff; return the repayment and what was answered."""
    command = pay(1_000)
    receipt, _ = await asyncio.gather(loan.repay(command), loan.quote())
    assert receipt.status is TransferStatus.SUCCEEDED
    return command.repayment_id, receipt.amount


async def test_a_loan_lives_through_many_runs_as_through_one(lender: Lender) -> None:
    loan = await lend(lender, person())
    await lender.simulators.fault(
        "payments", operation="debit", order_outcome="insufficient_funds", times=1
    )

    await loan.live_until(FIRST_DUE + timedelta(days=5))
    row = await loan.row()
    assert (row.state, row.days_past_due) == (LoanState.OVERDUE, 1)
    await loan.live_until(date(2031, 6, 15))
    total = (await loan.quote()).total
    await loan.repay(RepayCommand(repayment_id=new_id("rep"), payoff_total=total))

    assert (await loan.result()).state == "settled"
    assert await runs(lender, loan.workflow_id) >= 3
    assert await loan.debited() == [2 * INSTALMENT + 1_373, *[INSTALMENT] * 3, total]
    assert (await loan.cured()).steps == 4
    assert set(await loan.entry_sums()) == {0}
    reference = await lender.search_attribute(loan.workflow_id, attributes.CUSTOMER_REF)
    assert reference == (await loan.row()).applicant_id


async def test_a_command_repeated_in_a_later_run_has_the_same_answer(lender: Lender) -> None:
    loan = await lend(lender, person())
    command = pay(10_000)
    receipt = await loan.repay(command)
    await loan.live_until(date(2031, 4, 15))
    assert await runs(lender, loan.workflow_id) > 1

    assert await loan.repay(command) == receipt

    assert await loan.debited() == [10_000, INSTALMENT - 10_000, *[INSTALMENT] * 2]


async def test_every_command_is_answered_however_runs_change(lender: Lender) -> None:
    loan = await lend(lender, person())

    answered = [await repay_and_ask(loan) for _ in range(5)]

    assert await runs(lender, loan.workflow_id) > 2
    assert [amount for _, amount in answered] == [1_000] * 5
    assert await loan.debited() == [1_000] * 5
    assert [row.id for row in await loan.repayments()] == [rep for rep, _ in answered]


async def test_a_line_remembers_what_was_drawn_in_earlier_runs(lender: Lender) -> None:
    line = await open_line(lender, person(), mode="revolving")
    for _ in range(5):
        receipt = await line.draw(await line.command(story.AMOUNT // 10))
        assert (await line.drawn(receipt.drawdown_id)).disbursed
    assert await runs(lender, line.workflow_id) > 1

    await lender.pass_time(line.workflow_id, timedelta(days=16))

    view = await line.result()
    assert (view.state, view.drawn) == (LineState.EXPIRED, story.AMOUNT // 2)


@pytest.mark.usefixtures("more_products")
async def test_what_a_line_waits_for_is_waited_for_in_later_runs(lender: Lender) -> None:
    who = person()
    applying, line = await line_without_card(lender, who, "importing")
    given = await importing(line, applying, who)
    await next_run(line)
    # The new run begins both data imports again before it takes a code.
    await eventually(lambda: begun_again(line))

    bound = await confirm(line, given[ElementKind.BANK_CARD], RIGHT_CODE)
    assert bound.verdict is Verdict.MATCH
    await lender.pass_time(line.workflow_id, timedelta(hours=6))
    with refused(ElementRefused):
        await provide(line, *await applying.store(OperatorReport(mobile=who.mobile)))
    await notify(line, given[ElementKind.OPERATOR_REPORT])
    async with lender.database.read() as tx:
        report = await eventually(
            lambda: ElementRepository(tx).verification(given[ElementKind.OPERATOR_REPORT])
        )

    assert report is not None
    assert report.verdict is Verdict.MATCH
    assert await runs(lender, line.workflow_id) > 2


async def begun_again(line: Line) -> bool:
    """Say whether a run of a line has taken note of the beginning of each data import."""
    events = await line.lender.history(line.workflow_id)
    done = of_type(events, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    tasks = of_type(events, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
    return len(done) >= 2 and tasks[-1].event_id > done[1].event_id


async def next_run(line: Line) -> None:
    """Wake a line until it goes on in another run."""
    handle = line.lender.handle(line.workflow_id)
    while await runs(line.lender, line.workflow_id) == 1:
        await handle.signal("nudge")
