"""Opaque ids and the workflow ids made of them.

An id is a kind prefix and 26 letters and digits of a UUIDv7-like value: sortable by time of making,
without any personal fact. Workflow ids are plaintext in Temporal, so only such ids enter them.
"""

import hashlib
import re
import secrets
import time
from typing import Literal

Kind = Literal[
    "app",
    "elt",
    "per",
    "dec",
    "cas",
    "off",
    "lin",
    "quo",
    "dra",
    "loa",
    "rep",
    "col",
    "evt",
    "act",
    "tra",
    "ana",
    "opi",
    "con",
    "dev",
    "stf",
    "dep",
    "doc",
    "fil",
    "lch",
    "lst",
    "msg",
    "pre",
]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID = re.compile(r"[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}")


def new_id(kind: Kind) -> str:
    """Return a fresh id such as `loa_06ayz...`: 48 bits of time, 82 bits of randomness."""
    value = (time.time_ns() // 1_000_000) << 82 | secrets.randbits(82)
    return f"{kind}_{_base32(value)}"


def is_id(text: str, kind: Kind) -> bool:
    """Say whether `text` has the form of an id of `kind`."""
    return text.startswith(f"{kind}_") and _ID.fullmatch(text) is not None


def _base32(value: int) -> str:
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def application_workflow(application_id: str) -> str:
    """Return the workflow id of an application."""
    return f"application:{application_id}"


def line_workflow(line_id: str) -> str:
    """Return the workflow id of a credit line."""
    return f"line:{line_id}"


def drawdown_workflow(drawdown_id: str) -> str:
    """Return the workflow id of a drawdown."""
    return f"drawdown:{drawdown_id}"


def loan_workflow(loan_id: str) -> str:
    """Return the workflow id of a loan."""
    return f"loan:{loan_id}"


def repayment_workflow(repayment_id: str) -> str:
    """Return the workflow id of a repayment."""
    return f"repayment:{repayment_id}"


def collections_workflow(loan_id: str, episode: int) -> str:
    """Return the workflow id of the `episode`-th overdue episode of a loan."""
    return f"collections:{loan_id}:{episode}"


def credit_analysis_workflow(analysis_id: str) -> str:
    """Return the workflow id of a credit analysis."""
    return f"credit-analysis:{analysis_id}"


def analysis_feedback_workflow(analysis_id: str) -> str:
    """Return the workflow id of what passes a client's reports on an analysis on."""
    return f"analysis-feedback:{analysis_id}"


def maintenance_workflow(job: str) -> str:
    """Return the id of a maintenance job's schedule, with which the ids of its workflows begin."""
    return f"maintenance:{job}"


def case_of(application_id: str) -> str:
    """Return the id of the case in which an application is reviewed."""
    return derived_id("cas", "review", application_id)


def derived_id(kind: Kind, *parts: str) -> str:
    """Return the id that follows from `parts`: the same parts always give the same id.

    Workflows make ids so, and the API from the caller's Idempotency-Key: a repeat then names the
    same thing, whoever crashed in between. Parts must be opaque themselves.
    """
    digest = hashlib.sha256("\x1f".join((kind, *parts)).encode()).digest()
    return f"{kind}_{_base32(int.from_bytes(digest[:17]) >> 6)}"


def disbursement_order(drawdown_id: str) -> str:
    """Return the order number under which a drawdown's money is sent."""
    return f"D-{drawdown_id}"


def debit_order(repayment_id: str) -> str:
    """Return the order number under which a repayment is debited."""
    return f"R-{repayment_id}"
