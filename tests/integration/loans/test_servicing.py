"""What is recorded of a loan besides debits: books, projection, line, audit and news together."""

import asyncio
import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from temporalio.exceptions import ApplicationError

from domain.loans.allocation import Component
from domain.loans.bank_accounts import BankAccounts
from domain.loans.events import (
    Accelerated,
    AnyEvent,
    Charged,
    ChargedOff,
    ChargeOffReason,
    ChargeOffUndone,
    HolidayGranted,
    Paid,
    RateChanged,
    Recovered,
    Refunded,
    Rescheduled,
    Reversed,
    Waived,
    WrittenOff,
)
from domain.loans.fees import Fee, FeeTiming
from domain.loans.position import InstalmentState, position
from domain.loans.schedule import build_plan
from domain.loans.state import LoanState
from domain.loans.terms import LoanTerms, monthly_terms
from domain.pricing.cost_sheet import CostSheet
from domain.pricing.rate_caps import HOME_CAPS, RATE_CAPS
from domain.pricing.trial import plan_cost_sheet
from messages import calls, ids
from messages.ids import new_id
from messages.loans import PostTransaction, RecordTransaction
from sandbox.personas import person
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.lines.lines import LineRepository
from storage.lines.quotes import QuoteRepository
from storage.loans.journal import JournalRepository
from storage.loans.loans import LoanRepository, LoanRow
from storage.loans.reconciliation import ReconciliationRepository
from tests.definitions import ref
from tests.integration.story import (
    AMOUNT,
    DISBURSED_ON,
    Bench,
    Borrower,
    borrower,
    disbursement,
)
from tests.products import CASH, changed, release_products

FIRST_DUE = date(2026, 2, 15)
INSTALMENT = 94_560


class Ledger:
    """One loan as servicing sees it."""

    def __init__(self, bench: Bench, who: Borrower, loan_id: str) -> None:
        self.bench = bench
        self.who = who
        self.id = loan_id
        self._seq = 1

    def key(self) -> str:
        return f"{ids.loan_workflow(self.id)}:{new_id('evt')}"

    def request(self, event: AnyEvent, today: date) -> PostTransaction:
        self._seq += 1
        record = RecordTransaction(event=event, actor="otto", role="ops", reference="case-7")
        return PostTransaction(
            loan_id=self.id, transaction=record, business_date=today, state_seq=self._seq
        )

    async def book(self, event: AnyEvent, today: date | None = None) -> None:
        await self.bench.perform(calls.POST_TRANSACTION, self.request(event, today or event.on))

    async def pay(self, amount: int, on: date) -> str:
        key = self.key()
        await self.book(Paid(key=key, on=on, amount=amount))
        return key

    async def row(self) -> LoanRow:
        async with self.bench.database.read() as tx:
            row = await LoanRepository(tx).get(self.id)
        assert row is not None
        return row

    async def balances(self) -> dict[str, int]:
        async with self.bench.database.read() as tx:
            sheet = await JournalRepository(tx).trial_balance(loan_id=self.id)
        return {account: amount for account, amount in sheet.items() if amount}

    async def drawn(self) -> int:
        async with self.bench.database.read() as tx:
            line = await LineRepository(tx).get(self.who.line_id)
        assert line is not None
        return line.drawn

    async def consistent(self) -> None:
        """Check that ledger, projection and a recomputed position say the same."""
        async with self.bench.database.snapshot() as tx:
            page = await ReconciliationRepository(tx).page(None, 500)
            events = await LoanRepository(tx).events(self.id)
            projected = await LoanRepository(tx).instalments(self.id)
        (one,) = [one for one in page if one.id == self.id]
        assert not one.differs
        row = await self.row()
        stands = position(row.terms, events, one.as_of)
        assert [(item.number, item.due_on, item.state) for item in projected] == [
            (item.number, item.due_on, item.state) for item in stands.instalments
        ]
        assert [
            (item.fee, item.paid_fee, item.waived_principal, item.written_off) for item in projected
        ] == [
            (item.fee, item.fee_paid, item.principal_waived, item.written_off)
            for item in stands.instalments
        ]


