"""A drawdown: signed for, paid out once, and then a loan or nothing."""

from datetime import timedelta
from itertools import pairwise

from temporalio.api.enums.v1 import EventType

from domain.common.calendar import business_date, months_after
from domain.lines import LineState
from messages import ids
from messages import search_attributes as attributes
from messages.lines import DrawCommand
from messages.loans import LoanView
from storage.lines.drawdowns import DrawdownState
from storage.lines.quotes import QuoteRepository
from storage.loans.loans import LoanRepository
from storage.payments import TransferRepository, TransferState
from tests.integration import story
from tests.products import CASH
from tests.workflows.borrowing import Line, open_line
from tests.workflows.lender import Lender, also_uncached, eventually, of_type, person

DISBURSE = "disburse"
QUERY = "query_transfer"


async def drawn_on(lender: Lender, key: str = "approved") -> tuple[Line, DrawCommand]:
    """Return a line on which a drawdown has begun."""
    line = await open_line(lender, person(key))
    command = await line.command()
    await line.draw(command)
    return line, command


async def moved(lender: Lender, command: DrawCommand) -> list[int]:
    return await lender.bench.book.moved(ids.disbursement_order(command.drawdown_id))


@also_uncached
async def test_what_is_drawn_is_signed_for_paid_out_and_becomes_a_loan(lender: Lender) -> None:
    line, command = await drawn_on(lender)

    assert (await line.drawn(command.drawdown_id)).disbursed

    drawdown = await line.drawdown(command.drawdown_id)
    assert drawdown.state is DrawdownState.DISBURSED
    assert drawdown.evidence_id is not None
    assert await moved(lender, command) == [story.AMOUNT]
    async with lender.database.read() as tx:
        loan = await LoanRepository(tx).get(command.loan_id)
        quote = await QuoteRepository(tx).get(command.quote_id)
    assert loan is not None
    assert quote is not None
    plan = [row.total for row in loan.plan.rows]
    assert plan == [94_560] * 11 + [94_555]
    assert plan == [row.total for row in quote.plan.rows]
    view: LoanView = await lender.client.get_workflow_handle(
        ids.loan_workflow(command.loan_id)
    ).query("snapshot", result_type=LoanView)
    assert (view.state, view.principal_outstanding) == ("current", story.AMOUNT)


async def test_a_signing_service_that_was_down_signs_when_it_is_back(lender: Lender) -> None:
    await lender.simulators.fault("signing", status=500)
    line, command = await drawn_on(lender)
    workflow_id = ids.drawdown_workflow(command.drawdown_id)

    await eventually(
        lambda: lender.search_attribute(workflow_id, attributes.WAITING),
        lambda waiting: waiting == "provider",
    )
    assert (await line.drawdown(command.drawdown_id)).state is DrawdownState.RESERVED
    await lender.simulators.repair()

    assert (await line.drawn(command.drawdown_id)).disbursed
    assert await lender.search_attribute(workflow_id, attributes.WAITING) == "nothing"
    signatures = await lender.simulators.calls(provider="signing", operation="sign")
    contract_no = (await line.drawdown(command.drawdown_id)).contract_no
    outcomes = [call["outcome"] for call in signatures if contract_no in call["details"]]
    assert outcomes == ["signed"]


async def test_a_payment_channel_that_was_down_pays_once_when_it_is_back(lender: Lender) -> None:
    await lender.simulators.fault("payments", status=503)
    line, command = await drawn_on(lender)
    workflow_id = ids.drawdown_workflow(command.drawdown_id)

    await lender.pass_time(workflow_id, timedelta(seconds=30))
    await eventually(
        lambda: lender.search_attribute(workflow_id, attributes.WAITING),
        lambda waiting: waiting == "provider",
    )
    await lender.simulators.repair()
    await lender.pass_time(workflow_id, timedelta(minutes=5))

    assert (await line.drawn(command.drawdown_id)).disbursed
    assert await moved(lender, command) == [story.AMOUNT]


async def test_a_failed_disbursement_gives_the_amount_back_to_the_line(lender: Lender) -> None:
    await lender.simulators.fault(
        "payments", operation=DISBURSE, order_outcome="card_closed", times=1
    )
    line, command = await drawn_on(lender)

    result = await line.drawn(command.drawdown_id)

    assert (result.disbursed, result.reason) == (False, "card_closed")
    assert await moved(lender, command) == []
    row = await line.row()
    assert (row.state, row.available, row.drawn) == (LineState.ACTIVE, story.AMOUNT, 0)
    async with lender.database.read() as tx:
        assert await LoanRepository(tx).get(command.loan_id) is None
    second = await line.command()
    await line.draw(second)
    assert (await line.drawn(second.drawdown_id)).disbursed
    assert (await line.result()).drawn == story.AMOUNT


