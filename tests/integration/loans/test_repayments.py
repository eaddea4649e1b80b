"""Money comes in once, and the books say so to the fen."""

import asyncio
from datetime import date
from itertools import count

import pytest
from temporalio.exceptions import ApplicationError

from domain.collections import COLLECTIONS_LADDER
from domain.loans.bank_accounts import BankAccounts
from domain.loans.events import Paid, PaidOff
from domain.loans.ledger import Account
from domain.loans.payoff import PayoffQuote, payoff_quote
from domain.loans.position import InstalmentState
from domain.loans.state import LoanState
from messages import calls, ids
from messages.ids import derived_id, new_id
from messages.loans import (
    ApplyRepayment,
    CollectInstalment,
    CollectOutcome,
    DebitRepayment,
    FailRepayment,
    RecordDelinquency,
    RepaymentSource,
    RequestRepayment,
)
from messages.payments import QueryTransfer, TransferStatus
from sandbox.personas import person
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.lines.lines import LineRepository
from storage.loans.journal import JournalRepository
from storage.loans.loans import LoanRepository, LoanRow
from storage.loans.repayments import RepaymentRepository, RepaymentState
from tests.definitions import agreed
from tests.integration.conftest import Arm
from tests.integration.story import Bench, borrower
from tests.products import CASH, changed, release_products

FIRST_DUE = date(2026, 2, 15)
INSTALMENT = 94_560
STATE_SEQ = count(1)


def collection(loan_id: str, number: int = 1, on: date = FIRST_DUE) -> CollectInstalment:
    repayment_id = derived_id("rep", loan_id, "instalment", str(number), on.isoformat())
    return CollectInstalment(
        loan_id=loan_id,
        repayment_id=repayment_id,
        order_no=ids.debit_order(repayment_id),
        number=number,
        business_date=on,
        workflow_id=ids.repayment_workflow(repayment_id),
        state_seq=next(STATE_SEQ),
    )


async def lent(bench: Bench, key: str, index: int) -> str:
    return await (await borrower(bench, person(key, index))).borrow()


async def loan_row(tx: Transaction, loan_id: str) -> LoanRow:
    row = await LoanRepository(tx).get(loan_id)
    assert row is not None
    return row


class Repaying:
    """One repayment by a borrower."""

    def __init__(self, bench: Bench, loan_id: str, amount: int, on: date) -> None:
        self.bench, self.loan_id, self.amount, self.on = bench, loan_id, amount, on
        self.repayment_id = new_id("rep")
        self.order_no = ids.debit_order(self.repayment_id)

    async def request(self, payoff: PayoffQuote | None = None) -> None:
        source = RepaymentSource.BORROWER if payoff is None else RepaymentSource.PAYOFF
        request = RequestRepayment(
            loan_id=self.loan_id,
            repayment_id=self.repayment_id,
            order_no=self.order_no,
            source=source,
            amount=self.amount,
            business_date=self.on,
            workflow_id=ids.repayment_workflow(self.repayment_id),
            payoff=payoff,
        )
        for _ in range(2):
            await self.bench.perform(calls.REQUEST_REPAYMENT, request)

    async def debit(self) -> TransferStatus:
        request = DebitRepayment(
            repayment_id=self.repayment_id,
            order_no=self.order_no,
            workflow_id=ids.repayment_workflow(self.repayment_id),
        )
        return (await self.bench.perform(calls.DEBIT_REPAYMENT, request)).status

    async def query(self) -> TransferStatus:
        request = QueryTransfer(order_no=self.order_no)
        return (await self.bench.perform(calls.QUERY_TRANSFER, request)).status

    def booking(self) -> ApplyRepayment:
        return ApplyRepayment(
            loan_id=self.loan_id,
            repayment_id=self.repayment_id,
            business_date=self.on,
            state_seq=next(STATE_SEQ),
        )

    async def pay(self, payoff: PayoffQuote | None = None) -> Paid | PaidOff:
        await self.request(payoff)
        assert await self.debit() is TransferStatus.SUCCEEDED
        applied = await self.bench.perform(calls.APPLY_REPAYMENT, self.booking())
        assert isinstance(applied.event, Paid | PaidOff)
        return applied.event


def paid(outcome: CollectOutcome) -> Paid:
    assert outcome.status is TransferStatus.SUCCEEDED
    assert isinstance(outcome.event, Paid)
    return outcome.event


