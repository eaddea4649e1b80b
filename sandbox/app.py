"""The simulators as one ASGI app and its server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.book import Book
from sandbox.callbacks import CallbackSender
from sandbox.config import SandboxConfig
from sandbox.connections import CuttableProtocol
from sandbox.control import control_routes
from sandbox.faults import FaultProgramme
from sandbox.fireeye import PATHS as FIREEYE_PATHS
from sandbox.fireeye import FireeyeSimulator
from sandbox.gateway import PATHS, Gateway
from sandbox.qitech import PREFIX as QITECH_PREFIX
from sandbox.qitech import QiTechSimulator, qitech_routes


class SandboxApp:
    """Sends the providers' operations to their gateways, everything else to the console."""

    def __init__(
        self, gateway: Gateway, fireeye: FireeyeSimulator, qitech: QiTechSimulator, console: ASGIApp
    ) -> None:
        self._gateway = gateway
        self._fireeye = fireeye
        self._qitech = qitech
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's lifespan."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in PATHS:
            await self._gateway.serve(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] in FIREEYE_PATHS:
            await self._fireeye.serve(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(QITECH_PREFIX):
            await self._qitech.serve(scope, receive, send)
        else:
            await self._console(scope, receive, send)


def create_app(config: SandboxConfig) -> SandboxApp:
    """Return the app; its book is opened here and closed when the server stops."""
    book = Book(config.database)
    faults = FaultProgramme()
    callbacks = CallbackSender(config, book, faults)
    qitech = QiTechSimulator(config, book, faults)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        callbacks.resume()
        qitech.resume()
        yield
        await qitech.close()
        await callbacks.close()
        book.close()

    console = FastAPI(title="Loanflow's simulators", lifespan=lifespan)
    console.include_router(control_routes(book, faults, callbacks))
    console.include_router(qitech_routes(qitech, book))
    gateway = Gateway(config, book, faults, callbacks)
    return SandboxApp(gateway, FireeyeSimulator(book, faults), qitech, console)


def create_server(config: SandboxConfig) -> uvicorn.Server:
    """Return a server that is ready to `run()` or to be awaited with `serve()`."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            host=config.host,
            port=config.port,
            http=CuttableProtocol,
            log_level="warning",
            access_log=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=2,
        )
    )


@asynccontextmanager
async def serving(config: SandboxConfig) -> AsyncIterator[str]:
    """Serve in the running event loop and yield the base URL; port 0 takes a free one.

    Early requests wait: the socket listens before the server accepts.
    """
    listener = socket.create_server((config.host, config.port))
    server = create_server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://{config.host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
