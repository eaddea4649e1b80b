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

HEAD = "0050"

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

_REFERENCES = """
insert into applicants (id, channel, customer_reference)
    values ('per_00000000000000000000000000', 'app', 'alice');
insert into applications (id, applicant_id, product, channel, currency, amount, instalments, state,
        waiting, created_by, product_ref, element_policies_ref)
    values ('app_00000000000000000000000000', 'per_00000000000000000000000000', 'cash', 'app',
        'CNY', 1000000, 12, 'withdrawn', 'nothing', 'applicant',
        '{"kind": "product", "code": "cash", "version": 7, "sha256": "ab"}',
        '{"kind": "element_policies", "code": "standard", "version": 1, "sha256": ""}');
insert into decisions (id, application_id, stage, attempt, outcome, policy_version, facts, rules,
        reject_code, decided_by, decided_at, policy_ref)
    values ('dec_00000000000000000000000000', 'app_00000000000000000000000000', 'automatic', 1,
        'reject', 'cash-2025.1', '{}', '[]', 'score', 'policy', now(),
        '{"kind": "decision_policy", "code": "cash", "version": 1, "sha256": ""}');
insert into credit_analyses (id, client, kind, proposal_idx, document_number_idx, document_enc,
        policy, agreed_policy, decided_policy, policy_version, status, reason)
    select id, 'shop', 'legal_person', id::bytea, '', '', 'standard', agreed, decided, version,
        'pending', 'received'
    from (values ('ana_00000000000000000000000000', null, null),
        ('ana_00000000000000000000000001', 1, 'credit_analysis_policy/standard@1')) as given
        (id, decided_version, version),
    lateral (select jsonb_build_object('kind', 'credit_analysis_policy', 'code', 'standard',
        'version', 1, 'sha256', '') as agreed) as a,
    lateral (select case when decided_version = 1 then agreed end as decided) as b;
"""
"""References to definitions as they were stored before 0030, and the names beside them."""


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


async def _migrate_to(revision: str, empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgrade(connection: Connection) -> None:
        config = migrations._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    with monkeypatch.context() as older:
        older.setattr(migrations, "_upgrade", upgrade)
        assert await migrate(empty) == revision


async def test_a_face_that_is_being_verified_was_asked_when_it_was_given(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Challenges had no time limit once, and were not written down."""
    await _migrate_to("0007", empty, monkeypatch)
    connection = await asyncpg.connect(empty)
    try:
        await connection.execute(_FACES)
        assert await migrate(empty) == HEAD
        rows = await connection.fetch("select * from liveness_challenges")
    finally:
        await connection.close()
    assert [(row["attempt"], row["issue"]) for row in rows] == [(2, 1)]
    assert rows[0]["expires_at"] - rows[0]["issued_at"] == timedelta(minutes=10)


async def test_references_become_the_names_of_their_versions(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _migrate_to("0025", empty, monkeypatch)
    connection = await asyncpg.connect(empty)
    try:
        await connection.execute(_REFERENCES)
        assert await migrate(empty) == HEAD
        application = await connection.fetchrow(
            "select product_ref, element_policies_ref from applications"
        )
        decision = await connection.fetchval("select policy_version from decisions")
        analyses = await connection.fetch(
            "select agreed_policy, decided_policy from credit_analyses order by id"
        )
    finally:
        await connection.close()
    assert application is not None
    assert tuple(application) == ("product/cash@7", "element_policies/standard@1")
    assert decision == "decision_policy/cash@1"
    standard = "credit_analysis_policy/standard@1"
    assert [tuple(row) for row in analyses] == [(standard, None), (standard, standard)]


def test_what_older_rows_are_given_is_what_is_shipped() -> None:
    """Rows of before name version 1 of a definition, with the digest of the shipped file."""
    digests = {digest(canonical(one.content)) for one in shipped()}
    scripts = Path(migrations.__file__).parent.glob("migrations/versions/*.sql")
    named = {found for one in scripts for found in re.findall(r"\b[0-9a-f]{64}\b", one.read_text())}
    assert named
    assert named <= digests