async def test_an_instalment_is_billed_debited_and_booked(bench: Bench) -> None:
    loan_id = await lent(bench, "approved", 601)
    request = collection(loan_id)
    event = paid(await bench.perform(calls.COLLECT_INSTALMENT, request))
    assert (event.amount, event.on, event.instalment) == (INSTALMENT, FIRST_DUE, 1)
    assert await bench.book.moved(request.order_no) == [INSTALMENT]
    order = await bench.book.order(request.order_no)
    assert order is not None
    assert order["initiator"] == "merchant"
    async with bench.database.read() as tx:
        row = await loan_row(tx, loan_id)
        instalments = await LoanRepository(tx).instalments(loan_id)
        balance = await JournalRepository(tx).trial_balance(loan_id=loan_id)
        entries = await JournalRepository(tx).of_loan(loan_id)
        repayment = await RepaymentRepository(tx).get(request.repayment_id)
    assert (row.principal_outstanding, row.next_due_on) == (925_440, date(2026, 3, 15))
    assert instalments[0].state is InstalmentState.PAID
    assert (instalments[0].paid_principal, instalments[0].paid_interest) == (74_560, 20_000)
    assert {account: amount for account, amount in balance.items() if amount} == {
        Account.PRINCIPAL_RECEIVABLE: 925_440,
        Account.CASH: -905_440,
        Account.INTEREST_INCOME: -20_000,
    }
    assert [entry.entry_key.removeprefix(f"loan:{loan_id}:") for entry in entries] == [
        "disbursed",
        f"bill:1:{FIRST_DUE.isoformat()}",
        f"repayment:{request.repayment_id}",
    ]
    assert repayment is not None
    assert (repayment.state, repayment.settled_on) == (RepaymentState.SETTLED, FIRST_DUE)


async def test_racing_and_repeated_collections_debit_and_book_once(bench: Bench) -> None:
    loan_id = await lent(bench, "approved", 602)
    request = collection(loan_id)
    outcomes = await asyncio.gather(
        *(bench.perform(calls.COLLECT_INSTALMENT, request) for _ in range(4))
    )
    outcomes.append(await bench.perform(calls.COLLECT_INSTALMENT, request))
    assert len({paid(outcome) for outcome in outcomes}) == 1
    assert await bench.book.moved(request.order_no) == [INSTALMENT]
    async with bench.database.read() as tx:
        assert len(await LoanRepository(tx).events(loan_id)) == 2
        assert sum((await JournalRepository(tx).trial_balance(currency="CNY")).values()) == 0
        assert (await loan_row(tx, loan_id)).principal_outstanding == 925_440


@pytest.mark.parametrize("point", ["before_send", "after_send", "after_record"])
async def test_a_collection_that_dies_anywhere_is_made_good(
    bench: Bench, arm: Arm, point: str
) -> None:
    loan_id = await lent(bench, "approved", 603)
    request = collection(loan_id)
    arm(f"collect_instalment.{point}=raise")
    with pytest.raises(ApplicationError):
        await bench.perform(calls.COLLECT_INSTALMENT, request)
    assert paid(await bench.perform(calls.COLLECT_INSTALMENT, request)).amount == INSTALMENT
    assert await bench.book.moved(request.order_no) == [INSTALMENT]


async def test_a_declined_debit_leaves_the_bill_open(bench: Bench) -> None:
    loan_id = await lent(bench, "approved", 604)
    await bench.simulators.fault(
        "payments", operation="debit", times=1, order_outcome="insufficient_funds"
    )
    request = collection(loan_id)
    for _ in range(2):
        outcome = await bench.perform(calls.COLLECT_INSTALMENT, request)
        assert (outcome.status, outcome.reason) == (TransferStatus.FAILED, "insufficient_funds")
        assert outcome.event is None
    async with bench.database.read() as tx:
        row = await loan_row(tx, loan_id)
        repayment = await RepaymentRepository(tx).get(request.repayment_id)
        balance = await JournalRepository(tx).trial_balance(loan_id=loan_id)
        facts = await OutboxRepository(tx).since(ids.loan_workflow(loan_id), 0)
    assert (row.state, row.principal_outstanding) == (LoanState.CURRENT, 1_000_000)
    assert repayment is not None
    assert (repayment.state, repayment.reason) == (RepaymentState.FAILED, "insufficient_funds")
    assert balance[Account.INTEREST_RECEIVABLE] == 20_000
    assert [fact.kind for fact in facts] == ["booked", "billed", "repayment_failed"]


