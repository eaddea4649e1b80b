import json

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode

from runtime.settings import Settings
from runtime.temporal.tracing import JsonSpanExporter, tracer


def traced(requests: list[httpx.Request], status: int) -> TracerProvider:
    def collector(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status)

    provider = TracerProvider()
    exporter = JsonSpanExporter("http://collector:4318/", httpx.MockTransport(collector))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def test_spans_are_sent_in_the_protocols_json_form() -> None:
    requests: list[httpx.Request] = []
    provider = traced(requests, 200)
    spans = provider.get_tracer("test")
    with (
        spans.start_as_current_span("outer", attributes={"temporalWorkflowID": "loan:loa_1"}),
        spans.start_as_current_span("inner") as inner,
    ):
        inner.set_status(Status(StatusCode.ERROR, "Refused: 13800138000"))
    provider.shutdown()
    assert {str(request.url) for request in requests} == {"http://collector:4318/v1/traces"}
    first, second = (
        json.loads(request.content)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        for request in requests
    )
    assert (first["name"], second["name"]) == ("inner", "outer")
    assert first["traceId"] == second["traceId"]
    assert len(first["traceId"]) == 32
    assert first["parentSpanId"] == second["spanId"]
    # As opentelemetry-proto's trace.proto numbers them: SPAN_KIND_INTERNAL, STATUS_CODE_ERROR.
    assert (first["kind"], first["status"]["code"]) == (1, 2)
    assert first["status"]["message"] == "Refused: [masked]"
    assert int(first["startTimeUnixNano"]) <= int(first["endTimeUnixNano"])
    assert second["attributes"] == [
        {"key": "temporalWorkflowID", "value": {"stringValue": "loan:loa_1"}}
    ]


def test_a_collector_that_refuses_costs_only_spans(caplog: pytest.LogCaptureFixture) -> None:
    requests: list[httpx.Request] = []
    provider = traced(requests, 503)
    with provider.get_tracer("test").start_as_current_span("work"):
        pass
    provider.shutdown()
    assert len(requests) == 1


def test_without_an_endpoint_nothing_is_traced(settings: Settings) -> None:
    assert tracer(settings) is None