async def lent(bench: Bench, index: int, *, mode: str = "single_batch") -> Ledger:
    who = await borrower(bench, person("approved", 4_000 + index), mode=mode)
    return Ledger(bench, who, await who.borrow())


async def test_every_kind_of_event_posts_one_entry_and_keeps_the_books(bench: Bench) -> None:
    loan = await lent(bench, 1)
    paid = await loan.pay(INSTALMENT, FIRST_DUE)
    charged = loan.key()
    events: list[AnyEvent] = [
        Charged(key=charged, on=date(2026, 2, 20), amount=50, name="late letter"),
        Waived(key=loan.key(), on=date(2026, 2, 21), component=Component.FEE, amount=20),
        RateChanged(key=loan.key(), on=date(2026, 2, 22), annual_rate=Decimal(18)),
        HolidayGranted(key=loan.key(), on=date(2026, 2, 23), count=1),
        Reversed(key=loan.key(), on=date(2026, 3, 20), reverses=paid, reason="returned"),
        Rescheduled(
            key=loan.key(), on=date(2026, 3, 25), instalments=6, first_due_on=date(2026, 5, 1)
        ),
        Paid(key=loan.key(), on=date(2026, 5, 1), amount=300_000),
        Refunded(key=loan.key(), on=date(2026, 5, 2), amount=1_000),
        WrittenOff(key=loan.key(), on=date(2026, 12, 1)),
        Recovered(key=loan.key(), on=date(2027, 1, 5), amount=12_345),
    ]
    for event in events:
        await loan.book(event)
        await loan.consistent()

    async with bench.database.read() as tx:
        entries = await JournalRepository(tx).of_loan(loan.id)
        kinds = [entry.kind for entry in entries]
        audit = [
            row for row in await AuditRepository(tx).of(loan.id) if row.action.startswith("record_")
        ]
        news = await OutboxRepository(tx).since(ids.loan_workflow(loan.id), 0, limit=100)
    assert kinds[:2] == ["disbursement", "repayment"]
    # What only changes what lies ahead moves no balance, and so posts nothing.
    assert {"charge", "waiver", "reversal", "repayment", "refund", "write_off", "recovery"} <= {
        *kinds
    }
    assert all(sum(line.amount for line in entry.lines) == 0 for entry in entries)
    assert len(audit) == 1 + len(events)
    assert {row.detail["reference"] for row in audit} == {"case-7"}
    told = {record.kind: record.payload for record in news}
    assert told["rescheduled"]["changes"]["instalments"]
    assert (await loan.row()).state is LoanState.WRITTEN_OFF


async def test_a_loan_called_in_is_due_as_a_whole_and_its_interest_is_in_the_books(
    bench: Bench,
) -> None:
    """The contract gives thirty days of notice; nothing was paid (wanted: W12)."""
    loan = await lent(bench, 8)
    on = date(2026, 4, 20)
    await loan.book(Accelerated(key=loan.key(), on=on, told_on=on - timedelta(days=30)))
    await loan.consistent()
    async with bench.database.read() as tx:
        projected = await LoanRepository(tx).instalments(loan.id)
        entries = await JournalRepository(tx).of_loan(loan.id)
    assert max(row.due_on for row in projected) == on
    assert sum(row.principal for row in projected) == AMOUNT
    async with bench.database.read() as tx:
        said = await tx.connection.fetchval(
            "select said::text from customer_messages where purpose = 'loan_accelerated'"
            " and subject = $1",
            ids.loan_workflow(loan.id),
        )
    assert entries[-1].kind == "reschedule"
    assert all(sum(line.amount for line in entry.lines) == 0 for entry in entries)
    # The borrower gets the letter: the whole debt, nothing of which was paid, and its day.
    owed = sum(row.principal + row.interest + row.penalty + row.fee for row in projected)
    assert json.loads(said) == {
        "contract": loan.id[-6:].upper(),
        "amount": {"amount": owed, "currency": "CNY"},
        "due_on": "2026-04-20",
    }


