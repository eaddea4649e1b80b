"""The wire: proves the caller, lets the programmed faults strike, works, records, answers."""

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi.datastructures import Headers
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from sandbox import (
    bindings,
    captures,
    documents,
    payments,
    registered_photos,
    registers,
    source_wire,
    sources,
    verification,
    wire,
)
from sandbox.answering import GARBAGE, Reply, answer, answer_bytes, fail, read_body
from sandbox.book import Book
from sandbox.callbacks import CallbackSender
from sandbox.captures import Step
from sandbox.clock import now
from sandbox.config import SandboxConfig
from sandbox.faults import Fault, FaultProgramme
from sandbox.masking import masked
from sandbox.refusal import RefusalError
from sandbox.signature import fault_of

Asked = TypeVar("Asked", bound=BaseModel)


@dataclass(frozen=True)
class Done:
    """A call's answer, how it is recorded, and what follows from it."""

    reply: Reply
    outcome: str
    details: dict[str, object] = field(default_factory=dict)
    response_lost: bool = False
    settles: str | None = None
    step: Step | None = None


Work = Callable[[bytes, Book, Fault, str], Done]
"""What an operation does with a body, the book, the fault that strikes it, and the request id."""


def _pure(model: type[Asked], answer: Callable[[Asked], Reply]) -> Work:
    """Return the work of a verification."""

    def work(body: bytes, _: Book, __: Fault, ___: str) -> Done:
        request = model.model_validate_json(body)
        reply = answer(request)
        reasons = reply.get("reasons")
        details = masked(request) | ({"reasons": reasons} if reasons else {})
        return Done(reply, str(reply["verdict"]), details)

    return work


def _kept(model: type[Asked], answer: Callable[[Book, Asked], Reply], outcome: str) -> Work:
    """Return the work of an operation on the book; `outcome` names the reply's telling field."""

    def work(body: bytes, book: Book, _: Fault, __: str) -> Done:
        request = model.model_validate_json(body)
        reply = answer(book, request)
        return Done(reply, str(reply.get(outcome, outcome)), masked(request))

    return work


def _moved(model: type[Asked], answer: Callable[[Book, Asked, Fault], payments.Booked]) -> Work:
    """Return the work of a movement of money."""

    def work(body: bytes, book: Book, fault: Fault, _: str) -> Done:
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


def _captured(model: type[Asked], answer: Callable[[Book, Asked, Fault], Step]) -> Work:
    """Return the work of an operation on a capture whose repeats the capture's number marks."""
    return _tried(model, lambda book, request, fault, _: answer(book, request, fault))


def _tried(model: type[Asked], answer: Callable[[Book, Asked, Fault, str], Step]) -> Work:
    """Return the work of an operation on the book whose repeats the request id marks."""

    def work(body: bytes, book: Book, fault: Fault, request_id: str) -> Done:
        request = model.model_validate_json(body)
        step = answer(book, request, fault, request_id)
        outcome = step.reply.get("status") or step.reply.get("verdict")
        return Done(step.reply, str(outcome), masked(request), step=step)

    return work


def _bound(model: type[Asked], answer: Callable[[Book, Asked, Fault, str], Reply]) -> Work:
    """Return the work of an operation on a card's binding."""
    return _tried(model, lambda *asked: Step(answer(*asked)))


def _reported(source: source_wire.Source) -> Work:
    """Return the work of asking for a source's report."""

    def answer(book: Book, request: source_wire.CaptureQuery, _: Fault) -> Step:
        return captures.report(book, source, request)

    return _captured(source_wire.CaptureQuery, answer)


