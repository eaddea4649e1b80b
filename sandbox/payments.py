"""The payment channel: one order and at most one movement of money for an order number."""

import hashlib
import secrets
from dataclasses import dataclass

from pydantic import BaseModel

from sandbox import personas, wire
from sandbox.book import Book, Row
from sandbox.clock import now
from sandbox.faults import Fault
from sandbox.masking import tail
from sandbox.personas import Person, Trait
from sandbox.refusal import RefusalError

SINGLE_LIMIT = 50_000_000
"""500,000.00 in minor units: more than this in one order fails with `limit_exceeded`."""

Reply = dict[str, object]


@dataclass(frozen=True)
class Booked:
    """An order's answer, whether it is to be lost on its way, and whether it settles by itself."""

    reply: Reply
    response_lost: bool = False
    settles: bool = False


def fingerprint(request: BaseModel) -> str:
    """Return a digest of a request's content, by which a repeat is told from a conflict."""
    return hashlib.sha256(request.model_dump_json().encode()).hexdigest()


def disburse(book: Book, request: wire.Disbursement, fault: Fault) -> Booked:
    """Book a payout or return the earlier order; raises RefusalError for another content."""
    owner = personas.by_card(request.card_number)
    with book.transaction():
        known = _repeat(book, request)
        if known is not None:
            return Booked(known)
        status, reason = _forced(fault) or _disbursement_outcome(request, owner)
        _enter(book, "disbursement", request, "merchant", (status, reason), held=fault.hold)
    return Booked(
        _reply(request.order_no, status, reason),
        response_lost=_trait(owner) is Trait.DISBURSEMENT_RESPONSE_LOST,
        settles=status == "processing" and not fault.hold,
    )


def debit(book: Book, request: wire.Debit, fault: Fault) -> Booked:
    """Book a debit or return the earlier order; raises RefusalError for another content."""
    with book.transaction():
        known = _repeat(book, request)
        if known is not None:
            return Booked(known)
        status, reason = _forced(fault) or _debit_outcome(book, request)
        _enter(book, "debit", request, request.initiator, (status, reason), held=fault.hold)
    return Booked(
        _reply(request.order_no, status, reason),
        settles=status == "processing" and not fault.hold,
    )


def query(book: Book, request: wire.OrderQuery) -> Reply:
    """Return an order's state."""
    order = book.one(
        "SELECT * FROM orders WHERE order_no = ? AND kind = ?", request.order_no, request.kind
    )
    if order is None:
        return _reply(request.order_no, "not_found", None)
    return _reply(request.order_no, order["status"], order["reason"])


def settle(book: Book, order_no: str, reason: wire.FailureReason | None) -> str:
    """Give a processing order its end and write its callback; return the callback's event id.

    A settled order keeps its end. Raises RefusalError 404 for an unknown order and 409 for one that
    never was processing and so has no callback.
    """
    with book.transaction():
        order = book.one("SELECT * FROM orders WHERE order_no = ?", order_no)
        if order is None:
            raise RefusalError(404, "order_not_found")
        if order["status"] == "processing":
            return _end(book, order, reason)
        callback = book.one("SELECT event_id FROM callbacks WHERE order_no = ?", order_no)
    if callback is None:
        raise RefusalError(409, "order_never_processing")
    return str(callback["event_id"])


def unsettled(book: Book) -> list[str]:
    """Return the processing orders that settle by themselves."""
    rows = book.all("SELECT order_no FROM orders WHERE status = 'processing' AND held = 0")
    return [str(row["order_no"]) for row in rows]


def _repeat(book: Book, request: wire.Disbursement) -> Reply | None:
    """Return the answer of an order that is booked already."""
    order = book.one("SELECT * FROM orders WHERE order_no = ?", request.order_no)
    if order is None:
        return None
    if order["fingerprint"] != fingerprint(request):
        raise RefusalError(409, "order_conflict")
    book.execute("UPDATE orders SET attempts = attempts + 1 WHERE order_no = ?", request.order_no)
    return _reply(request.order_no, order["status"], order["reason"])


