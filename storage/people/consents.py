"""Consents as they were given and revoked: facts that are only ever added."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.common.definitions import DefinitionRef
from domain.people.consents import Purpose
from storage.common.errors import IdempotencyMismatch, RecordMissing
from storage.common.repository import Repository
from storage.common.rows import Row

_SELECT: Final = (
    "select c.id, c.applicant_id, c.purpose, c.text_version, c.text_sha256, c.definition,"
    " c.channel, c.given_by, c.given_at, r.revoked_at, r.revoked_by"
    " from consents c left join consent_revocations r on r.consent_id = c.id"
)


class ConsentRow(Row):
    """One consent; `text_sha256` is the hexadecimal digest of the text that was shown.

    `definition` names the version of the text's definition.
    """

    id: str
    applicant_id: str
    purpose: Purpose
    text_version: str
    text_sha256: str
    definition: str | None
    channel: str
    given_by: str
    given_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None


@dataclass(frozen=True)
class ConsentCreate:
    """A consent that is given: to which text, by version and digest, of which definition."""

    id: str
    purpose: Purpose
    text_version: str
    text_sha256: str
    definition: DefinitionRef


class ConsentRepository(Repository):
    """The consents of applicants, each purpose by itself."""

    async def grant(
        self,
        applicant_id: str,
        consents: Sequence[ConsentCreate],
        *,
        channel: str,
        given_by: str,
        at: datetime,
    ) -> list[ConsentRow]:
        """Record consents, at most one to a purpose, and return them in their order.

        A repeat returns the recorded ones. A purpose whose same text is consented to already keeps
        that consent. Raises `IdempotencyMismatch` when an id was recorded with other fields, and
        `RecordMissing` for an unknown applicant.
        """
        await self._lock(applicant_id)
        rows = await self._all(
            ConsentRow,
            f"{_SELECT} where c.id = any($1::text[]) or (c.applicant_id = $2"
            " and c.purpose = any($3::text[]) and r.consent_id is null)"
            " order by c.given_at, c.id",
            [one.id for one in consents],
            applicant_id,
            [one.purpose for one in consents],
        )
        by_id = {row.id: row for row in rows}
        in_force = {row.purpose: row for row in rows if row.revoked_at is None}
        recorded: dict[str, ConsentRow] = {}
        for one in consents:
            text = (one.text_version, one.text_sha256)
            known, current = by_id.get(one.id), in_force.get(one.purpose)
            if known is not None:
                stored = (known.applicant_id, known.purpose, known.text_version, known.text_sha256)
                if stored != (applicant_id, one.purpose, *text):
                    raise IdempotencyMismatch(f"{one.id} is another consent")
                recorded[one.id] = known
            elif current is not None and (current.text_version, current.text_sha256) == text:
                recorded[one.id] = current
        given = [one for one in consents if one.id not in recorded]
        if given:
            added = await self._all(
                ConsentRow,
                "insert into consents (id, applicant_id, purpose, text_version, text_sha256,"
                " definition, channel, given_by, given_at)"
                " select new.id, $1, new.purpose, new.text_version, new.text_sha256,"
                " new.definition, $7, $8, $9 from unnest($2::text[], $3::text[], $4::text[],"
                " $5::text[], $6::text[])"
                " as new (id, purpose, text_version, text_sha256, definition)"
                " returning id, applicant_id, purpose, text_version, text_sha256, definition,"
                " channel, given_by, given_at, null::timestamptz as revoked_at,"
                " null::text as revoked_by",
                applicant_id,
                [one.id for one in given],
                [one.purpose for one in given],
                [one.text_version for one in given],
                [one.text_sha256 for one in given],
                [str(one.definition) for one in given],
                channel,
                given_by,
                at,
            )
            recorded |= {row.id: row for row in added}
        return [recorded[one.id] for one in consents]

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
