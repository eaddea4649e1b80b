"""The simulators as one ASGI app and its server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.book import Book
from sandbox.callbacks import CallbackSender, Deliveries
from sandbox.config import SandboxConfig
from sandbox.connections import CuttableProtocol
from sandbox.control import control_routes
from sandbox.faults import FaultProgramme
from sandbox.fireeye import PATHS as FIREEYE_PATHS
from sandbox.fireeye import FireeyeSimulator
from sandbox.gateway import PATHS, Gateway
from sandbox.qitech import PREFIX as QITECH_PREFIX
from sandbox.qitech import QiTechSimulator, qitech_routes
from sandbox.replies import RefusalError


def create_app(config: SandboxConfig) -> ASGIApp:
    """Return the app: the providers' operations go to their simulators, the rest to the console.

    Its book is opened here and closed when the server stops.
    """
    book = Book(config.database)
    faults = FaultProgramme()
    deliveries = Deliveries(book, faults, config.callback_secret)
    callbacks = CallbackSender(config, book, deliveries)
    qitech = QiTechSimulator(config, book, faults, deliveries)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        callbacks.resume()
        qitech.resume()
        yield
        for background in (qitech, callbacks, deliveries):
            await background.close()
        book.close()

    console = FastAPI(title="Loanflow's simulators", lifespan=lifespan)

    @console.exception_handler(RefusalError)
    async def refuse(_: Request, refusal: RefusalError) -> JSONResponse:
        return JSONResponse({"detail": refusal.code}, refusal.status)

    console.include_router(control_routes(book, faults, callbacks))
    console.include_router(qitech_routes(qitech, book))
    gateway = Gateway(config, book, faults, callbacks)
    fireeye = FireeyeSimulator(book, faults)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path in PATHS and scope["method"] == "POST":
            await gateway.serve(scope, receive, send)
        elif path in FIREEYE_PATHS:
            await fireeye.serve(scope, receive, send)
        elif path.startswith(QITECH_PREFIX):
            await qitech.serve(scope, receive, send)
        else:
            await console(scope, receive, send)

    return app


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


def listening(host: str, port: int = 0) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one.

    It names its protocol: asyncio sends at once only over what says that it is TCP, and waits 40 ms
    for more to send over anything else.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen()
    return listener


@asynccontextmanager
async def serving(config: SandboxConfig) -> AsyncIterator[str]:
    """Serve in the running event loop and yield the base URL; port 0 takes a free one.

    Early requests wait: the socket listens before the server accepts.
    """
    listener = listening(config.host, config.port)
    server = create_server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://{config.host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
