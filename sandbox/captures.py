"""The authorised captures: operator report, online banking, e-commerce; each has one end.

A capture lives in the book from its `begin`. The operator's waits for the code first; the imports
start at once, as if the user had signed in on the source's page.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox import personas, reports, source_wire, verification, wire
from sandbox.book import Book, Row
from sandbox.clock import now
from sandbox.faults import Fault
from sandbox.masking import tail
from sandbox.payments import fingerprint
from sandbox.personas import Person, Trait
from sandbox.refusal import RefusalError
from sandbox.replies import once

RIGHT_CODE = "123456"
CODE_SECONDS = 300
MOST_TRIES = 5
SLOW_SECONDS = 6 * 3600.0
SLOW_POLLS = 12
"""The slow family's report is there after six hours or at the twelfth question, which of the two
comes first: half an hour apart, as a caller would ask."""

SUPPORTED_BANKS = ("DEMO", "CREDIT")

Reply = dict[str, object]


@dataclass(frozen=True)
class Step:
    """An answer, and what follows: a capture that now runs, or the notice of one that has ended."""

    reply: Reply
    starts: str | None = None
    announces: str | None = None


def begin_operator(book: Book, request: source_wire.OperatorCapture, _: Fault) -> Step:
    """Text a code if the three factors agree."""
    factors = request.model_dump(include={"name", "identity_number", "mobile"})
    answer = verification.operator(wire.ThreeFactors.model_validate(factors))
    return _begin(book, "operator_report", request, answer)


def begin_banking(book: Book, request: source_wire.BankingImport, fault: Fault) -> Step:
    """Open an import of credit-card bills."""
    answer = verification.real_name(_two_factors(request))
    if request.bank_code not in SUPPORTED_BANKS:
        answer = {"verdict": "mismatch", "reasons": ["bank_not_supported"]}
    return _import(book, "online_banking", request, answer, fault)


def begin_ecommerce(book: Book, request: source_wire.EcommerceImport, fault: Fault) -> Step:
    """Open an import of a market place's account."""
    answer = verification.real_name(_two_factors(request))
    if request.platform == "other":
        answer = {"verdict": "mismatch", "reasons": ["platform_not_supported"]}
    return _import(book, "ecommerce", request, answer, fault)


def confirm(book: Book, request: source_wire.CaptureCode, fault: Fault, request_id: str) -> Step:
    """Take a code: the right one starts the capture, the fifth wrong one ends the code."""
    starts: list[str] = []

    def judge() -> Reply:
        capture = _capture(book, "operator_report", request)
        status = _judged(capture, request.code, expired=fault.expire_code)
        tries = int(str(capture["wrong_tries"])) + (status == "wrong_code")
        status = "expired" if tries >= MOST_TRIES else status
        if capture["status"] == "code_sent":
            kept = {"accepted": "pending", "wrong_code": "code_sent", "expired": "expired"}[status]
            _update(book, request.capture_no, status=kept, wrong_tries=tries)
            if status == "accepted":
                _run(book, capture, fault)
                starts.append(request.capture_no)
        told: Reply = {"capture_no": request.capture_no, "status": status}
        return told | ({"tries_left": MOST_TRIES - tries} if status == "wrong_code" else {})

    with book.transaction():
        reply = once(book, f"operator_report/confirm/{request_id}", request, judge)
    return Step(reply, starts=starts[0] if starts else None)


def report(book: Book, source: source_wire.Source, request: source_wire.CaptureQuery) -> Step:
    """Return where a capture stands, with the document when it is done."""
    with book.transaction():
        capture = _capture(book, source, request)
        if capture["status"] in ("code_sent", "expired"):
            raise RefusalError(409, "not_confirmed")
        event_id = _ended_by_asking(book, capture)
        if event_id is not None:
            capture = _capture(book, source, request)
    return Step(_state(capture), announces=event_id)


