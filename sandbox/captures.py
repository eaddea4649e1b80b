"""Captures, which are authorised data imports: operator, online banking, e-commerce.

Each has one end. A capture lives in the book from its `begin`. The operator's waits for the code
first; the imports start at once, as if the user had signed in on the source's page.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from sandbox import personas, reports, source_wire, verification, wire
from sandbox.book import Book, Row
from sandbox.calls import Call, Done
from sandbox.clock import now
from sandbox.masking import tail
from sandbox.personas import Person, Trait
from sandbox.replies import RefusalError, Reply, mismatch

RIGHT_CODE = "123456"
CODE_SECONDS = 300
MAX_TRIES = 5
SLOW_SECONDS = 6 * 3600.0
SLOW_POLLS = 12
"""The slow family's report is there after six hours or at the twelfth question, which of the two
comes first: half an hour apart, as a caller would ask."""

SUPPORTED_BANKS = ("DEMO", "CREDIT")


def begin_operator(call: Call, request: source_wire.OperatorCapture) -> Done:
    """Text a code if the three factors agree."""
    factors = request.model_dump(include={"name", "identity_number", "mobile"})
    answer = verification.operator(wire.ThreeFactors.model_validate(factors))
    return Done(_begin(call, "operator_report", request, answer))


def begin_banking(call: Call, request: source_wire.BankingImport) -> Done:
    """Open an import of credit-card bills."""
    if request.bank_code not in SUPPORTED_BANKS:
        return _import(call, "online_banking", request, mismatch("bank_not_supported"))
    return _import(call, "online_banking", request, _real_name(request))


def begin_ecommerce(call: Call, request: source_wire.EcommerceImport) -> Done:
    """Open an import of a market place's account."""
    if request.platform == "other":
        return _import(call, "ecommerce", request, mismatch("platform_not_supported"))
    return _import(call, "ecommerce", request, _real_name(request))


def confirm(call: Call, request: source_wire.CaptureCode) -> Done:
    """Take a code: the right one starts the capture, the fifth wrong one ends the code."""
    book = call.book
    starts: list[str] = []

    def enter() -> Reply:
        capture = _capture(book, "operator_report", request)
        status = _assessed(capture, request.code, expired=call.fault.expire_code)
        tries = int(str(capture["wrong_tries"])) + (status == "wrong_code")
        status = "expired" if tries >= MAX_TRIES else status
        if capture["status"] == "code_sent":
            kept = {"accepted": "pending", "wrong_code": "code_sent", "expired": "expired"}[status]
            _update(book, request.capture_no, status=kept, wrong_tries=tries)
            if status == "accepted":
                _run(call, capture)
                starts.append(request.capture_no)
        entered: Reply = {"capture_no": request.capture_no, "status": status}
        return entered | ({"tries_left": MAX_TRIES - tries} if status == "wrong_code" else {})

    with book.transaction():
        reply = book.replied(f"operator_report/confirm/{call.request_id}", request, enter)
    return Done(reply, finishes=starts[0] if starts else None)


def report(source: source_wire.Source) -> Callable[[Call, source_wire.CaptureQuery], Done]:
    """Return what answers for the state of a source's capture, with the document at the end."""

    def answer(call: Call, request: source_wire.CaptureQuery) -> Done:
        with call.book.transaction():
            capture = _capture(call.book, source, request)
            if capture["status"] in ("code_sent", "expired"):
                raise RefusalError(409, "not_confirmed")
            event_id = _ended_by_asking(call.book, capture)
            if event_id is not None:
                capture = _capture(call.book, source, request)
        return Done(_state(capture), announces=event_id)

    return answer


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


def _real_name(request: source_wire.Capture) -> Reply:
    return verification.real_name(
        wire.TwoFactors(name=request.name, identity_number=request.identity_number)
    )


def _import(
    call: Call, source: source_wire.Source, request: source_wire.Capture, answer: Reply
) -> Done:
    """Begin an import, which needs no code and so runs at once."""
    reply = _begin(call, source, request, answer)
    reference = reply.get("reference")
    if reference is None:
        return Done(reply)
    reply |= {"authorise_url": f"https://sandbox.invalid/authorise/{reference}"}
    with call.book.transaction():
        capture = call.book.one("SELECT * FROM captures WHERE reference = ?", reference)
        if capture is None or capture["status"] != "code_sent":
            return Done(reply)
        _update(call.book, request.capture_no, status="pending")
        _run(call, capture)
    return Done(reply, finishes=request.capture_no)


def _begin(
    call: Call, source: source_wire.Source, request: source_wire.Capture, answer: Reply
) -> Reply:
    """Open a capture or return the earlier one's answer; RefusalError for another content."""
    number = {"capture_no": request.capture_no}
    if answer["verdict"] != "match":
        return answer | number
    who = personas.by_identity(request.identity_number)
    known, _ = call.book.once(
        "captures",
        number,
        request,
        "capture_conflict",
        lambda: {
            "source": source,
            "reference": f"ref_{secrets.token_hex(12)}",
            "identity_tail": tail(request.identity_number),
            "persona": who.persona.key if who else None,
            "person_index": who.index if who else None,
            "status": "code_sent",
            "begun_at": now().isoformat(),
            **dict.fromkeys(("wrong_tries", "polls", "held"), 0),
        },
    )
    return answer | number | {"reference": known["reference"]}


def _assessed(capture: Row, code: str, *, expired: bool) -> str:
    """Return what becomes of a code, the tries aside."""
    begun = datetime.fromisoformat(str(capture["begun_at"]))
    if capture["status"] == "code_sent":
        if expired or now() - begun > timedelta(seconds=CODE_SECONDS):
            return "expired"
        return "accepted" if code == RIGHT_CODE else "wrong_code"
    # A code is good for one capture: later only a repeat of the right one is taken.
    started = capture["started_at"] is not None
    return "accepted" if started and code == RIGHT_CODE else "expired"


def _run(call: Call, capture: Row) -> None:
    """Decide how a capture goes: by the fault if one is programmed, else by whose it is."""
    fault, trait = call.fault, personas.trait_of(_person(capture))
    slow = trait is Trait.REPORT_SLOW
    _update(
        call.book,
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
