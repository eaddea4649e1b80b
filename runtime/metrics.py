"""What Loanflow counts and times, by prometheus_client; and the port where it is read.

Names start with `loanflow_`. Labels are codes of a closed set, never ids: an id as a label would
make one time series per borrower. The Temporal SDK's own metrics are served by itself on
`LOANFLOW_SDK_METRICS_PORT` (`runtime.temporal.client.telemetry`).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    make_wsgi_app,
)
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

if TYPE_CHECKING:
    from temporalio.client import Client

_CALL_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_STAGES = Counter(
    "loanflow_application_stage_total", "Applications that entered a stage", ["stage", "channel"]
)
_PROVIDER_CALLS = Counter(
    "loanflow_provider_calls_total", "Calls to third parties", ["provider", "outcome"]
)
_PROVIDER_SECONDS = Histogram(
    "loanflow_provider_call_seconds",
    "How long a third party took to answer",
    ["provider"],
    buckets=_CALL_SECONDS,
)
_MONEY = Counter("loanflow_money_movements_total", "Money sent or taken", ["kind", "outcome"])
_ACTIVITIES = Counter(
    "loanflow_activity_attempts_total", "Attempts at activities", ["activity", "outcome"]
)
_ACTIVITY_SECONDS = Histogram(
    "loanflow_activity_seconds", "How long an attempt took", ["activity"], buckets=_CALL_SECONDS
)
_STUCK = Gauge(
    "loanflow_stuck_workflows",
    "Open workflows whose tasks keep failing: a bug to be looked at",
    multiprocess_mode="max",
)
_IN_DOUBT = Gauge(
    "loanflow_money_in_doubt",
    "Orders to move money that have no outcome ten minutes after they were made",
    ["kind"],
    multiprocess_mode="max",
)
_MOVES: Final = {"disbursement", "debit", "refund"}
for _kind in _MOVES:
    _IN_DOUBT.labels(_kind).set(0)
    for _outcome in ("succeeded", "failed", "unknown"):
        _MONEY.labels(_kind, _outcome)
_HTTP = Counter("loanflow_http_requests_total", "Requests served", ["method", "route", "status"])
_HTTP_SECONDS = Histogram(
    "loanflow_http_request_seconds",
    "How long a request took",
    ["method", "route"],
    buckets=_CALL_SECONDS,
)
_TURNED_AWAY = Counter(
    "loanflow_http_turned_away_total",
    "Requests answered 503: no slot was free for them in time",
    ["kind"],
)
_STARTED_LATE = Counter(
    "loanflow_processes_started_late_total",
    "Processes that were missing although their row was there, and were started",
    ["kind"],
)
_UNREADABLE = Counter(
    "loanflow_unreadable_payloads_total",
    "Payloads of Temporal that could not be opened, and were not acted on",
    ["why"],
)

for _turned in ("read", "command"):
    _TURNED_AWAY.labels(_turned)
_STREAMS = Gauge(
    "loanflow_http_streams_open", "Event streams that are open", multiprocess_mode="livesum"
)
_GIVEN_UP = Counter(
    "loanflow_http_connections_given_up_total",
    "Connections closed because no request came on them in time",
)
_CREDENTIALS = Counter(
    "loanflow_http_credentials_refused_total",
    "Requests with a token, API key, link or signature that nobody has",
    ["credential"],
)
for _credential in ("token", "api_key", "link", "signature"):
    _CREDENTIALS.labels(_credential)

STUCK_QUERY: Final = "TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'"


def application_entered(stage: str, channel: str) -> None:
    """Count an application that entered `stage`; call it where the stage is recorded."""
    _STAGES.labels(stage, channel).inc()


def provider_called(provider: str, outcome: str, seconds: float) -> None:
    """Count a call to `provider`; `outcome` is its three- or four-valued answer or `error`."""
    _PROVIDER_CALLS.labels(provider, outcome).inc()
    _PROVIDER_SECONDS.labels(provider).observe(seconds)


def payload_unreadable(why: str) -> None:
    """Count a payload that was `tampered` with, or `unencrypted` where only ours are read."""
    _UNREADABLE.labels(why).inc()


def process_started_late(kind: str) -> None:
    """Count a process that was found missing, and started."""
    _STARTED_LATE.labels(kind).inc()


def money_moved(kind: str, outcome: str) -> None:
    """Count a `disbursement`, `debit` or `refund` by `succeeded`, `failed` or `unknown`."""
    _MONEY.labels(kind, outcome).inc()


def activity_attempted(activity: str, outcome: str, seconds: float) -> None:
    """Count an attempt at an activity: `completed`, `failed`, `declined` or `cancelled`."""
    _ACTIVITIES.labels(activity, outcome).inc()
    _ACTIVITY_SECONDS.labels(activity).observe(seconds)


def http_served(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request; `route` is the template (`/applications/{id}`), never the path."""
    _HTTP.labels(method, route, str(status)).inc()
    _HTTP_SECONDS.labels(method, route).observe(seconds)