def finish(book: Book, capture_no: str) -> str:
    """Give a running capture its end and write its notice; return the notice's event id.

    An ended one keeps its end. Raises RefusalError 404 for an unknown capture and 409 for one whose
    code was not confirmed.
    """
    with book.transaction():
        capture = book.one("SELECT * FROM captures WHERE capture_no = ?", capture_no)
        if capture is None:
            raise RefusalError(404, "capture_not_found")
        if capture["status"] in ("code_sent", "expired"):
            raise RefusalError(409, "not_confirmed")
        if capture["status"] == "pending":
            return _end(book, capture)
        notice = book.one("SELECT event_id FROM notices WHERE capture_no = ?", capture_no)
    return str(notice["event_id"]) if notice else ""


def running(book: Book) -> list[str]:
    """Return the captures that end by themselves."""
    rows = book.all("SELECT capture_no FROM captures WHERE status = 'pending' AND held = 0")
    return [str(row["capture_no"]) for row in rows]


def seconds_left(book: Book, capture_no: str, default: float) -> float:
    """Return how long a running capture still takes; `default` is a usual one's whole time."""
    capture = book.one("SELECT * FROM captures WHERE capture_no = ?", capture_no)
    if capture is None or capture["started_at"] is None:
        return default
    whole = capture["delay_seconds"]
    ends = datetime.fromisoformat(str(capture["started_at"])) + timedelta(
        seconds=default if whole is None else float(str(whole))
    )
    return max((ends - now()).total_seconds(), 0)


def _two_factors(request: source_wire.Capture) -> wire.TwoFactors:
    return wire.TwoFactors(name=request.name, identity_number=request.identity_number)


def _import(
    book: Book,
    source: source_wire.Source,
    request: source_wire.Capture,
    answer: Reply,
    fault: Fault,
) -> Step:
    """Begin an import, which needs no code and so runs at once."""
    step = _begin(book, source, request, answer)
    reference = step.reply.get("reference")
    if reference is None:
        return step
    page = {"authorise_url": f"https://sandbox.invalid/authorise/{reference}"}
    with book.transaction():
        capture = book.one("SELECT * FROM captures WHERE capture_no = ?", request.capture_no)
        if capture is None or capture["status"] != "code_sent":
            return Step(step.reply | page)
        _update(book, request.capture_no, status="pending")
        _run(book, capture, fault)
    return Step(step.reply | page, starts=request.capture_no)


def _begin(
    book: Book, source: source_wire.Source, request: source_wire.Capture, answer: Reply
) -> Step:
    """Open a capture or return the earlier one's answer; RefusalError for another content."""
    reply = answer | {"capture_no": request.capture_no}
    if answer["verdict"] != "match":
        return Step(reply)
    content = fingerprint(request)
    with book.transaction():
        known = book.one("SELECT * FROM captures WHERE capture_no = ?", request.capture_no)
        if known is None:
            who = personas.by_identity(request.identity_number)
            known = _entry(source, request, content, who)
            book.insert("captures", known)
        elif (known["source"], known["fingerprint"]) != (source, content):
            raise RefusalError(409, "capture_conflict")
    return Step(reply | {"reference": known["reference"]})


def _entry(
    source: source_wire.Source, request: source_wire.Capture, content: str, who: Person | None
) -> Row:
    return {
        "capture_no": request.capture_no,
        "source": source,
        "reference": f"ref_{secrets.token_hex(12)}",
        "fingerprint": content,
        "identity_tail": tail(request.identity_number),
        "persona": who.persona.key if who else None,
        "person_index": who.index if who else None,
        "status": "code_sent",
        "reason": None,
        "wrong_tries": 0,
        "polls": 0,
        "polls_needed": None,
        "delay_seconds": None,
        "failure": None,
        "held": 0,
        "begun_at": now().isoformat(),
        "started_at": None,
        "ended_at": None,
    }


