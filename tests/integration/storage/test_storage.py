"""The record guards itself: unique keys, encryption, constraints on money."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest

from domain.applications.application import ApplicationState, Waiting
from domain.common.errors import ConflictingEvent
from domain.lines import LineState
from domain.loans.events import Disbursed, Paid
from domain.loans.ledger import Account, JournalLine
from domain.verification.elements import ElementKind
from messages.applications import StartApplication
from messages.ids import new_id
from runtime.keyring import BlindIndex, Keyring, Tampered
from runtime.settings import Settings
from sandbox.personas import person
from storage.applications.applications import ApplicationRepository
from storage.common.audit import AuditRepository
from storage.common.errors import IdempotencyMismatch, RecordMissing
from storage.common.repository import Transaction
from storage.common.rows import Cursor
from storage.database import Database
from storage.lines.lines import LineRepository
from storage.loans.journal import JournalRepository
from storage.loans.loans import LoanRepository
from storage.payments import TransferCreate, TransferRepository
from storage.people.applicants import ApplicantRepository, Personal
from storage.verification.elements import ElementCreate, ElementRepository
from tests.integration.story import Bench, applicant, borrower, operator, real_name
from tests.products import CASH


async def apply_for(tx: Transaction, channel: str = "app") -> StartApplication:
    row = await ApplicantRepository(tx).get_or_create(new_id("per"), channel, new_id("per"))
    start = StartApplication(
        application_id=new_id("app"),
        applicant_id=row.id,
        product=CASH,
        channel=channel,
        currency="CNY",
        amount=1_000_000,
        instalments=12,
    )
    await ApplicationRepository(tx).insert(start, created_by="test")
    return start


# People


async def test_a_channel_s_reference_is_one_applicant(database: Database) -> None:
    async def create(applicant_id: str) -> str:
        async with database.transaction() as tx:
            return (
                await ApplicantRepository(tx).get_or_create(applicant_id, "app", "customer-1")
            ).id

    made = await asyncio.gather(*(create(new_id("per")) for _ in range(8)))
    assert len(set(made)) == 1
    async with database.transaction() as tx:
        other = await ApplicantRepository(tx).get_or_create(new_id("per"), "partner", "customer-1")
        assert other.id not in made
        with pytest.raises(IdempotencyMismatch):
            await ApplicantRepository(tx).get_or_create(made[0], "app", "customer-2")


async def test_personal_data_is_sealed_for_its_row_and_looked_up_by_digest(
    database: Database,
) -> None:
    someone = person("approved", 801)
    async with database.transaction() as tx:
        first, second = await apply_for(tx), await apply_for(tx)
        for start in (first, second):
            await ApplicantRepository(tx).remember(
                start.applicant_id, name=someone.name, identity_number=someone.identity_number
            )
        await ApplicantRepository(tx).remember(first.applicant_id, mobile=someone.mobile)
        assert await ApplicantRepository(tx).personal(first.applicant_id) == Personal(
            someone.name, someone.identity_number, someone.mobile, None
        )
        await tx.connection.execute(
            "update applicants set name_enc = (select name_enc from applicants where id = $1)"
            " where id = $2",
            first.applicant_id,
            second.applicant_id,
        )
        with pytest.raises(Tampered):
            await ApplicantRepository(tx).personal(second.applicant_id)
        with pytest.raises(RecordMissing):
            await ApplicantRepository(tx).personal(new_id("per"))


async def test_a_new_key_in_front_leaves_the_old_readable(
    database_url: str, settings: Settings, fresh_keys: Any
) -> None:
    old = settings.pii_keys.get_secret_value()
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    async with (
        Database.open(database_url, 2, Keyring.parse(old), blind_index) as before,
        Database.open(
            database_url, 2, Keyring.parse(f"{fresh_keys('new')},{old}"), blind_index
        ) as after,
    ):
        async with before.transaction() as tx:
            start = await apply_for(tx)
            await ApplicantRepository(tx).remember(start.applicant_id, name="示例名")
        async with after.transaction() as tx:
            await ApplicantRepository(tx).remember(start.applicant_id, mobile="13800138000")
            personal = await ApplicantRepository(tx).personal(start.applicant_id)
    assert (personal.name, personal.mobile) == ("示例名", "13800138000")


# Applications and their elements


async def test_an_application_s_id_stands_for_one_request(database: Database) -> None:
    async with database.transaction() as tx:
        start = await apply_for(tx)
        again = await ApplicationRepository(tx).insert(start, created_by="test")
        assert again.id == start.application_id
        more = start.model_copy(update={"amount": start.amount + 10_000})
        with pytest.raises(IdempotencyMismatch):
            await ApplicationRepository(tx).insert(more, created_by="test")


async def test_a_list_is_paged_without_gaps_or_repeats(database: Database) -> None:
    async with database.transaction() as tx:
        made = {(await apply_for(tx, "paged")).application_id for _ in range(7)}
    seen: list[str] = []
    cursor = None
    async with database.read() as tx:
        while page := await ApplicationRepository(tx).page(cursor, 3, channel="paged"):
            seen += [row.id for row in page]
            cursor = Cursor(page[-1].created_at, page[-1].id)
    assert len(seen) == 7
    assert set(seen) == made
    assert seen == sorted(seen, reverse=True)


async def test_a_state_is_replaced_by_a_newer_one_or_by_what_a_lost_task_became(
    database: Database,
) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    async with database.transaction() as tx:
        start = await apply_for(tx)

        async def move(state: ApplicationState, state_seq: int) -> bool:
            return await ApplicationRepository(tx).set_state(
                start.application_id, state, Waiting.NOTHING, state_seq, at
            )

        assert await move(ApplicationState.DECIDING, 2)
        assert not await move(ApplicationState.COLLECTING, 1)
        assert await move(ApplicationState.OFFERED, 2)
        assert not await move(ApplicationState.OFFERED, 2)
        assert await move(ApplicationState.WITHDRAWN, 3)
        assert not await move(ApplicationState.OFFERED, 3)


async def test_elements_count_attempts_and_an_id_names_one_of_them(bench: Bench) -> None:
    someone = person("approved", 802)
    known = await applicant(bench, someone)
    ids = [new_id("elt") for _ in range(4)]
    data = operator(someone)

    async def submit(element_id: str) -> None:
        async with bench.database.transaction() as tx:
            await ElementRepository(tx).add(
                known.start.application_id, [ElementCreate(element_id, ElementKind.OPERATOR, data)]
            )

    await asyncio.gather(*(submit(element_id) for element_id in [*ids, *ids]))
    async with bench.database.transaction() as tx:
        stored = [await ElementRepository(tx).get(element_id) for element_id in ids]
        assert sorted(row.attempt for row in stored if row) == [1, 2, 3, 4]
        assert stored[0] is not None
        assert stored[0].data == data
        assert someone.mobile not in repr(stored[0])
        (status,) = await ElementRepository(tx).latest(known.start.application_id)
        assert (status.attempt, status.verdict) == (4, None)
        with pytest.raises(IdempotencyMismatch):
            await ElementRepository(tx).add(
                known.start.application_id,
                [ElementCreate(ids[0], ElementKind.OPERATOR, real_name(someone))],
            )
        with pytest.raises(RecordMissing):
            await ElementRepository(tx).add(
                new_id("app"), [ElementCreate(new_id("elt"), ElementKind.OPERATOR, data)]
            )


# Money


async def test_an_entry_that_does_not_balance_never_commits(bench: Bench) -> None:
    loan_id = await (await borrower(bench, person("approved", 803))).borrow()
    crooked = (
        JournalLine(account=Account.CASH, amount=100),
        JournalLine(account=Account.INTEREST_INCOME, amount=-99),
    )
    with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
        async with bench.database.transaction() as tx:
            await JournalRepository(tx).post(
                loan_id, f"loan:{loan_id}:crooked", "bill", date(2026, 2, 1), "CNY", crooked
            )
    async with bench.database.read() as tx:
        assert len(await JournalRepository(tx).of_loan(loan_id)) == 1
        assert sum((await JournalRepository(tx).trial_balance(currency="CNY")).values()) == 0


async def test_an_entry_s_key_is_posted_once(bench: Bench) -> None:
    loan_id = await (await borrower(bench, person("approved", 804))).borrow()
    lines = (
        JournalLine(account=Account.INTEREST_RECEIVABLE, amount=500),
        JournalLine(account=Account.INTEREST_INCOME, amount=-500),
    )

    async def post() -> bool:
        async with bench.database.transaction() as tx:
            return await JournalRepository(tx).post(
                loan_id, f"loan:{loan_id}:bill:1", "bill", date(2026, 2, 15), "CNY", lines
            )

    assert sorted(await asyncio.gather(post(), post(), post())) == [False, False, True]
    async with bench.database.transaction() as tx:
        early = await JournalRepository(tx).trial_balance(loan_id=loan_id, as_of=date(2026, 2, 14))
        late = await JournalRepository(tx).trial_balance(loan_id=loan_id, currency="CNY")
        assert not await JournalRepository(tx).post(
            loan_id, "empty", "bill", date(2026, 2, 15), "CNY", ()
        )
    assert Account.INTEREST_INCOME not in early
    assert late[Account.INTEREST_INCOME] == -500


@pytest.mark.parametrize("table", ["journal", "entries", "loan_events", "audit"])
@pytest.mark.parametrize(
    "statement", ["update {} set {} = default", "delete from {}", "truncate {} cascade"]
)
async def test_what_happened_is_not_rewritten(bench: Bench, table: str, statement: str) -> None:
    await (await borrower(bench, person("approved", 805))).borrow()
    column = "amount" if table == "entries" else "recorded_at"
    async with bench.database.transaction() as tx:
        await AuditRepository(tx).add(
            actor="test", role="ops", action="none", subject="none", outcome="none", detail={}
        )
    async with bench.database.autocommit() as tx:
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            await tx.connection.execute(statement.format(table, column))


async def test_an_event_s_key_names_one_event(bench: Bench) -> None:
    loan_id = await (await borrower(bench, person("approved", 806))).borrow()
    event = Paid(key=f"loan:{loan_id}:repayment:1", on=date(2026, 2, 15), amount=94_560)
    async with bench.database.transaction() as tx:
        assert await LoanRepository(tx).append_event(loan_id, event)
        assert not await LoanRepository(tx).append_event(loan_id, event)
        with pytest.raises(ConflictingEvent):
            await LoanRepository(tx).append_event(loan_id, event.model_copy(update={"amount": 1}))
        events = await LoanRepository(tx).events(loan_id)
    assert [type(event) for event in events] == [Disbursed, Paid]


async def test_an_order_number_names_one_order(bench: Bench) -> None:
    loan_id = new_id("loa")

    async def request(amount: int) -> bool:
        async with bench.database.transaction() as tx:
            row = await TransferRepository(tx).request(
                TransferCreate(
                    order_no=f"D-{loan_id}",
                    kind="disbursement",
                    workflow_id="drawdown:x",
                    loan_id=loan_id,
                    currency="CNY",
                    amount=amount,
                )
            )
            return row.fresh

    assert sorted(await asyncio.gather(*(request(100) for _ in range(5)))) == [False] * 4 + [True]
    with pytest.raises(IdempotencyMismatch):
        await request(101)


async def test_a_line_s_sums_stay_inside_its_limit(bench: Bench) -> None:
    someone = await borrower(bench, person("approved", 807), mode="revolving")
    async with bench.database.transaction() as tx:
        assert await LineRepository(tx).reserve(someone.line_id, 600_000)
        assert not await LineRepository(tx).reserve(someone.line_id, 600_000)
        await LineRepository(tx).draw(someone.line_id, 600_000)
        await LineRepository(tx).repay(someone.line_id, 100_000)
        row = await LineRepository(tx).get(someone.line_id)
        assert row is not None
        assert (row.state, row.drawn, row.available) == (LineState.ACTIVE, 500_000, 500_000)
    with pytest.raises(asyncpg.CheckViolationError):
        async with bench.database.transaction() as tx:
            await LineRepository(tx).release(someone.line_id, 1)
