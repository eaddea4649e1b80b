"""The schema is brought up once, by whoever comes first, or not at all."""

import asyncio
import os
import secrets
import subprocess
import sys

import asyncpg
import pytest

from runtime.local.postgres import EmbeddedPostgres, create_database
from storage.migrate import migrate

HEAD = "0009"


@pytest.fixture
async def empty(server: EmbeddedPostgres) -> str:
    return await create_database(server.url, f"e{secrets.token_hex(6)}")


async def test_several_migrators_at_once_end_at_the_same_revision(empty: str) -> None:
    assert await asyncio.gather(*(migrate(empty) for _ in range(4))) == [HEAD] * 4


async def test_the_command_migrates_the_database_of_its_environment(empty: str) -> None:
    def run(**variables: str) -> "subprocess.CompletedProcess[str]":
        inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        return subprocess.run(
            [sys.executable, "-m", "storage.migrate"],
            env=inherited | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    ran = run(DATABASE_URL=empty)
    assert (ran.returncode, ran.stdout) == (0, f"the database is at revision {HEAD}\n")
    unset = run()
    assert (unset.returncode, unset.stderr) == (1, "set DATABASE_URL to the database to migrate\n")
    wrong = run(DATABASE_URL=f"{empty}x")
    assert wrong.returncode == 1
    assert "was not migrated" in wrong.stderr


async def test_a_migration_that_fails_leaves_nothing_behind(empty: str) -> None:
    connection = await asyncpg.connect(empty)
    try:
        await connection.execute("create table audit (id integer)")
        with pytest.raises(Exception, match="audit"):
            await migrate(empty)
        assert await connection.fetchval("select to_regclass('applicants')") is None
        await connection.execute("drop table audit")
        assert await migrate(empty) == HEAD
    finally:
        await connection.close()
