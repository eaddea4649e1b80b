"""What simulators reply, and how they refuse."""

from typing import Final

Reply = dict[str, object]

MATCH: Final[Reply] = {"verdict": "match", "reasons": []}


class RefusalError(Exception):
    """A request that a simulator turns down with `status` and `{"code": code}`."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


def mismatch(reason: str, **further: object) -> Reply:
    """Return the reply that something does not agree."""
    return {"verdict": "mismatch", "reasons": [reason], **further}


def unavailable(reason: str) -> Reply:
    """Return the reply that the source cannot say."""
    return {"verdict": "unavailable", "reasons": [reason]}
