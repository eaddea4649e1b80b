"""A credit line: what may be drawn on it, and how it ends."""

import asyncio
from datetime import timedelta

from activities.common.refusals import QuoteExpired, QuoteMismatch
from domain.lines import LimitExceeded, LineBlocked, LineClosed, LineState
from messages import ids
from storage.common.errors import QuoteUsed
from storage.lines.drawdowns import DrawdownState
from tests.integration import story
from tests.workflows.borrowing import DISBURSED_ON, lend, open_line
from tests.workflows.lender import Lender, also_uncached, ended, eventually, person, refused

HALF = story.AMOUNT // 2


@also_uncached
async def test_a_line_is_drawn_once_and_is_then_used_up(lender: Lender) -> None:
    line = await open_line(lender, person())

    receipt = await line.draw(await line.command())

    assert (receipt.amount, receipt.state) == (story.AMOUNT, "reserved")
    assert (await line.drawn(receipt.drawdown_id)).disbursed
    view = await line.result()
    assert (view.state, view.drawn) == (LineState.USED, story.AMOUNT)
    row = await line.row()
    assert (row.state, row.drawn, row.reserved) == (LineState.USED, story.AMOUNT, 0)
    with ended():
        await line.draw(await line.command())


async def test_the_same_drawdown_asked_for_at_once_is_one_drawdown(lender: Lender) -> None:
    line = await open_line(lender, person())
    command = await line.command()

    receipts = await asyncio.gather(*(line.draw(command) for _ in range(5)))

    assert {receipt.drawdown_id for receipt in receipts} == {command.drawdown_id}
    assert (await line.drawn(command.drawdown_id)).disbursed
    order_no = ids.disbursement_order(command.drawdown_id)
    assert await lender.bench.book.moved(order_no) == [story.AMOUNT]
    assert (await line.result()).drawn == story.AMOUNT


async def test_a_drawdown_asked_for_again_after_its_end_leaves_the_line_as_it_is(
    lender: Lender,
) -> None:
    line = await open_line(lender, person(), mode="revolving")
    command = await line.command(HALF)
    await line.draw(command)
    await line.drawn(command.drawdown_id)

    again = await line.draw(command)

    assert again.state == "disbursed"
    await lender.pass_time(line.workflow_id, timedelta(days=16))
    view = await line.result()
    assert (view.state, view.drawn, view.open_drawdowns) == (LineState.EXPIRED, HALF, 0)


async def test_a_revolving_line_is_drawn_until_its_limit(lender: Lender) -> None:
    line = await open_line(lender, person(), mode="revolving")
    for _ in range(2):
        receipt = await line.draw(await line.command(HALF))
        assert (await line.drawn(receipt.drawdown_id)).disbursed

    with refused(LimitExceeded):
        await line.draw(await line.command(HALF))

    assert (await line.row()).available == 0


async def test_a_refused_drawdown_leaves_the_line_open(lender: Lender) -> None:
    line = await open_line(lender, person())
    good = await line.command()
    short = line.borrower.command(
        await line.borrower.quote(valid_for=timedelta(seconds=-1)), story.AMOUNT
    )
    other = await open_line(lender, person())

    with refused(QuoteExpired):
        await line.draw(short)
    with refused(QuoteMismatch):
        await line.draw(good.model_copy(update={"amount": HALF}))
    with refused(QuoteMismatch):
        await other.draw(good)

    assert (await line.row()).available == story.AMOUNT
    await line.draw(good)
    assert (await line.drawn(good.drawdown_id)).disbursed


async def test_a_quote_is_used_once(lender: Lender) -> None:
    line = await open_line(lender, person(), mode="revolving")
    quote_id = await line.borrower.quote(amount=HALF)
    first, second = (line.borrower.command(quote_id, HALF) for _ in range(2))
    await line.draw(first)

    with refused(QuoteUsed):
        await line.draw(second)

    assert (await line.drawn(first.drawdown_id)).disbursed


async def test_a_line_expires_after_15_days(lender: Lender) -> None:
    line = await open_line(lender, person())
    command = await line.command()

    await lender.pass_time(line.workflow_id, timedelta(days=15, minutes=-1))
    assert (await line.row()).state is LineState.ACTIVE
    await lender.pass_time(line.workflow_id, timedelta(minutes=2))

    assert (await line.result()).state == LineState.EXPIRED
    assert (await line.row()).state is LineState.EXPIRED
    with ended():
        await line.draw(command)


async def test_a_line_that_expires_waits_for_its_drawdown(lender: Lender) -> None:
    line = await open_line(lender, person())
    await lender.simulators.fault(
        "payments", operation="disburse", order_outcome="processing", hold=True
    )
    command = await line.command()
    await line.draw(command)
    await eventually(
        lambda: line.drawdown(command.drawdown_id),
        lambda row: row.state is DrawdownState.DISBURSING,
    )

    await lender.pass_time(line.workflow_id, timedelta(days=16))
    with refused(LineClosed):
        await line.draw(await line.command())
    await lender.settle(
        ids.disbursement_order(command.drawdown_id), ids.drawdown_workflow(command.drawdown_id)
    )

    assert (await line.drawn(command.drawdown_id)).disbursed
    assert (await line.result()).drawn == story.AMOUNT


async def test_an_overdue_loan_blocks_the_line(lender: Lender) -> None:
    await lender.simulators.fault("payments", operation="debit", order_outcome="insufficient_funds")
    loan = await lend(lender, person(), mode="revolving", amount=HALF)
    await lender.siblings.start_line(lender.desk.starts.lines[-1])
    await loan.live_until(DISBURSED_ON + timedelta(days=32))

    with refused(LineBlocked):
        await loan.line.draw(await loan.line.command(HALF))
