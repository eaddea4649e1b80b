"""Around every request: its access line, its metrics, security headers, the last catch."""

import re
import time
from typing import Any, Final

import structlog
from asgi_correlation_id import correlation_id
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.refusals import answer_of
from runtime import metrics

_log = structlog.get_logger("api.http.access")

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_\-]{8,64}")
"""What a caller may send as `X-Request-ID`; anything else is replaced."""

_QUIET: Final = frozenset({"/health", "/ready", "/metrics"})
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "()",
    "Strict-Transport-Security": "max-age=31536000",
}
_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


class RequestLine:
    """Logs one line a request: the route's template, never its path, query or body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        sender = _Sender(send)
        started = time.monotonic()
        with structlog.contextvars.bound_contextvars(request_id=correlation_id.get()):
            try:
                await self._app(scope, receive, sender)
            except Exception as error:  # noqa: BLE001 -- the last catch: answered with 500, logged
                answer = answer_of(request, error)
                if not sender.started:
                    await answer(scope, receive, sender)
            finally:
                _tell(scope, sender.status, time.monotonic() - started)


class _Sender:
    """Sends what the application sends, with our headers, and remembers the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 499
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Content-Security-Policy", _POLICY)
        await self._send(message)


def _tell(scope: Scope, status: int, seconds: float) -> None:
    template = getattr(scope.get("route"), "path_format", "unknown")
    metrics.http_served(scope["method"], template, status, seconds)
    if template in _QUIET:
        return
    principal = scope.get("state", {}).get("principal")
    caller: dict[str, Any] = (
        {"role": principal.role, "subject": principal.subject} if principal else {}
    )
    _log.info(
        "http_request",
        method=scope["method"],
        route=template,
        status=status,
        ms=round(seconds * 1000, 1),
        **caller,
    )
