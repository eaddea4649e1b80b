"""The ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from temporalio.client import Client

from api.http.codec import codec_router
from api.http.concurrency import ConcurrencyLimit
from api.http.engine import ProcessClosed
from api.http.errors import Problem, ProblemDetails
from api.http.middleware import REQUEST_ID, RequestLine
from api.http.operation_ids import operation_id
from api.http.reference import reference_router
from api.http.refusals import answer_of
from api.http.services import Services, open_services, services_of
from api.routes import ROUTERS
from domain.common.errors import DomainError
from domain.credit_analysis.proposal import Feedback, LegalPersonProposal, NaturalPersonProposal
from domain.people.principals import Principal
from runtime.settings import Settings
from services.credit_analysis.intake import clients_without_policy

_log = structlog.get_logger(__name__)

DESCRIPTION = """
The life of credit over HTTP: application, review, offer, line, quote, drawdown, loan, repayment.

* **Money** is an integer of minor units beside an ISO 4217 `currency`: 10,000.00 CNY is `1000000`.
  Rates are decimal strings in percent a year. Dates are business dates in the product's time zone,
  instants are UTC.
* **Commands** (POST, PUT and DELETE under `/v1`, except trials and callbacks) need an
  `Idempotency-Key`. The same key and body gives the stored answer with
  `Idempotency-Replayed: true`; another body is refused with 422, a request still being processed
  with 409. After 202 or 503 repeat the same request.
* **Refusals** are problem details (RFC 9457) with a stable `code`.
* **Under load** a request may be answered 503 `overloaded` at once: nothing was done, repeat it
  after `Retry-After` seconds.
* **Lists** are pages: pass `next` back as `cursor`.
* **Event streams** are server-sent events: resume with `Last-Event-ID`.
"""


def create_app(settings: Settings, client: Client | None = None) -> FastAPI:
    """Return the application of `settings`; it opens its connections when it starts.

    `client` replaces the Temporal client that the environment leads to.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings, client) as services:
            await _check_analysis_policies(services)
            app.state.services = services
            yield
            services.stopping.set()

    local = settings.environment == "local"
    app = FastAPI(
        title="Loanflow",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if local else None,
        generate_unique_id_function=operation_id,
    )
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(codec_router(settings, _authenticate))
    if local:
        app.include_router(reference_router(app))
    for kind in (Problem, DomainError, ProcessClosed, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)
    app.add_middleware(ConcurrencyLimit, settings=settings)
    app.add_middleware(RequestLine)
    app.add_middleware(
        CorrelationIdMiddleware, validator=lambda given: bool(REQUEST_ID.fullmatch(given))
    )
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


async def _check_analysis_policies(services: Services) -> None:
    """Warn of clients whose proposals will be refused until their policy is released."""
    async with services.database.read() as tx:
        clients = await clients_without_policy(tx, services.settings.credit_analysis_clients)
    for client in clients:
        _log.warning("analysis_policy_missing", client=client.client, policy=client.policy)


async def _authenticate(request: Request) -> Principal | None:
    return await services_of(request).authenticator.principal(request)


async def _answer(request: Request, error: Exception) -> Response:
    return answer_of(request, error)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with our problems where FastAPI puts its own 422."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        schemas = schema["components"]["schemas"]
        schemas["ProblemDetails"] = ProblemDetails.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        schemas.update(schemas["ProblemDetails"].pop("$defs"))
        for model in (LegalPersonProposal, NaturalPersonProposal, Feedback):
            described = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(described.pop("$defs", {}))
            schemas[model.__name__] = described
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = schema
    return app.openapi_schema