def _judged(capture: Row, code: str, *, expired: bool) -> str:
    """Return what becomes of a code, the tries aside."""
    begun = datetime.fromisoformat(str(capture["begun_at"]))
    if capture["status"] == "code_sent":
        if expired or now() - begun > timedelta(seconds=CODE_SECONDS):
            return "expired"
        return "accepted" if code == RIGHT_CODE else "wrong_code"
    # A code is good for one capture: later only a repeat of the right one is taken.
    started = capture["started_at"] is not None
    return "accepted" if started and code == RIGHT_CODE else "expired"


def _run(book: Book, capture: Row, fault: Fault) -> None:
    """Decide how a capture goes: by the fault if one is programmed, else by whose it is."""
    trait = _trait(capture)
    slow = trait is Trait.REPORT_SLOW
    _update(
        book,
        str(capture["capture_no"]),
        started_at=now().isoformat(),
        failure=fault.report_failure or _failure(trait, capture["source"]),
        delay_seconds=fault.report_delay_seconds or (SLOW_SECONDS if slow else None),
        polls_needed=fault.report_polls or (SLOW_POLLS if slow else None),
        held=int(fault.hold),
    )


def _failure(trait: Trait | None, source: object) -> str | None:
    if trait is Trait.REPORT_FAILS:
        return "source_failed"
    if trait is Trait.IMPORT_REFUSED and source != "operator_report":
        return "not_authorised"
    return None


def _ended_by_asking(book: Book, capture: Row) -> str | None:
    """Count a question; return the notice's event id if it was the one that ends the capture."""
    if capture["status"] != "pending":
        return None
    polls = int(str(capture["polls"])) + 1
    _update(book, str(capture["capture_no"]), polls=polls)
    needed = capture["polls_needed"]
    if needed is None or capture["held"] or polls < int(str(needed)):
        return None
    return _end(book, capture)


def _end(book: Book, capture: Row) -> str:
    status = "done" if capture["failure"] is None else "failed"
    at, event_id = now().isoformat(), f"evt_{secrets.token_hex(12)}"
    capture_no = str(capture["capture_no"])
    _update(book, capture_no, status=status, reason=capture["failure"], ended_at=at)
    notice = source_wire.ReportNotice.model_validate(
        {
            "event_id": event_id,
            "source": capture["source"],
            "capture_no": capture_no,
            "status": status,
            "reason": capture["failure"],
            "occurred_at": at,
        }
    )
    entry = {"event_id": event_id, "capture_no": capture_no, "body": notice.model_dump_json()}
    book.insert("notices", entry)
    return event_id


def _state(capture: Row) -> Reply:
    reply = {key: capture[key] for key in ("capture_no", "status", "reason")}
    if capture["status"] == "pending":
        return reply | {"retry_after_seconds": 1800 if capture["polls_needed"] else 1}
    if capture["status"] == "failed":
        return reply
    at = datetime.fromisoformat(str(capture["ended_at"]))
    return reply | {"document": reports.document(str(capture["source"]), _person(capture), at)}


def _capture(
    book: Book,
    source: source_wire.Source,
    request: source_wire.CaptureCode | source_wire.CaptureQuery,
) -> Row:
    """Return the capture that a question is about; raises RefusalError for an unknown one."""
    capture = book.one(
        "SELECT * FROM captures WHERE capture_no = ? AND reference = ? AND source = ?",
        *(request.capture_no, request.reference, source),
    )
    if capture is None:
        raise RefusalError(404, "capture_not_found")
    return capture


def _update(book: Book, capture_no: str, **changes: object) -> None:
    book.update("captures", {"capture_no": capture_no}, changes)


def _person(capture: Row) -> Person | None:
    if capture["persona"] is None:
        return None
    return personas.person(str(capture["persona"]), int(str(capture["person_index"])))


def _trait(capture: Row) -> Trait | None:
    who = _person(capture)
    return None if who is None else who.persona.trait
