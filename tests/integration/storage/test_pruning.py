"""What was kept for its time is deleted, what may still have to be told or answered is not."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from domain.applications.application import ApplicationState
from messages import ids
from messages.ids import new_id
from storage.common.outbox import OutboxRepository
from storage.common.requests import Fresh, InProgress, RequestRepository, Stored
from storage.database import Database
from storage.pruning import PruningRepository
from tests.api import seeds

DAYS = 90
BODY = hashlib.sha256(b"{}").digest()


@pytest.fixture(autouse=True)
async def nothing_kept(database: Database) -> AsyncIterator[None]:
    yield
    async with database.autocommit() as tx:
        await tx.connection.execute("truncate outbox, api_requests")


async def tell(database: Database, aggregate: str, *ages: int) -> list[int]:
    """Tell a event for each age in days and return their ids."""
    told = []
    async with database.transaction() as tx:
        for age in ages:
            await OutboxRepository(tx).add(aggregate, "told", new_id("evt"), {})
            told.append(
                await tx.connection.fetchval(
                    "update outbox set recorded_at = now() - make_interval(days => $1)"
                    " where id = (select max(id) from outbox) returning id",
                    age,
                )
            )
    return told


async def prune_outbox(database: Database, limit: int = 100) -> int:
    """Look at the whole outbox and return how many events were deleted."""
    deleted, after = 0, 0
    while True:
        async with database.transaction() as tx:
            events = await PruningRepository(tx).outbox(after, DAYS, limit)
        deleted += events.deleted
        if events.last is None:
            return deleted
        assert events.last > after
        after = events.last


async def left(database: Database) -> list[int]:
    async with database.read() as tx:
        return [row["id"] for row in await tx.connection.fetch("select id from outbox order by 1")]


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_facts_about_what_is_over_go_with_their_time(database: Database, limit: int) -> None:
    over = await seeds.credit(database, "app", f"over-{limit}")
    async with database.transaction() as tx:
        await tx.connection.execute(
            "update loans set state = 'settled', settled_on = current_date where id = $1",
            over.loan_id,
        )
        await tx.connection.execute("update lines set state = 'closed' where id = $1", over.line_id)
    await seeds.set_state(database, over.application_id, ApplicationState.ACCEPTED)
    aggregates = (
        ids.application_workflow(over.application_id),
        ids.line_workflow(over.line_id),
        ids.loan_workflow(over.loan_id),
        "definition:product/cash",
    )
    for aggregate in aggregates:
        await tell(database, aggregate, DAYS + 1)
    kept = [told for aggregate in aggregates for told in await tell(database, aggregate, DAYS - 1)]
    assert await prune_outbox(database, limit) == 4
    assert await left(database) == kept
    assert await prune_outbox(database, limit) == 0


async def test_facts_about_what_is_not_over_stay(database: Database) -> None:
    """A stream of it can still begin, or go on behind any of them."""
    alive = await seeds.credit(database, "app", "alive")
    async with database.transaction() as tx:
        collecting = await seeds.application(tx, "app", "alive-again", product="revolving")
    kept = []
    for aggregate in (
        ids.application_workflow(collecting.application_id),
        ids.line_workflow(alive.line_id),
        ids.loan_workflow(alive.loan_id),
    ):
        kept += await tell(database, aggregate, 10 * DAYS, DAYS + 1, 1)
    async with database.transaction() as tx:
        await tx.connection.execute(
            "update lines set state = 'active' where id = $1", alive.line_id
        )
    assert await prune_outbox(database) == 0
    assert await left(database) == kept
    async with database.transaction() as tx:
        events = await OutboxRepository(tx).since(ids.loan_workflow(alive.loan_id), 0)
        assert len(events) == 3
        await tx.connection.execute(
            "update loans set state = 'written_off' where id = $1", alive.loan_id
        )
    # What was written off is still collected.
    assert await prune_outbox(database) == 0


async def test_it_ends_where_nothing_is_older(database: Database) -> None:
    await tell(database, "definition:a", DAYS + 1, DAYS + 1, *[1] * 5)
    async with database.transaction() as tx:
        first = await PruningRepository(tx).outbox(0, DAYS, 3)
        assert (first.deleted, first.last is None) == (2, False)
        assert await PruningRepository(tx).outbox(first.last or 0, DAYS, 3) == (0, None)
        assert await PruningRepository(tx).outbox(2**62, DAYS, 3) == (0, None)


async def ask(database: Database, key: str, age: int, *, answered: bool = True) -> None:
    async with database.transaction() as tx:
        requests = RequestRepository(tx)
        lease = timedelta(hours=1)
        assert await requests.begin("alice", "POST /x", key, BODY, lease) == Fresh()
        if answered:
            await requests.finish("alice", "POST /x", key, 201, {"id": 1})
        await tx.connection.execute(
            "update api_requests set created_at = now() - make_interval(days => $2) where key = $1",
            key,
            age,
        )


async def prune_answers(database: Database, limit: int = 100) -> int:
    async with database.transaction() as tx:
        return await PruningRepository(tx).stored_answers(30, limit)


async def test_a_key_whose_answer_was_deleted_works_anew(database: Database) -> None:
    await ask(database, "old", 31)
    await ask(database, "young", 29)
    await ask(database, "at-work", 31, answered=False)
    assert await prune_answers(database) == 1
    async with database.transaction() as tx:

        async def begin(key: str) -> object:
            return await RequestRepository(tx).begin(
                "alice", "POST /x", key, BODY, timedelta(minutes=1)
            )

        assert await begin("old") == Fresh()
        assert await begin("young") == Stored(201, {"id": 1})
        assert await begin("at-work") == InProgress()


async def test_a_key_that_a_dead_process_left_behind_goes_as_well(database: Database) -> None:
    await ask(database, "dead", 31, answered=False)
    async with database.transaction() as tx:
        await tx.connection.execute("update api_requests set leased_until = now() - interval '1 s'")
    assert await prune_answers(database) == 1


async def test_answers_go_a_few_at_a_time_past_one_that_is_held(database: Database) -> None:
    for number in range(5):
        await ask(database, f"key-{number}", 40 - number)
    async with database.transaction() as holder:
        await holder.connection.execute("select 1 from api_requests where key = 'key-0' for update")
        async with asyncio.timeout(5):
            assert await prune_answers(database, 3) == 3
    assert [await prune_answers(database, 3) for _ in range(2)] == [2, 0]
