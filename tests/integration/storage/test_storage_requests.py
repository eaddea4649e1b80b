"""Claims of keys, callbacks, facts for others and the audit: each once and in order."""

import asyncio
import hashlib
from datetime import timedelta

from storage.common.audit import AuditRepository
from storage.common.callbacks import CallbackRepository
from storage.common.outbox import OutboxRepository
from storage.common.repository import Transaction
from storage.common.requests import Fresh, InProgress, Mismatch, RequestRepository, Stored
from storage.database import Database

BODY = hashlib.sha256(b"{}").digest()
LEASE = timedelta(minutes=1)


async def test_of_twenty_claims_of_a_key_one_is_fresh(database: Database) -> None:
    async def claim() -> object:
        async with database.autocommit() as tx:
            return await RequestRepository(tx).begin("alice", "POST /x", "race", BODY, LEASE)

    claims = await asyncio.gather(*(claim() for _ in range(20)))
    assert [type(claim) for claim in claims].count(Fresh) == 1
    assert [type(claim) for claim in claims].count(InProgress) == 19


async def test_a_key_keeps_its_answer_for_its_body(database: Database) -> None:
    async with database.autocommit() as tx:

        async def begin(body: bytes = BODY, subject: str = "alice") -> object:
            return await RequestRepository(tx).begin(subject, "POST /x", "key-1", body, LEASE)

        assert await begin() == Fresh()
        assert await begin(b"other") == Mismatch()
        await RequestRepository(tx).finish("alice", "POST /x", "key-1", 201, {"id": 1})
        assert await begin() == Stored(201, {"id": 1})
        assert await begin(b"other") == Mismatch()
        assert await begin(subject="bob") == Fresh()
        await RequestRepository(tx).abandon("bob", "POST /x", "key-1")
        assert await begin(b"other", subject="bob") == Fresh()
        await RequestRepository(tx).abandon("alice", "POST /x", "key-1")
        assert await begin() == Stored(201, {"id": 1})


async def test_a_claim_whose_process_died_is_taken_over_by_its_own_body(
    database: Database,
) -> None:
    async with database.autocommit() as tx:

        async def begin(body: bytes) -> object:
            return await RequestRepository(tx).begin(
                "alice", "POST /x", "key-2", body, timedelta(0)
            )

        assert await begin(BODY) == Fresh()
        assert await begin(b"other") == Mismatch()
        assert await begin(BODY) == Fresh()


async def test_a_callback_is_kept_once(database: Database) -> None:
    async with database.transaction() as tx:
        assert await CallbackRepository(tx).store("evt_1", "D-1", b'{"a": 1}')
        assert not await CallbackRepository(tx).store("evt_1", "D-1", b'{"a": 1}')


async def test_facts_are_numbered_in_the_order_in_which_they_commit(database: Database) -> None:
    started, proceed = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with database.transaction() as tx:
            await OutboxRepository(tx).add("loan:slow", "first", "loan:slow:1", {})
            started.set()
            await proceed.wait()

    async def quick() -> None:
        await started.wait()
        async with database.transaction() as tx:
            waiting = asyncio.create_task(
                OutboxRepository(tx).add("loan:slow", "second", "loan:slow:2", {})
            )
            async with database.read() as other:
                # A lock has no event to wait for.
                while not await _somebody_waits(other):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            proceed.set()
            await waiting

    await asyncio.gather(slow(), quick())
    async with database.autocommit() as tx:
        facts = await OutboxRepository(tx).since("loan:slow", 0)
        rest = await OutboxRepository(tx).since("loan:slow", facts[0].id)
    assert [fact.kind for fact in facts] == ["first", "second"]
    assert [fact.kind for fact in rest] == ["second"]


async def _somebody_waits(tx: Transaction) -> bool:
    waiting: bool = await tx.connection.fetchval(
        "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
    )
    return waiting


async def test_a_watcher_wakes_when_a_fact_commits_and_after_a_lost_connection(
    database: Database,
) -> None:
    async def told(aggregate: str, key: str) -> None:
        async with database.transaction() as tx:
            await OutboxRepository(tx).add(aggregate, "told", key, {})

    with database.outbox.watch("loan:watched") as woken, database.outbox.watch("loan:x") as other:
        await asyncio.wait_for(woken.wait(), 5)  # the connection listens now
        woken.clear()
        other.clear()
        await told("loan:watched", "loan:watched:1")
        await asyncio.wait_for(woken.wait(), 5)
        assert not other.is_set()
        woken.clear()
        async with database.autocommit() as tx:
            await tx.connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'loanflow-outbox' and datname = current_database()"
            )
        await asyncio.wait_for(woken.wait(), 5)  # listens again, and what was missed is read


async def test_the_audit_keeps_a_keyed_entry_once(database: Database) -> None:
    async with database.transaction() as tx:
        for key in ("k", "k", None, None):
            await AuditRepository(tx).add(
                actor="a", role="ops", action="look", subject="s", outcome="allowed", key=key
            )
        assert len(await AuditRepository(tx).of("s")) == 3


async def test_the_database_answers(database: Database) -> None:
    await database.ping()