async def test_a_debit_in_doubt_is_booked_when_the_channel_has_settled_it(bench: Bench) -> None:
    loan_id = await lent(bench, "debit_processing", 605)
    await bench.simulators.fault("payments", operation="debit", times=1, hold=True)
    request = collection(loan_id)
    outcome = await bench.perform(calls.COLLECT_INSTALMENT, request)
    assert (outcome.status, outcome.event) == (TransferStatus.IN_DOUBT, None)
    booking = ApplyRepayment(
        loan_id=loan_id,
        repayment_id=request.repayment_id,
        business_date=FIRST_DUE,
        state_seq=next(STATE_SEQ),
    )
    with pytest.raises(ApplicationError) as early:
        await bench.perform(calls.APPLY_REPAYMENT, booking)
    assert early.value.type == "TransferUnsettled"
    giving_up = FailRepayment(repayment_id=request.repayment_id, reason="timeout")
    with pytest.raises(ApplicationError) as rash:
        await bench.perform(calls.FAIL_REPAYMENT, giving_up)
    assert rash.value.type == "TransferUnsettled"
    await bench.simulators.settle(request.order_no)
    answer = await bench.perform(calls.QUERY_TRANSFER, QueryTransfer(order_no=request.order_no))
    assert answer.status is TransferStatus.SUCCEEDED
    applied = [await bench.perform(calls.APPLY_REPAYMENT, booking) for _ in range(2)]
    assert applied[0] == applied[1]
    assert isinstance(applied[0].event, Paid)
    assert (applied[0].event.instalment, applied[0].event.amount) == (1, INSTALMENT)


async def test_credit_held_pays_a_bill_without_a_debit(bench: Bench) -> None:
    loan_id = await lent(bench, "approved", 606)
    await Repaying(bench, loan_id, INSTALMENT, date(2026, 2, 1)).pay()
    request = collection(loan_id)
    for _ in range(2):
        outcome = await bench.perform(calls.COLLECT_INSTALMENT, request)
        assert (outcome.status, outcome.event) == (TransferStatus.SUCCEEDED, None)
    assert await bench.book.order(request.order_no) is None
    async with bench.database.read() as tx:
        row = await loan_row(tx, loan_id)
        balance = await JournalRepository(tx).trial_balance(loan_id=loan_id)
        line = await LineRepository(tx).get(row.line_id)
    assert row.principal_outstanding == 925_440
    assert balance[Account.CUSTOMER_CREDIT] == 0
    assert line is not None
    assert line.drawn == 925_440


async def test_arrears_are_paid_with_the_penalty_by_actual_days(bench: Bench) -> None:
    loan_id = await lent(bench, "approved", 607)
    await bench.simulators.fault(
        "payments", operation="debit", times=1, order_outcome="card_closed"
    )
    await bench.perform(calls.COLLECT_INSTALMENT, collection(loan_id))
    on = date(2026, 2, 25)
    await mark(bench, loan_id, on)
    async with bench.database.read() as tx:
        late = await loan_row(tx, loan_id)
        instalments = await LoanRepository(tx).instalments(loan_id)
    assert (late.state, late.days_past_due, late.bucket) == (LoanState.OVERDUE, 10, "M1")
    assert instalments[0].penalty == 490  # 745.60 x 24 % x 10 / 365 = 4.9026
    event = await Repaying(bench, loan_id, INSTALMENT + 490, on).pay()
    assert event.amount == 95_050
    async with bench.database.read() as tx:
        row = await loan_row(tx, loan_id)
        balance = await JournalRepository(tx).trial_balance(loan_id=loan_id)
    assert (row.state, row.days_past_due) == (LoanState.CURRENT, 0)
    assert balance[Account.PENALTY_INCOME] == -490
    assert balance.get(Account.PENALTY_RECEIVABLE, 0) == 0


async def mark(bench: Bench, loan_id: str, on: date) -> None:
    await bench.perform(
        calls.RECORD_DELINQUENCY,
        RecordDelinquency(
            loan_id=loan_id,
            applicant_id=new_id("per"),
            product="cash",
            zone="Asia/Shanghai",
            ladder=agreed(COLLECTIONS_LADDER, "standard"),
            business_date=on,
            oldest_due_on=FIRST_DUE,
            state_seq=next(STATE_SEQ),
            episode=1,
            open_collections=False,
        ),
    )


async def test_a_payment_booked_late_counts_from_its_value_date(bench: Bench) -> None:
    loan_id = await lent(bench, "approved", 608)
    await bench.simulators.fault(
        "payments", operation="debit", times=1, order_outcome="card_closed"
    )
    await bench.perform(calls.COLLECT_INSTALMENT, collection(loan_id))
    five_days = INSTALMENT + 245  # 745.60 x 24 % x 5 / 365 = 2.4513
    repaying = Repaying(bench, loan_id, five_days, date(2026, 2, 20))
    await repaying.request()
    assert await repaying.debit() is TransferStatus.SUCCEEDED
    await mark(bench, loan_id, date(2026, 2, 25))
    await bench.perform(calls.APPLY_REPAYMENT, repaying.booking())
    async with bench.database.read() as tx:
        row = await loan_row(tx, loan_id)
        balance = await JournalRepository(tx).trial_balance(loan_id=loan_id)
    assert (row.state, row.business_date) == (LoanState.CURRENT, date(2026, 2, 25))
    assert balance[Account.PENALTY_INCOME] == -245
    assert balance[Account.PRINCIPAL_RECEIVABLE] == 925_440


