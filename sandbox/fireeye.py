"""The simulator of UnionPay Fireeye, in every form of its wire that the public page shows.

It reads a GET query, a form, the sample's form that nobody percent-encoded, and bare JSON, with and
without the envelope, in UTF-8 or GB18030. Codes 0001 to 0004 are answers with status 200.
"""

import json
from typing import Annotated, Literal
from urllib.parse import parse_qs, unquote_to_bytes

from fastapi.datastructures import Headers
from pydantic import Field, StringConstraints, ValidationError
from starlette.types import Receive, Scope, Send

from sandbox import personas
from sandbox.answering import answer, compact, read_body, respond
from sandbox.book import Book
from sandbox.faults import Fault, FaultProgramme, FireeyeVariant
from sandbox.masking import masked
from sandbox.personas import Person, Trait
from sandbox.replies import RefusalError, Reply
from sandbox.wire import Request, Text

Operation = Literal["transaction_authentication", "model_score"]

PATHS: dict[str, Operation] = {
    "/fireeye/creditScore/transationAuthentication": "transaction_authentication",
    "/fireeye/creditScore/UnionPayModelScore": "model_score",
    "/creditScore/transationAuthentication": "transaction_authentication",
    "/ares/ARESVerificationService/ARESVerificationServiceProxy/modelScore/modelScoreDataQuery": (
        "model_score"
    ),
}
"""The paths of the page's tables, then those of its samples; spelt as there."""

INSTITUTION, UNOPENED_INSTITUTION, APP_KEY = "username", "unopened", "password"
"""The samples' credentials, and an institution with the same key that bought nothing."""

SAMPLE_IDENTITY, SAMPLE_SCORE = "411524198810280019", 888
"""The number of the page's samples, and the score that its sample answer gives."""

STRANGER_SCORE = 780

_OUTCOMES = {0: "mismatch", 1: "match"}

Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{13,19}$")]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
Amount = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,14}(\.[0-9]{1,2})?$")]


class TransactionFields(Request):
    """transationAuthentication; the page types the amount as a double and sends a string."""

    card: Digits = Field(alias="cardNo")
    date: Day = Field(alias="transDate")
    amount: Amount | Annotated[float, Field(gt=0)] = Field(alias="transAmount")
    identity_number: Text | None = Field(default=None, alias="certid")
    mobile: Text | None = None
    location: Text | None = Field(default=None, alias="transLocation")


class ScoreFields(Request):
    """UnionPayModelScore."""

    card: Digits = Field(alias="cardNo")
    identity_number: Text = Field(alias="certid")
    mobile: Text


class _Wrong(Exception):
    """The request gets an error code, and is recorded under `outcome`."""

    def __init__(self, code: str, outcome: str) -> None:
        super().__init__(outcome)
        self.code = code
        self.outcome = outcome


class FireeyeSimulator:
    """Serves the four paths."""

    def __init__(self, book: Book, faults: FaultProgramme) -> None:
        self._book = book
        self._faults = faults

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        operation = PATHS[scope["path"]]
        if scope["method"] not in ("GET", "POST"):
            await answer(send, 405, {"code": "method_not_allowed"})
            return
        try:
            body = await read_body(receive)
        except RefusalError as refusal:
            await answer(send, refusal.status, {"code": refusal.code})
            return
        fault = self._faults.take("fireeye", operation)
        await respond(
            *(scope, receive, send, fault),
            work=lambda: (_written(operation, self._work(operation, scope, body), fault), False),
            record=lambda outcome: self._record(operation, outcome, {}),
        )

    def _work(self, operation: Operation, scope: Scope, body: bytes) -> tuple[str, int | None]:
        """Return code and data, and record the call."""
        seen: dict[str, object] = {}
        try:
            given = _given(scope, body, seen)
            code, data, details = _answered(operation, _authorised(given, seen))
        except _Wrong as wrong:
            self._record(operation, wrong.outcome, {"wire": seen})
            return wrong.code, None
        outcome = "not_found" if data is None else _OUTCOMES.get(data, "scored")
        self._record(operation, outcome, details | {"wire": seen})
        return code, data

    def _record(self, operation: Operation, outcome: str, details: dict[str, object]) -> None:
        self._book.record_call(("fireeye", operation, ""), outcome, details)


def _given(scope: Scope, body: bytes, seen: dict[str, object]) -> dict[str, object]:
    """Return the request's JSON object, and note in `seen` how it travelled."""
    content_type = Headers(scope=scope).get("content-type", "")
    charset = "GB18030" if "charset=gb18030" in content_type.lower().replace(" ", "") else "UTF-8"
    seen |= {"method": scope["method"], "charset": charset}
    try:
        if scope["method"] == "GET":
            text = _queried(scope["query_string"], charset)
            seen["encoding"] = "query"
        else:
            text = _posted(body, charset, seen)
        given = json.loads(text)
    except (ValueError, LookupError, RecursionError):
        raise _Wrong("0004", "unreadable") from None
    if not isinstance(given, dict):
        raise _Wrong("0004", "unreadable")
    return given


