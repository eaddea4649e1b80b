"""Spans to an OpenTelemetry collector, as OTLP over HTTP with JSON bodies.

The protocol's JSON form is a stable part of its specification and needs no other package than the
OpenTelemetry SDK and httpx. Spans carry workflow ids and names of activities, no arguments.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from runtime.logging import mask
from runtime.settings import Settings

_TIMEOUT_SECONDS: Final = 5.0


def tracer(settings: Settings) -> trace.Tracer | None:
    """Return the tracer of this process, None unless `otel_endpoint` says where spans go.

    That is the collector's base URL (`http://collector:4318`).
    """
    if not settings.otel_endpoint:
        return None
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "loanflow"}))
    provider.add_span_processor(BatchSpanProcessor(JsonSpanExporter(settings.otel_endpoint)))
    return provider.get_tracer("loanflow")


class JsonSpanExporter(SpanExporter):
    """Posts spans to `{endpoint}/v1/traces`; a collector that does not answer costs only spans."""

    def __init__(self, endpoint: str, transport: httpx.BaseTransport | None = None) -> None:
        self._url = f"{endpoint.rstrip('/')}/v1/traces"
        self._http = httpx.Client(timeout=_TIMEOUT_SECONDS, transport=transport)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        try:
            self._http.post(self._url, json=_request(spans)).raise_for_status()
        except httpx.HTTPError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the connection."""
        self._http.close()


def _request(spans: Sequence[ReadableSpan]) -> dict[str, Any]:
    resource = spans[0].resource.attributes if spans else {}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [
                    {"scope": {"name": "loanflow"}, "spans": [_span(span) for span in spans]}
                ],
            }
        ]
    }


def _span(span: ReadableSpan) -> dict[str, Any]:
    context = span.get_span_context() or trace.INVALID_SPAN_CONTEXT
    body: dict[str, Any] = {
        "traceId": trace.format_trace_id(context.trace_id),
        "spanId": trace.format_span_id(context.span_id),
        "name": span.name,
        # The protocol counts kinds from 1 (INTERNAL), the SDK from 0.
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(span.attributes or {}),
        # The SDK counts OK 1 and ERROR 2 as the protocol does. A description quotes an exception.
        "status": {
            "code": span.status.status_code.value,
            "message": mask(span.status.description or ""),
        },
    }
    if span.parent is not None:
        body["parentSpanId"] = trace.format_span_id(span.parent.span_id)
    return body


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": mask(str(v))}} for key, v in values.items()]
