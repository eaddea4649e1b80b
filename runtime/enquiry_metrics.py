"""What is counted of enquiries at third parties; see `runtime.metrics`."""

from typing import Final

from prometheus_client import Counter, Gauge

_ENQUIRIES: Final = Counter(
    "loanflow_enquiries_total",
    "Enquiries at third parties, also those answered from the record",
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


def enquiry_ended(source: str, outcome: str) -> None:
    """Count an enquiry by `storage.enquiries.Outcome`, `breaker_open` or `switched_off`."""
    _ENQUIRIES.labels(source, outcome).inc()


def enquiry_cost(source: str, currency: str, cost: int) -> None:
    """Add to what a source cost; `cost` in minor units of `currency`."""
    _COST.labels(source, currency).inc(cost)


def breaker_moved(source: str, state: int) -> None:
    """Show where a source's breaker stands."""
    _BREAKER.labels(source).set(state)
