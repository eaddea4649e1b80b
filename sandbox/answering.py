"""The plain ASGI with which the simulators read requests and answer them, rightly or wrongly."""

import json

from starlette.types import Receive, Scope, Send

from sandbox.connections import cut
from sandbox.faults import Fault, Garbage
from sandbox.refusal import RefusalError

BODY_LIMIT = 32 * 1024 * 1024
"""Bytes of a request: pictures travel in base64."""

GARBAGE: dict[Garbage, bytes] = {
    "not_json": b"<html><body>It works!</body></html>",
    "wrong_shape": b'{"verdict":"perhaps","status":"maybe","score":"many"}',
    "empty": b"",
    "huge": b'{"verdict":"match","reasons":[]' + b" " * (2 * 1024 * 1024) + b"}",
}

Reply = dict[str, object]


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


async def fail(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the fault's status, or cut the connection if it names none."""
    if fault.status is None:
        await cut(scope, receive)
    else:
        await answer(send, fault.status, {"code": "programmed_fault"}, fault.retry_after)


async def answer(send: Send, status: int, reply: Reply, retry_after: int | None = None) -> None:
    """Answer with compact JSON."""
    body = json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()
    await answer_bytes(send, status, body, retry_after)


async def answer_bytes(
    send: Send, status: int, body: bytes, retry_after: int | None = None
) -> None:
    """Answer with these bytes, called JSON."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
