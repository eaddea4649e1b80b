"""Authorised data imports: operator, online banking, e-commerce, bank flows, bureau reports.

Each has one end. An import lives in the book from its `begin`. The operator's waits for the code
first; the others start at once, as if the user had signed in on the source's page.
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


def begin_operator(call: Call, request: source_wire.OperatorDataImport) -> Done:
    """Text a code if the three factors agree."""
    factors = request.model_dump(include={"name", "identity_number", "mobile"})
    answer = verification.operator(wire.ThreeFactors.model_validate(factors))
    return Done(_begin(call, "operator_report", request, answer))


def begin_banking(call: Call, request: source_wire.BankingImport) -> Done:
    """Open an import of credit-card bills."""
    return _import(call, "online_banking", request, _at_a_bank(request))


def begin_flows(call: Call, request: source_wire.FlowsImport) -> Done:
    """Open an import of a bank account's lines."""
    return _import(call, "bank_flows", request, _at_a_bank(request))


def begin_bureau_report(call: Call, request: source_wire.BureauReportImport) -> Done:
    """Open the hand-over of a person's file."""
    if request.bureau == "other":
        return _import(call, "bureau_report", request, mismatch("bureau_not_supported"))
    return _import(call, "bureau_report", request, _real_name(request))


def begin_ecommerce(call: Call, request: source_wire.EcommerceImport) -> Done:
    """Open an import of a market place's account."""
    if request.platform == "other":
        return _import(call, "ecommerce", request, mismatch("platform_not_supported"))
    return _import(call, "ecommerce", request, _real_name(request))


def confirm(call: Call, request: source_wire.DataImportCode) -> Done:
    """Take a code: the right one starts the data import, the fifth wrong one ends the code."""
    book = call.book
    starts: list[str] = []

    def enter() -> Reply:
        data_import = _data_import(book, "operator_report", request)
        status = _assessed(data_import, request.code, expired=call.fault.expire_code)
        tries = int(str(data_import["wrong_tries"])) + (status == "wrong_code")
        status = "expired" if tries >= MAX_TRIES else status
        if data_import["status"] == "code_sent":
            kept = {"accepted": "pending", "wrong_code": "code_sent", "expired": "expired"}[status]
            _update(book, request.capture_no, status=kept, wrong_tries=tries)
            if status == "accepted":
                _run(call, data_import)
                starts.append(request.capture_no)
        entered: Reply = {"capture_no": request.capture_no, "status": status}
        return entered | ({"tries_left": MAX_TRIES - tries} if status == "wrong_code" else {})

    with book.transaction():
        reply = book.replied(f"operator_report/confirm/{call.request_id}", request, enter)
    return Done(reply, finishes=starts[0] if starts else None)


def report(source: source_wire.Source) -> Callable[[Call, source_wire.DataImportQuery], Done]:
    """Return what answers for the state of a source's data import, with the document at the end."""

    def answer(call: Call, request: source_wire.DataImportQuery) -> Done:
        with call.book.transaction():
            data_import = _data_import(call.book, source, request)
            if data_import["status"] in ("code_sent", "expired"):
                raise RefusalError(409, "not_confirmed")
            event_id = _ended_by_asking(call.book, data_import)
            if event_id is not None:
                data_import = _data_import(call.book, source, request)
        return Done(_state(data_import), announces=event_id)

    return answer


def finish(book: Book, capture_no: str) -> str:
    """Give a running data import its end and write its notice; return the notice's event id.

    An ended one keeps its end. Raises RefusalError 404 for an unknown import and 409 for one whose
    code was not confirmed.
    """
    with book.transaction():
        data_import = book.one("SELECT * FROM data_imports WHERE capture_no = ?", capture_no)
        if data_import is None:
            raise RefusalError(404, "capture_not_found")
        if data_import["status"] in ("code_sent", "expired"):
            raise RefusalError(409, "not_confirmed")
        if data_import["status"] == "pending":
            return _end(book, data_import)
        notice = book.one("SELECT event_id FROM notices WHERE capture_no = ?", capture_no)
    return str(notice["event_id"]) if notice else ""


def running(book: Book) -> list[str]:
    """Return the data imports that end by themselves."""
    rows = book.all("SELECT capture_no FROM data_imports WHERE status = 'pending' AND held = 0")
    return [str(row["capture_no"]) for row in rows]


def seconds_left(book: Book, capture_no: str, default: float) -> float:
    """Return how long a running data import still takes; `default` is a usual one's whole time."""
    data_import = book.one("SELECT * FROM data_imports WHERE capture_no = ?", capture_no)
    if data_import is None or data_import["started_at"] is None:
        return default
    whole = data_import["delay_seconds"]
    ends = datetime.fromisoformat(str(data_import["started_at"])) + timedelta(
        seconds=default if whole is None else float(str(whole))
    )
    return max((ends - now()).total_seconds(), 0)


