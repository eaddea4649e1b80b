"""Consents, devices and standing on record: facts that are added, one after the other."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from domain.people.consents import CONSENT_TEXT, Purpose
from messages.ids import new_id
from storage.common.errors import IdempotencyMismatch, RecordMissing
from storage.common.repository import Transaction
from storage.database import Database
from storage.people.applicants import ApplicantRepository
from storage.people.consents import ConsentCreate, ConsentRepository, ConsentRow
from storage.people.devices import DeviceRepository, Platform
from tests.definitions import ref, shipped
from tests.integration.storage.test_storage import apply_for

MORNING = datetime(2026, 3, 1, 2, tzinfo=UTC)
FACE, BUREAU = Purpose.FACE_RECOGNITION, Purpose.BUREAU_QUERY


async def somebody(database: Database) -> str:
    async with database.transaction() as tx:
        return (await ApplicantRepository(tx).get_or_create(new_id("per"), "app", new_id("per"))).id


async def grant(
    tx: Transaction,
    applicant_id: str,
    purpose: Purpose = FACE,
    *,
    consent_id: str | None = None,
    version: str = "1",
    at: datetime = MORNING,
) -> ConsentRow:
    (row,) = await ConsentRepository(tx).grant(
        applicant_id,
        [
            ConsentCreate(
                consent_id or new_id("con"),
                purpose,
                version,
                shipped(CONSENT_TEXT, purpose).sha256,
                ref(CONSENT_TEXT, purpose),
            )
        ],
        channel="app",
        given_by="applicant:alice",
        at=at,
    )
    return row


async def test_each_purpose_is_given_and_revoked_by_itself(database: Database) -> None:
    applicant_id = await somebody(database)
    async with database.transaction() as tx:
        given = await grant(tx, applicant_id)
        await grant(tx, applicant_id, BUREAU)
        revoked = await ConsentRepository(tx).revoke(
            applicant_id, FACE, revoked_by="alice", at=MORNING
        )
        assert [row.id for row in revoked] == [given.id]
        assert await ConsentRepository(tx).in_force(applicant_id, FACE) is None
        assert await ConsentRepository(tx).in_force(applicant_id, BUREAU) is not None
        assert (
            await ConsentRepository(tx).revoke(applicant_id, FACE, revoked_by="alice", at=MORNING)
            == []
        )
        kept = {row.purpose: row.revoked_at for row in await ConsentRepository(tx).of(applicant_id)}
    assert kept == {FACE: MORNING, BUREAU: None}


async def test_a_repeat_and_the_same_text_change_nothing(database: Database) -> None:
    applicant_id = await somebody(database)
    async with database.transaction() as tx:
        first = await grant(tx, applicant_id)
        assert await grant(tx, applicant_id, consent_id=first.id) == first
        assert await grant(tx, applicant_id) == first
        with pytest.raises(IdempotencyMismatch):
            await grant(tx, applicant_id, BUREAU, consent_id=first.id)


async def test_a_new_version_of_the_text_is_a_new_consent(database: Database) -> None:
    applicant_id = await somebody(database)
    async with database.transaction() as tx:
        await grant(tx, applicant_id)
        newer = await grant(tx, applicant_id, version="2", at=MORNING + timedelta(days=1))
        in_force = await ConsentRepository(tx).in_force(applicant_id, FACE)
        assert in_force == newer
        revoked = await ConsentRepository(tx).revoke(
            applicant_id, FACE, revoked_by="alice", at=MORNING
        )
    # Both: an older consent must not come back to life.
    assert len(revoked) == 2


async def test_given_and_revoked_again_and_again_at_once(database: Database) -> None:
    applicant_id = await somebody(database)

    async def give() -> None:
        async with database.transaction() as tx:
            await grant(tx, applicant_id)

    async def revoke() -> int:
        async with database.transaction() as tx:
            return len(
                await ConsentRepository(tx).revoke(
                    applicant_id, FACE, revoked_by="alice", at=MORNING
                )
            )

    await asyncio.gather(*(work() for work in (give, revoke) * 10))
    async with database.read() as tx:
        rows = await ConsentRepository(tx).of(applicant_id)
    # At no time were there two in force: of all that were given at most one is not revoked.
    assert sum(row.revoked_at is None for row in rows) <= 1


async def test_consents_of_nobody_are_refused(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(RecordMissing):
            await grant(tx, new_id("per"))
        with pytest.raises(RecordMissing):
            await ConsentRepository(tx).revoke(new_id("per"), FACE, revoked_by="x", at=MORNING)


@pytest.mark.parametrize("table", ["consents", "consent_revocations"])
async def test_what_was_agreed_cannot_be_rewritten(database: Database, table: str) -> None:
    applicant_id = await somebody(database)
    async with database.transaction() as tx:
        await grant(tx, applicant_id)
        await ConsentRepository(tx).revoke(applicant_id, FACE, revoked_by="alice", at=MORNING)
    for statement in (f"delete from {table}", f"update {table} set recorded_at = now()"):  # noqa: S608 -- our own names
        with pytest.raises(asyncpg.RestrictViolationError):
            async with database.transaction() as tx:
                await tx.connection.execute(statement)


async def test_devices_are_counted_by_application(database: Database) -> None:
    async with database.transaction() as tx:
        start = await apply_for(tx)
        for device in ("device-one", "device-one", "device-two"):
            await DeviceRepository(tx).see(
                start.application_id, start.applicant_id, device, Platform.IOS, MORNING
            )
        found = await DeviceRepository(tx).of(start.applicant_id)
    assert [(row.device_id, row.applications) for row in found] == [
        ("device-one", 1),
        ("device-two", 1),
    ]
