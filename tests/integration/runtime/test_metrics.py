import socket

import httpx
import pytest

from runtime import metrics


def test_metrics_and_readiness_are_served_only_inside_the_block() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with metrics.serve(port, "127.0.0.1") as served:
        assert served == port
        metrics.application_entered("manual_review", "of_this_test")
        metrics.provider_called("of_this_test", "unavailable", 0.2)
        metrics.money_moved("of_this_test", "unknown")
        metrics.http_served("POST", "/of_this_test", 201, 0.01)
        base = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{base}/ready").text == "ready\n"
        assert httpx.get(f"{base}/other").status_code == 404
        text = httpx.get(f"{base}/metrics").text
    for line in (
        'loanflow_application_stage_total{channel="of_this_test",stage="manual_review"} 1.0',
        'loanflow_provider_calls_total{outcome="unavailable",provider="of_this_test"} 1.0',
        'loanflow_provider_call_seconds_bucket{le="0.25",provider="of_this_test"} 1.0',
        'loanflow_money_movements_total{kind="of_this_test",outcome="unknown"} 1.0',
        'loanflow_http_requests_total{method="POST",route="/of_this_test",status="201"} 1.0',
    ):
        assert line in text
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{base}/ready")


def test_a_taken_port_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(OSError, match="in use"),
            metrics.serve(taken.getsockname()[1], "127.0.0.1"),
        ):
            pass


def test_port_zero_serves_nothing() -> None:
    with metrics.serve(0) as port:
        assert port == 0
