"""The form of an answer: a verdict, reasons with everything but a match, and figures."""

Reply = dict[str, object]


def match(**more: object) -> Reply:
    """Return a match with its figures."""
    return {"verdict": "match", "reasons": [], **more}


def mismatch(reason: str, **more: object) -> Reply:
    """Return a mismatch for one reason."""
    return {"verdict": "mismatch", "reasons": [reason], **more}


def unavailable(reason: str) -> Reply:
    """Return that nothing can be said: never a pass."""
    return {"verdict": "unavailable", "reasons": [reason]}
