"""What is counted of enquiries at third parties; see `runtime.metrics`."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from prometheus_client import Counter, Gauge

_ENQUIRIES: Final = Counter(
    "loanflow_enquiries_total",
    "Enquiries at third parties, also those answered from the database",
    ["source", "outcome"],
)
_COST: Final = Counter(
    "loanflow_enquiry_cost_minor_units_total",
    "What enquiries cost, in minor units",
    ["source", "currency"],
)
_BREAKER: Final = Gauge(
    "loanflow_breaker_state",
    "Circuit breaker of a source in this process: 0 closed, 1 half open, 2 open",
    ["source"],
)
_QUOTA: Final = Gauge(
    "loanflow_enquiry_quota_used_ratio",
    "Share of a source's calls of the day that were made, as last seen by this process",
    ["source"],
)


def enquiry_ended(source: str, outcome: str) -> None:
    """Count an enquiry by `storage.sources.Outcome`, or why nothing was asked.

    That is `breaker_open`, `throttled`, `switched_off` or `document_not_supported`. A report that
    is not ready is `pending`.
    """
    _ENQUIRIES.labels(source, outcome).inc()


def enquiry_cost(source: str, currency: str, cost: int) -> None:
    """Add to what a source cost; `cost` in minor units of `currency`."""
    _COST.labels(source, currency).inc(cost)


def breaker_moved(source: str, state: int) -> None:
    """Show where a source's breaker stands."""
    _BREAKER.labels(source).set(state)


def quota_used(source: str, share: float, until: datetime, now: Callable[[], datetime]) -> None:
    """Show what share of its quota a source has used; nothing from `until` on, the day's end."""
    _QUOTA.labels(source).set_function(lambda: share if now() < until else 0.0)