OPERATIONS: dict[tuple[str, str], Work] = {
    ("real_name", "verify"): _pure(wire.TwoFactors, verification.real_name),
    ("operator", "verify"): _pure(wire.ThreeFactors, verification.operator),
    ("contacts", "verify"): _pure(wire.ContactsCheck, verification.contacts),
    ("identity_card", "read"): _pure(wire.CardPictures, verification.identity_card),
    ("liveness", "check"): _pure(wire.LivenessCheck, verification.liveness),
    ("liveness", "compare"): _pure(wire.FaceCompare, verification.face),
    ("registered_photo", "fetch"): _pure(wire.TwoFactors, registered_photos.fetch),
    ("bank_card", "verify"): _pure(wire.FourFactors, verification.bank_card),
    ("bureau", "score"): _pure(wire.ThreeFactors, verification.bureau),
    ("bureau_second", "score"): _pure(wire.ThreeFactors, sources.second_bureau),
    ("blacklist", "check"): _pure(wire.ThreeFactors, sources.blacklist),
    ("multi_lender", "query"): _pure(wire.ThreeFactors, sources.multi_lender),
    ("credit_card", "verify"): _pure(wire.FourFactors, sources.credit_card),
    ("company", "check"): _pure(source_wire.CompanyCheck, registers.company),
    ("person", "check"): _pure(source_wire.PersonCheck, registers.person),
    ("operator_report", "begin"): _captured(source_wire.OperatorCapture, captures.begin_operator),
    ("operator_report", "confirm"): _tried(source_wire.CaptureCode, captures.confirm),
    ("operator_report", "report"): _reported("operator_report"),
    ("online_banking", "begin"): _captured(source_wire.BankingImport, captures.begin_banking),
    ("online_banking", "report"): _reported("online_banking"),
    ("ecommerce", "begin"): _captured(source_wire.EcommerceImport, captures.begin_ecommerce),
    ("ecommerce", "report"): _reported("ecommerce"),
    ("card_binding", "send_code"): _bound(source_wire.BindingCode, bindings.send_code),
    ("card_binding", "confirm"): _bound(source_wire.BindingEntry, bindings.confirm),
    ("card_binding", "banks"): _kept(source_wire.BanksQuery, bindings.banks, "listed"),
    ("payments", "disburse"): _moved(wire.Disbursement, payments.disburse),
    ("payments", "debit"): _moved(wire.Debit, payments.debit),
    ("payments", "query"): _kept(wire.OrderQuery, payments.query, "status"),
    ("signing", "sign"): _kept(wire.Sign, documents.sign, "signed"),
    ("signing", "get"): _kept(wire.ContractQuery, documents.contract, "answered"),
    ("messaging", "send"): _kept(wire.Message, documents.send, "status"),
}
"""Every operation of every provider: `POST /{provider}/{operation}`."""

PATHS = {
    f"/{provider}/{operation}": (provider, operation) for provider, operation in OPERATIONS
} | {"/second/bureau/score": ("bureau_second", "score")}
"""Where operations are served: the second bureau also as a bureau under a base URL of its own."""


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
        """Serve one call to a path of `PATHS`."""
        provider, operation = PATHS[scope["path"]]
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        call = (provider, operation, request_id)
        try:
            body = await read_body(receive)
            self._admit(headers, request_id, body)
        except RefusalError as refusal:
            self._book.record_call(call, refusal.code, {})
            await answer(send, refusal.status, {"code": refusal.code})
            return
        fault = self._faults.take(provider, operation)
        await asyncio.sleep(fault.latency_seconds)
        if fault.reset or (fault.status is not None and not fault.lose_response):
            self._book.record_call(call, "reset" if fault.reset else f"http_{fault.status}", {})
            await fail(fault, scope, receive, send)
            return
        try:
            done = self._work(call, body, fault)
        except RefusalError as refusal:
            self._book.record_call(call, refusal.code, {})
            await answer(send, refusal.status, {"code": refusal.code})
            return
        if fault.lose_response or done.response_lost:
            await fail(fault, scope, receive, send)
        elif fault.garbage is not None:
            await answer_bytes(send, 200, GARBAGE[fault.garbage])
        else:
            await answer(send, 200, done.reply)

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
            done = OPERATIONS[call[:2]](body, self._book, fault, call[2])
        except ValidationError:
            raise RefusalError(422, "invalid_request") from None
        self._book.record_call(call, done.outcome, done.details)
        if done.settles is not None:
            self._callbacks.settle_later(done.settles)
        if done.step is not None and done.step.starts is not None:
            self._callbacks.finish_later(done.step.starts)
        if done.step is not None and done.step.announces is not None:
            self._callbacks.announce(done.step.announces)
        return done
