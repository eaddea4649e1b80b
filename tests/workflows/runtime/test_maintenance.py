"""Maintenance: started by schedules, done part by part, by the retention in force."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from temporalio.client import ScheduleHandle, ScheduleOverlapPolicy

import activities.maintenance
from domain.common.retention import RETENTION, STANDARD_RETENTION, Retention
from messages import ids
from messages.maintenance import MaintenanceJob, StartMaintenance
from runtime.clock import utc_now
from runtime.temporal import schedules
from services.loans.accruals import last_day_over
from storage.common.outbox import OutboxRepository
from storage.database import Database
from storage.loans.accruals import AccrualRepository
from storage.loans.journal import JournalRepository
from tests.api import seeds
from tests.definitions import forget, release, shipped
from tests.workflows.lender import Lender, also_uncached, eventually

DAY = timedelta(days=1)


@pytest.fixture
async def scheduled(lender: Lender) -> AsyncIterator[dict[MaintenanceJob, ScheduleHandle]]:
    """The schedules of the lender, made as its workers do; paused, so that only tests start."""
    prefix = lender.settings.task_queue_prefix
    await schedules.set_up(lender.client, prefix)
    made = {
        job: lender.client.get_schedule_handle(ids.maintenance_workflow(f"{prefix}{job}"))
        for job in MaintenanceJob
    }
    for handle in made.values():
        await handle.pause(note="a test's")
    yield made
    for handle in made.values():
        await handle.delete()


async def done(lender: Lender, job: MaintenanceJob, start: StartMaintenance | None = None) -> int:
    """Do a job and return how many rows it changed."""
    name = f"{lender.settings.task_queue_prefix}{job}"
    changed: int = await lender.client.execute_workflow(
        "Maintenance",
        start or StartMaintenance(job=job),
        id=f"{ids.maintenance_workflow(name)}-by-hand",
        task_queue=lender.core_queue,
        result_type=int,
    )
    return changed


async def post(database: Database, loan_id: str, entries: int) -> None:
    async with database.transaction() as tx:
        await tx.connection.execute(
            "with headers as (insert into journal (entry_key, loan_id, kind, business_date)"
            " select $1 || ':' || clock_timestamp() || ':' || n, $1, 'bill', current_date"
            " from generate_series(1, $2) as n returning id)"
            " insert into entries (journal_id, line, account, currency, amount)"
            " select id, line, account, 'CNY', amount from headers,"
            " (values (1, 'cash', 5), (2, 'loss', -5)) as lines (line, account, amount)",
            loan_id,
            entries,
        )


async def unsummed(database: Database) -> int:
    async with database.read() as tx:
        waiting: int = await tx.connection.fetchval("select count(*) from unsummed_journal")
        return waiting


async def tell(database: Database, key: str, *ages: int) -> None:
    async with database.transaction() as tx:
        for number, age in enumerate(ages):
            await OutboxRepository(tx).add("definition:a", "told", f"{key}:{number}", {})
            await tx.connection.execute(
                "update outbox set recorded_at = now() - make_interval(days => $2)"
                " where event_key = $1",
                f"{key}:{number}",
                age,
            )


async def told(database: Database, key: str) -> list[str]:
    async with database.read() as tx:
        events = await OutboxRepository(tx).since("definition:a", 0, 1_000)
    return [row.event_key for row in events if row.event_key.startswith(key)]


async def test_schedules_are_made_once_and_a_pause_is_kept(
    lender: Lender, scheduled: dict[MaintenanceJob, ScheduleHandle]
) -> None:
    await schedules.set_up(lender.client, lender.settings.task_queue_prefix)
    for handle in scheduled.values():
        described = await handle.describe()
        assert (described.schedule.state.paused, described.schedule.state.note) == (
            True,
            "a test's",
        )
        assert described.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    summing = (await scheduled[MaintenanceJob.SUM_LEDGER].describe()).info.next_action_times
    assert {later - one for one, later in pairwise(summing)} == {timedelta(minutes=5)}
    pruning = (await scheduled[MaintenanceJob.PRUNE_RECORDS].describe()).info.next_action_times
    assert pruning[0] - datetime.now(UTC) < DAY + timedelta(minutes=10)  # noqa: TID251 -- the server's clock
    assert {time.hour for time in pruning} == {20}
    assert all(time.minute < 11 for time in pruning)


async def test_what_falls_due_is_started_by_the_server(
    lender: Lender, scheduled: dict[MaintenanceJob, ScheduleHandle]
) -> None:
    loan_id = (await seeds.credit(lender.database, "app", "scheduled")).loan_id
    await post(lender.database, loan_id, 3)
    await scheduled[MaintenanceJob.SUM_LEDGER].trigger()
    await eventually(lambda: unsummed(lender.database), lambda waiting: waiting == 0)
    await eventually(
        lambda: _runs(scheduled[MaintenanceJob.SUM_LEDGER]), lambda running: running == 0
    )


async def _runs(handle: ScheduleHandle) -> int:
    return len((await handle.describe()).info.running_actions)


@also_uncached
async def test_the_ledger_is_summed_part_by_part(
    lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities.maintenance, "ENTRIES", 2)
    loan_id = (await seeds.credit(lender.database, "app", "summed")).loan_id
    await done(lender, MaintenanceJob.SUM_LEDGER)
    await post(lender.database, loan_id, 5)
    async with lender.database.read() as tx:
        before = await JournalRepository(tx).trial_balance(currency="CNY")
    assert await done(lender, MaintenanceJob.SUM_LEDGER) == 5
    assert await unsummed(lender.database) == 0
    async with lender.database.read() as tx:
        assert await JournalRepository(tx).trial_balance(currency="CNY") == before


@also_uncached
async def test_every_day_that_is_over_is_accrued(
    lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four days were left out: they are booked in their order, the running one is not."""
    monkeypatch.setattr(activities.maintenance, "PART_SECONDS", 0.0)
    async with lender.database.read() as tx:
        over = await last_day_over(tx, utc_now())
    made = (over or utc_now().date()) - 4 * DAY
    await seeds.credit(lender.database, "app", f"accrued-{lender.core_queue}", disbursed_on=made)
    async with lender.database.read() as tx:
        over = await last_day_over(tx, utc_now())
    await done(lender, MaintenanceJob.ACCRUE_INCOME)
    async with lender.database.read() as tx:
        assert await AccrualRepository(tx).posted() == over
    assert await done(lender, MaintenanceJob.ACCRUE_INCOME) == 0


