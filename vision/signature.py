"""The caller's signature: `t=<unix seconds>,v1=<hex HMAC-SHA256(secret, t + "." + body)>`."""

import hashlib
import hmac
import re
from datetime import datetime

WINDOW_SECONDS = 300

_FORM = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


def fault_of(secret: str, header: str, body: bytes, at: datetime) -> str | None:
    """Return the code of what is wrong with a signature, None if it is right."""
    form = _FORM.fullmatch(header)
    if form is None:
        return "bad_signature"
    wanted = hmac.new(secret.encode(), form[1].encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, form[2]):
        return "bad_signature"
    if abs(at.timestamp() - int(form[1])) > WINDOW_SECONDS:
        return "stale_signature"
    return None
