"""Is the process up, can it work, what does it count."""

import asyncio

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.http.operation_schemas import Health, Readiness
from api.http.refusals import DATABASE_DOWN
from api.http.routing import AuthorisedRoute
from api.http.services import Services, Using
from runtime.metrics import exposition

router = APIRouter(tags=["operations"], route_class=AuthorisedRoute)


@router.get("/health", summary="Is the process up?")
async def health() -> Health:
    """Answer; nothing else is asked."""
    return Health(status="ok")


@router.get("/ready", responses={503: {"model": Readiness}}, summary="Can it serve?")
async def ready(services: Using, response: Response) -> Readiness:
    """Say whether the database and the process engine can be reached; 503 when one cannot."""
    database, engine = await asyncio.gather(
        _database_answers(services), services.engine.is_reachable()
    )
    if not (database and engine):
        response.status_code = 503
    return Readiness(
        status="ready" if database and engine else "not_ready",
        database="ok" if database else "unreachable",
        engine="ok" if engine else "unreachable",
    )


@router.get("/metrics", response_class=Response, summary="What Prometheus scrapes")
def metrics() -> Response:
    """Return what all processes behind this port have counted since they were started."""
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)


async def _database_answers(services: Services) -> bool:
    try:
        await services.database.ping()
    except DATABASE_DOWN:
        return False
    return True
