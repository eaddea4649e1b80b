"""From any exception to the problem that a caller sees."""

from collections.abc import Mapping
from math import ceil
from types import MappingProxyType
from typing import Final

import asyncpg
import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from api.http.engine import ProcessClosed
from api.http.errors import CATALOGUE, FieldProblem, Problem, later, problem_response
from api.http.validation import validation_problem
from domain.common.definitions import DefinitionInvalid, DefinitionReferenced, Finding
from domain.common.errors import DomainError, TryLater
from domain.decisioning.list_files import InvalidListFile
from domain.verification.pictures import BadPicture
from services.common.callbacks import InvalidNotice

_log = structlog.get_logger(__name__)

DATABASE_DOWN: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    OSError,
    TimeoutError,
)
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_CONTENDED: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)

_BY_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "invalid_request",
        401: "unauthenticated",
        403: "forbidden",
        404: "not_found",
        405: "method_not_allowed",
        413: "body_too_large",
        415: "unsupported_media_type",
        422: "invalid_value",
        429: "too_many_requests",
    }
)


def answer_of(request: Request, error: Exception) -> Response:
    """Return the answer to a request that `error` ended. An unforeseen one is logged: a bug."""
    problem = problem_of(error)
    if problem.status == 405:
        problem.headers["Allow"] = ", ".join(_methods_of(request))
    return problem_response(request, problem)


def _methods_of(request: Request) -> list[str]:
    """Return the methods that some route takes on the path; the framework tells one route's."""
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


def problem_of(error: Exception) -> Problem:
    """Return the problem that `error` means."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return validation_problem(error.errors())
        case InvalidNotice() | BadPicture():
            return validation_problem(
                [{**one, "loc": ("body", *one["loc"])} for one in error.complaints]
            )
        case DomainError():
            return _domain_problem(error)
        case ProcessClosed():
            what = error.kind.replace("_", " ")
            how = "has ended" if error.state is None else f"is {error.state.replace('_', ' ')}"
            return Problem(f"{error.kind}_closed", f"This {what} {how}: it takes no more commands.")
        case HTTPException():
            return _http_problem(error)
        case ClientDisconnect():
            return Problem("invalid_request", "The connection ended inside the body.")
    if isinstance(error, _CONTENDED):
        return later("database_unavailable", "Repeat the request.", 1)
    if isinstance(error, DATABASE_DOWN):
        _log.warning("database_unavailable", error_type=type(error).__name__)
        return later("database_unavailable", "Repeat the request with the same Idempotency-Key.")
    _log.error("unforeseen_error", exc_info=error)
    return Problem("internal_error", "This is a fault of ours. It is being looked at.")


def _domain_problem(error: DomainError) -> Problem:
    if error.code not in CATALOGUE:
        _log.error("code_without_status", error_type=type(error).__name__)
        return Problem("domain_error", error.message)
    if isinstance(error, DefinitionInvalid | DefinitionReferenced | InvalidListFile):
        return Problem(
            error.code, error.message, errors=[_found(error, one) for one in error.findings]
        )
    field = getattr(error, "field", None)
    told = [] if field is None else [FieldProblem(field=field, code=error.code, message=str(error))]
    headers = {}
    if isinstance(error, TryLater):
        headers["Retry-After"] = str(ceil(error.retry_after.total_seconds()))
    return Problem(error.code, error.message, errors=told, headers=headers)


def _found(error: DomainError, finding: Finding) -> FieldProblem:
    return FieldProblem(
        field=finding.field,
        code=error.code,
        message=finding.message,
        example=finding.example or None,
    )


def _http_problem(error: HTTPException) -> Problem:
    code = _BY_STATUS.get(error.status_code, "internal_error")
    detail = str(error.detail) if code != "not_found" else "There is no such resource."
    return Problem(code, detail, headers=error.headers)
