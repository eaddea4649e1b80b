"""The simulator of QI Tech's credit analysis: its wire format, statuses, misspelling and webhooks.

`POST` and `GET` and `PUT` below `/credit_analysis`, the API key raw in `Authorization`. Document
numbers choose the answer, or amounts as in the vendor's own sandbox: `docs/credit-analysis.md` has
both tables. Everything else is approved.
"""

import asyncio
import hashlib
import hmac
import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Body
from fastapi.datastructures import Headers
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from sandbox import registers
from sandbox.answering import answer, read_body, respond
from sandbox.book import Book, Row
from sandbox.callbacks import Background, Deliveries, Kind
from sandbox.clock import now
from sandbox.config import SandboxConfig
from sandbox.faults import FaultProgramme
from sandbox.masking import tail
from sandbox.qitech_signers import SIGNATURES_MISSING, Signature, Signing, signers_in
from sandbox.replies import RefusalError, Reply

PREFIX: Final = "/credit_analysis/"

_PATH: Final = re.compile(
    r"/credit_analysis/(legal_person|natural_person)(?:/([A-Za-z0-9_.:\-]{1,64}))?"
)
_ID: Final = re.compile(r"[A-Za-z0-9_.:\-]{1,64}")
_OPERATIONS: Final = {"POST": "create", "GET": "read", "PUT": "feedback"}
_PROPOSAL_STATUSES: Final = ("created", "disbursed", "paid", "defaulted")
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS qitech_analyses (id TEXT PRIMARY KEY, kind TEXT NOT NULL,"
    " registration_id TEXT, status TEXT NOT NULL, reason TEXT NOT NULL, event_date TEXT NOT NULL,"
    " settles_as TEXT, created_at TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS qitech_feedback (feedback INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL REFERENCES qitech_analyses, status TEXT NOT NULL,"
    " event_date TEXT NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS qitech_webhooks (webhook INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL REFERENCES qitech_analyses, body TEXT NOT NULL,"
    " attempts INTEGER NOT NULL DEFAULT 0, delivered_at TEXT) STRICT",
)


@dataclass(frozen=True)
class Course:
    """What becomes of an analysis: its first status and, by itself or when settled, its last."""

    key: str
    code: str
    status: str
    settles_as: str | None = None
    by_itself: bool = False


COURSES: Final = (
    Course("reproved", "11", "automatically_reproved"),
    Course("manual", "12", "in_manual_analysis", "manually_approved"),
    Course("challenged", "13", "automatically_challenge"),
    Course("pending", "14", "pending", "automatically_approved", by_itself=True),
    Course("unknown", "15", "under_committee", "manually_reproved"),
    Course("waiting", "16", "waiting_for_data", "automatically_approved"),
)


def _course_of(key: str) -> Course:
    return next(course for course in COURSES if course.key == key)


_APPROVED: Final = Course("approved", "10", "automatically_approved")
_MANUAL_REPROVED: Final = Course(
    "manual_reproved", "17", "in_manual_analysis", "manually_reproved", by_itself=True
)
_BY_AMOUNT: Final = (
    (2_000, _APPROVED),
    (4_000, _course_of("pending")),
    (6_000, replace(_course_of("waiting"), by_itself=True)),
    (8_000, replace(_course_of("manual"), by_itself=True)),
    (10_000, _MANUAL_REPROVED),
)
"""Up to which `financial.amount` the vendor's sandbox takes which course; above it reproves."""


class Settlement(BaseModel):
    """How an analysis goes on, and how its webhook is sent.

    `days` moves `event_date`: below 0 the webhook is about the past.
    """

    model_config = ConfigDict(extra="forbid")

    analysis_status: str | None = None
    days: Annotated[int, Field(ge=-3650, le=3650)] = 0
    copies: Annotated[int, Field(ge=0, le=20)] = 1
    forge_signature: bool = False
    silent: bool = False


def cnpj(key: str, member: int = 0) -> str:
    """Return a masked CNPJ that takes the course `key`."""
    number = registers.cnpj_of(_code(key), member)
    return f"{number[:2]}.{number[2:5]}.{number[5:8]}/{number[8:12]}-{number[12:]}"


def cpf(key: str, member: int = 0) -> str:
    """Return a masked CPF that takes the course `key`."""
    number = registers.cpf_of(_code(key), member)
    return f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"


