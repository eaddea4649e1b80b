"""Consents as they were given and revoked: facts that are only ever added."""

from datetime import datetime
from typing import Final

from domain.people.consents import Purpose
from storage.common.errors import IdempotencyMismatch, RecordMissing
from storage.common.repository import Repository
from storage.common.rows import Row

_SELECT: Final = (
    "select c.id, c.applicant_id, c.purpose, c.text_version, c.text_sha256, c.channel,"
    " c.given_by, c.given_at, r.revoked_at, r.revoked_by"
    " from consents c left join consent_revocations r on r.consent_id = c.id"
)


class ConsentRow(Row):
    """One consent; `text_sha256` is the hexadecimal digest of the text that was shown."""

    id: str
    applicant_id: str
    purpose: Purpose
    text_version: str
    text_sha256: str
    channel: str
    given_by: str
    given_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None


class ConsentRepository(Repository):
    """The consents of applicants, each purpose by itself."""

    async def grant(
        self,
        consent_id: str,
        applicant_id: str,
        purpose: Purpose,
        *,
        text_version: str,
        text_sha256: str,
        channel: str,
        given_by: str,
        at: datetime,
    ) -> ConsentRow:
        """Record a consent and return it; a repeat returns the recorded one.

        A purpose whose same text is consented to already keeps that consent. Raises
        `IdempotencyMismatch` when the id was recorded with other fields, and `RecordMissing` for an
        unknown applicant.
        """
        await self._lock(applicant_id)
        asked = (applicant_id, purpose, text_version, text_sha256)
        known = await self.get(consent_id)
        if known is not None:
            if asked != (known.applicant_id, known.purpose, known.text_version, known.text_sha256):
                raise IdempotencyMismatch(f"{consent_id} is another consent")
            return known
        standing = await self.in_force(applicant_id, purpose)
        if standing is not None and (standing.text_version, standing.text_sha256) == asked[2:]:
            return standing
        await self._connection.execute(
            "insert into consents (id, applicant_id, purpose, text_version, text_sha256, channel,"
            " given_by, given_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
            consent_id,
            *asked,
            channel,
            given_by,
            at,
        )
        granted = await self.get(consent_id)
        assert granted is not None  # noqa: S101 -- it was just inserted
        return granted

    async def revoke(
        self, applicant_id: str, purpose: Purpose, *, revoked_by: str, at: datetime
    ) -> list[ConsentRow]:
        """Revoke what is in force for a purpose and return it; a repeat changes nothing.

        Raises `RecordMissing` for an unknown applicant.
        """
        await self._lock(applicant_id)
        revoked = await self._connection.fetch(
            "insert into consent_revocations (consent_id, revoked_by, revoked_at)"
            " select c.id, $3, $4 from consents c where c.applicant_id = $1 and c.purpose = $2"
            " and not exists (select 1 from consent_revocations r where r.consent_id = c.id)"
            " returning consent_id",
            applicant_id,
            purpose,
            revoked_by,
            at,
        )
        return await self._all(
            ConsentRow,
            f"{_SELECT} where c.id = any($1::text[]) order by c.given_at, c.id",
            [record["consent_id"] for record in revoked],
        )

    async def in_force(self, applicant_id: str, purpose: Purpose) -> ConsentRow | None:
        """Return the newest consent for a purpose that is not revoked, None without one."""
        return await self._one(
            ConsentRow,
            f"{_SELECT} where c.applicant_id = $1 and c.purpose = $2 and r.consent_id is null"
            " order by c.given_at desc, c.id desc limit 1",
            applicant_id,
            purpose,
        )

    async def purposes_in_force(self, applicant_id: str) -> frozenset[Purpose]:
        """Return every purpose that the applicant consents to now."""
        records = await self._connection.fetch(
            "select distinct c.purpose from consents c where c.applicant_id = $1"
            " and not exists (select 1 from consent_revocations r where r.consent_id = c.id)",
            applicant_id,
        )
        return frozenset(Purpose(record["purpose"]) for record in records)

    async def get(self, consent_id: str) -> ConsentRow | None:
        """Return the consent, None if unknown."""
        return await self._one(ConsentRow, f"{_SELECT} where c.id = $1", consent_id)

    async def of(self, applicant_id: str) -> list[ConsentRow]:
        """Return everything the applicant ever consented to, the newest first."""
        return await self._all(
            ConsentRow,
            f"{_SELECT} where c.applicant_id = $1 order by c.given_at desc, c.id desc",
            applicant_id,
        )

    async def _lock(self, applicant_id: str) -> None:
        # Given and revoked at once: one comes after the other, and the later one counts.
        locked = await self._connection.fetchval(
            "select id from applicants where id = $1 for no key update", applicant_id
        )
        if locked is None:
            raise RecordMissing(f"no applicant {applicant_id}")
