"""The wire: proves the caller, lets the programmed faults strike, works, records, answers."""

import hmac
from collections.abc import Callable
from typing import TypeVar

from fastapi.datastructures import Headers
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from sandbox import (
    bindings,
    data_imports,
    documents,
    messaging,
    payments,
    registered_photos,
    registers,
    source_wire,
    sources,
    verification,
    wire,
)
from sandbox.answering import answer, read_body, respond
from sandbox.book import Book
from sandbox.callbacks import CallbackSender
from sandbox.calls import Call, Done
from sandbox.clock import now
from sandbox.config import SandboxConfig
from sandbox.faults import Fault, FaultProgramme
from sandbox.masking import masked
from sandbox.replies import RefusalError, Reply
from sandbox.signature import fault_of

Asked = TypeVar("Asked", bound=BaseModel)


Operation = Callable[[bytes, Call], tuple[Done, str, dict[str, object]]]
"""What an operation does with a body: what comes of it, its outcome, and the masked request."""


def _worked(
    model: type[Asked], work: Callable[[Call, Asked], Reply | Done], outcome: str = ""
) -> Operation:
    """Return an operation on the book; its reply tells the outcome, or it has only `outcome`."""

    def operation(body: bytes, call: Call) -> tuple[Done, str, dict[str, object]]:
        request = model.model_validate_json(body)
        worked = work(call, request)
        done = worked if isinstance(worked, Done) else Done(worked)
        said = done.reply.get("verdict") or done.reply.get("status") or outcome
        reasons = done.reply.get("reasons")
        return done, str(said), masked(request) | ({"reasons": reasons} if reasons else {})

    return operation


def _pure(model: type[Asked], answer: Callable[[Asked], Reply]) -> Operation:
    """Return an operation whose reply depends on the request alone."""
    return _worked(model, lambda _, request: answer(request))


OPERATIONS: dict[tuple[str, str], Operation] = {
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
    ("operator_report", "begin"): _worked(
        source_wire.OperatorDataImport, data_imports.begin_operator
    ),
    ("operator_report", "confirm"): _worked(source_wire.DataImportCode, data_imports.confirm),
    ("operator_report", "report"): _worked(
        source_wire.DataImportQuery, data_imports.report("operator_report")
    ),
    ("online_banking", "begin"): _worked(source_wire.BankingImport, data_imports.begin_banking),
    ("online_banking", "report"): _worked(
        source_wire.DataImportQuery, data_imports.report("online_banking")
    ),
    ("ecommerce", "begin"): _worked(source_wire.EcommerceImport, data_imports.begin_ecommerce),
    ("ecommerce", "report"): _worked(source_wire.DataImportQuery, data_imports.report("ecommerce")),
    ("bank_flows", "begin"): _worked(source_wire.FlowsImport, data_imports.begin_flows),
    ("bank_flows", "report"): _worked(
        source_wire.DataImportQuery, data_imports.report("bank_flows")
    ),
    ("bureau_report", "begin"): _worked(
        source_wire.BureauReportImport, data_imports.begin_bureau_report
    ),
    ("bureau_report", "report"): _worked(
        source_wire.DataImportQuery, data_imports.report("bureau_report")
    ),
    ("card_binding", "send_code"): _worked(source_wire.BindingCode, bindings.send_code),
    ("card_binding", "confirm"): _worked(source_wire.BindingEntry, bindings.confirm),
    ("card_binding", "banks"): _worked(source_wire.BanksQuery, bindings.banks, "listed"),
    ("payments", "disburse"): _worked(wire.Disbursement, payments.disburse),
    ("payments", "debit"): _worked(wire.Debit, payments.debit),
    ("payments", "query"): _worked(wire.OrderQuery, payments.query),
    ("signing", "sign"): _worked(wire.Sign, documents.sign, "signed"),
    ("signing", "get"): _worked(wire.ContractQuery, documents.contract, "answered"),
    ("messaging", "send"): _worked(wire.Message, messaging.send_sms),
    ("messaging", "query"): _worked(wire.MessageQuery, messaging.find, "answered"),
    ("email", "send"): _worked(wire.Email, messaging.send_email),
    ("email", "query"): _worked(wire.MessageQuery, messaging.find, "answered"),
    ("push", "send"): _worked(wire.Push, messaging.send_push),
    ("push", "query"): _worked(wire.MessageQuery, messaging.find, "answered"),
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
            self._authenticate(headers, request_id, body)
        except RefusalError as refusal:
            self._book.record_call(call, refusal.code, {})
            await answer(send, refusal.status, {"code": refusal.code})
            return
        fault = self._faults.take(provider, operation)
        await respond(
            *(scope, receive, send, fault),
            work=lambda: self._work(call, body, fault),
            record=lambda outcome: self._book.record_call(call, outcome, {}),
        )

    def _authenticate(self, headers: Headers, request_id: str, body: bytes) -> None:
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

    def _work(self, call: tuple[str, str, str], body: bytes, fault: Fault) -> tuple[Reply, bool]:
        try:
            operation = OPERATIONS[call[:2]]
            done, outcome, details = operation(body, Call(self._book, fault, call[2]))
        except ValidationError:
            raise RefusalError(422, "invalid_request") from None
        self._book.record_call(call, outcome, details)
        if done.settles is not None:
            self._callbacks.settle_later(done.settles)
        if done.finishes is not None:
            self._callbacks.finish_later(done.finishes)
        if done.announces is not None:
            self._callbacks.announce(done.announces)
        return done.reply, done.response_lost