class QiTechSimulator(Background):
    """Serves `/credit_analysis` and sends its webhooks."""

    def __init__(
        self, config: SandboxConfig, book: Book, faults: FaultProgramme, deliveries: Deliveries
    ) -> None:
        super().__init__()
        self._config = config
        self._book = book
        self._faults = faults
        self._deliveries = deliveries

        def headers(key: str, body: bytes, _: str) -> dict[str, str]:
            message = config.qitech_signed_url.encode() + config.qitech_method.encode() + body
            return {"Signature": hmac.new(key.encode(), message, hashlib.sha1).hexdigest()}

        self._webhooks = Kind(
            *("qitech_webhooks", "webhook", "qitech", config.qitech_url, headers),
            taken=(200,),
            method=config.qitech_method,
        )
        for statement in _SCHEMA:
            book.execute(statement)
        self._signing = Signing(book)
        self._by_amount = config.qitech_decides_by == "amount"
        by_amount = [course for _, course in _BY_AMOUNT]
        self._courses = [*(by_amount if self._by_amount else ()), *COURSES, _APPROVED]

    def resume(self) -> None:
        """Take up what an earlier process left: webhooks that nobody took."""
        self._deliveries.resume(self._webhooks)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        operation = _OPERATIONS.get(scope["method"], "other")
        try:
            body = await read_body(receive)
            self._authenticate(scope)
            kind, assessment_id = _addressed(scope)
        except RefusalError as refusal:
            await answer(send, refusal.status, {"code": refusal.code})
            return
        await respond(
            *(scope, receive, send, self._faults.take("qitech", operation)),
            work=lambda: (self._work(operation, kind, assessment_id, body), False),
            record=lambda code: self._record(operation, assessment_id or _named(body), code, {}),
        )

    def _authenticate(self, scope: Scope) -> None:
        given = Headers(scope=scope).get("authorization", "")
        if not hmac.compare_digest(given.encode(), self._config.api_key.encode()):
            raise RefusalError(401, "unauthorized")

    def _work(self, operation: str, kind: str, assessment_id: str, body: bytes) -> Reply:
        if operation == "create":
            return self._create(kind, body)
        known = self._known(kind, assessment_id)
        if operation == "read":
            self._record(operation, assessment_id, str(known["status"]), {})
            return _reply(known)
        return self._feed_back(assessment_id, _parsed(body))

    def _create(self, kind: str, body: bytes) -> Reply:
        given = _parsed(body)
        assessment_id, number = given.get("id"), given.get("document_number")
        if not isinstance(assessment_id, str) or not isinstance(number, str):
            raise RefusalError(400, "invalid_request")
        if self._book.one("SELECT id FROM qitech_analyses WHERE id = ?", assessment_id):
            raise RefusalError(409, "already_processed")
        signers = signers_in(given)
        course = _course_by_amount(given) if self._by_amount else _course(number)
        row: Row = {
            "id": assessment_id,
            "kind": kind,
            "registration_id": given.get("registration_id"),
            "status": "waiting_for_data" if signers else course.status,
            "reason": SIGNATURES_MISSING if signers else "rule_decision_enum",
            "event_date": _stamp(now()),
            "settles_as": course.settles_as,
            "created_at": now().isoformat(),
        }
        self._book.insert("qitech_analyses", row)
        self._signing.ask(assessment_id, course.key, signers)
        self._record("create", assessment_id, str(row["status"]), {"document_number": tail(number)})
        if course.by_itself and not signers:
            self.start(self._settle_later(assessment_id))
        return _reply(row)

    def sign(self, assessment_id: str, signature: Signature) -> list[Row]:
        """Have one signer sign and return who has; raises RefusalError for an unknown one.

        The last one sets the analysis on its course, with a webhook.
        """
        key = self._signing.sign(assessment_id, signature)
        if key is not None:
            course = next(one for one in self._courses if one.key == key)
            self.settle(assessment_id, Settlement(analysis_status=course.status))
            if course.by_itself:
                self.start(self._settle_later(assessment_id))
        return self._signing.signers(assessment_id)

    def _feed_back(self, assessment_id: str, given: dict[str, object]) -> Reply:
        status, event_date = given.get("credit_proposal_status"), given.get("event_date")
        if status not in _PROPOSAL_STATUSES or not isinstance(event_date, str):
            raise RefusalError(400, "invalid_request")
        self._book.insert(
            "qitech_feedback", {"id": assessment_id, "status": status, "event_date": event_date}
        )
        self._record("feedback", assessment_id, str(status), {})
        return {"id": assessment_id, "credit_proposal_status": status}

    def settle(self, assessment_id: str, settlement: Settlement) -> Row:
        """Move an analysis on and send its webhook; raises RefusalError for an unknown one."""
        known = self._book.one("SELECT * FROM qitech_analyses WHERE id = ?", assessment_id)
        if known is None:
            raise RefusalError(404, "unknown_analysis")
        status = settlement.analysis_status or str(known["settles_as"] or known["status"])
        event_date = _stamp(now() + timedelta(days=settlement.days))
        if settlement.days >= 0:
            self._book.execute(
                "UPDATE qitech_analyses SET status = ?, reason = ?, event_date = ? WHERE id = ?",
                *(status, status, event_date, assessment_id),
            )
        notice: Row = {
            f"credit_proposal_{known['kind']}_id": assessment_id,
            "analysis_status": status,
            "event_date": event_date,
            "reason": status,
            "a_field_of_tomorrow": {"any": "thing"},
        }
        if not settlement.silent:
            self._send(
                assessment_id,
                json.dumps(notice),
                copies=settlement.copies,
                forged=settlement.forge_signature,
            )
        return notice

    def _send(self, assessment_id: str, body: str, *, copies: int, forged: bool) -> None:
        self._book.insert("qitech_webhooks", {"id": assessment_id, "body": body})
        (sent,) = self._book.select("qitech_webhooks", "webhook DESC", {}, 1)
        self._deliveries.send(self._webhooks, str(sent["webhook"]), copies=copies, forged=forged)

    async def _settle_later(self, assessment_id: str) -> None:
        await asyncio.sleep(self._config.settle_seconds)
        self.settle(assessment_id, Settlement())

    def _known(self, kind: str, assessment_id: str) -> Row:
        row = self._book.one(
            "SELECT * FROM qitech_analyses WHERE id = ? AND kind = ?", assessment_id, kind
        )
        if row is None:
            raise RefusalError(404, "unknown_analysis")
        return row

    def _record(
        self, operation: str, assessment_id: str, outcome: str, details: dict[str, object]
    ) -> None:
        self._book.record_call(("qitech", operation, assessment_id), outcome, details)


