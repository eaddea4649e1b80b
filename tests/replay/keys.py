"""The key that sealed the committed histories: for tests only, it protects fictional people."""

from runtime.keyring import Keyring
from runtime.temporal.plugin import LoanflowPlugin

PAYLOAD_KEYS = "replay-1:bG9hbmZsb3ctcmVwbGF5LXRlc3RzLW9ubHkta2V5LTE="


def plugin() -> LoanflowPlugin:
    """Return a plugin that can read the committed histories."""
    return LoanflowPlugin(Keyring.parse(PAYLOAD_KEYS), time_limited=False)
