"""Recording by a command: what the process is told, once, and what it changes."""

from datetime import UTC, date, datetime

import pytest

from domain.common.errors import NotFound
from domain.loans.events import Disbursed, Paid
from domain.loans.position import position
from domain.loans.state import LoanState
from messages.ids import loan_workflow
from services.loans.reading import read_loan, today_of
from services.loans.servicing import (
    ServicingTransaction,
    prepare_transaction,
    preview_transaction,
)
from storage.database import Database
from storage.loans.loans import LoanRepository
from tests.api import seeds
from tests.api.seeds import Credit
from tests.integration.commands import ALICE, BOB, OTTO, command

NOW = datetime(2026, 2, 20, 4, tzinfo=UTC)
FEE = ServicingTransaction(
    {"kind": "charged", "component": "fee", "amount": 50, "name": "reminder"}, reference="case-7"
)
"""Half a yuan: the loan costs 24 % already, and that is the cap within 0.01 points."""


@pytest.fixture
async def credit(database: Database) -> Credit:
    return await seeds.credit(database, "app", "alice")


async def test_a_trial_changes_what_recording_it_will(database: Database, credit: Credit) -> None:
    async with database.read() as tx:
        tried = await preview_transaction(tx, OTTO, credit.loan_id, FEE, NOW)
        prepared = await prepare_transaction(tx, OTTO, command(OTTO), credit.loan_id, FEE, NOW)
    assert prepared.record is not None
    assert prepared.effect().changes == tried.changes
    assert (prepared.record.actor, prepared.record.role) == (OTTO.actor, "ops")
    assert (prepared.record.reference, prepared.event.on) == ("case-7", date(2026, 2, 20))
    assert prepared.reopening is None


async def test_a_command_whose_event_is_recorded_tells_the_process_nothing(
    database: Database, credit: Credit
) -> None:
    once = command(OTTO)
    async with database.transaction() as tx:
        first = await prepare_transaction(tx, OTTO, once, credit.loan_id, FEE, NOW)
        await LoanRepository(tx).append_event(credit.loan_id, first.event)
        later = datetime(2026, 2, 22, 4, tzinfo=UTC)
        again = await prepare_transaction(tx, OTTO, once, credit.loan_id, FEE, later)
    assert (again.record, again.event) == (None, first.event)
    assert again.before == first.before


async def test_a_settled_loan_is_to_be_reopened_with_all_that_happened(
    database: Database, credit: Credit
) -> None:
    async with database.transaction() as tx:
        loans = LoanRepository(tx)
        loan = await loans.get(credit.loan_id)
        assert loan is not None
        on = date(2027, 1, 15)
        owed = position(loan.terms, await loans.events(loan.id), on).total_due
        paid = Paid(key=f"{loan_workflow(loan.id)}:paid", on=on, amount=owed)
        await loans.append_event(loan.id, paid)
        events = await loans.events(loan.id)
        await loans.project(loan.id, position(loan.terms, events, on), "M0", None, on, state_seq=2)
        settled = await loans.get(loan.id)
        assert settled is not None
        assert settled.state is LoanState.SETTLED
        back = ServicingTransaction({"kind": "reversed", "reverses": paid.key}, on=on)
        prepared = await prepare_transaction(
            tx, OTTO, command(OTTO), loan.id, back, datetime(2027, 1, 16, 4, tzinfo=UTC)
        )
    assert prepared.reopening is not None
    assert prepared.reopening.events == events
    assert isinstance(events[0], Disbursed)


async def test_the_business_date_never_goes_back(database: Database, credit: Credit) -> None:
    async with database.read() as tx:
        found = await read_loan(tx, ALICE, credit.loan_id, NOW)
    loan, stands = found.loan, found.position
    assert stands.as_of == date(2026, 2, 20)
    before = datetime(2025, 12, 31, tzinfo=UTC)
    assert today_of(loan, before) == loan.business_date
    # It is a date of the product's zone: in Shanghai the next day has begun.
    assert today_of(loan, datetime(2026, 2, 20, 17, tzinfo=UTC)) == date(2026, 2, 21)


async def test_another_s_loan_is_none(database: Database, credit: Credit) -> None:
    async with database.read() as tx:
        with pytest.raises(NotFound):
            await read_loan(tx, BOB, credit.loan_id, NOW)
        with pytest.raises(NotFound):
            await preview_transaction(tx, BOB, credit.loan_id, FEE, NOW)
