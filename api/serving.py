"""Serve the API in several processes that listen on one port.

The first process listens to nothing: it makes the others, one for each that dies, and stops them.
Each has a socket of its own on the port, so that the kernel spreads the connections among them and
goes on with the others when one is killed. They are forked: the application is imported once, and
a process is replaced in a moment. Until then the first process runs one thread only.

Each beats once a second, from the loop that serves; one that lives and does not beat serves nobody,
keeps its share of the connections, and is killed and replaced.
"""

import asyncio
import gc
import multiprocessing
import signal
import socket
import time
from ctypes import c_uint64
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawValue
from types import FrameType
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE

from api.app import create_app
from api.http.connections import http_protocol, raise_file_limit
from api.http.services import Services
from runtime import logging as logs
from runtime import metrics
from runtime.settings import Settings

_log = structlog.stdlib.get_logger(__name__)

_GRACE_SECONDS: Final = 15
_RESTART_PAUSE_SECONDS: Final = 0.5
_BEAT_SECONDS: Final = 1.0
_BEATS_MISSED: Final = 20
"""After so many beats in a row that did not come a process counts as hung. Nothing that is served
keeps the loop for a tenth of that."""
_STARTS_WITHIN_BEATS: Final = 90
_PORT_SECONDS: Final = 5.0
"""How long the processes of a first one that was killed may take to leave the port."""

_STOP: Final = (signal.SIGTERM, signal.SIGINT)
_AWAITED: Final = (*_STOP, signal.SIGCHLD, signal.SIGALRM)


@dataclass
class _Serving:
    """A process that serves, and its beats as the first process has seen them."""

    process: BaseProcess
    beats: "c_uint64"
    seen: int = 0
    missed: int = 0

    def is_hung(self) -> bool:
        """Say whether too many beats were missed; asked once for each that should have come.

        Counted in our own rounds: after all of us were held still nobody has missed any.
        """
        now = self.beats.value
        self.missed = 0 if now != self.seen else self.missed + 1
        self.seen = now
        return self.missed > (_BEATS_MISSED if now else _STARTS_WITHIN_BEATS)


class Server(uvicorn.Server):
    """Closes event streams at the first signal: they would keep the process alive."""

    def __init__(self, app: FastAPI, settings: Settings, beats: "c_uint64 | None" = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.api_host,
                port=settings.api_port,
                log_config=None,
                access_log=False,
                server_header=False,
                http=http_protocol(),
                ws="none",
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._app = app
        self._beats = beats

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and stop once the first process is gone."""
        # By now `handle_exit` is called: a signal that came earlier was held back.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)
        if (first := multiprocessing.parent_process()) is not None:
            asyncio.get_running_loop().add_reader(first.sentinel, self._orphaned, first.sentinel)
        await super().startup(sockets)
        self._beat()
        # What is there now stays: looking through all of it again would hold a request up for long.
        gc.collect()
        gc.freeze()

    def _beat(self) -> None:
        if self._beats is not None:
            self._beats.value += 1
            asyncio.get_running_loop().call_later(_BEAT_SECONDS, self._beat)

    def _orphaned(self, sentinel: int) -> None:
        asyncio.get_running_loop().remove_reader(sentinel)
        self.handle_exit(signal.SIGTERM, None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        services: Services | None = getattr(self._app.state, "services", None)
        if services is not None:
            services.stopping.set()
        super().handle_exit(sig, frame)


def serve(settings: Settings) -> int:
    """Serve until a signal asks to stop; returns the exit code of `python -m api`."""
    # uvicorn raises the signals again that it was stopped by; a requested stop is no failure.
    for awaited in _AWAITED:
        signal.signal(awaited, lambda *_: None)
    if not _port_is_free(settings):
        _tell(settings, "api_port_in_use", port=settings.api_port)
        return STARTUP_FAILURE
    if settings.api_processes == 1:
        _serve_here(settings)
        return 0
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    return _supervise(settings)


def _supervise(settings: Settings) -> int:
    first = serving = [_start(settings) for _ in range(settings.api_processes)]
    code: int | None = None
    signal.setitimer(signal.ITIMER_REAL, _BEAT_SECONDS, _BEAT_SECONDS)
    while serving:
        told = signal.sigwait(_AWAITED)
        if told == signal.SIGALRM:
            _kill_hung(settings, serving)
        elif told in _STOP:
            code = 0
            _terminate(serving)
        ended = [one for one in serving if one.process.exitcode is not None]
        serving = [one for one in serving if one not in ended]
        failed = any(one.process.exitcode == STARTUP_FAILURE and one in first for one in ended)
        if code is None and failed:
            code = STARTUP_FAILURE
            _terminate(serving)
        # One that takes another's place is tried until it can start: the others serve on.
        for one in ended if code is None else ():
            metrics.process_ended(one.process.pid or 0)
            _tell(
                settings,
                "api_process_ended",
                pid=one.process.pid,
                exit_code=one.process.exitcode,
            )
            time.sleep(_RESTART_PAUSE_SECONDS)
            serving.append(_start(settings))
    return code or 0


def _kill_hung(settings: Settings, serving: list[_Serving]) -> None:
    for one in serving:
        if one.is_hung():
            _tell(settings, "api_process_hung", pid=one.process.pid, missed_beats=one.missed)
            one.process.kill()


def _terminate(serving: list[_Serving]) -> None:
    for one in serving:
        one.process.terminate()


def _start(settings: Settings) -> _Serving:
    beats = RawValue(c_uint64, 0)
    process = multiprocessing.get_context("fork").Process(
        target=_serve_here, args=(settings, beats)
    )
    process.start()
    return _Serving(process, beats)


def _serve_here(settings: Settings, beats: "c_uint64 | None" = None) -> None:
    logs.configure(settings, "api")
    raise_file_limit()
    try:
        Server(create_app(settings), settings, beats).run([_listener(settings, shared=True)])
    finally:
        logs.stop()


def _listener(settings: Settings, *, shared: bool) -> socket.socket:
    """Return a socket bound to the API's port; a `shared` one lets others of its kind be bound."""
    host, port = settings.api_host, settings.api_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it, each answer of
    # two packets waits 40 ms for the reader's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _port_is_free(settings: Settings) -> bool:
    """Say whether nobody listens on the port: processes of another API could share it unseen."""
    deadline = time.monotonic() + _PORT_SECONDS
    while True:
        try:
            _listener(settings, shared=False).close()
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        else:
            return True


def _tell(settings: Settings, event: str, **facts: int | None) -> None:
    """Log a line, and end the thread that writes it before the next process is forked."""
    logs.configure(settings, "api")
    _log.warning(event, **facts)
    logs.stop()
