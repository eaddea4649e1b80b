"""Event streams: what the outbox tells of one process, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import Header, Query
from fastapi.sse import ServerSentEvent

from api.http.services import Services
from domain.people.principals import Principal
from storage.common.outbox import OutboxRepository, OutboxRow

_PAGE: Final = 100
_POLL_SECONDS: Final = 5.0

LastEventId = Annotated[
    int,
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


async def events(
    services: Services,
    principal: Principal,
    aggregate: str,
    after_id: int,
    follow: bool,
    is_final: Callable[[], Awaitable[bool]],
) -> AsyncIterator[ServerSentEvent]:
    """Yield the facts about `aggregate` behind `after_id`, then each new one as it commits.

    The stream ends when the process is final and everything was sent, unless it shall `follow`,
    and when this server stops: clients reconnect with the last id.
    """
    with services.database.outbox.watch(aggregate) as updated:
        while not services.stopping.is_set():
            updated.clear()
            # Asked first: the facts of a final state are committed together with it.
            final = await is_final()
            async with services.database.read() as tx:
                rows = await OutboxRepository(tx).since(aggregate, after_id, _PAGE)
            for row in rows:
                after_id = row.id
                yield _event(row, principal)
            if len(rows) == _PAGE:
                continue
            if final and not follow:
                return
            await _update(updated, services.stopping)


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
        return [_for_borrowers(inner) for inner in value]
    return value


async def _update(*signals: asyncio.Event) -> None:
    waits = [asyncio.create_task(signal.wait()) for signal in signals]
    try:
        await asyncio.wait(waits, timeout=_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
