"""The service as an ASGI app and its server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from vision.config import VisionConfig
from vision.gateway import OPERATIONS, Gateway
from vision.pool import Pool


def create_app(config: VisionConfig) -> Starlette:
    """Return the app; its processes live as long as the server serves."""
    pool = Pool(config)
    gateway = Gateway(config, pool)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        pool.start()
        try:
            yield
        finally:
            await pool.close()

    routes = [Route(f"/{path}", gateway.serve, methods=["POST"]) for path in OPERATIONS]
    return Starlette(routes=[*routes, Route("/health", gateway.health)], lifespan=lifespan)


def create_server(config: VisionConfig) -> uvicorn.Server:
    """Return a server that is ready to `run()` or to be awaited with `serve()`."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            host=config.host,
            port=config.port,
            log_level="warning",
            access_log=False,
            timeout_keep_alive=30,
            # Calls at work are finished: a caller would otherwise have to send them again.
            timeout_graceful_shutdown=round(config.job_seconds),
        )
    )


@asynccontextmanager
async def serving(config: VisionConfig) -> AsyncIterator[str]:
    """Serve in the running event loop and yield the base URL; port 0 takes a free one.

    Early requests wait: the socket listens before the server accepts, and calls for the models.
    """
    listener = socket.create_server((config.host, config.port))
    server = create_server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://{config.host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
