"""Authenticates the caller, passes the call to a process, and returns its answer."""

import asyncio
import hmac
import json
import logging
import re
import time
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from vision.config import VisionConfig
from vision.pool import Pool
from vision.refusal import RefusalError
from vision.signature import fault_of

BODY_LIMIT: Final = 32 * 1024 * 1024
"""Bytes of a request: pictures travel in base64."""

OPERATIONS: Final = ("identity_card/read", "liveness/check", "liveness/compare")

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_:.\-]{1,128}")
_logger = logging.getLogger("vision.gateway")


class Gateway:
    """Serves the operations and says how the service is."""

    def __init__(self, config: VisionConfig, pool: Pool) -> None:
        self._config = config
        self._pool = pool

    async def health(self, _: Request) -> Response:
        """Answer 200 with the models and the processes when calls can be taken, else 503."""
        pids = self._pool.pids
        if not pids:
            return _json(503, {"status": "starting"})
        return _json(200, {"status": "ok", "models": self._pool.models, "processes": pids})

    async def serve(self, request: Request) -> Response:
        """Serve one call of an operation."""
        operation = request.url.path.strip("/")
        request_id = request.headers.get("x-request-id", "")
        started = time.monotonic()
        try:
            body = await self._authenticated_body(request, request_id)
            answer = await self._pool.run(operation, body)
            response = Response(answer.body, answer.status, media_type="application/json")
        except RefusalError as refusal:
            response = _refused(refusal)
        shown = request_id if _REQUEST_ID.fullmatch(request_id) else "?"
        seconds = time.monotonic() - started
        _logger.info("%s %s %d %.2f s", operation, shown, response.status_code, seconds)
        return response

    async def _authenticated_body(self, request: Request, request_id: str) -> bytes:
        """Return the body of a caller who proved who they are; raises RefusalError."""
        wanted = f"Bearer {self._config.api_key}"
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise RefusalError(401, "unauthorized")
        body = await _body(request)
        signature = request.headers.get("x-signature", "")
        now = datetime.now(UTC)  # noqa: TID251 -- runtime.clock belongs to the product
        # Off the event loop: a body may have many megabytes.
        wrong = await asyncio.to_thread(fault_of, self._config.signing_secret, signature, body, now)
        if wrong is not None:
            raise RefusalError(401, wrong)
        if not _REQUEST_ID.fullmatch(request_id):
            raise RefusalError(400, "request_id_missing" if not request_id else "bad_request_id")
        return body


async def _body(request: Request) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > BODY_LIMIT:
        raise RefusalError(413, "body_too_large")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise RefusalError(413, "body_too_large")
    return bytes(body)


def _refused(refusal: RefusalError) -> Response:
    response = _json(refusal.status, {"code": refusal.code})
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response


def _json(status: int, content: dict[str, object]) -> Response:
    body = json.dumps(content, separators=(",", ":")).encode()
    return Response(body, status, media_type="application/json")
