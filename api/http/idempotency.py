"""One effect for one Idempotency-Key: the answer is stored by caller, route and key.

The same request again gets the stored answer, also after a crash: every id that a request makes is
derived from caller, route and key, so what ran half already is found and finished, not repeated.
Not stored are answers that may change: 202, 5xx, refusals before anything was tried, so that a
corrected request may use its key again, and refusals that pass (`api.http.errors.Kind`). The next
request under the key of one that passed is tried anew, as another attempt: a process remembers what
it answered to each update, so that each attempt has an update id of its own.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import Request, Response

from api.http.bodies import CheckedRequest
from api.http.errors import CATALOGUE, Problem, later, problem_response
from api.http.refusals import DATABASE_DOWN, problem_of
from api.http.services import Services, services_of
from services.common.commands import Command
from storage.common.requests import Fresh, InProgress, Mismatch, RequestRepository, Stored

_log = structlog.get_logger(__name__)

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
LEASE: Final = timedelta(seconds=20)
"""Longer than a request takes; a repeat takes over after it when the first one's process died."""

_STORED_HEADERS: Final = ("location", "content-type")

Handle = Callable[[Request], Awaitable[Response]]


def command_of(request: Request) -> Command:
    """Return the request's command; raises the problem `idempotency_key_missing`."""
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise Problem(
            "idempotency_key_missing",
            "Send an Idempotency-Key header of 1 to 255 visible ASCII characters.",
        )
    principal = request.state.principal
    subject = f"{principal.role}:{principal.subject}"
    attempt: int = getattr(request.state, "attempt", 0)
    return Command(subject, f"{request.method} {request.url.path}", key, attempt)


async def once(request: CheckedRequest, handle: Handle) -> Response:
    """Let `handle` answer, unless this request was answered before or is being answered."""
    command = command_of(request)
    services = services_of(request)
    fingerprint = await _fingerprint(request)
    async with services.database.transaction() as tx:
        found = await RequestRepository(tx).begin(
            command.subject, command.operation, command.key, fingerprint, LEASE
        )
    match found:
        case Stored():
            return _replay(found)
        case Mismatch():
            raise Problem(
                "idempotency_key_reused",
                "This Idempotency-Key was used for this route with another body: take a new one.",
            )
        case InProgress():
            raise later("request_in_progress", "Repeat the request to get its answer.")
        case Fresh():
            request.state.attempt = found.attempt
    return await _answer_and_store(request, handle, command, services)


async def _answer_and_store(
    request: Request, handle: Handle, command: Command, services: Services
) -> Response:
    problem: Problem | None = None
    try:
        response = await handle(request)
    except Exception as error:  # noqa: BLE001 -- an unknown one is answered with 500 and logged
        problem = problem_of(error)
        response = problem_response(request, problem)
    identity = (command.subject, command.operation, command.key)
    try:
        async with services.database.transaction() as tx:
            if not _may_change(response, problem):
                await RequestRepository(tx).finish(
                    *identity, response.status_code, _stored(response)
                )
            elif problem is not None and problem.by_process:
                await RequestRepository(tx).retry_later(*identity)
            else:
                await RequestRepository(tx).abandon(*identity)
    except DATABASE_DOWN:
        # The answer holds all the same; a repeat finds what was done after the lease.
        _log.warning("answer_not_stored", route=command.operation)
    return response


def _may_change(response: Response, problem: Problem | None) -> bool:
    if problem is not None:
        return not CATALOGUE[problem.code].is_lasting
    return response.status_code == HTTPStatus.ACCEPTED or response.status_code >= 400


async def _fingerprint(request: CheckedRequest) -> bytes:
    """Return a digest of what the body means. The storage keys it: it could be guessed from."""
    canonical = json.dumps(await request.json(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


def _stored(response: Response) -> dict[str, Any]:
    headers = {name: response.headers[name] for name in _STORED_HEADERS if name in response.headers}
    return {"body": bytes(response.body).decode(), "headers": headers}


def _replay(found: Stored) -> Response:
    headers: Mapping[str, str] = found.response["headers"]
    return Response(
        found.response["body"],
        found.status,
        {**headers, "Idempotency-Replayed": "true"},
    )