async def test_a_repeated_and_a_racing_record_count_once(bench: Bench) -> None:
    loan = await lent(bench, 2)
    event = Charged(key=loan.key(), on=date(2026, 2, 1), amount=50)
    request = loan.request(event, event.on)
    await asyncio.gather(*(bench.perform(calls.POST_TRANSACTION, request) for _ in range(5)))
    async with bench.database.read() as tx:
        events = await LoanRepository(tx).events(loan.id)
        audit = await AuditRepository(tx).of(loan.id)
    assert [item.key for item in events].count(event.key) == 1
    assert [row.action for row in audit].count("record_charged") == 1
    await loan.consistent()


async def test_what_contradicts_the_loan_leaves_no_trace(bench: Bench) -> None:
    loan = await lent(bench, 3)
    before = await loan.balances()
    with pytest.raises(ApplicationError) as refusal:
        await loan.book(Refunded(key=loan.key(), on=date(2026, 2, 1), amount=1))
    assert (refusal.value.type, refusal.value.non_retryable) == ("InvalidEvent", True)
    async with bench.database.read() as tx:
        assert len(await LoanRepository(tx).events(loan.id)) == 1
    assert await loan.balances() == before


async def test_what_was_given_up_makes_no_room_on_the_line(bench: Bench) -> None:
    loan = await lent(bench, 4)
    await loan.pay(INSTALMENT, FIRST_DUE)
    assert await loan.drawn() == AMOUNT - 74_560
    await loan.book(WrittenOff(key=loan.key(), on=date(2026, 9, 1)))
    assert await loan.drawn() == AMOUNT - 74_560
    async with bench.database.read() as tx:
        assert await LoanRepository(tx).any_overdue(loan.who.applicant_id, date(2026, 9, 1))
        projected = await LoanRepository(tx).instalments(loan.id)
    assert {row.state for row in projected} == {
        InstalmentState.PAID,
        InstalmentState.WRITTEN_OFF,
    }
    balances = await loan.balances()
    assert balances["loss"] > AMOUNT - 74_560
    assert "principal_receivable" not in balances


async def test_a_reversal_is_booked_though_the_room_was_drawn_again(bench: Bench) -> None:
    loan = await lent(bench, 5, mode="revolving")
    key = await loan.pay(INSTALMENT, FIRST_DUE)
    async with bench.database.transaction() as tx:
        assert await LineRepository(tx).reserve(loan.who.line_id, 74_560)
        await LineRepository(tx).draw(loan.who.line_id, 74_560)
    await loan.book(
        Reversed(key=loan.key(), on=date(2026, 2, 18), reverses=key, reason="chargeback")
    )
    assert await loan.drawn() == AMOUNT + 74_560
    async with bench.database.transaction() as tx:
        assert not await LineRepository(tx).reserve(loan.who.line_id, 1)
    assert (await loan.balances())["cash"] == -AMOUNT
    await loan.consistent()


async def test_a_new_plan_takes_the_place_of_the_old_instalments(bench: Bench) -> None:
    loan = await lent(bench, 6)
    on = date(2026, 2, 20)
    event = Rescheduled(key=loan.key(), on=on, instalments=3, first_due_on=date(2026, 3, 20))
    await loan.book(event)
    async with bench.database.read() as tx:
        projected = await LoanRepository(tx).instalments(loan.id)
    ahead = [row for row in projected if row.due_on > on and row.principal]
    assert [row.due_on for row in ahead] == [
        date(2026, 3, 20),
        date(2026, 4, 20),
        date(2026, 5, 20),
    ]
    assert sum(row.principal for row in projected) == AMOUNT
    await loan.consistent()


DEDUCTED = Fee(name="arrangement fee", timing=FeeTiming.DEDUCTED, percent=Decimal(2))
MONTHLY = Fee(name="guarantee fee", timing=FeeTiming.PER_INSTALMENT, amount=1_000)


def costly_terms(on: date = DISBURSED_ON) -> LoanTerms:
    return monthly_terms(
        currency="CNY",
        principal=AMOUNT,
        annual_rate=Decimal(12),
        instalments=12,
        disbursed_on=on,
        penalty_annual_rate=Decimal(12),
        fees=(DEDUCTED, MONTHLY),
    )