def _forced(fault: Fault) -> tuple[str, str | None] | None:
    if fault.order_outcome is None:
        return None
    if fault.order_outcome == "processing":
        return "processing", None
    return "failed", fault.order_outcome


def _disbursement_outcome(
    request: wire.Disbursement, owner: Person | None
) -> tuple[str, str | None]:
    if owner is not None and owner.name != request.name:
        return "failed", "name_mismatch"
    if request.amount > SINGLE_LIMIT:
        return "failed", "limit_exceeded"
    match _trait(owner):
        case Trait.DISBURSEMENT_CARD_CLOSED:
            return "failed", "card_closed"
        case Trait.DISBURSEMENT_PROCESSING:
            return "processing", None
        case _:
            return "succeeded", None


def _debit_outcome(book: Book, request: wire.Debit) -> tuple[str, str | None]:
    owner = personas.by_card(request.card_number)
    if owner is not None and owner.name != request.name:
        return "failed", "name_mismatch"
    if request.amount > SINGLE_LIMIT:
        return "failed", "limit_exceeded"
    match _trait(owner):
        case Trait.THIRD_DEBIT_DECLINES if _is_third(book, request):
            return "failed", "insufficient_funds"
        case Trait.DEBIT_PROCESSING:
            return "processing", None
        case _:
            return "succeeded", None


def _is_third(book: Book, request: wire.Debit) -> bool:
    """Say whether this is the card's third debit that the merchant started."""
    if request.initiator != "merchant":
        return False
    earlier = book.all(
        "SELECT 1 FROM orders WHERE card_key = ? AND kind = 'debit' AND initiator = 'merchant'",
        _card_key(request.card_number),
    )
    return len(earlier) == 2


def _enter(
    book: Book,
    kind: wire.OrderKind,
    request: wire.Disbursement,
    initiator: str,
    outcome: tuple[str, str | None],
    *,
    held: bool,
) -> None:
    status, reason = outcome
    at = now().isoformat()
    order: Row = {
        "order_no": request.order_no,
        "kind": kind,
        "amount": request.amount,
        "currency": request.currency,
        "card": tail(request.card_number),
        "card_key": _card_key(request.card_number),
        "initiator": initiator,
        "fingerprint": fingerprint(request),
        "status": status,
        "reason": reason,
        "held": int(held),
        "created_at": at,
        "settled_at": None if status == "processing" else at,
    }
    book.insert("orders", order)
    if status == "succeeded":
        _move(book, order)


def _end(book: Book, order: Row, reason: wire.FailureReason | None) -> str:
    status = "succeeded" if reason is None else "failed"
    at, event_id = now().isoformat(), f"evt_{secrets.token_hex(12)}"
    book.execute(
        "UPDATE orders SET status = ?, reason = ?, settled_at = ? WHERE order_no = ?",
        *(status, reason, at, order["order_no"]),
    )
    if status == "succeeded":
        _move(book, order)
    notice = wire.SettlementNotice.model_validate(
        {
            "event_id": event_id,
            "kind": order["kind"],
            "order_no": order["order_no"],
            "status": status,
            "reason": reason,
            "occurred_at": at,
        }
    )
    book.insert(
        "callbacks",
        {
            "event_id": event_id,
            "order_no": order["order_no"],
            "body": notice.model_dump_json(),
        },
    )
    return event_id


def _move(book: Book, order: Row) -> None:
    movement = {column: order[column] for column in ("order_no", "kind", "amount", "currency")}
    book.insert("movements", movement | {"moved_at": now().isoformat()})


def _reply(order_no: str, status: object, reason: object) -> Reply:
    return {"order_no": order_no, "status": status, "reason": reason}


def _card_key(card_number: str) -> str:
    return hashlib.sha256(card_number.encode()).hexdigest()


def _trait(owner: Person | None) -> Trait | None:
    return None if owner is None else owner.persona.trait
