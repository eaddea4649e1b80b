"""The card-binding channel: four factors, a code by text message, an agreement."""

import hashlib
import secrets
from datetime import datetime, timedelta, timezone

from sandbox import personas, source_wire, verification
from sandbox.book import Book, Row
from sandbox.calls import Call
from sandbox.clock import now
from sandbox.data_imports import CODE_SECONDS, MAX_TRIES, RIGHT_CODE
from sandbox.masking import tail
from sandbox.personas import Trait
from sandbox.replies import RefusalError, Reply, mismatch

RESEND_SECONDS = 60
SENDS_A_DAY = 5

BANKS: list[dict[str, object]] = [
    {
        "bank_code": "DEMO",
        "bank_name": "演示银行",
        "single_limit": 5_000_000,
        "daily_limit": 20_000_000,
        "currency": "CNY",
    },
    {
        "bank_code": "SAMPLE",
        "bank_name": "样例银行",
        "single_limit": 1_000_000,
        "daily_limit": 5_000_000,
        "currency": "CNY",
    },
]

_ZONE = timezone(timedelta(hours=8))


def banks(_: Call, __: source_wire.BanksQuery) -> Reply:
    """Return the banks whose cards can be bound."""
    return {"banks": BANKS}


def send_code(call: Call, request: source_wire.BindingCode) -> Reply:
    """Text a code if the four factors agree and the limits allow one."""
    key = f"card_binding/send_code/{call.request_id}"
    with call.book.transaction():
        return call.book.replied(key, request, lambda: _sent(call.book, request))


def confirm(call: Call, request: source_wire.BindingEntry) -> Reply:
    """Take a code: the right one binds the card."""
    key = f"card_binding/confirm/{call.request_id}"
    with call.book.transaction():
        return call.book.replied(key, request, lambda: _entered(call, request))


def _sent(book: Book, request: source_wire.BindingCode) -> Reply:
    numbered: Reply = {"binding_no": request.binding_no}
    answer = _four_factors(request)
    if answer["verdict"] != "match":
        return answer | numbered
    binding, _ = book.once(
        "bindings",
        {"binding_no": request.binding_no},
        request,
        "binding_conflict",
        lambda: {
            "reference": f"ref_{secrets.token_hex(12)}",
            "card": tail(request.card_number),
            "wrong_tries": 0,
        },
    )
    mobile = hashlib.sha256(request.mobile.encode()).hexdigest()
    delivery, wait = _limit(book, mobile)
    if delivery == "sent":
        at = now()
        entry = {
            "binding_no": request.binding_no,
            "mobile_key": mobile,
            "mobile": tail(request.mobile),
            "day": at.astimezone(_ZONE).date().isoformat(),
            "sent_at": at.isoformat(),
        }
        book.insert("codes", entry)
        fresh = {"code_sent_at": at.isoformat(), "wrong_tries": 0}
        book.update("bindings", numbered, fresh)
    sent: Reply = {"delivery": delivery, "reference": binding["reference"]}
    return answer | numbered | sent | ({"retry_after_seconds": wait} if wait else {})


def _four_factors(request: source_wire.BindingCode) -> Reply:
    answer = verification.bank_card(request)
    if answer["verdict"] != "match":
        return answer
    if answer["card_type"] != "debit":
        return mismatch("not_a_debit_card")
    if personas.trait_of(personas.by_card(request.card_number)) is Trait.BANK_UNSUPPORTED:
        return mismatch("bank_not_supported")
    return answer


def _limit(book: Book, mobile: str) -> tuple[str, int]:
    """Return what the limits say to another code, and the seconds to wait."""
    at = now()
    day = at.astimezone(_ZONE).date()
    rows = book.all(
        "SELECT sent_at FROM codes WHERE mobile_key = ? AND day = ? ORDER BY sent_at",
        *(mobile, day.isoformat()),
    )
    if len(rows) >= SENDS_A_DAY:
        midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), _ZONE)
        return "daily_limit", int((midnight - at).total_seconds()) + 1
    if rows:
        since = at - datetime.fromisoformat(str(rows[-1]["sent_at"]))
        wait = RESEND_SECONDS - int(since.total_seconds())
        if wait > 0:
            return "too_soon", wait
    return "sent", 0


def _entered(call: Call, request: source_wire.BindingEntry) -> Reply:
    book = call.book
    binding = book.one(
        "SELECT * FROM bindings WHERE binding_no = ? AND reference = ?",
        *(request.binding_no, request.reference),
    )
    if binding is None:
        raise RefusalError(404, "binding_not_found")
    reply: Reply = {"binding_no": request.binding_no}
    if call.fault.expire_code or not _code_lives(binding):
        return reply | {"status": "expired"}
    if request.code == RIGHT_CODE:
        agreement = binding["agreement_no"] or f"agr_{secrets.token_hex(12)}"
        book.update("bindings", reply, {"agreement_no": agreement})
        return reply | {"status": "accepted", "agreement_no": agreement}
    tries = int(str(binding["wrong_tries"])) + 1
    book.update("bindings", reply, {"wrong_tries": tries})
    if tries >= MAX_TRIES:
        return reply | {"status": "expired"}
    return reply | {"status": "wrong_code", "tries_left": MAX_TRIES - tries}


def _code_lives(binding: Row) -> bool:
    if binding["code_sent_at"] is None or int(str(binding["wrong_tries"])) >= MAX_TRIES:
        return False
    age = now() - datetime.fromisoformat(str(binding["code_sent_at"]))
    return age <= timedelta(seconds=CODE_SECONDS)