def _queried(query: bytes, charset: str) -> str:
    fields = parse_qs(query.decode("ascii"), encoding=charset, errors="strict")
    return fields["data"][0]


def _posted(body: bytes, charset: str, seen: dict[str, object]) -> str:
    if not body.startswith(b"data="):
        seen["encoding"] = "raw"
        return body.decode(charset)
    rest = body.removeprefix(b"data=")
    seen["encoding"] = "unencoded_form" if rest.lstrip().startswith(b"{") else "form"
    if seen["encoding"] == "form":
        rest = unquote_to_bytes(rest.replace(b"+", b" "))
    return rest.decode(charset)


def _authorised(given: dict[str, object], seen: dict[str, object]) -> dict[str, object]:
    """Return the business fields; an envelope must carry an institution's right key."""
    fields = given.get("data")
    seen["envelope"] = "full" if isinstance(fields, dict) else "none"
    if not isinstance(fields, dict):
        return given
    if given.get("appKey") != APP_KEY or given.get("id") not in (INSTITUTION, UNOPENED_INSTITUTION):
        raise _Wrong("0002", "bad_credential")
    if given["id"] == UNOPENED_INSTITUTION:
        raise _Wrong("0001", "not_enabled")
    return fields


def _answered(
    operation: Operation, fields: dict[str, object]
) -> tuple[str, int | None, dict[str, object]]:
    """Return code, data and the masked fields."""
    try:
        if operation == "model_score":
            request: TransactionFields | ScoreFields = ScoreFields.model_validate(fields)
        else:
            request = TransactionFields.model_validate(fields)
    except ValidationError:
        raise _Wrong("0004", "invalid_request") from None
    person = _person(request)
    if person is not None and person.persona.trait is Trait.NOT_IN_REGISTRY:
        return "0003", None, masked(request)
    if isinstance(request, ScoreFields):
        data = _score(request, person)
    else:
        data = _confirmed(request, person)
    return "0003" if data is None else "0000", data, masked(request)


def _person(request: TransactionFields | ScoreFields) -> Person | None:
    if request.identity_number is not None:
        return personas.by_identity(request.identity_number)
    return personas.by_card(request.card)


def _score(request: ScoreFields, person: Person | None) -> int | None:
    if request.identity_number == SAMPLE_IDENTITY:
        return SAMPLE_SCORE
    return STRANGER_SCORE if person is None else person.persona.score


def _confirmed(request: TransactionFields, person: Person | None) -> int:
    """Return 1 if the transaction is the person's own; a low score's never is."""
    owner = personas.by_card(request.card)
    if person is None:
        return 1
    if owner is not None and owner.identity_number != person.identity_number:
        return 0
    if request.mobile is not None and (
        person.persona.trait is Trait.MOBILE_MISMATCH or request.mobile != person.mobile
    ):
        return 0
    return 0 if person.persona.key == "low_score" else 1


def _written(operation: Operation, reply: tuple[str, int | None], fault: Fault) -> bytes:
    """Return the bytes of an answer: the page's sample form, unless a fault wants another."""
    key = "resp" if operation == "model_score" else "respCd"
    code, data = reply
    body = _shaped(fault.fireeye, key, code, data, operation)
    if fault.fireeye == "gb18030":
        body["msg"] = "成功"
        return json.dumps(body, ensure_ascii=False).encode("GB18030")
    return compact(body).encode()


def _shaped(
    variant: FireeyeVariant | None, key: str, code: str, data: int | None, operation: Operation
) -> Reply:
    if variant in ("0001", "0002", "0003", "0004"):
        code, data = variant, None
    body: Reply = {key: code, "msg": "Success" if code == "0000" else "Failed", "data": data}
    if code != "0000":
        return body if code == "0003" else {key: code, "msg": "Failed"}
    if variant is None or variant == "gb18030":
        return body
    edges = (299, 1001) if operation == "model_score" else (-1, 2)
    other = "respCd" if key == "resp" else "resp"
    changed: dict[FireeyeVariant, Reply] = {
        "unknown_code": body | {key: "9999"},
        "no_code": {"msg": "Success", "data": data},
        "two_codes": body | {other: "0004"},
        "numeric_code": body | {key: 0},
        "short_code": body | {key: "0"},
        "other_key": {other: code, "msg": "Success", "data": data},
        "resp_code_key": {"respCode": code, "msg": "Success", "data": data},
        "string_data": body | {"data": str(data)},
        "null_data": body | {"data": None},
        "missing_data": {key: code, "msg": "Success"},
        "fractional_data": body | {"data": float(f"{data}.5")},
        "data_below": body | {"data": edges[0]},
        "data_above": body | {"data": edges[1]},
    }
    return changed[variant]
