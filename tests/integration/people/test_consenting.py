"""A consent counts for the text that was shown, once, and is audited with it."""

import asyncio
from datetime import timedelta

import pytest

from domain.common.errors import NotFound
from domain.decisioning.customer_levels import Level
from domain.people.consents import CONSENT_TEXT, ConsentMissing, Purpose, UnknownConsentText
from domain.people.principals import Principal
from messages.ids import new_id
from runtime.clock import utc_now
from services.decisioning.levels import level_changes, set_level
from services.people.consenting import (
    ShownText,
    give_consent,
    require_consents,
    revoke_consent,
)
from services.people.ownership import applicant_id_of
from storage.common.audit import AuditRepository
from storage.database import Database
from storage.people.applicants import ApplicantRepository
from storage.people.consents import ConsentRepository
from tests.definitions import shipped
from tests.integration.commands import BOB, OTTO, command

FACE = Purpose.FACE_RECOGNITION
SHOWN = ShownText(FACE, shipped(CONSENT_TEXT, FACE).version, shipped(CONSENT_TEXT, FACE).sha256)


@pytest.fixture
async def caller(database: Database) -> Principal:
    """An applicant that no other test uses."""
    someone = Principal("applicant", new_id("per"))
    async with database.transaction() as tx:
        await ApplicantRepository(tx).get_or_create(
            applicant_id_of("app", someone.subject), "app", someone.subject
        )
    return someone


async def test_agreeing_at_once_twice_is_one_consent(database: Database, caller: Principal) -> None:
    applicant_id = applicant_id_of("app", caller.subject)

    async def give() -> str:
        async with database.transaction() as tx:
            return (await give_consent(tx, caller, command(caller), applicant_id, SHOWN)).id

    assert len(set(await asyncio.gather(*(give() for _ in range(4))))) == 1
    async with database.read() as tx:
        assert len(await ConsentRepository(tx).of(applicant_id)) == 1
        await require_consents(tx, applicant_id, {"liveness": FACE})
        audited = await AuditRepository(tx).of(f"user:{applicant_id}")
    assert [entry.action for entry in audited] == ["give_consent"]


async def test_what_is_revoked_is_required_anew_and_revoked_once(
    database: Database, caller: Principal
) -> None:
    applicant_id = applicant_id_of("app", caller.subject)
    async with database.transaction() as tx:
        await give_consent(tx, caller, command(caller), applicant_id, SHOWN)
        assert len(await revoke_consent(tx, caller, applicant_id, FACE)) == 1
        assert await revoke_consent(tx, caller, applicant_id, FACE) == []
        with pytest.raises(ConsentMissing, match="liveness"):
            await require_consents(tx, applicant_id, {"liveness": FACE})
        audited = await AuditRepository(tx).of(f"user:{applicant_id}")
    assert [entry.action for entry in audited] == ["give_consent", "revoke_consent"]


async def test_another_text_or_another_s_name_is_refused(
    database: Database, caller: Principal
) -> None:
    applicant_id = applicant_id_of("app", caller.subject)
    other_text = ShownText(FACE, SHOWN.version, "0" * 64)
    async with database.transaction() as tx:
        with pytest.raises(UnknownConsentText):
            await give_consent(tx, caller, command(caller), applicant_id, other_text)
        with pytest.raises(NotFound):
            await give_consent(tx, BOB, command(BOB), applicant_id, SHOWN)
        with pytest.raises(NotFound):
            await revoke_consent(tx, BOB, applicant_id, FACE)
        assert await ConsentRepository(tx).of(applicant_id) == []


async def test_tags_are_set_as_one_audited_command(database: Database, caller: Principal) -> None:
    applicant_id = applicant_id_of("app", caller.subject)
    once = command(OTTO)
    async with database.transaction() as tx:
        for _ in range(2):
            level = await set_level(
                tx,
                OTTO,
                once,
                applicant_id,
                Level(3, ("staff", "vip", "staff"), None),
                until=(utc_now() + timedelta(days=30)).date(),
                reason="works for us",
            )
            assert level.labels == ("staff", "vip")
        assert len(await level_changes(tx, OTTO, applicant_id)) == 1
        row = await ApplicantRepository(tx).get(applicant_id)
        audited = await AuditRepository(tx).of(f"user:{applicant_id}")
    assert row is not None
    assert (row.level, row.labels) == (3, ("staff", "vip"))
    assert len(audited) == 1
