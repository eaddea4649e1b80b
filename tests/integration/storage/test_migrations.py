"""The schema is brought up once, by whoever comes first, or not at all."""

import asyncio
import os
import re
import secrets
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from sqlalchemy import Connection

from domain.common.definitions import canonical, digest
from local.postgres import EmbeddedPostgres, create_database
from services.definitions.shipped import shipped
from storage import migrate as migrations
from storage.migrate import migrate

HEAD = "0028"

_FACES = """
insert into applicants (id, channel, customer_reference)
    values ('per_00000000000000000000000000', 'app', 'alice');
insert into applications (id, applicant_id, product, channel, currency, amount, instalments, state,
        waiting, created_by)
    values ('app_00000000000000000000000000', 'per_00000000000000000000000000', 'cash', 'app',
        'CNY', 1000000, 12, 'collecting', 'applicant', 'alice');
insert into elements (id, application_id, kind, attempt, data_enc, data_idx)
    select id, 'app_00000000000000000000000000', kind, attempt, '', '' from (values
        ('elt_00000000000000000000000000', 'liveness', 1),
        ('elt_00000000000000000000000001', 'liveness', 2),
        ('elt_00000000000000000000000002', 'operator', 1)) as given (id, kind, attempt);
insert into verifications (element_id, application_id, kind, verdict, reason, facts, provider,
        verified_at)
    values ('elt_00000000000000000000000000', 'app_00000000000000000000000000', 'liveness',
        'mismatch', 'wrong_action', '{}', 'record', now());
"""
"""Two faces, one of them judged, and an element that is none."""


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> str:
    return await create_database(postgres.url, f"e{secrets.token_hex(6)}")


async def test_several_migrators_at_once_end_at_the_same_revision(empty: str) -> None:
    assert await asyncio.gather(*(migrate(empty) for _ in range(4))) == [HEAD] * 4


async def test_the_command_migrates_the_database_of_its_environment(empty: str) -> None:
    def run(**variables: str) -> "subprocess.CompletedProcess[str]":
        inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        return subprocess.run(
            [sys.executable, "-m", "services.set_up"],
            env=inherited | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    ran = run(DATABASE_URL=empty)
    assert (ran.returncode, ran.stdout) == (0, f"the database is at revision {HEAD}\n")
    unset = run()
    assert (unset.returncode, unset.stderr) == (1, "set DATABASE_URL to the database to set up\n")
    wrong = run(DATABASE_URL=f"{empty}x")
    assert wrong.returncode == 1
    assert "was not set up" in wrong.stderr


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


async def test_a_face_that_is_being_verified_was_asked_when_it_was_given(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Challenges had no time limit once, and were not written down."""
    newest = migrations._upgrade

    def upgrade_to_0007(connection: Connection) -> None:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")

    monkeypatch.setattr(migrations, "_upgrade", upgrade_to_0007)
    assert await migrate(empty) == "0007"
    monkeypatch.setattr(migrations, "_upgrade", newest)
    connection = await asyncpg.connect(empty)
    try:
        await connection.execute(_FACES)
        assert await migrate(empty) == HEAD
        rows = await connection.fetch("select * from liveness_challenges")
    finally:
        await connection.close()
    assert [(row["attempt"], row["issue"]) for row in rows] == [(2, 1)]
    assert rows[0]["expires_at"] - rows[0]["issued_at"] == timedelta(minutes=10)


def test_what_older_rows_are_given_is_what_is_shipped() -> None:
    """Rows of before name version 1 of a definition, with the digest of the shipped file."""
    digests = {digest(canonical(one.content)) for one in shipped()}
    scripts = Path(migrations.__file__).parent.glob("migrations/versions/*.sql")
    named = {found for one in scripts for found in re.findall(r"\b[0-9a-f]{64}\b", one.read_text())}
    assert named
    assert named <= digests
