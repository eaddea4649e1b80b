"""The wire: proves the caller, lets the programmed faults strike, works, records, answers."""

import asyncio
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi.datastructures import Headers
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from sandbox import documents, payments, verification, wire
from sandbox.book import Book
from sandbox.callbacks import CallbackSender
from sandbox.clock import now
from sandbox.config import SandboxConfig
from sandbox.connections import cut
from sandbox.faults import Fault, FaultProgramme, Garbage
from sandbox.masking import masked
from sandbox.refusal import RefusalError
from sandbox.signature import fault_of

BODY_LIMIT = 32 * 1024 * 1024
"""Bytes of a request: pictures travel in base64."""

Reply = dict[str, object]
Asked = TypeVar("Asked", bound=BaseModel)


@dataclass(frozen=True)
class Done:
    """A call's answer, how it is recorded, and what follows from it."""

    reply: Reply
    outcome: str
    details: dict[str, object] = field(default_factory=dict)
    response_lost: bool = False
    settles: str | None = None


Work = Callable[[bytes, Book, Fault], Done]


def _pure(model: type[Asked], answer: Callable[[Asked], Reply]) -> Work:
    """Return the work of a verification."""

    def work(body: bytes, _: Book, __: Fault) -> Done:
        request = model.model_validate_json(body)
        reply = answer(request)
        reasons = reply.get("reasons")
        details = masked(request) | ({"reasons": reasons} if reasons else {})
        return Done(reply, str(reply["verdict"]), details)

    return work


def _kept(model: type[Asked], answer: Callable[[Book, Asked], Reply], outcome: str) -> Work:
    """Return the work of an operation on the book; `outcome` names the reply's telling field."""

    def work(body: bytes, book: Book, _: Fault) -> Done:
        request = model.model_validate_json(body)
        reply = answer(book, request)
        return Done(reply, str(reply.get(outcome, outcome)), masked(request))

    return work


def _moved(model: type[Asked], answer: Callable[[Book, Asked, Fault], payments.Booked]) -> Work:
    """Return the work of a movement of money."""

    def work(body: bytes, book: Book, fault: Fault) -> Done:
        request = model.model_validate_json(body)
        booked = answer(book, request, fault)
        order_no = str(booked.reply["order_no"])
        return Done(
            booked.reply,
            str(booked.reply["status"]),
            masked(request),
            booked.response_lost,
            order_no if booked.settles else None,
        )

    return work


OPERATIONS: dict[tuple[str, str], Work] = {
    ("real_name", "verify"): _pure(wire.TwoFactors, verification.real_name),
    ("operator", "verify"): _pure(wire.ThreeFactors, verification.operator),
    ("contacts", "verify"): _pure(wire.ContactsCheck, verification.contacts),
    ("identity_card", "read"): _pure(wire.CardPictures, verification.identity_card),
    ("liveness", "check"): _pure(wire.LivenessCheck, verification.liveness),
    ("liveness", "compare"): _pure(wire.FaceCompare, verification.face),
    ("bank_card", "verify"): _pure(wire.FourFactors, verification.bank_card),
    ("bureau", "score"): _pure(wire.ThreeFactors, verification.bureau),
    ("payments", "disburse"): _moved(wire.Disbursement, payments.disburse),
    ("payments", "debit"): _moved(wire.Debit, payments.debit),
    ("payments", "query"): _kept(wire.OrderQuery, payments.query, "status"),
    ("signing", "sign"): _kept(wire.Sign, documents.sign, "signed"),
    ("signing", "get"): _kept(wire.ContractQuery, documents.contract, "answered"),
    ("messaging", "send"): _kept(wire.Message, documents.send, "status"),
}
"""Every operation of every provider: `POST /{provider}/{operation}`."""


class Gateway:
    """Serves the operations; plain ASGI, since a benchmark drives it."""

    def __init__(
        self, config: SandboxConfig, book: Book, faults: FaultProgramme, callbacks: CallbackSender
    ) -> None:
        self._config = config
        self._book = book
        self._faults = faults
        self._callbacks = callbacks

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call to an operation of `OPERATIONS`."""
        provider, operation = scope["path"].strip("/").split("/")
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        call = (provider, operation, request_id)
        try:
            body = await _body(receive)
            self._admit(headers, request_id, body)
        except RefusalError as refusal:
            self._book.record_call(call, refusal.code, {})
            await _answer(send, refusal.status, {"code": refusal.code})
            return
        fault = self._faults.take(provider, operation)
        await asyncio.sleep(fault.latency_seconds)
        if fault.reset or (fault.status is not None and not fault.lose_response):
            self._book.record_call(call, "reset" if fault.reset else f"http_{fault.status}", {})
            await _fail(fault, scope, receive, send)
            return
        try:
            done = self._work(call, body, fault)
        except RefusalError as refusal:
            self._book.record_call(call, refusal.code, {})
            await _answer(send, refusal.status, {"code": refusal.code})
            return
        if fault.lose_response or done.response_lost:
            await _fail(fault, scope, receive, send)
        elif fault.garbage is not None:
            await _send(send, 200, _GARBAGE[fault.garbage])
        else:
            await _answer(send, 200, done.reply)

    def _admit(self, headers: Headers, request_id: str, body: bytes) -> None:
        """Raise RefusalError unless the caller proves who they are."""
        wanted = f"Bearer {self._config.api_key}"
        given = headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise RefusalError(401, "unauthorized")
        secret = self._config.signing_secret
        wrong = fault_of(secret, headers.get("x-signature", ""), body, now())
        if wrong is not None:
            raise RefusalError(401, wrong)
        if not request_id:
            raise RefusalError(400, "request_id_missing")

    def _work(self, call: tuple[str, str, str], body: bytes, fault: Fault) -> Done:
        try:
            done = OPERATIONS[call[:2]](body, self._book, fault)
        except ValidationError:
            raise RefusalError(422, "invalid_request") from None
        self._book.record_call(call, done.outcome, done.details)
        if done.settles is not None:
            self._callbacks.settle_later(done.settles)
        return done


_GARBAGE: dict[Garbage, bytes] = {
    "not_json": b"<html><body>It works!</body></html>",
    "wrong_shape": b'{"verdict":"perhaps","status":"maybe","score":"many"}',
    "empty": b"",
    "huge": b'{"verdict":"match","reasons":[]' + b" " * (2 * 1024 * 1024) + b"}",
}


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_LIMIT:
            raise RefusalError(413, "body_too_large")
    return bytes(body)


async def _fail(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the fault's status, or cut the connection if it names none."""
    if fault.status is None:
        await cut(scope, receive)
    else:
        await _answer(send, fault.status, {"code": "programmed_fault"}, fault.retry_after)


async def _answer(send: Send, status: int, reply: Reply, retry_after: int | None = None) -> None:
    body = json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()
    await _send(send, status, body, retry_after)


async def _send(send: Send, status: int, body: bytes, retry_after: int | None = None) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
