"""The ledger at any moment, by any dimension, and its comparison with positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg
import pytest

from activities.loans.books import LoanBooks
from domain.collections import COLLECTIONS_LADDER
from domain.loans.events import Disbursed, LoanEvent, Paid, Reversed
from domain.loans.ledger import Account, JournalLine, journal_between
from domain.loans.position import position
from domain.loans.schedule import build_plan
from domain.loans.servicing import SERVICING_POLICY
from messages.ids import new_id
from sandbox.personas import person
from storage.common.rows import Cursor
from storage.database import Database
from storage.lines.lines import LineRepository
from storage.loans.journal import EntryKind, JournalRepository
from storage.loans.loans import LoanRepository
from storage.loans.reconciliation import LoanComparison, ReconciliationRepository
from tests.definitions import ref
from tests.integration.story import AMOUNT, DISBURSED_ON, Bench, borrower, quoted_terms

FIRST_DUE = date(2026, 2, 15)
INSTALMENT = 94_560
"""745.60 of principal and 200.00 of interest: 2 % of 10,000.00 for the first month."""


@dataclass
class Lent:
    """A loan whose books the test keeps."""

    bench: Bench
    loan_id: str
    seq: int = 1

    async def book(self, event: LoanEvent, kind: EntryKind, on: date, cash: int) -> None:
        """Book an event as the activities do."""
        self.seq += 1
        async with self.bench.database.transaction() as tx:
            books = await LoanBooks.open(tx, self.loan_id)
            await books.post(event.key, kind, on, self.seq, event=event, cash=cash)

    async def pay(self, amount: int, on: date) -> str:
        """Book a payment by value date `on` and return its key."""
        event = Paid(key=f"loan:{self.loan_id}:repayment:{new_id('rep')}", on=on, amount=amount)
        await self.book(event, "repayment", on, amount)
        return event.key

    async def post(self, key: str, on: date, lines: Sequence[JournalLine]) -> datetime:
        """Post an entry and return when it was recorded."""
        async with self.bench.database.transaction() as tx:
            assert await JournalRepository(tx).post(self.loan_id, key, "bill", on, "CNY", lines)
            return (await JournalRepository(tx).of_loan(self.loan_id))[-1].recorded_at

    async def balances(self, **of: Any) -> dict[str, int]:
        """Return the loan's balances that are not zero."""
        async with self.bench.database.read() as tx:
            sheet = await JournalRepository(tx).trial_balance(loan_id=self.loan_id, **of)
        return {account: balance for account, balance in sheet.items() if balance}

    async def compared(self) -> LoanComparison:
        """Return what the reconciliation says of the loan."""
        (found,) = [one for one in await compared(self.bench.database) if one.id == self.loan_id]
        return found


async def lent(bench: Bench, index: int, *, funder: str = "own", currency: str = "CNY") -> Lent:
    """10,000.00 of a currency, disbursed on 15 January 2026."""
    someone = await borrower(bench, person("approved", index))
    receipt = await someone.sign()
    terms = quoted_terms().model_copy(update={"currency": currency})
    event = Disbursed(key=f"loan:{receipt.loan_id}:disbursed", on=DISBURSED_ON, amount=AMOUNT)
    async with bench.database.transaction() as tx:
        loan = await LoanRepository(tx).book(
            loan_id=receipt.loan_id,
            drawdown_id=receipt.drawdown_id,
            line_id=someone.line_id,
            applicant_id=someone.applicant_id,
            terms=terms,
            plan=build_plan(terms),
            zone="Asia/Shanghai",
            ladder=ref(COLLECTIONS_LADDER, "standard"),
            servicing=ref(SERVICING_POLICY, "standard"),
            funder=funder,
        )
        assert loan.funder == funder
        await LoanRepository(tx).append_event(loan.id, event)
        after = position(terms, (event,), DISBURSED_ON)
        await JournalRepository(tx).post(
            loan.id,
            event.key,
            "disbursement",
            DISBURSED_ON,
            currency,
            journal_between(None, after, -AMOUNT),
        )
        await LoanRepository(tx).project(loan.id, after, "M0", None, DISBURSED_ON, 1)
        await LineRepository(tx).draw(someone.line_id, AMOUNT)
    return Lent(bench, receipt.loan_id)