async def test_a_callback_ends_the_wait_for_the_bank(lender: Lender) -> None:
    await lender.simulators.fault(
        "payments", operation=DISBURSE, order_outcome="processing", hold=True
    )
    line, command = await drawn_on(lender)
    workflow_id = ids.drawdown_workflow(command.drawdown_id)
    await eventually(lambda: in_doubt(lender, command))

    await lender.settle(ids.disbursement_order(command.drawdown_id), workflow_id)

    assert (await line.drawn(command.drawdown_id)).disbursed
    assert await moved(lender, command) == [story.AMOUNT]
    assert len(await lender.scheduled(workflow_id, QUERY)) == 1


async def in_doubt(lender: Lender, command: DrawCommand) -> bool:
    async with lender.database.read() as tx:
        transfer = await TransferRepository(tx).get(ids.disbursement_order(command.drawdown_id))
    return transfer is not None and transfer.state is TransferState.PROCESSING


async def completed(lender: Lender, workflow_id: str) -> int:
    """Count the activities that a process had answers of."""
    events = await lender.history(workflow_id)
    return len(of_type(events, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED))


async def test_a_callback_is_only_a_hint_and_counts_once(lender: Lender) -> None:
    await lender.simulators.fault(
        "payments", operation=DISBURSE, order_outcome="processing", hold=True
    )
    line, command = await drawn_on(lender)
    workflow_id = ids.drawdown_workflow(command.drawdown_id)
    order_no = ids.disbursement_order(command.drawdown_id)
    await eventually(lambda: in_doubt(lender, command))

    for _ in range(2):
        await lender.call_back(workflow_id, order_no, "evt_of_nothing_yet")
    # Signing, disbursing and asking once are over.
    await eventually(lambda: completed(lender, workflow_id), lambda count: count == 3)
    assert await in_doubt(lender, command)
    await lender.settle(order_no, workflow_id, reason="card_closed")

    assert (await line.drawn(command.drawdown_id)).reason == "card_closed"
    assert len(await lender.scheduled(workflow_id, QUERY)) == 2
    assert (await line.row()).available == story.AMOUNT


async def test_without_a_callback_the_bank_is_asked_from_time_to_time(lender: Lender) -> None:
    await lender.simulators.fault(
        "payments", operation=DISBURSE, order_outcome="processing", hold=True
    )
    line, command = await drawn_on(lender)
    workflow_id = ids.drawdown_workflow(command.drawdown_id)
    await eventually(lambda: in_doubt(lender, command))

    await lender.pass_time(workflow_id, timedelta(hours=1))
    asked = await eventually(
        lambda: lender.scheduled(workflow_id, QUERY), lambda asked: len(asked) == 6
    )
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert [round(wait.total_seconds()) for wait in waits] == [15, 60, 180, 600, 1800]
    assert await lender.search_attribute(workflow_id, attributes.NEEDS_HUMAN) is True
    await lender.simulators.settle(ids.disbursement_order(command.drawdown_id))
    await lender.pass_time(workflow_id, timedelta(hours=1))

    assert (await line.drawn(command.drawdown_id)).disbursed
    assert await moved(lender, command) == [story.AMOUNT]
    assert await lender.search_attribute(workflow_id, attributes.NEEDS_HUMAN) is False


async def test_a_lost_answer_is_asked_for_and_the_money_is_not_sent_again(lender: Lender) -> None:
    line, command = await drawn_on(lender, "disbursement_response_lost")
    workflow_id = ids.drawdown_workflow(command.drawdown_id)
    await eventually(lambda: moved(lender, command))

    await lender.pass_time(workflow_id, timedelta(seconds=10))

    assert (await line.drawn(command.drawdown_id)).disbursed
    assert await moved(lender, command) == [story.AMOUNT]
    order = await lender.bench.book.order(ids.disbursement_order(command.drawdown_id))
    assert order is not None
    assert order["attempts"] == 1


async def test_a_loan_begins_on_the_day_on_which_the_money_went_out(lender: Lender) -> None:
    await lender.simulators.fault(
        "payments", operation=DISBURSE, order_outcome="processing", hold=True
    )
    line, command = await drawn_on(lender)
    workflow_id = ids.drawdown_workflow(command.drawdown_id)
    await eventually(lambda: in_doubt(lender, command))
    await lender.pass_time(workflow_id, timedelta(days=3))
    out_on = business_date(await lender.clock(workflow_id), CASH.zone)

    await lender.settle(ids.disbursement_order(command.drawdown_id), workflow_id)

    assert (await line.drawn(command.drawdown_id)).disbursed
    async with lender.database.read() as tx:
        loan = await LoanRepository(tx).get(command.loan_id)
    assert loan is not None
    assert loan.disbursed_on == out_on
    assert loan.plan.rows[0].due_on == months_after(out_on, 1, out_on.day)
    events = await lender.history(ids.loan_workflow(command.loan_id))
    assert of_type(events, EventType.EVENT_TYPE_TIMER_STARTED)
