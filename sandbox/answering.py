"""The plain ASGI with which the simulators read requests and answer them, rightly or wrongly."""

import asyncio
import json
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from sandbox.connections import cut
from sandbox.faults import Fault, Garbage
from sandbox.replies import RefusalError, Reply

BODY_LIMIT = 32 * 1024 * 1024
"""Bytes of a request: pictures travel in base64."""

GARBAGE: dict[Garbage, bytes] = {
    "not_json": b"<html><body>It works!</body></html>",
    "wrong_shape": b'{"verdict":"perhaps","status":"maybe","score":"many"}',
    "empty": b"",
    "huge": b'{"verdict":"match","reasons":[]' + b" " * (2 * 1024 * 1024) + b"}",
}


async def read_body(receive: Receive) -> bytes:
    """Return a request's body; raises RefusalError if it exceeds `BODY_LIMIT`."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_LIMIT:
            raise RefusalError(413, "body_too_large")
    return bytes(body)


async def respond(
    scope: Scope,
    receive: Receive,
    send: Send,
    fault: Fault,
    work: Callable[[], tuple[Reply | bytes, bool]],
    record: Callable[[str], None],
) -> None:
    """Answer a call as `work` does, and as the fault that strikes it wants.

    `work` returns the reply and whether it is lost on its way, or raises RefusalError. `record` is
    told the outcome where the work was not done.
    """
    await asyncio.sleep(fault.latency_seconds)
    if fault.reset or (fault.status is not None and not fault.lose_response):
        record("reset" if fault.reset else f"http_{fault.status}")
        await _fail(fault, scope, receive, send)
        return
    try:
        reply, lost = work()
    except RefusalError as refusal:
        record(refusal.code)
        await answer(send, refusal.status, {"code": refusal.code})
        return
    if fault.lose_response or lost:
        await _fail(fault, scope, receive, send)
    else:
        await answer(send, 200, _as_wanted(fault, reply))


def _as_wanted(fault: Fault, reply: Reply | bytes) -> Reply | bytes:
    if fault.garbage:
        return GARBAGE[fault.garbage]
    return reply if isinstance(reply, bytes) else fault.changed(reply)


async def _fail(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the fault's status, or cut the connection if it names none."""
    if fault.status is None:
        await cut(scope, receive)
    else:
        await answer(send, fault.status, {"code": "programmed_fault"}, fault.retry_after)


async def answer(
    send: Send, status: int, reply: Reply | bytes, retry_after: int | None = None
) -> None:
    """Answer with compact JSON, or with bytes that are called JSON."""
    body = reply if isinstance(reply, bytes) else compact(reply).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def compact(reply: Reply) -> str:
    """Write JSON without spaces, as the wire has it."""
    return json.dumps(reply, ensure_ascii=False, separators=(",", ":"))