async def compared(database: Database, limit: int = 100) -> list[LoanComparison]:
    """Return the comparison of every loan, page by page."""
    found: list[LoanComparison] = []
    cursor = None
    while True:
        async with database.snapshot() as tx:
            page = await ReconciliationRepository(tx).page(cursor, limit)
        if not page:
            return found
        found += page
        cursor = Cursor(page[-1].recorded_at, page[-1].id)


def lines(account: Account, amount: int) -> tuple[JournalLine, ...]:
    """An entry against what is held for the borrower."""
    return (
        JournalLine(account=account, amount=amount),
        JournalLine(account=Account.CUSTOMER_CREDIT, amount=-amount),
    )


# Trial balances


async def test_a_moment_has_a_business_date_and_a_recorded_date(bench: Bench) -> None:
    loan = await lent(bench, 901)
    first = await loan.post("late", date(2026, 3, 1), lines(Account.INTEREST_RECEIVABLE, 500))
    second = await loan.post("backdated", date(2026, 2, 1), lines(Account.PENALTY_RECEIVABLE, 7))
    assert first < second
    books = {"principal_receivable": AMOUNT, "cash": -AMOUNT}

    # What February looked like before and after the entry for it came.
    in_february = date(2026, 2, 28)
    assert await loan.balances(as_of=in_february, recorded_until=first) == books
    assert await loan.balances(as_of=in_february, recorded_until=second) == {
        **books,
        "penalty_receivable": 7,
        "customer_credit": -7,
    }
    assert await loan.balances(as_of=in_february) == await loan.balances(
        as_of=in_february, recorded_until=second
    )
    # Both dates are inclusive.
    assert await loan.balances(recorded_until=first) == {
        **books,
        "interest_receivable": 500,
        "customer_credit": -500,
    }
    assert await loan.balances(as_of=date(2026, 3, 1)) == {
        **books,
        "interest_receivable": 500,
        "penalty_receivable": 7,
        "customer_credit": -507,
    }
    assert await loan.balances(as_of=date(2026, 1, 14)) == {}


async def test_funders_and_currencies_are_kept_apart(bench: Bench) -> None:
    funder = f"bank-{new_id('per')[4:12]}"
    ours = await lent(bench, 902, funder=funder)
    await lent(bench, 903, funder=funder)
    dollars = await lent(bench, 904, funder=funder, currency="USD")
    await lent(bench, 905)
    async with bench.database.read() as tx:
        yuan = await JournalRepository(tx).trial_balance(currency="CNY", funder=funder)
        of_dollars = await JournalRepository(tx).trial_balance(currency="USD", funder=funder)
        everything = await JournalRepository(tx).trial_balance(currency="USD")
        assert await JournalRepository(tx).trial_balance(currency="CNY", funder="nobody") == {}
        assert (
            await JournalRepository(tx).trial_balance(currency="CNY", loan_id=dollars.loan_id) == {}
        )
        with pytest.raises(ValueError, match="one currency"):
            await JournalRepository(tx).trial_balance(funder=funder)
    assert yuan == {"principal_receivable": 2 * AMOUNT, "cash": -2 * AMOUNT}
    assert of_dollars == everything == {"principal_receivable": AMOUNT, "cash": -AMOUNT}
    assert await ours.balances(funder=funder) == await ours.balances()
    assert await ours.balances(funder="own") == {}


@pytest.mark.parametrize("funder", ["", "Bank", "bank one", "b" * 33, "b'"])
async def test_a_funder_is_an_opaque_code(bench: Bench, funder: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="loans_funder_code"):
        await lent(bench, 906, funder=funder)


CHART = (
    *("principal_receivable", "interest_receivable", "fee_receivable", "penalty_receivable"),
    *("cash", "cash:icbc", "customer_credit", "interest_income", "fee_income", "penalty_income"),
    *("funder_payable", "loss", "recovery", "suspense"),
    *("interest_accrued", "interest_deferred", "fee_deferred", "principal_charged_off"),
    *("charge_off_loss", "fraud_loss", "interest_suspended", "fee_suspended"),
    *("penalty_suspended", "returned_receivable"),
)


