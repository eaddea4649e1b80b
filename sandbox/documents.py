"""The signing service: each number is worked on once."""

import secrets

from sandbox import wire
from sandbox.book import Row
from sandbox.calls import Call
from sandbox.clock import now
from sandbox.replies import Reply


def sign(call: Call, request: wire.Sign) -> Reply:
    """Sign a contract or return its signature; raises RefusalError for another content."""
    signed, _ = call.book.once(
        "contracts",
        {"contract_no": request.contract_no},
        request,
        "contract_conflict",
        lambda: {
            "document_sha256": request.document_sha256,
            "evidence_id": f"evd_{secrets.token_hex(12)}",
            "signed_at": now().isoformat(),
        },
    )
    return _signature(signed)


def contract(call: Call, request: wire.ContractQuery) -> Reply:
    """Return what is known of a contract."""
    known = call.book.one("SELECT * FROM contracts WHERE contract_no = ?", request.contract_no)
    return {"found": known is not None, "signature": _signature(known) if known else None}


def _signature(row: Row) -> Reply:
    return {key: row[key] for key in ("contract_no", "document_sha256", "signed_at", "evidence_id")}
