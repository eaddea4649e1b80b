"""How personal facts appear in the log of calls: recognisable to a test, useless to a reader."""

from pydantic import BaseModel

_PLAIN = frozenset(
    {
        "actions",
        "amount",
        "bank_code",
        "binding_no",
        "capture_no",
        "consent_id",
        "contract_no",
        "country",
        "currency",
        "document_sha256",
        "initiator",
        "kind",
        "message_id",
        "order_no",
        "platform",
        "reference",
        "template",
    }
)


def masked(request: BaseModel) -> dict[str, object]:
    """Return the request's fields with everything personal masked."""
    return {
        # A picture is never plain, whatever its field is called.
        name: value if name in _PLAIN and not isinstance(value, bytes) else _mask(value)
        for name, value in request.__dict__.items()
    }


def tail(number: str) -> str:
    """Return the last four characters of a number behind stars."""
    return f"****{number[-4:]}" if len(number) > 8 else "****"


def _mask(value: object) -> object:
    if isinstance(value, str):
        return tail(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, dict):
        return sorted(value)
    if isinstance(value, list):
        return f"{len(value)} items"
    return "****"
