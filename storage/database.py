"""The pools, and the transactions that repositories are made with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import asyncpg
from pydantic import BaseModel

from domain.common.definitions import Agreed, Kind
from domain.common.suspensions import Suspendable
from runtime.keyring import BlindIndex, Keyring
from storage.common.outbox import OutboxListener
from storage.common.repository import Transaction
from storage.definitions import DefinitionCache, DefinitionRepository
from storage.suspensions import SuspensionRepository

if TYPE_CHECKING:
    from storage.common.rows import Connection

ContentT = TypeVar("ContentT", bound=BaseModel)

_ACQUIRE_SECONDS: Final = 10.0
_COMMAND_SECONDS: Final = 15.0
_STATEMENTS_CACHED: Final = 400

# Statements are short: what runs or waits longer is stuck, and a process that stops inside a
# transaction must not hold its locks. JIT costs more than it saves on them.
_SESSION: Final = {
    "application_name": "loanflow",
    "jit": "off",
    "statement_timeout": "12s",
    "lock_timeout": "8s",
    "idle_in_transaction_session_timeout": "20s",
}

# Where nothing may be written: PostgreSQL refuses what tries.
_READS_ONLY: Final = {**_SESSION, "default_transaction_read_only": "on"}


class Database:
    """A pool of connections and the keys of personal columns.

    Serialization failures and deadlocks are raised: callers run the whole transaction again.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        readers: "asyncpg.Pool[asyncpg.Record]",
        keyring: Keyring,
        blind_index: BlindIndex,
        outbox: OutboxListener,
    ) -> None:
        self._pool = pool
        self._readers = readers
        self._keyring = keyring
        self._blind_index = blind_index
        self._definitions = DefinitionCache()
        self.outbox = outbox

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, pool_size: int, pii_keyring: Keyring, blind_index: BlindIndex
    ) -> AsyncIterator[Self]:
        """Open pools of at most `pool_size` connections each; raises what asyncpg raises."""
        async with (
            _pool(url, pool_size, _SESSION, idle=1) as pool,
            _pool(url, pool_size, _READS_ONLY, idle=0) as readers,
            OutboxListener(url) as outbox,
        ):
            yield cls(pool, readers, pii_keyring, blind_index, outbox)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin; commit when the block ends, roll back when it raises."""
        async with (
            self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection,
            connection.transaction(),
        ):
            yield self._on(connection)

    @asynccontextmanager
    async def autocommit(self) -> AsyncIterator[Transaction]:
        """Yield a connection that may write; every statement is committed by itself."""
        async with self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection:
            yield self._on(connection)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Yield a connection that cannot write; every statement sees what is committed then."""
        async with self._readers.acquire(timeout=_ACQUIRE_SECONDS) as connection:
            yield self._on(connection)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Transaction]:
        """Yield the same, in which every statement sees what was committed at the first one."""
        async with (
            self._readers.acquire(timeout=_ACQUIRE_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read"),
        ):
            yield self._on(connection)

    async def all_in_force(self, kind: Kind[ContentT]) -> list[Agreed[ContentT]]:
        """Return what is in force of a kind; a connection is taken only to learn of new releases.

        For what is read at every turn outside a transaction.
        """
        known = self._definitions.all_known(kind)
        if known is not None:
            return known
        async with self.read() as tx:
            return await DefinitionRepository(tx).all_in_force(kind)

    async def suspended(self, kind: Suspendable) -> frozenset[str]:
        """Return what is suspended of a kind; a connection is taken only when that is not known.

        For what is asked at every turn outside a transaction.
        """
        known = self._definitions.suspensions
        if known.is_fresh:
            return frozenset(code for of_kind, code in known.value if of_kind is kind)
        async with self.read() as tx:
            return await SuspensionRepository(tx).codes(kind)

    def _on(self, connection: "Connection") -> Transaction:
        return Transaction(connection, self._keyring, self._blind_index, self._definitions)

    async def ping(self) -> None:
        """Ask the database for a sign of life; raises when there is none."""
        async with self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection:
            result: Any = await connection.fetchval("select 1")
            if result != 1:
                raise ConnectionError("the database does not answer")


def _pool(
    url: str, most: int, session: dict[str, str], *, idle: int
) -> "asyncpg.Pool[asyncpg.Record]":
    return asyncpg.create_pool(
        url,
        min_size=idle,
        max_size=most,
        command_timeout=_COMMAND_SECONDS,
        statement_cache_size=_STATEMENTS_CACHED,
        server_settings=session,
        reset=_leave_as_it_is,
    )


async def _leave_as_it_is(_: object) -> None:
    """Reset nothing when a connection comes back: no statement leaves state in a session.

    Settings and locks are those of a transaction, which has ended by then.
    """