def qitech_routes(simulator: QiTechSimulator, book: Book) -> APIRouter:
    """Return the console's routes of this simulator."""
    router = APIRouter()

    @router.post("/sandbox/qitech/{assessment_id}/settle")
    async def settle(
        assessment_id: str, settlement: Annotated[Settlement | None, Body()] = None
    ) -> Row:
        """Move an analysis on and send its webhook as asked; return what the webhook says."""
        return simulator.settle(assessment_id, settlement or Settlement())

    @router.post("/sandbox/qitech/{assessment_id}/sign")
    async def sign(assessment_id: str, signature: Signature) -> list[Row]:
        """Have one signer sign; return all of them, without their documents."""
        return simulator.sign(assessment_id, signature)

    @router.get("/sandbox/qitech")
    async def read(
        assessment_id: str | None = None,
    ) -> dict[Literal["analyses", "feedback", "webhooks"], list[Row]]:
        """Return analyses, feedback and webhooks; none of them holds a document."""
        wanted = {"id": assessment_id}
        return {
            "analyses": book.select("qitech_analyses", "created_at, id", wanted),
            "feedback": book.select("qitech_feedback", "feedback", wanted),
            "webhooks": book.select("qitech_webhooks", "webhook", wanted),
        }

    return router


def _addressed(scope: Scope) -> tuple[str, str]:
    """Return kind and id of a path; raises RefusalError where there is no such one."""
    found = _PATH.fullmatch(scope["path"])
    if found is None:
        raise RefusalError(404, "not_found")
    kind, assessment_id = found[1], found[2] or ""
    if scope["method"] not in (("GET", "PUT") if assessment_id else ("POST",)):
        raise RefusalError(405, "method_not_allowed")
    return kind, assessment_id


def _parsed(body: bytes) -> dict[str, object]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusalError(406, "invalid_json") from None
    if not isinstance(given, dict):
        raise RefusalError(400, "invalid_request")
    return given


def _named(body: bytes) -> str:
    """Return the id in a body, nothing where it has none of the right form."""
    with suppress(RefusalError):
        given = _parsed(body).get("id")
        if isinstance(given, str) and _ID.fullmatch(given):
            return given
    return ""


def _course(number: str) -> Course:
    """Return the course of a masked document number."""
    plain = re.sub(r"[./-]", "", number)
    code = plain[4:6] if len(plain) == 14 else plain[5:7]
    if not plain.startswith("9999" if len(plain) == 14 else "99900"):
        return _APPROVED
    return next((course for course in COURSES if course.code == code), _APPROVED)


def _course_by_amount(given: dict[str, object]) -> Course:
    """Return the course of the amount that is asked for, as the vendor's sandbox takes it."""
    financial = given.get("financial")
    amount = financial.get("amount") if isinstance(financial, dict) else None
    if not isinstance(amount, int):
        raise RefusalError(400, "invalid_request")
    return next((course for limit, course in _BY_AMOUNT if amount <= limit), _course_of("reproved"))


def _reply(row: Row) -> Reply:
    return {"id": row["id"], "analysis_status": row["status"], "reason": row["reason"]}


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _code(key: str) -> str:
    return next(course.code for course in (*COURSES, _APPROVED) if course.key == key)
