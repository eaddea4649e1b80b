"""Event streams: what the outbox tells of one process, as server-sent events.

A stream is a connection that stays: so many a caller, so many in all, each for so long. Clients
reconnect with the id of the last event that they have.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Query
from fastapi.sse import ServerSentEvent
from pydantic import BeforeValidator

from api.http.calls import Called
from api.http.services import Services
from domain.loans.records import BOOKS_ONLY
from domain.people.principals import Principal
from storage.common.outbox import OutboxRow
from storage.common.outbox_feed import PAGE


def _or_none(given: object) -> object:
    """Take an empty value, which browsers send after a stream without ids, as none."""
    return 0 if isinstance(given, str) and not given.strip() else given


LastEventId = Annotated[
    int,
    BeforeValidator(_or_none),
    Header(
        alias="Last-Event-ID",
        ge=0,
        le=2**63 - 1,
        description="the id of the last event received: the stream goes on behind it",
    ),
]
Follow = Annotated[bool, Query(description="keep the stream open after the end of the process")]

# Why a case was decided is for staff; borrowers see the category.
_STAFF_ONLY: Final = frozenset(
    (
        *("score", "rules", "hits", "facts", "policy_version", "code"),
        *("reject_code", "rejection", "decided_by", "reviewer"),
    )
)

_BOOKS_FIELDS: Final = frozenset(("charged_off_on", "charge_off_reason"))
"""A payment that cures a charge-off changes them too: its event tells borrowers the rest."""


class EventStream:
    """The stream of one request."""

    def __init__(
        self, services: Services, principal: Principal, after_id: int, follow: bool
    ) -> None:
        self._services = services
        self._principal = principal
        self._after_id = after_id
        self._follow = follow

    async def of(
        self, aggregate: str, is_final: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[ServerSentEvent]:
        """Yield the facts about `aggregate` behind the last one known, then each as it commits.

        The stream ends when the process is final and everything was sent, unless it is followed
        on, when it has been open for as long as may be, and when this server stops.
        """
        stopping, feed = self._services.stopping, self._services.feed
        now = asyncio.get_running_loop().time
        ends_at = now() + self._services.settings.api_stream_seconds
        final = False
        with feed.follow(aggregate, self._after_id) as follower:
            while not stopping.is_set() and now() < ends_at:
                follower.update_received.clear()
                # Asked first: the facts of a final state are committed together with it.
                final = final or await is_final()
                rows = await feed.more(follower)
                for row in rows:
                    if self._principal.is_staff or row.kind not in BOOKS_ONLY:
                        yield _event(row, self._principal)
                if len(rows) == PAGE:
                    continue
                if final and not self._follow:
                    return
                await _first_of(ends_at - now(), follower.update_received, stopping)


async def _stream(
    call: Called, last_event_id: LastEventId = 0, follow: Follow = False
) -> AsyncIterator[EventStream]:
    with call.services.streams.take(f"{call.caller.role}:{call.caller.subject}"):
        yield EventStream(call.services, call.caller, last_event_id, follow)


Streamed = Annotated[EventStream, Depends(_stream)]
"""The stream of a route that tells events; it has its place until the answer has ended."""


def _event(row: OutboxRow, principal: Principal) -> ServerSentEvent:
    payload = row.payload if principal.is_staff else _for_borrowers(row.payload)
    data = {"kind": row.kind, "at": row.recorded_at.isoformat(), "payload": payload}
    return ServerSentEvent(id=str(row.id), event=row.kind, data=data)


def _for_borrowers(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _for_borrowers(inner) for name, inner in value.items() if name not in _STAFF_ONLY
        }
    if isinstance(value, list):
        return [_for_borrowers(inner) for inner in value if not _is_of_books(inner)]
    return value


def _is_of_books(value: Any) -> bool:
    """Say whether `value` is a change that only the lender's books show."""
    return isinstance(value, dict) and value.get("field") in _BOOKS_FIELDS


async def _first_of(seconds: float, *signals: asyncio.Event) -> None:
    waits = [asyncio.create_task(signal.wait()) for signal in signals]
    try:
        await asyncio.wait(waits, timeout=max(seconds, 0), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
