"""Lines, drawdowns and loans as their borrower and the record see them."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeVar

from temporalio.client import WorkflowUpdateHandle, WorkflowUpdateStage
from temporalio.service import RPCError

from domain.common.calendar import business_date, instant_at
from domain.loans.payoff import PayoffQuote, payoff_quote
from messages import calls, ids
from messages.base import Message
from messages.collections import CollectionsResult
from messages.lines import DrawCommand, DrawdownResult, DrawReceipt, LineView
from messages.loans import LoanView, RepayCommand, RepayReceipt
from sandbox.personas import Person
from storage.collections import CollectionActionRepository, CollectionActionRow
from storage.lines.drawdowns import DrawdownRepository, DrawdownRow
from storage.lines.lines import LineRepository, LineRow
from storage.loans.journal import JournalRepository
from storage.loans.loans import LoanRepository, LoanRow
from storage.loans.repayments import RepaymentRepository, RepaymentRow
from storage.payments import TransferRepository, TransferState
from tests.integration import story
from tests.products import CASH
from tests.workflows.lender import PATIENCE_SECONDS, Handle, Lender

Answer = TypeVar("Answer", bound=Message)

NOON = time(12)

# Far enough ahead that no loan begins in the past; not in a leap year.
DISBURSED_ON = date(2031, 1, 15)


async def outcome(lender: Lender, workflow_id: str, gives: type[Answer]) -> Answer:
    """Wait until a process ends and return how."""
    handle = lender.client.get_workflow_handle(workflow_id, result_type=gives)
    result: Answer = await asyncio.wait_for(handle.result(), PATIENCE_SECONDS)
    return result


@dataclass(frozen=True)
class Line:
    """An open line with its process."""

    lender: Lender
    borrower: story.Borrower

    @property
    def id(self) -> str:
        return self.borrower.line_id

    @property
    def workflow_id(self) -> str:
        return ids.line_workflow(self.id)

    async def command(self, amount: int = story.AMOUNT) -> DrawCommand:
        """Quote an amount and return the command that draws on the quote."""
        return self.borrower.command(await self.borrower.quote(amount=amount), amount)

    async def draw(self, command: DrawCommand) -> DrawReceipt:
        receipt: DrawReceipt = await self.lender.handle(self.workflow_id).execute_update(
            "draw", command, result_type=DrawReceipt
        )
        return receipt

    async def row(self) -> LineRow:
        async with self.lender.database.read() as tx:
            row = await LineRepository(tx).get(self.id)
        assert row is not None
        return row

    async def drawdown(self, drawdown_id: str) -> DrawdownRow:
        async with self.lender.database.read() as tx:
            row = await DrawdownRepository(tx).get(drawdown_id)
        assert row is not None
        return row

    async def drawn(self, drawdown_id: str) -> DrawdownResult:
        """Wait until a drawdown ends and return how."""
        return await outcome(self.lender, ids.drawdown_workflow(drawdown_id), DrawdownResult)

    async def result(self) -> LineView:
        return await outcome(self.lender, self.workflow_id, LineView)


async def open_line(lender: Lender, by: Person, *, mode: str = "single_batch") -> Line:
    """Return a line of 10,000.00 whose borrower was verified."""
    return Line(lender, await story.borrower(lender.bench, by, mode=mode))


@dataclass(frozen=True)
class Loan:
    """A loan with its process; its clock moves only when told."""

    lender: Lender
    line: Line
    id: str

    @property
    def workflow_id(self) -> str:
        return ids.loan_workflow(self.id)

    @property
    def handle(self) -> Handle:
        return self.lender.handle(self.workflow_id)

    def collections(self, episode: int = 1) -> str:
        return ids.collections_workflow(self.id, episode)

    async def live_until(self, on: date, at: time = NOON) -> None:
        """Let the loan and its collections case live until a local time of a day."""
        await self.lender.time_travel.advance(self.id, instant_at(on, at, CASH.zone))

    async def reach(self, on: date, at: time) -> None:
        """Bring the loan's clock to a local time, whatever it is doing then."""
        distance = instant_at(on, at, CASH.zone) - await self.clock()
        await self.lender.pass_time(self.workflow_id, distance)

    async def repay(self, command: RepayCommand) -> RepayReceipt:
        receipt: RepayReceipt = await self.handle.execute_update(
            "repay", command, result_type=RepayReceipt
        )
        return receipt

    async def begin_repaying(self, command: RepayCommand) -> WorkflowUpdateHandle[RepayReceipt]:
        """Have a repayment taken on without waiting for its end."""
        return await self.handle.start_update(
            "repay",
            command,
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            result_type=RepayReceipt,
        )

    async def quote(self) -> PayoffQuote:
        """Quote the payoff on the loan's present day, as the API does."""
        today = business_date(await self.clock(), CASH.zone)
        async with self.lender.database.read() as tx:
            row = await LoanRepository(tx).get(self.id)
            events = await LoanRepository(tx).events(self.id)
        assert row is not None
        return payoff_quote(row.terms, events, max(today, row.business_date))

    async def result(self) -> LoanView:
        return await outcome(self.lender, self.workflow_id, LoanView)

    async def cured(self, episode: int = 1) -> CollectionsResult:
        """Wait until a collections case ends and return how."""
        return await outcome(self.lender, self.collections(episode), CollectionsResult)

    async def row(self) -> LoanRow:
        async with self.lender.database.read() as tx:
            row = await LoanRepository(tx).get(self.id)
        assert row is not None
        return row

    async def actions(self) -> list[CollectionActionRow]:
        async with self.lender.database.read() as tx:
            return await CollectionActionRepository(tx).of_loan(self.id)

    async def holds(self, repayment_id: str) -> bool:
        """Say whether a repayment is with the bank, its process waiting for news."""
        async with self.lender.database.read() as tx:
            transfer = await TransferRepository(tx).get(ids.debit_order(repayment_id))
        if transfer is None or transfer.state is not TransferState.PROCESSING:
            return False
        try:
            await self.lender.handle(ids.repayment_workflow(repayment_id)).describe()
        except RPCError:
            return False
        return True

    async def repayments(self) -> list[RepaymentRow]:
        """Return the repayments in the order in which they were asked for."""
        async with self.lender.database.read() as tx:
            return (await RepaymentRepository(tx).of_loan(self.id))[::-1]

    async def debited(self) -> list[int]:
        """Return what the payment channel moved, one amount for each movement."""
        book = self.lender.bench.book
        return [
            amount for row in await self.repayments() for amount in await book.moved(row.order_no)
        ]

    async def entry_sums(self) -> list[int]:
        """Return the sum of each journal entry's lines."""
        async with self.lender.database.read() as tx:
            entries = await JournalRepository(tx).of_loan(self.id)
        return [sum(line.amount for line in entry.lines) for entry in entries]

    async def balances(self) -> dict[str, int]:
        """Return the balance of each account of the loan that is not zero."""
        async with self.lender.database.read() as tx:
            entries = await JournalRepository(tx).of_loan(self.id)
        balances: Counter[str] = Counter()
        for line in (line for entry in entries for line in entry.lines):
            balances[line.account] += line.amount
        return {account: balance for account, balance in balances.items() if balance}

    async def clock(self) -> datetime:
        return await self.lender.clock(self.workflow_id)


async def lend(
    lender: Lender,
    to: Person,
    on: date = DISBURSED_ON,
    *,
    amount: int = story.AMOUNT,
    mode: str = "single_batch",
) -> Loan:
    """Return a loan over 12 months at 24 % that was disbursed on a day; its line has no process."""
    borrower = await story.borrower(lender.desk, to, mode=mode)
    receipt = await borrower.disburse(amount=amount)
    booked = await lender.bench.perform(calls.BOOK_LOAN, borrower.booking(receipt, on))
    return Loan(lender, Line(lender, borrower), booked.loan_id)
