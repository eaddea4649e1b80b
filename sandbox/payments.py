"""The payment channel: one order and at most one movement of money for an order number."""

import hashlib
import secrets
from dataclasses import replace

from sandbox import personas, wire
from sandbox.book import Book, Row
from sandbox.calls import Call, Done
from sandbox.clock import now
from sandbox.masking import tail
from sandbox.personas import Trait
from sandbox.replies import RefusalError, Reply

SINGLE_LIMIT = 50_000_000
"""500,000.00 in minor units: more than this in one order fails with `limit_exceeded`."""

Outcome = tuple[str, str | None]
"""A status, with a reason where it is `failed`."""


def disburse(call: Call, request: wire.Disbursement) -> Done:
    """Book a payout or return the earlier order; raises RefusalError for another content."""
    done, new = _ordered(call, request, "disbursement", "merchant")
    lost = personas.trait_of(personas.by_card(request.card_number))
    return replace(done, response_lost=new and lost is Trait.DISBURSEMENT_RESPONSE_LOST)


def debit(call: Call, request: wire.Debit) -> Done:
    """Book a debit or return the earlier order; raises RefusalError for another content."""
    return _ordered(call, request, "debit", request.initiator)[0]


def query(call: Call, request: wire.OrderQuery) -> Reply:
    """Return an order's state."""
    order = call.book.one(
        "SELECT * FROM orders WHERE order_no = ? AND kind = ?", request.order_no, request.kind
    )
    if order is None:
        return {"order_no": request.order_no, "status": "not_found", "reason": None}
    return _reply(order)


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


def _ordered(
    call: Call, request: wire.Disbursement, kind: wire.OrderKind, initiator: str
) -> tuple[Done, bool]:
    """Return the order of this number, booked now if it is new, and whether it is."""
    book, fault = call.book, call.fault
    number = {"order_no": request.order_no}

    def entry() -> Row:
        status, reason = _outcome(call, request, kind, initiator)
        at = now().isoformat()
        return {
            "kind": kind,
            "amount": request.amount,
            "currency": request.currency,
            "card": tail(request.card_number),
            "card_key": _card_key(request.card_number),
            "initiator": initiator,
            "status": status,
            "reason": reason,
            "held": int(fault.hold),
            "created_at": at,
            "settled_at": None if status == "processing" else at,
        }

    with book.transaction():
        order, new = book.once("orders", number, request, "order_conflict", entry)
        if not new:
            repeated = "UPDATE orders SET attempts = attempts + 1 WHERE order_no = ?"
            book.execute(repeated, request.order_no)
        elif order["status"] == "succeeded":
            _move(book, order)
    settles = new and order["status"] == "processing" and not fault.hold
    return Done(_reply(order), settles=request.order_no if settles else None), new


def _outcome(
    call: Call, request: wire.Disbursement, kind: wire.OrderKind, initiator: str
) -> Outcome:
    """Return how an order goes: as a fault wants it, else by amount and by whose card it is."""
    forced = call.fault.order_outcome
    if forced is not None:
        return (forced, None) if forced == "processing" else ("failed", forced)
    owner = personas.by_card(request.card_number)
    if owner is not None and owner.name != request.name:
        return "failed", "name_mismatch"
    if request.amount > SINGLE_LIMIT:
        return "failed", "limit_exceeded"
    match kind, personas.trait_of(owner):
        case "disbursement", Trait.DISBURSEMENT_FAILS:
            return "failed", "card_closed"
        case "debit", Trait.THIRD_DEBIT_DECLINES if _is_third(call.book, request, initiator):
            return "failed", "insufficient_funds"
        case ("disbursement", Trait.DISBURSEMENT_PROCESSING) | ("debit", Trait.DEBIT_PROCESSING):
            return "processing", None
    return "succeeded", None


def _is_third(book: Book, request: wire.Disbursement, initiator: str) -> bool:
    """Say whether this is the card's third debit that the merchant started."""
    if initiator != "merchant":
        return False
    earlier = book.all(
        "SELECT 1 FROM orders WHERE card_key = ? AND kind = 'debit' AND initiator = 'merchant'",
        _card_key(request.card_number),
    )
    return len(earlier) == 2


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


def _reply(order: Row) -> Reply:
    return {key: order[key] for key in ("order_no", "status", "reason")}


def _card_key(card_number: str) -> str:
    return hashlib.sha256(card_number.encode()).hexdigest()
