"""`/ready` of an API whose Temporal server has no room left (fault list, O6)."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
from temporalio.client import Client

from api.http.readiness import ReadinessCheck, Ready
from local.supervisor import Supervisor
from local.temporal_server import DevServer
from storage.database import Database

MEGABYTES: Final = 24


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that is soon full; only root may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(  # noqa: S603 -- fixed arguments
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["/bin/umount", str(folder)], check=True)  # noqa: S603 -- likewise


@pytest.fixture
async def server(small_disk: Path, tmp_path: Path) -> AsyncIterator[DevServer]:
    supervisor = Supervisor(tmp_path / "logs")
    try:
        server = DevServer(small_disk / "temporal")
        await server.start(supervisor)
        yield server
    finally:
        await supervisor.stop()


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    path = folder / "rest"
    with path.open("wb", buffering=0) as rest:
        try:
            while True:
                rest.write(b"x" * 4096)
        except OSError:
            return path


@pytest.mark.slow
async def test_a_server_that_can_write_nothing_is_not_ready(
    server: DevServer, small_disk: Path, database: Database
) -> None:
    client = await Client.connect(server.address)

    async def found() -> Ready:
        return await ReadinessCheck(database, client).ask()

    assert await found() == Ready(database=True, engine=True, engine_writes=True)
    rest = fill(small_disk)
    # It answers, and says that it serves.
    assert await found() == Ready(database=True, engine=True, engine_writes=False)
    rest.unlink()
    for _ in range(30):
        if (await found()).engine_writes:
            break
    assert await found() == Ready(database=True, engine=True, engine_writes=True)


async def test_who_asks_often_asks_the_servers_once(database: Database) -> None:
    """`/ready` is open to anybody, and always answered: it must not become a load."""
    asked = 0

    class Pinged:
        async def ping(self) -> None:
            nonlocal asked
            asked += 1
            await database.ping()

    client = await Client.connect("127.0.0.1:1", lazy=True)
    check = ReadinessCheck(Pinged(), client)  # type: ignore[arg-type]  # counts, and is else the real one
    for _ in range(50):
        assert (await check.ask()).database
    assert asked == 1
