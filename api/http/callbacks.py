"""How a callback of a third party is answered, whoever sends it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from fastapi import Request
from pydantic import BaseModel

from api.http.engine import ProcessClosed
from api.http.operation_schemas import CallbackReceived
from api.http.services import Services
from services.common.callbacks import CallbackSender, StoredCallback, read_notice, store_notice

_log = structlog.stdlib.get_logger(__name__)

NoticeT = TypeVar("NoticeT", bound=BaseModel)


def described_callback(header: str, notice: type[BaseModel], signature: str) -> dict[str, Any]:
    """Return what the OpenAPI document says of a callback: its body and its signature."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": notice.model_json_schema()}},
        },
        "parameters": [
            {
                "in": "header",
                "name": header,
                "required": True,
                "schema": {"type": "string"},
                "description": signature,
            }
        ],
    }


async def receive_callback(
    request: Request,
    services: Services,
    sender: CallbackSender[NoticeT],
    notify: Callable[[StoredCallback], Awaitable[None]],
) -> CallbackReceived:
    """Keep a callback and have the process that waits for it ask what became of its order.

    A repeat notifies the process again; one for a process that has ended is stored and changes
    nothing.
    """
    body = await request.body()
    notice = read_notice(sender, body, request.headers.get(sender.header))
    async with services.database.transaction() as tx:
        stored = await store_notice(tx, sender, notice)
    try:
        await notify(stored)
    except ProcessClosed:
        _log.info("callback_after_the_end", reference=stored.recipient.reference)
    return CallbackReceived(event_id=stored.event_id, duplicate=stored.is_repeat)