async def test_pruning_keeps_to_the_retention_in_force(
    lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activities.maintenance, "ROWS", 2)
    database = lender.database
    await tell(database, "kept", 40, 40, 40, 40, 1)
    assert await done(lender, MaintenanceJob.PRUNE_RECORDS) == 0
    assert len(await told(database, "kept")) == 5
    month = Retention(outbox_days=30, stored_answers_days=30)
    try:
        await release(database, RETENTION, STANDARD_RETENTION, month)
        forget(lender.workers_database)
        assert await done(lender, MaintenanceJob.PRUNE_RECORDS) == 4
        assert await told(database, "kept") == ["kept:4"]
    finally:
        await release(database, RETENTION, STANDARD_RETENTION, shipped(RETENTION, "standard"))
        forget(lender.workers_database)


@also_uncached
async def test_a_part_ends_in_time_and_the_next_goes_on_behind_it(
    lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One transaction a part: the next one looks at the events behind it and at no others.
    monkeypatch.setattr(activities.maintenance, "ROWS", 2)
    monkeypatch.setattr(activities.maintenance, "PART_SECONDS", 0.0)
    key = f"parts-{lender.settings.task_queue_prefix}"
    await tell(lender.database, key, *[100] * 7)
    assert await done(lender, MaintenanceJob.PRUNE_RECORDS) == 7
    assert await told(lender.database, key) == []


async def test_a_later_run_goes_on_with_what_an_earlier_one_did(lender: Lender) -> None:
    await tell(lender.database, "later", 100, 100)
    async with lender.database.read() as tx:
        events = await OutboxRepository(tx).since("definition:a", 0)
    first = next(row.id for row in events if row.event_key == "later:0")
    start = StartMaintenance(job=MaintenanceJob.PRUNE_RECORDS, after=first, changed=40)
    assert await done(lender, MaintenanceJob.PRUNE_RECORDS, start) == 41
    assert await told(lender.database, "later") == ["later:0"]
