"""The contract's signature, computed as a third party would: `t=<unix>,v1=<hex HMAC-SHA256>`."""

import hashlib
import hmac
from datetime import datetime

WINDOW_SECONDS = 300


def signature_of(secret: str, body: bytes, at: datetime) -> str:
    """Return the `X-Signature` value of `body` at the instant `at`."""
    seconds = str(int(at.timestamp()))
    return f"t={seconds},v1={_digest(secret, seconds, body)}"


def fault_of(secret: str, header: str, body: bytes, at: datetime) -> str | None:
    """Return the code of what is wrong with a signature, None if it is right."""
    stamp, _, digest = header.partition(",v1=")
    seconds = stamp.removeprefix("t=")
    if not (stamp.startswith("t=") and seconds.isascii() and seconds.isdigit()):
        return "bad_signature"
    if not hmac.compare_digest(_digest(secret, seconds, body).encode(), digest.encode()):
        return "bad_signature"
    if abs(at.timestamp() - int(seconds)) > WINDOW_SECONDS:
        return "stale_signature"
    return None


def _digest(secret: str, seconds: str, body: bytes) -> str:
    message = seconds.encode() + b"." + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
