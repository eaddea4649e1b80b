"""Who looked at whose personal data: append-only, and counted for the limits by the hour."""

from datetime import datetime
from typing import Final

from domain.people.views import LIMITED_OVER, MaskedField, ViewKind, ViewPurpose
from storage.common.repository import RowRepository
from storage.common.rows import Row

_LOCKS: Final = 4201015
"""Keeps the locks of viewers apart from the other advisory locks."""


class ViewRow(Row):
    """One look at an applicant's data by `viewer`, for the case it was part of.

    `item` says which picture, file or field; `until` until when a field was shown in full.
    """

    id: int
    applicant_id: str
    case_id: str
    viewer: str
    role: str
    kind: ViewKind
    item: str | None
    purpose: ViewPurpose | None
    bytes: int
    viewed_at: datetime
    until: datetime | None


class ViewCount(Row):
    """How often, and how much, somebody looked lately."""

    views: int
    viewed_bytes: int


class ViewRepository(RowRepository[ViewRow]):
    """The looks at personal data."""

    table = "personal_data_views"
    row = ViewRow

    async def count(self, viewer: str, kind: ViewKind, at: datetime) -> ViewCount:
        """Return what somebody looked at in the hour before; others of theirs wait for `tx`."""
        await self._connection.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, $2))", viewer, _LOCKS
        )
        counted = await self._one(
            ViewCount,
            "select count(*) filter (where kind = $2) as views,"
            " coalesce(sum(bytes), 0) as viewed_bytes"
            " from personal_data_views where viewer = $1 and viewed_at > $3",
            viewer,
            kind,
            at - LIMITED_OVER,
        )
        assert counted is not None  # noqa: S101 -- an aggregate always is a row
        return counted

    async def add(
        self,
        *,
        applicant_id: str,
        case_id: str,
        viewer: str,
        role: str,
        kind: ViewKind,
        at: datetime,
        item: str | None = None,
        purpose: ViewPurpose | None = None,
        size: int = 0,
        until: datetime | None = None,
    ) -> None:
        """Record a look, of `size` bytes where it was a picture or a file."""
        await self._connection.execute(
            "insert into personal_data_views (applicant_id, case_id, viewer, role, kind, item,"
            " purpose, bytes, viewed_at, until) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            applicant_id,
            case_id,
            viewer,
            role,
            kind,
            item,
            purpose,
            size,
            at,
            until,
        )

    async def unmasked(
        self, case_id: str, viewer: str, at: datetime
    ) -> dict[MaskedField, datetime]:
        """Return which fields of a case are shown to somebody in full, and until when."""
        records = await self._connection.fetch(
            "select item, max(until) as until from personal_data_views where case_id = $1"
            " and viewer = $2 and kind = 'unmasked' and until > $3 group by item",
            case_id,
            viewer,
            at,
        )
        return {MaskedField(record["item"]): record["until"] for record in records}

    async def of(self, applicant_id: str, before: int | None, limit: int) -> list[ViewRow]:
        """Return the looks at a person, in whatever channel, the newest first.

        The person is found by the keyed index of the identity number. `before` is the entry behind
        which the list goes on.
        """
        return await self._list(
            "applicant_id in (select p.id from applicants me join applicants p on p.id = me.id"
            " or p.identity_number_idx = me.identity_number_idx where me.id = $1)"
            " and ($2::bigint is null or id < $2) order by id desc limit $3",
            applicant_id,
            before,
            limit,
        )