async def _quoted(bench: Bench, who: Borrower, terms: LoanTerms) -> tuple[str, CostSheet]:
    plan = build_plan(terms)
    sheet = plan_cost_sheet(terms, plan)
    assert sheet is not None
    quote_id = new_id("quo")
    async with bench.database.transaction() as tx:
        await QuoteRepository(tx).insert(
            quote_id=quote_id,
            line_id=who.line_id,
            terms=terms,
            plan=plan,
            quoted_at=who.opened_at,
            expires_at=who.opened_at + timedelta(minutes=30),
            rate_caps=ref(RATE_CAPS, HOME_CAPS),
            cost_sheet=sheet,
        )
    return quote_id, sheet


ACCOUNTS = BankAccounts(debit="allinpay", transfer="icbc-2200", payout="icbc-0901")
PARTNERED = changed(CASH, "partnered", bank_accounts=ACCOUNTS, funder="trust-7")
"""Its money moves through named bank accounts, and a partner lends it."""


async def test_fees_are_kept_back_from_the_proceeds_and_the_bank_is_named(bench: Bench) -> None:
    await release_products(bench.database, PARTNERED)
    who = await borrower(bench, person("approved", 4_010), product=PARTNERED.code)
    quote_id, sheet = await _quoted(bench, who, costly_terms())
    receipt = await bench.perform(
        calls.RESERVE_DRAWDOWN, who.reservation(who.command(quote_id, AMOUNT))
    )
    outcome = await bench.perform(calls.DISBURSE, disbursement(receipt))
    assert outcome.reason is None
    # 2 % of 10,000.00 stays with the lender.
    assert await bench.book.moved(ids.disbursement_order(receipt.drawdown_id)) == [980_000]

    next_day = DISBURSED_ON + timedelta(days=1)
    booked = await bench.perform(calls.BOOK_LOAN, who.booking(receipt, next_day))
    loan = Ledger(bench, who, booked.loan_id)
    row = await loan.row()
    assert (row.terms.fees, row.funder) == ((DEDUCTED, MONTHLY), "trust-7")
    assert row.terms.first_due_on == date(2026, 2, 16)
    assert await loan.balances() == {
        "principal_receivable": AMOUNT,
        "fee_income": -20_000,
        "cash:icbc-0901": -980_000,
    }
    key = await loan.pay(88_849 + 1_000, date(2026, 2, 16))
    balances = await loan.balances()
    # A transfer that was recorded by hand; a debit would be at the debit channel's.
    assert balances["cash:icbc-2200"] == 89_849
    await loan.book(Reversed(key=loan.key(), on=date(2026, 2, 16), reverses=key))
    assert "cash:icbc-2200" not in await loan.balances()
    await loan.pay(88_849 + 1_000, date(2026, 2, 16))
    balances = await loan.balances()
    assert (balances["fee_income"], balances["interest_income"]) == (-21_000, -10_000)
    await loan.consistent()
    async with bench.database.read() as tx:
        quote = await QuoteRepository(tx).get(quote_id)
    assert quote is not None
    assert (quote.cost_sheet, quote.cost_sheet_hash) == (sheet, sheet.hash)


async def test_a_loan_charged_off_is_collected_on_and_its_books_follow(
    bench: Bench,
) -> None:
    """Charged off for fraud 91 days past due, then undone: the books of before, to the unit."""
    ledger = await lent(bench, 90)
    on = FIRST_DUE + timedelta(days=91)
    before = await ledger.row()
    await ledger.book(Charged(key=ledger.key(), on=on, amount=50))
    booked = await ledger.balances()

    await ledger.book(ChargedOff(key=ledger.key(), on=on, reason=ChargeOffReason.FRAUD))
    balances = await ledger.balances()
    assert balances["fraud_loss"] == AMOUNT == -balances["principal_charged_off"]
    assert balances["interest_suspended"] == -balances["interest_receivable"]
    assert {"interest_income", "fee_income", "penalty_income"}.isdisjoint(balances)
    row = await ledger.row()
    assert (row.state, row.days_past_due) == (LoanState.OVERDUE, 91)
    assert row.principal_outstanding == before.principal_outstanding
    await ledger.consistent()

    await ledger.book(ChargeOffUndone(key=ledger.key(), on=on))
    assert await ledger.balances() == booked
    await ledger.consistent()
