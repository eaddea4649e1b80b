"""`python -m api`: serve the API until SIGTERM or Ctrl-C, then end what runs and stop."""

import signal
import sys
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.http.services import Services
from runtime import logging as logs
from runtime.settings import Settings, settings

_GRACE_SECONDS: Final = 15


class Server(uvicorn.Server):
    """Closes event streams at the first signal: they would keep the process alive."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.api_host,
                port=settings.api_port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        services: Services | None = getattr(self._app.state, "services", None)
        if services is not None:
            services.stopping.set()
        super().handle_exit(sig, frame)


def main() -> int:
    """Serve; returns 0 after a requested stop. A failed start exits with uvicorn's code 3."""
    ours = settings()
    logs.configure(ours, "api")
    # uvicorn raises the signals again that it was stopped by; a requested stop is no failure.
    for requested in (signal.SIGTERM, signal.SIGINT):
        signal.signal(requested, lambda *_: None)
    Server(create_app(ours), ours).run()
    logs.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
