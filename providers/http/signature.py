"""The signature of requests and callbacks: `t=<unix seconds>,v1=<hex HMAC-SHA256>`.

The MAC covers `t + "." + body`, so a body cannot be altered and a recorded message cannot be
replayed after `TOLERANCE`. Both directions use the same form with a secret of their own.
"""

import hashlib
import hmac
import re
from datetime import datetime, timedelta

HEADER = "X-Signature"
TOLERANCE = timedelta(minutes=5)

_FORM = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


class SignatureInvalid(Exception):
    """A message is not from who it claims; `code` is `missing`, `malformed`, `stale` or `wrong`."""

    def __init__(self, code: str) -> None:
        super().__init__(f"signature {code}")
        self.code = code


def sign(secret: str, body: bytes, at: datetime) -> str:
    """Return the header's value for `body`, signed at the aware instant `at`."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_mac(secret, seconds, body)}"


def verify_signature(secret: str, header: str | None, body: bytes, now: datetime) -> None:
    """Raise SignatureInvalid unless `header` signs exactly `body` within `TOLERANCE` of `now`."""
    if not header:
        raise SignatureInvalid("missing")
    form = _FORM.fullmatch(header)
    if form is None:
        raise SignatureInvalid("malformed")
    seconds = int(form[1])
    if not hmac.compare_digest(_mac(secret, seconds, body), form[2]):
        raise SignatureInvalid("wrong")
    if abs(now.timestamp() - seconds) > TOLERANCE.total_seconds():
        raise SignatureInvalid("stale")


def _mac(secret: str, seconds: int, body: bytes) -> str:
    return hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()
