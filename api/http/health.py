"""Is the process up, can it work, what does it count."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.http.operation_schemas import Health, Readiness
from api.http.routing import AuthorisedRoute
from api.http.services import Using
from runtime.metrics import exposition

router = APIRouter(tags=["operations"], route_class=AuthorisedRoute)


@router.get("/health", summary="Is the process up?")
async def health() -> Health:
    """Answer; nothing else is asked."""
    return Health(status="ok")


@router.get("/ready", responses={503: {"model": Readiness}}, summary="Can it serve?")
async def ready(services: Using, response: Response) -> Readiness:
    """Say whether the database and the process engine answer, and whether the engine can write.

    503 when one cannot. What is told was found ten seconds ago at most.
    """
    found = await services.readiness.ask()
    is_ready = found.database and found.engine_writes
    if not is_ready:
        response.status_code = 503
    return Readiness(
        status="ready" if is_ready else "not_ready",
        database="ok" if found.database else "unreachable",
        engine="ok" if found.engine_writes else "read_only" if found.engine else "unreachable",
    )


@router.get("/metrics", response_class=Response, summary="What Prometheus scrapes")
def metrics() -> Response:
    """Return what all processes behind this port have counted since they were started."""
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)
