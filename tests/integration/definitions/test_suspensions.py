"""What is suspended is off in every process within a second, by one person, until it is lifted."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from time import monotonic

import asyncpg
import pytest

from domain.common.definitions import UnknownDefinition
from domain.common.suspensions import Suspendable, Suspended
from runtime.keyring import BlindIndex, Keyring
from runtime.settings import Settings
from services.definitions import suspending
from storage.common.audit import AuditRepository
from storage.common.outbox import OutboxRepository
from storage.database import Database
from storage.suspensions import SuspensionRepository, SuspensionRow
from tests.integration.definitions.kinds import ANNA, FEE_TABLE, OLGA, OTTO

PRODUCT = Suspendable.PRODUCT


@pytest.fixture(autouse=True)
async def undefined(database: Database) -> AsyncIterator[None]:
    """What is suspended has no definitions: any name will do."""
    async with database.read() as tx:
        cache = tx.definitions
    usual, cache.kinds = cache.kinds, {}
    yield
    cache.kinds = usual


@pytest.fixture
def code() -> str:
    return f"c{secrets.token_hex(6)}"


@pytest.fixture
async def elsewhere(database_url: str, settings: Settings) -> AsyncIterator[Database]:
    """The same record as another process sees it."""
    keyring = Keyring.parse(settings.pii_keys.get_secret_value())
    blind_index = BlindIndex.parse(settings.blind_index_key.get_secret_value())
    async with Database.open(database_url, 2, keyring, blind_index) as opened:
        yield opened


async def suspend(database: Database, code: str, kind: Suspendable = PRODUCT) -> SuspensionRow:
    async with database.transaction() as tx:
        return await suspending.suspend(tx, OTTO, kind, code, reason="arrears")


async def lift(database: Database, code: str) -> SuspensionRow:
    async with database.transaction() as tx:
        return await suspending.lift(tx, ANNA, PRODUCT, code, reason="over")


async def is_off(database: Database, code: str) -> bool:
    async with database.read() as tx:
        return await SuspensionRepository(tx).is_suspended(PRODUCT, code)


async def seen(database: Database, code: str, off: bool) -> float:
    """Return after how many seconds a process knows."""
    started = monotonic()
    while await is_off(database, code) is not off:
        assert monotonic() - started < 3
        await asyncio.sleep(0.02)
    return monotonic() - started


async def test_it_holds_in_every_process_and_is_lifted(
    database: Database, elsewhere: Database, code: str
) -> None:
    assert not await is_off(database, code)
    assert not await is_off(elsewhere, code)
    row = await suspend(database, code)
    assert (row.suspended_by, row.reason, row.lifted_at) == (OTTO.actor, "arrears", None)
    for process in (database, elsewhere):
        assert await seen(process, code, off=True) < 2
        assert code in await process.suspended(PRODUCT)
        assert code not in await process.suspended(Suspendable.SOURCE)
    async with elsewhere.read() as tx:
        with pytest.raises(Suspended, match=f"the product {code} is suspended"):
            await suspending.refuse_suspended(tx, PRODUCT, code)
        await suspending.refuse_suspended(tx, Suspendable.FUNDER, code)
    lifted = await lift(database, code)
    assert (lifted.lifted_by, lifted.lift_reason) == (ANNA.actor, "over")
    for process in (database, elsewhere):
        await seen(process, code, off=False)


async def test_twice_at_once_is_once_and_both_are_told_the_same(
    database: Database, code: str
) -> None:
    rows = await asyncio.gather(*(suspend(database, code) for _ in range(5)))
    assert len({row.id for row in rows}) == 1
    lifted = await asyncio.gather(*(lift(database, code) for _ in range(5)))
    assert {row.id for row in lifted} == {rows[0].id}
    async with database.read() as tx:
        trail = await AuditRepository(tx).of(f"suspension:product/{code}")
        told = await OutboxRepository(tx).since(f"suspension:product/{code}", 0)
    assert [(row.action, row.actor, row.detail["reason"]) for row in trail] == [
        ("suspended", OTTO.actor, "arrears"),
        ("suspension_lifted", ANNA.actor, "over"),
    ]
    assert [row.kind for row in told] == ["suspended", "suspension_lifted"]
    again = await suspend(database, code)
    assert again.id != rows[0].id


async def test_a_slip_of_the_pen_switches_nothing_off(database: Database, code: str) -> None:
    async with database.transaction() as tx:
        tx.definitions.kinds = {"product": FEE_TABLE}
        with pytest.raises(UnknownDefinition, match="to suspend"):
            await suspending.suspend(tx, OLGA, PRODUCT, code, reason="arrears")
    async with database.transaction() as tx:
        with pytest.raises(UnknownDefinition, match="never suspended"):
            await suspending.lift(tx, OLGA, PRODUCT, code, reason="over")


async def test_what_was_undone_is_not_remembered(database: Database, code: str) -> None:
    await asyncio.sleep(1.1)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await _suspend_and_fail(database, code)
    assert not await is_off(database, code)


async def _suspend_and_fail(database: Database, code: str) -> None:
    async with database.transaction() as tx:
        await suspending.suspend(tx, OTTO, PRODUCT, code, reason="arrears")
        assert await SuspensionRepository(tx).is_suspended(PRODUCT, code)
        await tx.connection.execute("select 1/0")


async def test_the_record_of_a_suspension_stays(database: Database, code: str) -> None:
    await suspend(database, code)
    await lift(database, code)
    for statement in (
        "update suspensions set lifted_at = null, lifted_by = null, lift_reason = null"
        " where code = $1",
        "delete from suspensions where code = $1",
    ):
        with pytest.raises(asyncpg.PostgresError):
            async with database.transaction() as tx:
                await tx.connection.execute(statement, code)