async def test_the_chart_of_accounts_is_the_database_s(bench: Bench) -> None:
    loan = await lent(bench, 907)

    async def post(account: str) -> None:
        async with bench.database.transaction() as tx:
            await tx.connection.execute(
                "with header as (insert into journal (entry_key, loan_id, kind, business_date)"
                " values ($1, $2, 'bill', $3) returning id)"
                " insert into entries (journal_id, line, account, currency, amount)"
                " select id, number, $4, 'CNY', amount from header,"
                " (values (1, 5), (2, -5)) as lines (number, amount)",
                f"{loan.loan_id}:{account}",
                loan.loan_id,
                FIRST_DUE,
                account,
            )

    for account in CHART:
        await post(account)
    async with bench.database.read() as tx:
        assert set(await JournalRepository(tx).trial_balance(loan_id=loan.loan_id)) == set(CHART)
        entries = await JournalRepository(tx).of_loan(loan.loan_id)
    assert {entry.lines[0].account for entry in entries} == set(CHART)
    for account in ("Cash", "cash:", "cash:ICBC", "loss:icbc", "income", ""):
        with pytest.raises(asyncpg.CheckViolationError, match="entries_account_of_chart"):
            await post(account)


async def test_every_account_of_the_domain_is_in_the_chart() -> None:
    assert {account.value for account in Account} <= set(CHART)


# Corrections


async def test_a_correction_is_an_entry_that_reverses(bench: Bench) -> None:
    loan = await lent(bench, 908)
    before = await loan.balances()
    key = await loan.pay(INSTALMENT, date(2026, 2, 1))
    assert await loan.balances() != before
    reversal = Reversed(key=f"{key}:reversed", on=date(2026, 2, 1), reverses=key)
    await loan.book(reversal, "reversal", date(2026, 2, 1), -INSTALMENT)
    assert await loan.balances() == before
    async with bench.database.read() as tx:
        _, paid, undone = await JournalRepository(tx).of_loan(loan.loan_id)
    assert undone.kind == "reversal"
    assert {line.account: line.amount for line in paid.lines} == {
        line.account: -line.amount for line in undone.lines
    }
    assert not (await loan.compared()).differs


async def test_a_loan_s_entries_are_paged_as_they_were_posted(bench: Bench) -> None:
    loan = await lent(bench, 909)
    for number in range(4):
        await loan.post(
            f"{loan.loan_id}:{number}",
            date(2026, 2, 20 - number),
            lines(Account.PENALTY_RECEIVABLE, 1 + number),
        )
    async with bench.database.read() as tx:
        whole = await JournalRepository(tx).of_loan(loan.loan_id)
        first = await JournalRepository(tx).of_loan(loan.loan_id, limit=3)
        rest = await JournalRepository(tx).of_loan(loan.loan_id, first[-1].id, 3)
    assert (len(first), len(rest)) == (3, 2)
    assert [*first, *rest] == whole
    assert [entry.lines[0].amount for entry in whole] == [AMOUNT, 1, 2, 3, 4]


# Reconciliation


async def test_books_that_agree_are_told_by_account(bench: Bench) -> None:
    loan = await lent(bench, 910)
    await loan.pay(INSTALMENT + 440, FIRST_DUE)
    found = await loan.compared()
    assert not found.differs
    assert (found.as_of, found.currency, found.funder) == (FIRST_DUE, "CNY", "own")
    principal = {found.ledger_principal, found.position_principal, found.projected_principal}
    assert principal == {925_440}
    told = {one.account: (one.ledger, one.position) for one in found.accounts}
    assert told["interest_receivable"] == told["penalty_receivable"] == (0, 0)
    assert told["customer_credit"] == (-440, -440)
    assert told["interest_income"] == (-20_000, -20_000)


async def test_a_payment_that_is_booked_late_agrees(bench: Bench) -> None:
    loan = await lent(bench, 911)
    await loan.pay(1_000, date(2026, 2, 25))
    await loan.pay(INSTALMENT, date(2026, 2, 20))
    found = await loan.compared()
    assert (found.as_of, found.differs) == (date(2026, 2, 25), False)


