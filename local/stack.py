"""The whole stack of one machine, in one folder, under one supervisor."""

import asyncio
import logging
import os
import shutil
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from temporalio.envconfig import ClientConfig
from temporalio.service import ConnectConfig

from local.commands import API, BUILT_IN, MIGRATION, STAFF, Command, explicit_ports, inherited
from local.development_secrets import DATABASE_PASSWORD, ensure_secrets
from local.errors import LocalStackError
from local.ports import HOST, choose_ports
from local.postgres import EmbeddedPostgres
from local.probes import postgres_probe, temporal_probe, wait_reachable
from local.state import (
    CODE_FOLDER,
    FolderLock,
    StackState,
    default_folder,
    process_start,
    remove_stack,
    write_stack,
)
from local.supervisor import OnDeath, Supervisor
from local.temporal_server import NAMESPACE, DevServer
from local.vision import vision_settings
from messages.search_attributes import dev_server_types
from runtime.clock import utc_now

_logger = logging.getLogger(__name__)
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class LocalStack:
    """PostgreSQL, Temporal and this project's processes, with their data and logs in `folder`.

    `processes` are names of built-in commands (`sandbox`, `vision`, `worker`, `api`) or `Command`s;
    without any, only the two servers run and nothing is migrated. With `vision` identity cards and
    faces go to it, unless `base_environment` says whom to ask. A server whose address is in
    `base_environment` (`DATABASE_URL`, `TEMPORAL_ADDRESS`; by default that of this process) is
    used and not started. `ports` fixes ports by name (`postgres`, `temporal`, `temporal-ui`, or a
    process's). `keep_data=False` deletes the databases at the end.

        async with LocalStack(report=print) as stack:
            await stack.run_until_signal()
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        processes: Sequence[str | Command] = ("sandbox", "worker", "api"),
        migrate: bool = True,
        search_attributes: Mapping[str, str] | None = None,
        on_death: OnDeath = "restart",
        report: Callable[[str], None] = _logger.warning,
        ports: Mapping[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
        base_environment: Mapping[str, str] | None = None,
        keep_data: bool = True,
        code: Path = CODE_FOLDER,
    ) -> None:
        self.folder = folder or default_folder()
        self._commands = [BUILT_IN[one] if isinstance(one, str) else one for one in processes]
        self._migrate = migrate and bool(self._commands)
        self._search_attributes = (
            dev_server_types() if search_attributes is None else search_attributes
        )
        self._on_death: OnDeath = on_death
        self._report = report
        self._wanted_ports = ports
        self._settings = dict(environment or {})
        self._base = dict(os.environ if base_environment is None else base_environment)
        self._keep_data = keep_data
        self._code = code
        self._lock = FolderLock(self.folder)
        self._ports: dict[str, int] = {}
        self._environment: dict[str, str] = {}
        self._published: dict[str, str] = {}
        self._supervisor: Supervisor | None = None
        self._postgres: EmbeddedPostgres | None = None
        self._temporal: DevServer | None = None
        self._started_at = ""

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor of all children; LocalStackError before the start."""
        if self._supervisor is None:
            raise LocalStackError("the stack has not been started")
        return self._supervisor

    @property
    def environment(self) -> dict[str, str]:
        """All settings of the stack's processes, with keys and tokens: not for logs."""
        return dict(self._environment)

    @property
    def ports(self) -> dict[str, int]:
        """The stack's ports by name."""
        return dict(self._ports)

    @property
    def api_url(self) -> str:
        """Where the API is."""
        return f"http://{HOST}:{self._ports['api']}"

    @property
    def sandbox_url(self) -> str:
        """Where the simulators of third parties are."""
        return f"http://{HOST}:{self._ports['sandbox']}"

    @property
    def database_url(self) -> str:
        """The product's database, with the password: not for logs."""
        return self._environment["DATABASE_URL"]

    @property
    def temporal_address(self) -> str:
        """Host and port of the Temporal frontend."""
        return self._environment["TEMPORAL_ADDRESS"]

    @property
    def temporal_ui_url(self) -> str:
        """Where the Temporal UI is; empty for a server that is not ours and names none."""
        return self._environment.get("LOANFLOW_TEMPORAL_UI_URL", "")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything and return when all of it is ready.

        Raises LocalStackError, with everything stopped again, when some part cannot.
        """
        _own_folder(self.folder)
        await self._lock.acquire()
        try:
            self._prepare()
            # Third parties need neither server, and may have models to load.
            others = [one for one in self._commands if one.third_party]
            await _together(
                self._start_processes(),
                *(self._start_command(one) for one in others),
            )
            self._publish()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything, last started first. Nothing happens when nothing runs."""
        if self._supervisor is None:
            self._lock.release()
            return
        remove_stack(self.folder)
        await self._supervisor.stop()
        if not self._keep_data:
            if self._postgres is not None:
                await self._postgres.stop()
            shutil.rmtree(self.folder / "temporal", ignore_errors=True)
        self._supervisor = None
        self._lock.release()

    async def run_until_signal(self) -> None:
        """Wait for SIGINT, SIGTERM or SIGHUP; LocalStackError when a child died for good."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, stopped.set)
        waits = [
            asyncio.create_task(stopped.wait()),
            asyncio.create_task(self.supervisor.wait_given_up()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not stopped.is_set():
                raise LocalStackError(await self.supervisor.wait_given_up())
        finally:
            for number in _STOP_SIGNALS:
                loop.remove_signal_handler(number)
            for wait in waits:
                wait.cancel()

    def _prepare(self) -> None:
        secrets = ensure_secrets(self.folder)
        wanted = {**explicit_ports(self._base), **(self._wanted_ports or {})}
        with_ports = [one.name for one in self._commands if one.port_setting]
        names = ["postgres", "temporal", "temporal-ui", *BUILT_IN, *with_ports]
        self._ports = choose_ports(self.folder, dict.fromkeys(names), wanted)
        self._supervisor = Supervisor(
            self.folder / "logs",
            on_death=self._on_death,
            report=self._report,
            on_change=self._republish,
            keep_open=(self._lock.descriptor,),
        )
        self._make_servers(secrets[DATABASE_PASSWORD])
        own_temporal = self._temporal is not None
        self._published = {**self._addresses(), **self._settings}
        self._environment = {
            **secrets,
            **inherited(self._base, own_temporal=own_temporal),
            **self._published,
        }

    def _make_servers(self, password: str) -> None:
        if not self._base.get("DATABASE_URL"):
            self._postgres = EmbeddedPostgres(
                self.folder / "postgres",
                port=self._ports["postgres"],
                password=password,
                keep_data=self._keep_data,
                report=self._report,
            )
        if not self._base.get("TEMPORAL_ADDRESS"):
            self._temporal = DevServer(
                self.folder / "temporal",
                port=self._ports["temporal"],
                ui_port=self._ports["temporal-ui"],
                search_attributes=self._search_attributes,
                codec_endpoint=f"{self.api_url}/codec",
                report=self._report,
            )

    def _addresses(self) -> dict[str, str]:
        """Return the settings that say where everything is; what the caller set stays."""
        base = self._base
        addresses = {
            "LOANFLOW_ENVIRONMENT": base.get("LOANFLOW_ENVIRONMENT", "local"),
            "LOANFLOW_API_HOST": HOST,
            "LOANFLOW_API_PORT": str(self._ports["api"]),
            "LOANFLOW_PUBLIC_URL": base.get("LOANFLOW_PUBLIC_URL", self.api_url),
            "LOANFLOW_SANDBOX_HOST": HOST,
            "LOANFLOW_SANDBOX_PORT": str(self._ports["sandbox"]),
            "LOANFLOW_SANDBOX_DB": str(self.folder.resolve() / "sandbox" / "book.sqlite3"),
            "LOANFLOW_SANDBOX_CALLBACK_URL": f"{self.api_url}/v1/callbacks/payments",
            "LOANFLOW_PROVIDERS__BASE_URL": base.get(
                "LOANFLOW_PROVIDERS__BASE_URL", self.sandbox_url
            ),
            # Only the worker's own command gets a port for its metrics.
            "LOANFLOW_METRICS_PORT": "0",
            **self._vision_settings(),
            "DATABASE_URL": self._postgres.url if self._postgres else base["DATABASE_URL"],
        }
        if self._temporal is None:
            return {**addresses, "TEMPORAL_ADDRESS": base["TEMPORAL_ADDRESS"]}
        return {
            **addresses,
            "TEMPORAL_ADDRESS": self._temporal.address,
            "TEMPORAL_NAMESPACE": NAMESPACE,
            "LOANFLOW_TEMPORAL_UI_URL": self._temporal.ui_url,
            "LOANFLOW_TIME_TRAVEL": "true",
        }

    def _vision_settings(self) -> dict[str, str]:
        if "vision" not in {one.name for one in self._commands}:
            return {}
        return vision_settings(self._base, f"http://{HOST}:{self._ports['vision']}")

    async def _start_processes(self) -> None:
        """Start the servers, then what is ours."""
        await _together(self._start_database(), self._start_temporal())
        ours = [one for one in self._commands if not one.third_party]
        await _together(*(self._start_command(one) for one in ours))

    async def _start_database(self) -> None:
        if self._postgres is not None:
            await self._postgres.start(self.supervisor)
        else:
            await wait_reachable(postgres_probe(self._base["DATABASE_URL"]), "DATABASE_URL")
        if self._migrate:
            await self.supervisor.run(MIGRATION.spec(self._environment, None, self._code))
            if API in self._commands and self._environment["LOANFLOW_ENVIRONMENT"] == "local":
                await self.supervisor.run(STAFF.spec(self._environment, None, self._code))

    async def _start_temporal(self) -> None:
        if self._temporal is not None:
            await self._temporal.start(self.supervisor)
            return
        config = ClientConfig.load_client_connect_config(override_env_vars=self._base)
        target = ConnectConfig(
            target_host=config.get("target_host", self._base["TEMPORAL_ADDRESS"]),
            api_key=config.get("api_key"),
            tls=config.get("tls"),
        )
        await wait_reachable(temporal_probe(target), "TEMPORAL_ADDRESS")

    async def _start_command(self, command: Command) -> None:
        port = self._ports.get(command.name)
        await self.supervisor.start(command.spec(self._environment, port, self._code))

    def _publish(self) -> None:
        self._started_at = utc_now().isoformat(timespec="seconds")
        self._republish()

    def _republish(self) -> None:
        if not self._started_at:
            return
        supervisor = self.supervisor
        state = StackState(
            pid=os.getpid(),
            pid_started=process_start(os.getpid()) or "",
            started_at=self._started_at,
            api_url=self.api_url,
            sandbox_url=self.sandbox_url,
            temporal_address=self.temporal_address,
            temporal_ui_url=self.temporal_ui_url,
            processes={name: supervisor.pid(name) for name in supervisor.names},
            environment=self._published,
        )
        write_stack(self.folder, state)


def _own_folder(folder: Path) -> None:
    """Make the stack's folder, private to this user; refuse that of another one."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
    except OSError as error:
        raise LocalStackError(f"cannot make {folder}: {error.strerror}") from error
    if owner != os.geteuid():
        raise LocalStackError(
            f"{folder} belongs to another user (uid {owner}): run as that user, or move it away"
        )
    folder.chmod(0o700)


async def _together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all to their end; at the first failure cancel the others and raise it."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