async def test_a_payoff_settles_the_loan_and_closes_its_books(bench: Bench) -> None:
    loan_id = await lent(bench, "approved", 609)
    await bench.perform(calls.COLLECT_INSTALMENT, collection(loan_id))
    on = date(2026, 3, 1)
    async with bench.database.read() as tx:
        row = await loan_row(tx, loan_id)
        quote = payoff_quote(row.terms, await LoanRepository(tx).events(loan_id), on)
    # 14 of 28 days of 9,254.40 at 2 % a month: 92.544, half up, on top of the principal.
    assert quote.total == 925_440 + 9_254
    event = await Repaying(bench, loan_id, quote.total, on).pay(quote)
    assert isinstance(event, PaidOff)
    async with bench.database.read() as tx:
        row = await loan_row(tx, loan_id)
        balance = await JournalRepository(tx).trial_balance(loan_id=loan_id)
        instalments = await LoanRepository(tx).instalments(loan_id)
        facts = await OutboxRepository(tx).since(ids.loan_workflow(loan_id), 0)
    assert (row.state, row.settled_on) == (LoanState.SETTLED, on)
    assert {account: amount for account, amount in balance.items() if amount} == {
        Account.CASH: 29_254,
        Account.INTEREST_INCOME: -29_254,
    }
    assert {row.state for row in instalments} == {InstalmentState.PAID}
    assert facts[-1].kind == "settled"


@pytest.mark.parametrize("point", ["debit_repayment.after_send", "apply_repayment.after_commit"])
async def test_a_repayment_that_dies_anywhere_is_made_good(
    bench: Bench, arm: Arm, point: str
) -> None:
    loan_id = await lent(bench, "approved", 610)
    repaying = Repaying(bench, loan_id, INSTALMENT, FIRST_DUE)
    await repaying.request()
    arm(f"{point}=raise")
    if point.startswith("debit"):
        with pytest.raises(ApplicationError):
            await repaying.debit()
    assert await repaying.debit() is TransferStatus.SUCCEEDED
    if point.startswith("apply"):
        with pytest.raises(ApplicationError):
            await bench.perform(calls.APPLY_REPAYMENT, repaying.booking())
    raced = await asyncio.gather(
        *(bench.perform(calls.APPLY_REPAYMENT, repaying.booking()) for _ in range(3))
    )
    assert len({applied.event for applied in raced}) == 1
    assert await bench.book.moved(repaying.order_no) == [INSTALMENT]
    order = await bench.book.order(repaying.order_no)
    assert order is not None
    assert order["initiator"] == "cardholder"
    async with bench.database.read() as tx:
        assert len(await LoanRepository(tx).events(loan_id)) == 2


async def test_a_failed_repayment_makes_room_for_the_next(bench: Bench) -> None:
    loan_id = await lent(bench, "approved", 611)
    first = Repaying(bench, loan_id, INSTALMENT, FIRST_DUE)
    await first.request()
    second = Repaying(bench, loan_id, 10_000, FIRST_DUE)
    with pytest.raises(ApplicationError) as refused:
        await second.request()
    assert (refused.value.type, refused.value.non_retryable) == ("RepaymentInFlight", True)
    await bench.simulators.fault(
        "payments", operation="debit", times=1, order_outcome="card_closed"
    )
    assert await first.debit() is TransferStatus.FAILED
    giving_up = FailRepayment(repayment_id=first.repayment_id, reason="card_closed")
    for _ in range(2):
        await bench.perform(calls.FAIL_REPAYMENT, giving_up)
    event = await second.pay()
    assert event.amount == 10_000


async def test_cash_is_on_the_account_through_which_it_moved(bench: Bench) -> None:
    """What a bank statement shows: the payout, the debits, and nothing of the one in the other."""
    accounts = BankAccounts(debit="allinpay", transfer="icbc-2200", payout="icbc-0901")
    await release_products(bench.database, changed(CASH, "banked", bank_accounts=accounts))
    who = await borrower(bench, person("approved", 2_777), product="banked")
    loan_id = await who.borrow()
    outcome = await bench.perform(calls.COLLECT_INSTALMENT, collection(loan_id))
    assert isinstance(outcome.event, Paid)
    async with bench.database.read() as tx:
        sheet = await JournalRepository(tx).trial_balance(loan_id=loan_id)
        paid_through = await JournalRepository(tx).bank_account(outcome.event.key)
    cash = {account: amount for account, amount in sheet.items() if account.startswith("cash")}
    assert cash == {"cash:icbc-0901": -1_000_000, "cash:allinpay": INSTALMENT}
    assert paid_through == "allinpay"
