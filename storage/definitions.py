# ruff: noqa: S608 -- statements join constant column lists; values are always parameters
"""Definitions: their versions, their releases, and what is in force at an instant.

What is in force is read far more often than it changes: releases and contents are kept in memory a
process, and whether there is a newer release is asked at most once a second.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from time import monotonic
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel

from domain.common.definitions import (
    Agreed,
    DefinitionRef,
    Kind,
    UnknownDefinition,
    canonical,
    digest,
)
from runtime.clock import utc_now
from storage.common.repository import Repository, Transaction
from storage.common.rows import Row
from storage.suspensions import SuspensionCache

ContentT = TypeVar("ContentT", bound=BaseModel)

_FRESH_SECONDS: Final = 1.0
_COLUMNS: Final = (
    "kind, code, version, content, sha256, state, note, drafted_by, drafted_at, checked_by,"
    " checked_at"
)
_RELEASE: Final = (
    "id, kind, code, version, action, effective_from, reason, released_by, recorded_at, undoes"
)


ReleaseAction = Literal["release", "rollback", "withdraw"]


class DefinitionState(StrEnum):
    """How far a version has come; a retired one is not to be used again."""

    DRAFT = "draft"
    CHECKED = "checked"
    RELEASED = "released"
    RETIRED = "retired"


class DefinitionRow(Row):
    """One version; `content` is its canonical JSON."""

    kind: str
    code: str
    version: int
    content: str
    sha256: str
    state: DefinitionState
    note: str
    drafted_by: str
    drafted_at: datetime
    checked_by: str | None
    checked_at: datetime | None


class ReleaseRow(Row):
    """That a version comes into force at an instant; a rollback goes back to an earlier one.

    A withdrawal takes back the release that it `undoes`, before that came into force.
    """

    id: int
    kind: str
    code: str
    version: int
    action: ReleaseAction
    effective_from: datetime
    reason: str
    released_by: str
    recorded_at: datetime
    undoes: int | None


def standing(releases: Sequence[ReleaseRow]) -> list[ReleaseRow]:
    """Return those releases of one definition that nothing undid.

    A rollback undoes what was to come into force after it and was released before it, a withdrawal
    what it names.
    """
    withdrawn = {one.undoes for one in releases if one.action == "withdraw"}
    rollbacks = [one for one in releases if one.action == "rollback"]
    return [
        one
        for one in releases
        if one.action != "withdraw"
        and one.id not in withdrawn
        and not any(
            back.id > one.id and back.effective_from <= one.effective_from for back in rollbacks
        )
    ]


def release_in_force(releases: Sequence[ReleaseRow], at: datetime) -> ReleaseRow | None:
    """Return the release of one definition that holds at an instant, None before the first.

    The one that came into force last holds.
    """
    begun = [one for one in standing(releases) if one.effective_from <= at]
    return max(begun, key=lambda one: (one.effective_from, one.id), default=None)


def scheduled_releases(releases: Sequence[ReleaseRow], at: datetime) -> list[ReleaseRow]:
    """Return the releases of one definition that come into force after an instant, in order."""
    coming = [one for one in standing(releases) if one.effective_from > at]
    return sorted(coming, key=lambda one: (one.effective_from, one.id))


class DefinitionCache:
    """What a process remembers: every release, and the contents that it has read.

    One is made with each `Database` and handed out with its transactions.
    """

    def __init__(self) -> None:
        self._releases: dict[tuple[str, str], list[ReleaseRow]] = {}
        self._newest = 0
        self._asked_at: float | None = None
        self.contents: dict[tuple[str, str, int], Agreed[Any]] = {}
        self.suspensions = SuspensionCache()

    @property
    def is_fresh(self) -> bool:
        """Say whether the record was asked for new releases a moment ago."""
        return self._asked_at is not None and monotonic() - self._asked_at < _FRESH_SECONDS

    @property
    def newest(self) -> int:
        """Return the id of the last release that is known, 0 before the first."""
        return self._newest

    def add(self, releases: Iterable[ReleaseRow]) -> None:
        """Remember releases that are newer than all known ones, in the order of their ids."""
        for release in releases:
            if release.id <= self._newest:
                continue
            self._releases.setdefault((release.kind, release.code), []).append(release)
            self._newest = release.id
        self._asked_at = monotonic()

    def codes(self, kind: str) -> list[str]:
        """Return the codes of a kind that were ever released, sorted."""
        return sorted(code for of_kind, code in self._releases if of_kind == kind)

    def in_force(self, kind: str, code: str, at: datetime) -> ReleaseRow | None:
        """Return the release that holds at an instant, None before the first."""
        return release_in_force(self._releases.get((kind, code), []), at)

    def all_known(self, kind: Kind[ContentT]) -> list[Agreed[ContentT]] | None:
        """Return what is in force of a kind now; None unless that is known without asking."""
        if not self.is_fresh:
            return None
        now = utc_now()
        found = []
        for code in self.codes(kind.name):
            release = self.in_force(kind.name, code, now)
            if release is None:
                continue
            content = self.contents.get((kind.name, code, release.version))
            if content is None:
                return None
            found.append(content)
        return found


class DefinitionRepository(Repository):
    """The definitions."""

    def __init__(self, tx: Transaction) -> None:
        super().__init__(tx)
        self._cache = tx.definitions

    async def in_force(
        self, kind: Kind[ContentT], code: str, at: datetime | None = None
    ) -> Agreed[ContentT]:
        """Return what is in force, now or `at` an instant; raises `UnknownDefinition`."""
        await self._refresh()
        release = self._cache.in_force(kind.name, code, at or utc_now())
        if release is None:
            raise UnknownDefinition(f"no {kind.name} {code!r} is in force")
        return await self._content(kind, code, release.version)

    async def all_in_force(
        self, kind: Kind[ContentT], at: datetime | None = None
    ) -> list[Agreed[ContentT]]:
        """Return what is in force of a kind, now or `at` an instant, by code."""
        await self._refresh()
        instant = at or utc_now()
        releases = [
            self._cache.in_force(kind.name, code, instant) for code in self._cache.codes(kind.name)
        ]
        return [
            await self._content(kind, release.code, release.version)
            for release in releases
            if release is not None
        ]

    async def of_ref(self, kind: Kind[ContentT], ref: DefinitionRef) -> Agreed[ContentT]:
        """Return the version that a process or a record names; raises `UnknownDefinition`."""
        return await self._content(kind, ref.code, ref.version)

    async def named(self, kind: Kind[ContentT], name: str) -> Agreed[ContentT]:
        """Return the version that a row names as `kind/code@version`."""
        code, _, version = name.removeprefix(f"{kind.name}/").rpartition("@")
        return await self._content(kind, code, int(version))

    async def of_version(self, kind: Kind[ContentT], code: str, version: int) -> ContentT:
        """Return what a version says that passed its check; raises `UnknownDefinition`."""
        return (await self._content(kind, code, version)).content

    async def get(self, kind: str, code: str, version: int) -> DefinitionRow | None:
        """Return a version, None if there is none."""
        return await self._one(
            DefinitionRow,
            f"select {_COLUMNS} from definitions where kind = $1 and code = $2 and version = $3",
            kind,
            code,
            version,
        )

    async def versions(self, kind: str, code: str) -> list[DefinitionRow]:
        """Return every version of a definition, the newest first."""
        return await self._all(
            DefinitionRow,
            f"select {_COLUMNS} from definitions where kind = $1 and code = $2"
            " order by version desc",
            kind,
            code,
        )

    async def list_newest(
        self, kind: str | None = None, state: DefinitionState | None = None
    ) -> list[DefinitionRow]:
        """Return the newest version of every definition, by kind and code.

        With a `state` of those that have a version in it, the newest one that is.
        """
        conditions, values = [], []
        for column, value in (("kind", kind), ("state", state)):
            if value is not None:
                values.append(value)
                conditions.append(f"{column} = ${len(values)}")
        where = f" where {' and '.join(conditions)}" if conditions else ""
        return await self._all(
            DefinitionRow,
            f"select distinct on (kind, code) {_COLUMNS} from definitions{where}"
            " order by kind, code, version desc",
            *values,
        )

    async def releases(self, kind: str | None = None, code: str | None = None) -> list[ReleaseRow]:
        """Return the releases of a definition, or of all, the oldest first, as they are on record.

        For whoever releases or shows releases: what acts asks for what is in force.
        """
        conditions, values = [], []
        for column, value in (("kind", kind), ("code", code)):
            if value is not None:
                values.append(value)
                conditions.append(f"{column} = ${len(values)}")
        where = f" where {' and '.join(conditions)}" if conditions else ""
        return await self._all(
            ReleaseRow, f"select {_RELEASE} from definition_releases{where} order by id", *values
        )

    async def lock_drafts(self, kind: str, code: str) -> None:
        """Let nobody else draft a version of a definition until this transaction ends."""
        await self._connection.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"definition:{kind}/{code}"
        )

    async def lock_releases(self) -> datetime:
        """Let nobody else release anything until this transaction ends; return the instant.

        Releases are few, and each is checked against all others. They commit in the order of their
        ids, by which processes ask for newer ones.
        """
        await self._connection.execute("lock table definition_releases in share row exclusive mode")
        instant = await self._connection.fetchval("select clock_timestamp()")
        assert isinstance(instant, datetime)  # noqa: S101 -- a timestamptz is one
        return instant

    async def for_update(self, kind: str, code: str, version: int) -> DefinitionRow | None:
        """Return a version, locked until this transaction ends, None if there is none."""
        return await self._one(
            DefinitionRow,
            f"select {_COLUMNS} from definitions where kind = $1 and code = $2 and version = $3"
            " for update",
            kind,
            code,
            version,
        )

    async def set_state(
        self, kind: str, code: str, version: int, state: DefinitionState
    ) -> DefinitionRow:
        """Write how far a version has come; return it."""
        row = await self._one(
            DefinitionRow,
            "update definitions set state = $4 where kind = $1 and code = $2 and version = $3"
            f" returning {_COLUMNS}",
            kind,
            code,
            version,
            state,
        )
        assert row is not None  # noqa: S101 -- the caller has read it
        return row

    async def set_checked(self, row: DefinitionRow, checked_by: str) -> DefinitionRow:
        """Write that a draft was found to be in order, by whom and now; return it."""
        checked = await self._one(
            DefinitionRow,
            "update definitions set state = 'checked', checked_by = $4, checked_at = now()"
            f" where kind = $1 and code = $2 and version = $3 returning {_COLUMNS}",
            row.kind,
            row.code,
            row.version,
            checked_by,
        )
        assert checked is not None  # noqa: S101 -- as above
        return checked

    async def insert(
        self,
        kind: str,
        code: str,
        content: BaseModel | Mapping[str, Any],
        *,
        note: str,
        drafted_by: str,
        state: DefinitionState = DefinitionState.DRAFT,
    ) -> DefinitionRow:
        """Record the next version of a definition."""
        text = canonical(content)
        await self.lock_drafts(kind, code)
        row = await self._one(
            DefinitionRow,
            "insert into definitions (kind, code, version, content, sha256, state, note,"
            " drafted_by) select $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7"
            f" from definitions where kind = $1 and code = $2 returning {_COLUMNS}",
            kind,
            code,
            text,
            digest(text),
            state,
            note,
            drafted_by,
        )
        assert row is not None  # noqa: S101 -- an insert without a conflict returns its row
        return row

    async def release(
        self,
        row: DefinitionRow,
        *,
        action: ReleaseAction = "release",
        effective_from: datetime,
        reason: str,
        released_by: str,
        undoes: int | None = None,
    ) -> ReleaseRow:
        """Record that a version comes into force; every process knows within seconds.

        A withdrawal names the release that it `undoes`.
        """
        await self.lock_releases()
        if action != "withdraw":
            await self.set_state(row.kind, row.code, row.version, DefinitionState.RELEASED)
        release = await self._one(
            ReleaseRow,
            "insert into definition_releases (kind, code, version, action, effective_from, reason,"
            f" released_by, undoes) values ($1, $2, $3, $4, $5, $6, $7, $8) returning {_RELEASE}",
            row.kind,
            row.code,
            row.version,
            action,
            effective_from,
            reason,
            released_by,
            undoes,
        )
        assert release is not None  # noqa: S101 -- as above
        return release

    async def _refresh(self) -> None:
        if self._cache.is_fresh:
            return
        self._cache.add(
            await self._all(
                ReleaseRow,
                # What this transaction released itself may still be undone: it is not remembered.
                f"select {_RELEASE} from definition_releases where id > $1"
                " and xmin is distinct from pg_current_xact_id_if_assigned()::xid order by id",
                self._cache.newest,
            )
        )

    async def _content(self, kind: Kind[ContentT], code: str, version: int) -> Agreed[ContentT]:
        key = (kind.name, code, version)
        known = self._cache.contents.get(key)
        if known is None:
            row = await self.get(*key)
            if row is None:
                raise UnknownDefinition(f"there is no {kind.name}/{code}@{version}")
            ref = DefinitionRef(kind=kind.name, code=code, version=version, sha256=row.sha256)
            known = Agreed[Any](ref=ref, content=kind.read(row.content))
            if not await self._wrote(*key):
                self._cache.contents[key] = known
        return known

    async def _wrote(self, kind: str, code: str, version: int) -> bool:
        """Say whether this transaction wrote a version itself: that may still be undone."""
        return bool(
            await self._connection.fetchval(
                "select xmin = pg_current_xact_id_if_assigned()::xid from definitions"
                " where kind = $1 and code = $2 and version = $3",
                kind,
                code,
                version,
            )
        )
