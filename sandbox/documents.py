"""The signing service and the message gateway: each number is worked on once."""

import secrets

from sandbox import wire
from sandbox.book import Book, Row
from sandbox.clock import now
from sandbox.masking import tail
from sandbox.payments import fingerprint
from sandbox.refusal import RefusalError

Reply = dict[str, object]


def sign(book: Book, request: wire.Sign) -> Reply:
    """Sign a contract or return its signature; raises RefusalError for another content."""
    content = fingerprint(request)
    known = book.one("SELECT * FROM contracts WHERE contract_no = ?", request.contract_no)
    if known is None:
        known = {
            "contract_no": request.contract_no,
            "fingerprint": content,
            "document_sha256": request.document_sha256,
            "evidence_id": f"evd_{secrets.token_hex(12)}",
            "signed_at": now().isoformat(),
        }
        book.insert("contracts", known)
    elif known["fingerprint"] != content:
        raise RefusalError(409, "contract_conflict")
    return _signature(known)


def contract(book: Book, request: wire.ContractQuery) -> Reply:
    """Return what is known of a contract."""
    known = book.one("SELECT * FROM contracts WHERE contract_no = ?", request.contract_no)
    return {"found": known is not None, "signature": _signature(known) if known else None}


def send(book: Book, request: wire.Message) -> Reply:
    """Accept a message once; raises RefusalError for another content under its id."""
    content = fingerprint(request)
    known = book.one("SELECT fingerprint FROM messages WHERE message_id = ?", request.message_id)
    if known is None:
        book.insert(
            "messages",
            {
                "message_id": request.message_id,
                "fingerprint": content,
                "template": request.template,
                "mobile": tail(request.mobile),
                "accepted_at": now().isoformat(),
            },
        )
        if "link" in request.variables:
            # The one who plays the recipient has to get at it.
            link: Row = {"message_id": request.message_id, "link": request.variables["link"]}
            book.insert("message_links", link)
    elif known["fingerprint"] != content:
        raise RefusalError(409, "message_conflict")
    return {"message_id": request.message_id, "status": "accepted"}


def _signature(row: Row) -> Reply:
    return {key: row[key] for key in ("contract_no", "document_sha256", "signed_at", "evidence_id")}