def _at_a_bank(request: source_wire.BankingImport) -> Reply:
    if request.bank_code not in SUPPORTED_BANKS:
        return mismatch("bank_not_supported")
    return _real_name(request)


def _real_name(request: source_wire.DataImport) -> Reply:
    return verification.real_name(
        wire.TwoFactors(name=request.name, identity_number=request.identity_number)
    )


def _import(
    call: Call, source: source_wire.Source, request: source_wire.DataImport, answer: Reply
) -> Done:
    """Begin an import, which needs no code and so runs at once."""
    reply = _begin(call, source, request, answer)
    reference = reply.get("reference")
    if reference is None:
        return Done(reply)
    reply |= {"authorise_url": f"https://sandbox.invalid/authorise/{reference}"}
    with call.book.transaction():
        data_import = call.book.one("SELECT * FROM data_imports WHERE reference = ?", reference)
        if data_import is None or data_import["status"] != "code_sent":
            return Done(reply)
        _update(call.book, request.capture_no, status="pending")
        _run(call, data_import)
    return Done(reply, finishes=request.capture_no)


def _begin(
    call: Call, source: source_wire.Source, request: source_wire.DataImport, answer: Reply
) -> Reply:
    """Open a data import or return the earlier one's answer; RefusalError for another content."""
    number = {"capture_no": request.capture_no}
    if answer["verdict"] != "match":
        return answer | number
    who = personas.by_identity(request.identity_number)
    known, _ = call.book.once(
        "data_imports",
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


def _assessed(data_import: Row, code: str, *, expired: bool) -> str:
    """Return what becomes of a code, the tries aside."""
    begun = datetime.fromisoformat(str(data_import["begun_at"]))
    if data_import["status"] == "code_sent":
        if expired or now() - begun > timedelta(seconds=CODE_SECONDS):
            return "expired"
        return "accepted" if code == RIGHT_CODE else "wrong_code"
    # A code is good for one data import: later only a repeat of the right one is taken.
    started = data_import["started_at"] is not None
    return "accepted" if started and code == RIGHT_CODE else "expired"


def _run(call: Call, data_import: Row) -> None:
    """Decide how a data import goes: by the fault if one is programmed, else by whose it is."""
    fault, trait = call.fault, personas.trait_of(_person(data_import))
    slow = trait is Trait.REPORT_SLOW
    _update(
        call.book,
        str(data_import["capture_no"]),
        started_at=now().isoformat(),
        failure=fault.report_failure or _failure(trait, data_import["source"]),
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


def _ended_by_asking(book: Book, data_import: Row) -> str | None:
    """Count a question; return the notice's event id if it was the one that ends the import."""
    if data_import["status"] != "pending":
        return None
    polls = int(str(data_import["polls"])) + 1
    _update(book, str(data_import["capture_no"]), polls=polls)
    needed = data_import["polls_needed"]
    if needed is None or data_import["held"] or polls < int(str(needed)):
        return None
    return _end(book, data_import)


def _end(book: Book, data_import: Row) -> str:
    status = "done" if data_import["failure"] is None else "failed"
    at, event_id = now().isoformat(), f"evt_{secrets.token_hex(12)}"
    capture_no = str(data_import["capture_no"])
    _update(book, capture_no, status=status, reason=data_import["failure"], ended_at=at)
    notice = source_wire.ReportNotice.model_validate(
        {
            "event_id": event_id,
            "source": data_import["source"],
            "capture_no": capture_no,
            "status": status,
            "reason": data_import["failure"],
            "occurred_at": at,
        }
    )
    entry = {"event_id": event_id, "capture_no": capture_no, "body": notice.model_dump_json()}
    book.insert("notices", entry)
    return event_id


def _state(data_import: Row) -> Reply:
    reply = {key: data_import[key] for key in ("capture_no", "status", "reason")}
    if data_import["status"] == "pending":
        return reply | {"retry_after_seconds": 1800 if data_import["polls_needed"] else 1}
    if data_import["status"] == "failed":
        return reply
    at = datetime.fromisoformat(str(data_import["ended_at"]))
    return reply | {
        "document": reports.document(str(data_import["source"]), _person(data_import), at)
    }


def _data_import(
    book: Book,
    source: source_wire.Source,
    request: source_wire.DataImportCode | source_wire.DataImportQuery,
) -> Row:
    """Return the data import that a question is about; raises RefusalError for an unknown one."""
    data_import = book.one(
        "SELECT * FROM data_imports WHERE capture_no = ? AND reference = ? AND source = ?",
        *(request.capture_no, request.reference, source),
    )
    if data_import is None:
        raise RefusalError(404, "capture_not_found")
    return data_import


def _update(book: Book, capture_no: str, **changes: object) -> None:
    book.update("data_imports", {"capture_no": capture_no}, changes)


def _person(data_import: Row) -> Person | None:
    if data_import["persona"] is None:
        return None
    return personas.person(str(data_import["persona"]), int(str(data_import["person_index"])))