def http_turned_away(kind: str) -> None:
    """Count a `read` or `command` for which no slot was free in time."""
    _TURNED_AWAY.labels(kind).inc()


def credential_refused(credential: str) -> None:
    """Count a wrong `token`, `api_key`, `link` or `signature`."""
    _CREDENTIALS.labels(credential).inc()


def streams_open(count: int) -> None:
    """Show how many event streams this process has open."""
    _STREAMS.set(count)


def connection_given_up() -> None:
    """Count a connection on which no request came in time."""
    _GIVEN_UP.inc()


def exposition() -> bytes:
    """Return all metrics as text: of this process, or of all that count into one folder.

    The folder is prometheus_client's own setting, `PROMETHEUS_MULTIPROC_DIR`. What a process that
    has died counted stays in the sums.
    """
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the package has no types for it
    return generate_latest(together)


def process_ended(pid: int) -> None:
    """Forget what stood at a moment in a process that has died; what it counted stays."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the package has no types for it


async def count_stuck(client: "Client") -> int:
    """Ask Temporal how many open workflows have failing tasks, and set the gauge to it.

    The server marks a workflow after its fifth failed task in a row, about a minute in.
    """
    stuck = (await client.count_workflows(STUCK_QUERY)).count
    _STUCK.set(stuck)
    return stuck


def money_in_doubt(counts: Mapping[str, int]) -> None:
    """Show how many orders are in doubt, by kind; a kind that is not among them has none."""
    known = {labels[0] for labels in _IN_DOUBT._metrics} | set(counts)
    for kind in known:
        _IN_DOUBT.labels(kind).set(counts.get(kind, 0))


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Log nothing: there is a scrape every few seconds."""


@contextmanager
def serve(
    port: int,
    host: str = "0.0.0.0",  # noqa: S104 -- scraped from outside
    is_alive: Callable[[], bool] = lambda: True,
) -> Iterator[int]:
    """Serve `/metrics`, `/ready` and `/health` while the block runs; yields the port, 0 for none.

    Enter the block when the process is ready and leave it when it starts to drain: the open port
    is the readiness signal. Raises OSError when the port is taken.
    """
    if port == 0:
        yield 0
        return
    with make_server(
        host, port, _application(is_alive), ThreadingWSGIServer, _QuietHandler
    ) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), name="metrics", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _application(is_alive: Callable[[], bool]) -> Callable[..., Any]:
    exposition = make_wsgi_app()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        match environ["PATH_INFO"]:
            case "/metrics":
                return exposition(environ, start_response)
            case "/ready":
                start_response("200 OK", [("Content-Type", "text/plain")])
                return [b"ready\n"]
            case "/health":
                alive = is_alive()
                status = "200 OK" if alive else "503 Service Unavailable"
                start_response(status, [("Content-Type", "text/plain")])
                return [b"alive\n" if alive else b"hung\n"]
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not found\n"]

    return answer
