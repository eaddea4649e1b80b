"""Events for others, in the order in which each aggregate's transactions committed."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

import asyncpg
import structlog
from pydantic import Json

from storage.common.repository import Repository
from storage.common.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterator


_PAGE: Final = 100
_RECONNECT_SECONDS: Final = 1.0

_log = structlog.stdlib.get_logger(__name__)


Position = tuple[str, int]
"""An aggregate, and the id of the last event about it that is known."""


class OutboxRow(Row):
    """One event about an aggregate such as `loan:loa_...`; no personal data."""

    id: int
    aggregate: str
    kind: str
    event_key: str
    payload: Json[dict[str, Any]]
    recorded_at: datetime


@dataclass(frozen=True)
class OutboxEventCreate:
    """An event to be recorded once, by its `key`; no personal data."""

    kind: str
    key: str
    payload: Mapping[str, Any]


class OutboxRepository(Repository):
    """The events."""

    async def add(
        self, aggregate: str, kind: str, event_key: str, payload: Mapping[str, Any]
    ) -> bool:
        """Record an event once; False if its key is recorded already."""
        return await self.add_all(aggregate, [OutboxEventCreate(kind, event_key, payload)]) == 1

    async def add_all(self, aggregate: str, events: Sequence[OutboxEventCreate]) -> int:
        """Record events about one aggregate, each once by its key; return how many are new.

        The lock gives an aggregate's events their numbers in the order in which they commit, so
        that a reader who asks for what follows a number misses none.
        """
        added: int = await self._connection.fetchval(
            "with locked as materialized (select pg_advisory_xact_lock(hashtextextended($1, 0))),"
            " added as (insert into outbox (aggregate, kind, event_key, payload)"
            " select $1, new.kind, new.event_key, new.payload from locked,"
            " unnest($2::text[], $3::text[], $4::jsonb[]) with ordinality"
            " as new (kind, event_key, payload, number) order by new.number"
            " on conflict (event_key) do nothing returning 1) select count(*) from added",
            aggregate,
            [one.kind for one in events],
            [one.key for one in events],
            [json.dumps(dict(one.payload), default=str) for one in events],
        )
        return added

    async def since(self, aggregate: str, after_id: int, limit: int = _PAGE) -> list[OutboxRow]:
        """Return events about an aggregate that follow the one with `after_id` (0: all)."""
        return await self._all(
            OutboxRow,
            "select id, aggregate, kind, event_key, payload, recorded_at from outbox"
            " where aggregate = $1 and id > $2 order by id limit $3",
            aggregate,
            after_id,
            limit,
        )

    async def since_each(
        self, positions: Sequence[Position], limit: int = _PAGE
    ) -> list[list[OutboxRow]]:
        """Return for each position the events that follow it, at most `limit` of them each."""
        found: list[list[OutboxRow]] = [[] for _ in positions]
        for record in await self._connection.fetch(
            "select place.number, event.* from unnest($1::text[], $2::bigint[]) with ordinality"
            " as place (aggregate, after_id, number), lateral ("
            " select id, aggregate, kind, event_key, payload, recorded_at from outbox"
            " where aggregate = place.aggregate and id > place.after_id order by id limit $3"
            ") as event order by place.number, event.id",
            [aggregate for aggregate, _ in positions],
            [after_id for _, after_id in positions],
            limit,
        ):
            values = dict(record)
            found[values.pop("number") - 1].append(OutboxRow.model_validate(values))
        return found


class OutboxListener:
    """The process's one LISTEN connection, and who waits for an event.

    It connects when somebody first watches and again whenever the connection is lost, and
    notifies everybody then: what was missed is read. Watchers poll slowly besides.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @contextmanager
    def watch(self, aggregate: str) -> "Iterator[asyncio.Event]":
        """Yield an event that is set whenever an outbox event about `aggregate` commits."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        event = asyncio.Event()
        watchers = self._watchers.setdefault(aggregate, set())
        watchers.add(event)
        try:
            yield event
        finally:
            watchers.discard(event)
            if not watchers and self._watchers.get(aggregate) is watchers:
                del self._watchers[aggregate]

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("outbox_listener_lost", error=type(error).__name__)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._url, server_settings={"application_name": "loanflow-outbox"}
        )
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda *_: lost.set())
            await connection.add_listener("outbox", self._notify)
            for events in self._watchers.values():
                for event in events:
                    event.set()
            await lost.wait()
        finally:
            connection.terminate()

    def _notify(self, _connection: object, _pid: int, _channel: str, aggregate: object) -> None:
        for event in self._watchers.get(str(aggregate), ()):
            event.set()