async def test_a_tampered_projection_is_found(bench: Bench) -> None:
    loan = await lent(bench, 912)
    async with bench.database.transaction() as tx:
        await tx.connection.execute(
            "update loans set principal_outstanding = principal_outstanding - 1 where id = $1",
            loan.loan_id,
        )
    found = await loan.compared()
    assert found.differs
    assert (found.ledger_principal, found.position_principal) == (AMOUNT, AMOUNT)
    assert found.projected_principal == AMOUNT - 1


async def test_a_missing_entry_is_found(bench: Bench) -> None:
    loan = await lent(bench, 913)
    key = await loan.pay(1_000, date(2026, 2, 1))
    assert not (await loan.compared()).differs
    async with bench.database.transaction() as tx:
        # As only the owner of the database can: past the triggers that refuse it.
        await tx.connection.execute("set local session_replication_role = replica")
        await tx.connection.execute(
            "delete from entries where journal_id = (select id from journal where entry_key = $1)",
            key,
        )
        await tx.connection.execute("delete from journal where entry_key = $1", key)
    found = await loan.compared()
    # The payment is held as credit until the due date: principal agrees, the credit does not.
    assert found.differs
    assert found.ledger_principal == found.position_principal == AMOUNT
    assert [
        (one.account, one.ledger, one.position)
        for one in found.accounts
        if one.ledger != one.position
    ] == [("customer_credit", 0, -1_000)]


async def test_an_event_without_its_entry_and_an_entry_without_its_event_are_found(
    bench: Bench,
) -> None:
    unbooked, invented = await lent(bench, 914), await lent(bench, 915)
    event = Paid(key=new_id("rep"), on=DISBURSED_ON, amount=AMOUNT)
    async with bench.database.transaction() as tx:
        await LoanRepository(tx).append_event(unbooked.loan_id, event)
    assert (await unbooked.compared()).differs
    await invented.post(
        f"{invented.loan_id}:x", DISBURSED_ON, lines(Account.PRINCIPAL_RECEIVABLE, 5)
    )
    assert (await invented.compared()).ledger_principal == AMOUNT + 5
    assert (await invented.compared()).differs


async def test_events_that_contradict_each_other_are_told(bench: Bench) -> None:
    loan = await lent(bench, 916)
    async with bench.database.transaction() as tx:
        stray = Reversed(key=new_id("rep"), on=DISBURSED_ON, reverses="nothing")
        await LoanRepository(tx).append_event(loan.loan_id, stray)
    found = await loan.compared()
    assert (found.differs, found.position_principal) == (True, None)
    assert found.refusal
    assert found.accounts == ()


async def test_a_page_costs_three_statements_however_many_loans_it_has(bench: Bench) -> None:
    for index in range(917, 920):
        await lent(bench, index)
    everything = await compared(bench.database)
    assert [one.id for one in await compared(bench.database, limit=2)] == [
        one.id for one in everything
    ]
    assert len(everything) == len({one.id for one in everything}) >= 3

    async def statements(limit: int) -> int:
        asked: list[Any] = []
        async with bench.database.snapshot() as tx:
            with tx.connection.query_logger(asked.append):
                assert len(await ReconciliationRepository(tx).page(None, limit)) == limit
        return len(asked)

    assert [await statements(1), await statements(len(everything))] == [3, 3]


async def test_a_page_is_read_at_one_moment(bench: Bench) -> None:
    loan = await lent(bench, 921)
    async with bench.database.snapshot() as tx:
        assert await LoanRepository(tx).get(loan.loan_id)
        await loan.pay(INSTALMENT, FIRST_DUE)
        (seen,) = [
            one
            for one in await ReconciliationRepository(tx).page(None, 100)
            if one.id == loan.loan_id
        ]
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await tx.connection.execute("update loans set state_seq = 9")
    assert (seen.ledger_principal, seen.differs) == (AMOUNT, False)
    assert (await loan.compared()).ledger_principal == 925_440
