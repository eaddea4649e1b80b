"""The loan machine of the property tests once more, each step booked in the real journal.

What the small model counts, what the engine says of the loan, and what PostgreSQL holds must be one
after every step.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from activities.loans.books import LoanBooks
from activities.loans.servicing import Servicing
from domain.collections import COLLECTIONS_LADDER
from domain.loans.contract import CONTRACT_TEMPLATE
from domain.loans.events import Disbursed, LoanEvent
from domain.loans.schedule import build_plan
from domain.loans.servicing import SERVICING_POLICY
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS
from messages.ids import new_id
from messages.loans import PostTransaction, RecordTransaction
from sandbox.personas import person
from storage.common.repository import Transaction
from storage.database import Database
from storage.lines.drawdowns import DrawdownCreate, DrawdownRepository
from storage.lines.lines import LineRepository
from storage.lines.quotes import QuoteRepository
from storage.loans.journal import JournalRepository
from storage.loans.loans import LoanRepository
from storage.loans.reconciliation import ReconciliationRepository
from tests.definitions import ref, shipped
from tests.integration.story import Bench, borrower
from tests.property.test_loan_machine import LoanMachine


class BookedMachine(LoanMachine):
    """Books what the machine does; one borrower's line carries the loans of all examples."""

    database: ClassVar[Database]
    loop: ClassVar[asyncio.AbstractEventLoop]
    line_id: ClassVar[str]
    applicant_id: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.loan_id = new_id("loa")
        self.seq = 1

    def record(self, event: LoanEvent, cash: int) -> None:
        super().record(event, cash)
        self._wait(self._book(event))
        self._wait(self._compare())

    def _wait(self, step: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, self.loop).result(timeout=60)

    async def _book(self, event: LoanEvent) -> None:
        self.seq += 1
        if isinstance(event, Disbursed) and self.seq == 2:
            async with self.database.transaction() as tx:
                await self._disburse(tx, event)
            return
        # The keys of the machine are short: in the record they are unique over all loans.
        record = RecordTransaction(event=self._named(event), actor="machine", role="ops")
        request = PostTransaction(
            loan_id=self.loan_id, transaction=record, business_date=self.today, state_seq=self.seq
        )
        await Servicing(self.database).post_transaction(request)
        if self.events.count(event) > 1:
            await self._bill()

    async def _bill(self) -> None:
        """Keep the books to this day, as on a due date: a repeated record leaves them alone."""
        async with self.database.transaction() as tx:
            books = await LoanBooks.open(tx, self.loan_id)
            await books.post(f"{self.loan_id}:bill:{self.seq}", "bill", self.today, self.seq)

    def _named(self, event: LoanEvent) -> LoanEvent:
        keys = {"key": f"{self.loan_id}:{event.key}"}
        if event.kind == "reversed":
            keys["reverses"] = f"{self.loan_id}:{event.reverses}"
        return event.model_copy(update=keys)

    async def _disburse(self, tx: Transaction, event: Disbursed) -> None:
        drawdown_id, quote_id = new_id("dra"), new_id("quo")
        plan = build_plan(self.terms)
        line = await LineRepository(tx).get(self.line_id)
        assert line is not None
        await QuoteRepository(tx).insert(
            quote_id=quote_id,
            line_id=self.line_id,
            terms=self.terms,
            plan=plan,
            quoted_at=line.opened_at,
            expires_at=line.expires_at,
            rate_caps=ref(RATE_CAPS, HOME_CAPS),
        )
        await DrawdownRepository(tx).reserve(
            DrawdownCreate(
                id=drawdown_id,
                line_id=self.line_id,
                quote_id=quote_id,
                loan_id=self.loan_id,
                currency="CNY",
                amount=event.amount,
                contract_no=f"LF-{drawdown_id.upper()}",
                requested_at=line.opened_at,
                contract=str(ref(CONTRACT_TEMPLATE, "loan-contract")),
            )
        )
        loan = await LoanRepository(tx).book(
            loan_id=self.loan_id,
            drawdown_id=drawdown_id,
            line_id=self.line_id,
            applicant_id=self.applicant_id,
            terms=self.terms,
            plan=plan,
            zone="Asia/Shanghai",
            ladder=ref(COLLECTIONS_LADDER, "standard"),
            servicing=ref(SERVICING_POLICY, "standard"),
        )
        await LineRepository(tx).repay(self.line_id, -event.amount)
        key = f"{self.loan_id}:{event.key}"
        books = LoanBooks(tx, loan, shipped(SERVICING_POLICY, "standard"), (), None, None)
        await books.post(
            key,
            "disbursement",
            event.on,
            self.seq,
            event=event.model_copy(update={"key": key}),
            cash=-event.amount,
        )

    async def _compare(self) -> None:
        async with self.database.snapshot() as tx:
            sheet = await JournalRepository(tx).trial_balance(loan_id=self.loan_id)
            projected = await LoanRepository(tx).instalments(self.loan_id)
            loan = await LoanRepository(tx).get(self.loan_id)
            entries = await JournalRepository(tx).of_loan(self.loan_id)
        assert loan is not None
        model = {account: amount for account, amount in self.ledger.items() if amount}
        assert {account: amount for account, amount in sheet.items() if amount} == model
        assert all(sum(line.amount for line in entry.lines) == 0 for entry in entries)
        now = self.now()
        assert loan.principal_outstanding == now.principal_outstanding
        assert [
            (row.number, row.due_on, row.principal, row.paid_principal, row.written_off, row.state)
            for row in projected
        ] == [
            (
                row.number,
                row.due_on,
                row.principal,
                row.principal_paid,
                row.written_off,
                row.state,
            )
            for row in now.instalments
        ]


async def test_the_journal_holds_what_the_model_counts(bench: Bench) -> None:
    who = await borrower(bench, person("approved", 4_100), mode="revolving")
    BookedMachine.database = bench.database
    BookedMachine.loop = asyncio.get_running_loop()
    BookedMachine.line_id, BookedMachine.applicant_id = who.line_id, who.applicant_id
    await asyncio.to_thread(
        run_state_machine_as_test,
        BookedMachine,
        settings=settings(
            max_examples=max(settings().max_examples // 40, 5), stateful_step_count=15
        ),
    )
    async with bench.database.snapshot() as tx:
        page = await ReconciliationRepository(tx).page(None, 10_000)
    assert [one.id for one in page if one.differs] == []
    assert len(page) >= 5
